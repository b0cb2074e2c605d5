#include "fixture.h"

/* FIPS 180-4's examples. */
static void test_sha256(void **state)
{
    char hex[PKI_SHA256_HEX_SIZE];

    (void)state;
    pki_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    pki_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_sha1_prefix_is_big_endian(void **state)
{
    (void)state;
    assert_true(pki_sha1_prefix64("abc", 3) == UINT64_C(0xa9993e364706816a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha1_prefix_is_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
