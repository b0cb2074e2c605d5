/* The token bucket. */
#include "cmocka_test.h"
#include "kube/rate_limit.h"

static void test_a_burst_and_then_the_rate(void **state)
{
    struct kube_rate_limit limit;

    (void)state;
    kube_rate_limit_init(&limit, 50, 3, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kube_rate_limit_take(&limit, 1000), 0);
    }
    /* Who comes at once is spread by 20 ms each, and nobody waits for less than his turn. */
    for (int i = 1; i <= 5; i++) {
        assert_in_range(kube_rate_limit_take(&limit, 1000), 20 * i, 20 * i + 1);
    }
    assert_in_range(kube_rate_limit_take(&limit, 1060), 60, 61);
}

static void test_silence_fills_it_to_the_brim_only(void **state)
{
    struct kube_rate_limit limit;

    (void)state;
    kube_rate_limit_init(&limit, 10, 2, 0);
    for (int i = 0; i < 4; i++) {
        kube_rate_limit_take(&limit, 0);
    }
    assert_int_equal(kube_rate_limit_take(&limit, 301), 0); /* Two that waited, then this one. */
    assert_true(kube_rate_limit_take(&limit, 301) > 0);
    assert_int_equal(kube_rate_limit_take(&limit, 3600000), 0);
    assert_int_equal(kube_rate_limit_take(&limit, 3600000), 0);
    assert_in_range(kube_rate_limit_take(&limit, 3600000), 100, 101);
}

static void test_a_clock_that_stands_still_or_steps_back_gives_nothing(void **state)
{
    struct kube_rate_limit limit;

    (void)state;
    kube_rate_limit_init(&limit, 1000, 1, 5000);
    assert_int_equal(kube_rate_limit_take(&limit, 5000), 0);
    assert_true(kube_rate_limit_take(&limit, 4000) > 0);
    assert_int_equal(kube_rate_limit_take(&limit, 5002), 0);
}

static void test_no_limit(void **state)
{
    struct kube_rate_limit limit;

    (void)state;
    kube_rate_limit_init(&limit, 0, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(kube_rate_limit_take(&limit, 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_the_rate),
        cmocka_unit_test(test_silence_fills_it_to_the_brim_only),
        cmocka_unit_test(test_a_clock_that_stands_still_or_steps_back_gives_nothing),
        cmocka_unit_test(test_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
