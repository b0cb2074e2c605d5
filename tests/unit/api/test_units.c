/* Durations and quantities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/field.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: none. */
    } cases[] = {
        {"0", 0},
        {"250ms", 250},
        {"10s", 10000},
        {"1h30m", 5400000},
        {"2160h", INT64_C(7776000000)},
        {"1.5h", 5400000},
        {"0.25s", 250},
        {"1500us", 1},
        {"999999ns", 0},
        {"2562047h", INT64_C(9223369200000)},
        {"2562048h", -1}, /* More nanoseconds than 63 bits. */
        {"99999999999999999999s", -1},
        {"", -1},
        {"10", -1},
        {"-1s", -1},
        {"1.s", -1},
        {".5s", -1},
        {"1d", -1},
        {"1s ", -1},
        {"s", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        assert_int_equal(api_duration_parse(cases[i].text, &ms), cases[i].ms >= 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void test_durations_are_written_with_one_unit(void **state)
{
    (void)state;
    char text[32];

    assert_string_equal(api_duration_format(0, text, sizeof text), "0ms");
    assert_string_equal(api_duration_format(1500, text, sizeof text), "1500ms");
    assert_string_equal(api_duration_format(90000, text, sizeof text), "90s");
    assert_string_equal(api_duration_format(600000, text, sizeof text), "10m");
    assert_string_equal(api_duration_format(7200000, text, sizeof text), "2h");
}

static void test_quantities(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milli;
        bool good;
    } cases[] = {
        {"1", 1000, true},
        {"0", 0, true},
        {"100m", 100, true},
        {"1.5", 1500, true},
        {".5", 500, true},
        {"1e3", 1000000, true},
        {"1E3", 1000000, true},
        {"1e-3", 1, true},
        {"1k", 1000000, true},
        {"1Ki", 1024000, true},
        {"8Gi", INT64_C(8589934592000), true},
        {"1.5Gi", INT64_C(1610612736000), true},
        {"1n", 1, true}, /* Rounded up. */
        {"1001u", 2, true},
        {"-2", -2000, true},
        {"+2", 2000, true},
        {"1E", INT64_MAX, true}, /* Saturated. */
        {"9Pi", INT64_MAX, true},
        {"99999999999999999999999999999999999999999999", INT64_MAX, true},
        {"1e99999", INT64_MAX, true},
        {"0.000000000000000000000000000001", 1, true},
        {"0e99999", 0, true},
        {"", 0, false},
        {".", 0, false},
        {"Gi", 0, false},
        {"1gi", 0, false},
        {"1 Gi", 0, false},
        {"1ee3", 0, false},
        {"1e", 0, false},
        {"1.2.3", 0, false},
        {"--1", 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t milli = 0;
        if (api_quantity_parse(cases[i].text, &milli) != cases[i].good || milli != cases[i].milli) {
            fail_msg("%s gave %lld", cases[i].text, (long long)milli);
        }
    }
}

static void test_quantities_compare_and_format(void **state)
{
    (void)state;
    char text[32];

    assert_true(api_quantity_compare("1Gi", "1024Mi") == 0);
    assert_true(api_quantity_compare("1G", "1Gi") < 0);
    assert_true(api_quantity_compare("1", "900m") > 0);
    assert_string_equal(api_quantity_format(INT64_C(8) << 30, text, sizeof text), "8Gi");
    assert_string_equal(api_quantity_format(1536, text, sizeof text), "1536");
    assert_string_equal(api_quantity_format(0, text, sizeof text), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_durations_are_written_with_one_unit),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_quantities_compare_and_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
