/* The work queue's promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_test.h"
#include "kube/queue.h"

static int setup(void **state)
{
    *state = work_queue_new();
    return 0;
}

static int teardown(void **state)
{
    work_queue_free(*state);
    return 0;
}

static void expect_take(struct work_queue *queue, int64_t now, const char *key)
{
    int64_t wait = 0;
    const char *taken = work_queue_take(queue, now, &wait);
    assert_non_null(taken);
    assert_string_equal(taken, key);
}

static void expect_nothing(struct work_queue *queue, int64_t now, int64_t wait_ms)
{
    int64_t wait = 0;
    assert_null(work_queue_take(queue, now, &wait));
    assert_int_equal(wait, wait_ms);
}

static void done(struct work_queue *queue, const char *key, int64_t now)
{
    work_queue_ended(queue, key, false, 0, -1, now);
}

static void failed(struct work_queue *queue, const char *key, int64_t retry_after_ms, int64_t now)
{
    work_queue_ended(queue, key, true, retry_after_ms, -1, now);
}

static void test_in_order_and_once(void **state)
{
    struct work_queue *queue = *state;

    expect_nothing(queue, 0, -1);
    work_queue_add(queue, "a", 0);
    work_queue_add(queue, "b", 0);
    work_queue_add(queue, "a", 1);
    assert_int_equal(work_queue_depth(queue), 2);
    expect_take(queue, 1, "a");
    expect_take(queue, 1, "b");
    expect_nothing(queue, 1, -1);
    done(queue, "a", 1);
    done(queue, "b", 1);
    expect_nothing(queue, 1, -1);
}

static void test_added_while_worked_on(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add(queue, "a", 0);
    expect_take(queue, 0, "a");
    work_queue_add(queue, "a", 0);
    work_queue_add(queue, "a", 0);
    expect_nothing(queue, 0, -1); /* Never one key in two workers. */
    assert_int_equal(work_queue_depth(queue), 0);
    done(queue, "a", 5);
    expect_take(queue, 5, "a");
    done(queue, "a", 6);
    expect_nothing(queue, 6, -1);
}

static void test_a_busy_key_does_not_starve_the_others(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add(queue, "busy", 0);
    expect_take(queue, 0, "busy");
    work_queue_add(queue, "busy", 1);
    work_queue_add(queue, "other", 2);
    done(queue, "busy", 3);
    expect_take(queue, 3, "other");
    expect_take(queue, 3, "busy");
}

static void test_the_earliest_time_holds(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add_after(queue, "a", 100, 0);
    expect_nothing(queue, 0, 100);
    work_queue_add_after(queue, "a", 50, 0);
    work_queue_add_after(queue, "a", 200, 0);
    expect_nothing(queue, 10, 40);
    expect_take(queue, 50, "a");
    done(queue, "a", 50);
    expect_nothing(queue, 300, -1);

    work_queue_add_after(queue, "a", 100, 300);
    work_queue_add(queue, "a", 301);
    expect_take(queue, 301, "a");
    work_queue_add_after(queue, "a", 100, 301);
    work_queue_add_after(queue, "a", 40, 301);
    work_queue_add_after(queue, "a", 200, 301);
    done(queue, "a", 310);
    expect_nothing(queue, 310, 31);
    expect_take(queue, 341, "a");
}

static void test_later_keys_do_not_bar_earlier_ones(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add_after(queue, "late", 300, 0);
    work_queue_add_after(queue, "early", 100, 0);
    work_queue_add_after(queue, "middle", 200, 0);
    expect_nothing(queue, 0, 100);
    expect_take(queue, 500, "early");
    expect_take(queue, 500, "middle");
    expect_take(queue, 500, "late");
}

static void test_a_key_that_becomes_urgent_overtakes(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add_after(queue, "a", 100, 0);
    work_queue_add_after(queue, "b", 200, 0);
    work_queue_add_after(queue, "c", 300, 0);
    work_queue_add(queue, "c", 10);
    expect_take(queue, 10, "c");
    expect_nothing(queue, 10, 90);
}

static void test_failures_back_off(void **state)
{
    struct work_queue *queue = *state;
    int64_t now = 0, delay = 5;

    work_queue_add(queue, "a", now);
    for (int i = 0; i < 25; i++) {
        expect_take(queue, now, "a");
        failed(queue, "a", 0, now);
        expect_nothing(queue, now, delay);
        now += delay;
        delay = 2 * delay < 1000000 ? 2 * delay : 1000000;
    }
    assert_int_equal(delay, 1000000);
    expect_take(queue, now, "a");
    done(queue, "a", now); /* Forgets them. */
    expect_nothing(queue, now, -1);
    work_queue_add(queue, "a", now);
    expect_take(queue, now, "a");
    failed(queue, "a", 0, now);
    expect_nothing(queue, now, 5);
}

/* The longer of the two, and a failure that the server gave a time for counts as any other. */
static void test_the_servers_wish_and_the_back_off(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add(queue, "a", 0);
    expect_take(queue, 0, "a");
    failed(queue, "a", 1000, 0);
    expect_nothing(queue, 0, 1000);
    expect_take(queue, 1000, "a");
    failed(queue, "a", 8, 1000);
    expect_nothing(queue, 1000, 10); /* The second failure. */
    expect_take(queue, 1010, "a");
    failed(queue, "a", 21, 1010);
    expect_nothing(queue, 1010, 21);
    expect_take(queue, 1031, "a");
    failed(queue, "a", 0, 1031);
    expect_nothing(queue, 1031, 40);
}

static void test_worked_on_again_when_it_asked_to_be(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add(queue, "a", 0);
    expect_take(queue, 0, "a");
    work_queue_ended(queue, "a", false, 0, 70, 10);
    expect_nothing(queue, 10, 70);
    expect_take(queue, 80, "a");
    work_queue_ended(queue, "a", false, 0, 0, 80);
    expect_take(queue, 80, "a");
    work_queue_ended(queue, "a", true, 0, 0, 80); /* Who failed has no say. */
    expect_nothing(queue, 80, 5);
    work_queue_ended(queue, "unknown", true, 0, 0, 80);
    assert_int_equal(work_queue_depth(queue), 1);
}

static void test_ten_thousand_keys(void **state)
{
    enum { KEYS = 10000 };
    struct work_queue *queue = *state;
    char *seen = calloc(KEYS, 1);
    char key[16];
    unsigned number = 1;
    int64_t last = -1, wait;

    for (int i = 0; i < KEYS; i++) {
        number = number * 1103515245u + 12345u;
        snprintf(key, sizeof key, "ns/c-%d", i);
        work_queue_add_after(queue, key, number >> 8 & 0xffff, 0);
        work_queue_add_after(queue, key, 0x10000, 0);
    }
    assert_int_equal(work_queue_depth(queue), KEYS);
    for (int64_t now = 0, taken = 0; taken < KEYS;) {
        const char *next = work_queue_take(queue, now, &wait);
        if (!next) {
            assert_true(wait > 0);
            now += wait;
            continue;
        }
        assert_true(now >= last);
        last = now;
        int index = atoi(next + 5);
        assert_int_equal(seen[index], 0);
        seen[index] = 1;
        taken++;
        snprintf(key, sizeof key, "%s", next);
        done(queue, key, now);
    }
    expect_nothing(queue, last, -1);
    free(seen);
}

static void test_keys_left_behind_are_freed(void **state)
{
    struct work_queue *queue = *state;

    work_queue_add(queue, "a", 0);
    work_queue_add(queue, "b", 0);
    expect_take(queue, 0, "a");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_in_order_and_once),
        CASE(test_added_while_worked_on),
        CASE(test_a_busy_key_does_not_starve_the_others),
        CASE(test_the_earliest_time_holds),
        CASE(test_later_keys_do_not_bar_earlier_ones),
        CASE(test_a_key_that_becomes_urgent_overtakes),
        CASE(test_failures_back_off),
        CASE(test_the_servers_wish_and_the_back_off),
        CASE(test_worked_on_again_when_it_asked_to_be),
        CASE(test_ten_thousand_keys),
        CASE(test_keys_left_behind_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
