#include "base/crc32c.h"

#include <threads.h>

#define POLYNOMIAL 0x82f63b78u /* RFC 3720, appendix B.4, with the bits reversed. */
#define SLICES     8

/* tables[n][b]: what the byte b adds when n bytes follow it. Eight bytes at once are looked up
 * side by side, which is several times as fast as one after the other. */
static uint32_t tables[SLICES][256];
static once_flag made = ONCE_FLAG_INIT;

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int n = 1; n < SLICES; n++) {
            uint32_t before = tables[n - 1][byte];
            tables[n][byte] = before >> 8 ^ tables[0][before & 0xFF];
        }
    }
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *byte)
{
    uint32_t out = 0;

    for (int i = 0; i < SLICES; i++) {
        uint8_t index = i < 4 ? (uint8_t)(byte[i] ^ crc >> 8 * i) : byte[i];
        out ^= tables[SLICES - 1 - i][index];
    }
    return out;
}

uint32_t crc32c_update(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *byte = data;

    call_once(&made, make_tables);
    crc = ~crc;
    for (; size >= SLICES; size -= SLICES, byte += SLICES) {
        crc = eight_bytes(crc, byte);
    }
    for (; size; size--, byte++) {
        crc = crc >> 8 ^ tables[0][(crc ^ *byte) & 0xFF];
    }
    return ~crc;
}
