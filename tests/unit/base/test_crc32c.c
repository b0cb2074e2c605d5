/* CRC-32C against the RFC's examples and against itself, bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void test_known_values(void **state)
{
    uint8_t bytes[32] = {0};

    (void)state;
    /* RFC 3720, appendix B.4. */
    assert_int_equal(crc32c_update(0, bytes, sizeof bytes), 0x8a9136aa);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(crc32c_update(0, bytes, sizeof bytes), 0x46dd794e);
    assert_int_equal(crc32c_update(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c_update(0, "", 0), 0);
}

/* Also from addresses and in pieces that are no multiple of eight. */
static void test_any_cut_gives_the_same(void **state)
{
    uint8_t bytes[64];
    uint32_t whole[9];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t begin = 0; begin < 9; begin++) {
        uint32_t crc = 0;
        for (size_t i = begin; i < sizeof bytes; i++) { /* Byte by byte: the plain way. */
            crc = crc32c_update(crc, bytes + i, 1);
        }
        whole[begin] = crc;
        for (size_t cut = begin; cut <= sizeof bytes; cut++) {
            crc = crc32c_update(0, bytes + begin, cut - begin);
            crc = crc32c_update(crc, bytes + cut, sizeof bytes - cut);
            assert_int_equal(crc, whole[begin]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_any_cut_gives_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
