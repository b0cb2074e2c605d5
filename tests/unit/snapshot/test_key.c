/* Key files in their three forms, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "snapshot/key.h"

#define HEX    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static int read_key(const void *bytes, size_t size, struct snapshot_keys *keys, struct error *error)
{
    char path[] = "/tmp/snapshot-key-XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    int result = snapshot_keys_read(keys, path, error);
    unlink(path);
    return result;
}

static void test_three_forms_are_one_key(void **state)
{
    (void)state;
    static const char *const forms[] = {HEX, HEX "\n", BASE64, BASE64 "\n", BASE64 "\r\n"};
    struct snapshot_keys keys = {0};
    struct error error;
    uint8_t raw[SNAPSHOT_KEY_SIZE];

    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = (uint8_t)i;
    }
    assert_int_equal(read_key(raw, sizeof raw, &keys, &error), 0);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(read_key(forms[i], strlen(forms[i]), &keys, &error), 0);
    }
    assert_int_equal(keys.n, 6);
    for (size_t i = 1; i < keys.n; i++) {
        assert_memory_equal(&keys.items[i], &keys.items[0], sizeof *keys.items);
    }
    assert_ptr_equal(snapshot_keys_find(&keys, keys.items[5].id), keys.items);
    assert_null(snapshot_keys_find(&keys, (const uint8_t *)"12345678"));
    assert_int_not_equal(memcmp(keys.items[0].secret, raw, sizeof raw), 0);
    snapshot_keys_fini(&keys);
}

static void test_what_is_no_key(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          "secret",           HEX "00",
                                        "g" HEX,     BASE64 "AA",        BASE64 BASE64,
                                        "\n" BASE64, HEX HEX HEX HEX HEX};
    struct snapshot_keys keys = {0};
    struct error error;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_key(texts[i], strlen(texts[i]), &keys, &error), -(int)ERROR_INVALID);
        assert_non_null(strstr(error.message, "64 hex digits"));
    }
    assert_int_equal(snapshot_keys_read(&keys, "/nowhere/at/all", &error), -(int)ERROR_NOT_FOUND);
    assert_int_equal(keys.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_forms_are_one_key),
        cmocka_unit_test(test_what_is_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
