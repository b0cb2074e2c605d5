/* The work pool with real threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cmocka_test.h"
#include "kube/work_pool.h"

#define KEYS        50
#define DEADLINE_MS 20000

struct fixture {
    atomic_int passes, failures_left, overlaps;
    atomic_int busy[KEYS];
    atomic_bool hold; /* Passes do not end while this is set. */
    _Atomic int64_t first_ms, last_ms;
    int64_t retry_after_ms, requeue_after_ms;
    struct work_pool *pool;
};

static void pause_ms(long milliseconds)
{
    struct timespec time = {.tv_nsec = milliseconds * 1000000};
    nanosleep(&time, NULL);
}

static int pass(void *context, const char *key, struct work_result *result, struct error *error)
{
    struct fixture *f = context;
    int index = atoi(key);
    int64_t expected = 0;

    atomic_compare_exchange_strong(&f->first_ms, &expected, clock_boot_ms());
    atomic_store(&f->last_ms, clock_boot_ms());
    if (atomic_fetch_add(&f->busy[index], 1)) {
        atomic_fetch_add(&f->overlaps, 1);
    }
    while (atomic_load(&f->hold)) {
        pause_ms(1);
    }
    atomic_fetch_sub(&f->busy[index], 1);
    atomic_fetch_add(&f->passes, 1);
    if (atomic_fetch_sub(&f->failures_left, 1) > 0) {
        error_set(error, ERROR_CONFLICT, "on purpose");
        error->retry_after_ms = f->retry_after_ms;
        return -ERROR_CONFLICT;
    }
    result->requeue_after_ms = f->requeue_after_ms;
    return 0;
}

static void start(struct fixture *f, size_t workers)
{
    const struct work_pool_options options = {.workers = workers, .work = pass, .context = f};
    struct error error;

    f->pool = work_pool_new(&options);
    assert_int_equal(work_pool_start(f->pool, &error), 0);
}

static void wait_for_passes(struct fixture *f, int passes)
{
    int64_t deadline = clock_boot_ms() + DEADLINE_MS;
    while (atomic_load(&f->passes) < passes) {
        assert_true(clock_boot_ms() < deadline);
        pause_ms(1);
    }
}

struct adder {
    struct fixture *fixture;
    int rounds;
};

static void *add_many(void *context)
{
    struct adder *adder = context;
    char key[8];

    for (int i = 0; i < adder->rounds * KEYS; i++) {
        snprintf(key, sizeof key, "%d", i % KEYS);
        work_pool_add(adder->fixture->pool, key);
    }
    return NULL;
}

static void test_never_one_key_in_two_workers(void **state)
{
    struct fixture f = {.requeue_after_ms = -1};
    struct adder adder = {.fixture = &f, .rounds = 40};
    pthread_t adders[3];

    (void)state;
    start(&f, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&adders[i], NULL, add_many, &adder), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(adders[i], NULL);
    }
    wait_for_passes(&f, KEYS);
    while (work_pool_depth(f.pool)) {
        pause_ms(1);
    }
    assert_true(work_pool_stop(f.pool, DEADLINE_MS));
    assert_int_equal(atomic_load(&f.overlaps), 0);
    work_pool_free(f.pool);
}

static void test_failures_are_retried(void **state)
{
    struct fixture f = {.requeue_after_ms = -1, .failures_left = 4};

    (void)state;
    start(&f, 2);
    work_pool_add(f.pool, "1");
    wait_for_passes(&f, 5);
    assert_true(f.last_ms - f.first_ms >= 5 + 10 + 20 + 40);
    assert_true(work_pool_stop(f.pool, DEADLINE_MS));
    assert_int_equal(atomic_load(&f.passes), 5);
    work_pool_free(f.pool);
}

static void test_success_ends_the_backoff(void **state)
{
    struct fixture f = {.requeue_after_ms = -1, .failures_left = 7};

    (void)state;
    start(&f, 1);
    work_pool_add(f.pool, "1");
    wait_for_passes(&f, 8); /* The next failure in a row would cost 640 ms. */
    atomic_store(&f.failures_left, 1);
    int64_t began = clock_boot_ms();
    work_pool_add(f.pool, "1");
    wait_for_passes(&f, 10);
    assert_true(clock_boot_ms() - began < 600);
    assert_true(work_pool_stop(f.pool, DEADLINE_MS));
    work_pool_free(f.pool);
}

static void test_the_servers_wish_is_heeded(void **state)
{
    struct fixture f = {.requeue_after_ms = -1, .failures_left = 1, .retry_after_ms = 120};

    (void)state;
    start(&f, 2);
    work_pool_add(f.pool, "1");
    wait_for_passes(&f, 2);
    assert_true(f.last_ms - f.first_ms >= 119);
    assert_true(work_pool_stop(f.pool, DEADLINE_MS));
    work_pool_free(f.pool);
}

static void test_requeue_after(void **state)
{
    struct fixture f = {.requeue_after_ms = 30};

    (void)state;
    start(&f, 2);
    work_pool_add(f.pool, "1");
    wait_for_passes(&f, 4);
    assert_true(f.last_ms - f.first_ms >= 87);
    assert_true(work_pool_stop(f.pool, DEADLINE_MS));
    work_pool_free(f.pool);
}

static void test_stop_waits_for_passes_and_starts_no_other(void **state)
{
    struct fixture f = {.requeue_after_ms = -1, .hold = true};

    (void)state;
    start(&f, 1);
    work_pool_add(f.pool, "1");
    while (!atomic_load(&f.busy[1])) {
        pause_ms(1);
    }
    work_pool_add(f.pool, "2");
    assert_false(work_pool_stop(f.pool, 30));
    atomic_store(&f.hold, false);
    assert_true(work_pool_stop(f.pool, DEADLINE_MS));
    assert_int_equal(atomic_load(&f.passes), 1);
    work_pool_add(f.pool, "3");
    work_pool_free(f.pool);
}

static void test_free_without_start(void **state)
{
    const struct work_pool_options options = {.workers = 2, .work = pass};

    (void)state;
    work_pool_free(work_pool_new(&options));
    work_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_one_key_in_two_workers),
        cmocka_unit_test(test_failures_are_retried),
        cmocka_unit_test(test_success_ends_the_backoff),
        cmocka_unit_test(test_the_servers_wish_is_heeded),
        cmocka_unit_test(test_requeue_after),
        cmocka_unit_test(test_stop_waits_for_passes_and_starts_no_other),
        cmocka_unit_test(test_free_without_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
