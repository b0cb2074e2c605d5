/* Health, the endpoints and the resync. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "manager/endpoints.h"
#include "manager/resync.h"

static int64_t now;

static int64_t test_now(void)
{
    return now;
}

static size_t test_depth(void *context)
{
    (void)context;
    return 7;
}

static bool test_ready(void *context, struct buffer *out)
{
    const char *waiting = *(const char **)context;

    buffer_printf(out, "%s", waiting ? waiting : "ok\n");
    return !waiting;
}

static void expect(struct endpoints *endpoints, const char *method, const char *path,
                   unsigned status, const char *words)
{
    struct http_server_request request = {.method = method, .path = path, .body = ""};
    struct http_server_answer answer = {0};

    endpoints_handle(endpoints, &request, &answer);
    if (answer.status != status || !strstr(answer.body.data ? answer.body.data : "", words)) {
        fail_msg("%s %s: %u %s", method, path, answer.status, answer.body.data);
    }
    assert_non_null(answer.content_type);
    buffer_fini(&answer.body);
}

static void test_endpoints(void **state)
{
    const char *waiting = "waiting for pods\n";
    struct endpoint_sources sources = {.metrics = metrics_new(),
                                       .health = health_new(2),
                                       .queue_depth = test_depth,
                                       .ready = test_ready,
                                       .now_ms = test_now,
                                       .context = &waiting};
    struct endpoints both = {&sources, ENDPOINTS_METRICS | ENDPOINTS_HEALTH};
    struct endpoints health = {&sources, ENDPOINTS_HEALTH};
    struct endpoints metrics = {&sources, ENDPOINTS_METRICS};

    (void)state;
    expect(&both, "GET", "/readyz", 503, "waiting for pods");
    waiting = NULL;
    expect(&both, "GET", "/readyz", 200, "ok");
    expect(&both, "HEAD", "/healthz", 200, "ok");
    expect(&both, "GET", "/metrics", 200, "etcd_operator_queue_depth 7\n");
    expect(&both, "POST", "/metrics", 405, "GET");
    expect(&both, "GET", "/", 404, "/metrics");
    expect(&health, "GET", "/metrics", 404, "/healthz\n/readyz\n");
    expect(&metrics, "GET", "/healthz", 404, "/metrics\n");
    expect(&metrics, "GET", "/metrics", 200, "build_info");
    health_free(sources.health);
    metrics_free(sources.metrics);
}

static void test_stuck_worker(void **state)
{
    struct health *health = health_new(2);
    struct buffer out = {0};

    (void)state;
    size_t first = health_pass_begin(health, "ns/slow", 1000);
    size_t second = health_pass_begin(health, "ns/quick", 2000);
    assert_int_not_equal(first, second);
    health_pass_end(health, second);
    assert_true(health_live(health, 1000 + HEALTH_STUCK_MS, &out));
    assert_string_equal(out.data, "ok\n");
    buffer_fini(&out);
    assert_false(health_live(health, 1001 + HEALTH_STUCK_MS, &out));
    assert_non_null(strstr(out.data, "ns/slow for 300 s"));
    assert_null(strstr(out.data, "quick"));
    buffer_fini(&out);
    health_pass_end(health, first);
    assert_true(health_live(health, 1001 + HEALTH_STUCK_MS, &out));
    buffer_fini(&out);
    health_free(health);
}

/* Within one period every key comes exactly once, and not all at one moment. */
static void test_resync_spreads_keys(void **state)
{
    enum { KEYS = 600 };
    struct resync resync;
    unsigned seen[KEYS] = {0}, largest = 0;
    int64_t time = 5000;
    char name[16];

    (void)state;
    resync_init(&resync, 600000, 42, time);
    assert_false(resync_due(&resync, time));
    for (unsigned slices = 0; slices < RESYNC_SLICES; slices++) {
        unsigned together = 0;
        assert_false(resync_due(&resync, time + 9999));
        time += 10000;
        assert_true(resync_due(&resync, time));
        for (unsigned i = 0; i < KEYS; i++) {
            snprintf(name, sizeof name, "c%u", i);
            bool wanted = resync_wants(&resync, "ns", name);
            seen[i] += wanted;
            together += wanted;
        }
        largest = together > largest ? together : largest;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_true(largest < KEYS / 10);
}

static void test_resync_after_a_sleep(void **state)
{
    struct resync resync;
    unsigned due = 0;

    (void)state;
    resync_init(&resync, 60000, 1, 0);
    while (resync_due(&resync, INT64_C(86400000))) {
        due++;
        assert_true(due <= RESYNC_SLICES + 1);
    }
    assert_true(due >= RESYNC_SLICES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_stuck_worker),
        cmocka_unit_test(test_resync_spreads_keys),
        cmocka_unit_test(test_resync_after_a_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
