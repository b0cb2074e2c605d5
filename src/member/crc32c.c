#include "member/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* RFC 3720, appendix B.4, with the bits reversed. */

/* Bit by bit: it reads a few hundred bytes once in a start, which needs no table. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *byte = data;

    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        }
    }
    return ~crc;
}
