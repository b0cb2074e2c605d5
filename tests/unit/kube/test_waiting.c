/* Who asks the API server waits as long as it says, and no faster than it was told: a pass of the
 * work pool, a reflector's list, and the requests' own limit. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmocka_test.h"
#include "fake_server.h"
#include "kube/client.h"
#include "kube/work_pool.h"
#include "store_fixture.h"

#define DEADLINE_MS 20000
#define MAX_ASKED   8

struct fixture {
    struct fake_server *server;
    struct kube_client *client;
    const struct kube_api *api;
    int refusal;               /* The status of the first two answers; 0: none is refused. */
    atomic_int asked, watches; /* Requests that are no watch, and that are. */
    _Atomic int64_t asked_ms[MAX_ASKED];
    atomic_bool passed;
};

static bool handle(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    if (strstr(request->target, "watch=true")) {
        atomic_fetch_add(&f->watches, 1);
        fake_stream_begin(request);
        fake_stream_hold(request);
        return false;
    }
    int number = atomic_fetch_add(&f->asked, 1);
    if (number < MAX_ASKED) {
        atomic_store(&f->asked_ms[number], clock_boot_ms());
    }
    return f->refusal && number < 2
               ? fake_answer(request, f->refusal, "Retry-After: 1\r\n", "")
               : fake_answer(request, 200, "",
                             "{\"kind\":\"PodList\",\"apiVersion\":\"v1\","
                             "\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[]}");
}

static void start(struct fixture *f, int refusal, uint32_t per_second, uint32_t burst)
{
    struct error error;

    *f = (struct fixture){.refusal = refusal};
    f->server = fake_server_start(handle, f);
    const struct kube_client_options options = {
        .server = fake_server_url(f->server), .per_second = per_second, .burst = burst};
    assert_int_equal(kube_client_new(&options, &f->client, &error), 0);
    f->api = kube_client_api(f->client);
}

static void finish(struct fixture *f)
{
    kube_client_free(f->client);
    fake_server_stop(f->server);
}

/* Twice refused, each time for a second. */
static void assert_heeded(struct fixture *f)
{
    assert_int_equal(atomic_load(&f->asked), 3);
    assert_true(f->asked_ms[1] - f->asked_ms[0] >= 999);
    assert_true(f->asked_ms[2] - f->asked_ms[1] >= 999);
}

static int pass(void *context, const char *key, struct work_result *result, struct error *error)
{
    struct fixture *f = context;

    (void)result;
    int failed = f->api->get(f->client, &kube_pods, "ns", key, NULL, error);
    atomic_store(&f->passed, !failed);
    return failed;
}

static void heed_in_a_pass(int refusal)
{
    struct fixture f;
    struct error error;
    const struct work_pool_options options = {.workers = 2, .work = pass, .context = &f};
    struct work_pool *pool = work_pool_new(&options);
    int64_t deadline = clock_boot_ms() + DEADLINE_MS;

    start(&f, refusal, 0, 0);
    assert_int_equal(work_pool_start(pool, &error), 0);
    work_pool_add(pool, "p");
    while (!atomic_load(&f.passed)) {
        assert_true(clock_boot_ms() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    assert_true(work_pool_stop(pool, DEADLINE_MS));
    work_pool_free(pool);
    assert_heeded(&f);
    finish(&f);
}

static void test_a_pass_that_got_429(void **state)
{
    (void)state;
    heed_in_a_pass(429);
}

static void test_a_pass_that_got_503(void **state)
{
    (void)state;
    heed_in_a_pass(503);
}

static void heed_in_a_list(int refusal)
{
    struct fixture f;
    struct error error;
    const struct kube_store_options options = {0};
    struct kube_store *store = kube_store_new(&options);

    start(&f, refusal, 0, 0);
    kube_client_watch(f.client, &kube_pods, "ns", NULL, store);
    assert_int_equal(kube_client_start(f.client, &error), 0);
    assert_true(kube_client_wait_synced(f.client, DEADLINE_MS));
    assert_heeded(&f);
    finish(&f);
    kube_store_free(store);
}

static void test_a_list_that_got_429(void **state)
{
    (void)state;
    heed_in_a_list(429);
}

static void test_a_list_that_got_503(void **state)
{
    (void)state;
    heed_in_a_list(503);
}

/* Two at once, then one every 100 ms; a Lease goes although nothing is left. */
static void test_requests_wait_their_turn(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 0, 10, 2);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(f.api->get(f.client, &kube_pods, "ns", "p", NULL, NULL), 0);
    }
    assert_true(f.asked_ms[4] - f.asked_ms[0] >= 290);
    int64_t before = clock_boot_ms();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(f.api->get(f.client, &kube_leases, "ns", "l", NULL, NULL), 0);
    }
    assert_true(clock_boot_ms() - before < 4000); /* 5 s, were they counted. */
    finish(&f);
}

/* The one token is for the list. */
static void test_a_watch_takes_no_turn(void **state)
{
    struct fixture f;
    struct error error;
    const struct kube_store_options options = {0};
    struct kube_store *store = kube_store_new(&options);
    int64_t deadline = clock_boot_ms() + DEADLINE_MS;

    (void)state;
    start(&f, 0, 1, 1);
    kube_client_watch(f.client, &kube_pods, "ns", NULL, store);
    assert_int_equal(kube_client_start(f.client, &error), 0);
    int64_t before = clock_boot_ms();
    while (!atomic_load(&f.watches)) {
        assert_true(clock_boot_ms() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    assert_true(clock_boot_ms() - before < 800);
    assert_int_equal(atomic_load(&f.asked), 1);
    finish(&f);
    kube_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pass_that_got_429),
        cmocka_unit_test(test_a_pass_that_got_503),
        cmocka_unit_test(test_a_list_that_got_429),
        cmocka_unit_test(test_a_list_that_got_503),
        cmocka_unit_test(test_requests_wait_their_turn),
        cmocka_unit_test(test_a_watch_takes_no_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
