/* Watches with real threads against a server of the test's own: pages, cut streams, 410, our own
 * writes, stopping. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
#include "cmocka_test.h"
#include "fake_server.h"
#include "kube/client.h"
#include "store_fixture.h"

#define DEADLINE_MS 20000

static void quiet(void *context, const char *namespace, const char *owner)
{
    (void)context, (void)namespace, (void)owner;
}

struct fixture {
    struct fake_server *server;
    struct kube_client *client;
    const struct kube_api *api;
    struct kube_store *store;
    fake_handler *handle;
    atomic_int lists, watches;
};

static bool dispatch(void *context, struct fake_request *request)
{
    struct fixture *f = context;
    return f->handle(f, request);
}

static void start(struct fixture *f, fake_handler *handle, const char *namespace,
                  const char *selector)
{
    const struct kube_store_options store = {
        .trim = trim_fields, .owner = owner_by_label, .changed = quiet};
    struct error error;

    *f = (struct fixture){.handle = handle};
    f->server = fake_server_start(dispatch, f);
    const struct kube_client_options options = {.server = fake_server_url(f->server)};
    assert_int_equal(kube_client_new(&options, &f->client, &error), 0);
    f->api = kube_client_api(f->client);
    f->store = kube_store_new(&store);
    kube_client_watch(f->client, &kube_pods, namespace, selector, f->store);
    assert_int_equal(kube_client_start(f->client, &error), 0);
}

static void finish(struct fixture *f)
{
    int64_t before = clock_boot_ms();

    kube_client_stop(f->client);
    assert_true(clock_boot_ms() - before < 5000); /* A watch that is silent is stopped too. */
    kube_client_free(f->client);
    fake_server_stop(f->server);
    kube_store_free(f->store);
}

/* Waits until ns/name has that version (0: is absent). */
static void wait_for(struct fixture *f, const char *name, uint64_t version)
{
    int64_t deadline = clock_boot_ms() + DEADLINE_MS;

    for (;;) {
        AUTO_JSON json_t *object = kube_store_get(f->store, "ns", name);
        if ((object ? kube_resource_version(object) : 0) == version) {
            return;
        }
        assert_true(clock_boot_ms() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

#define POD(name, version)                                                                         \
    "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"" name "\",\"uid\":\"" name                    \
    "\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, token, items)                                                                \
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version     \
    "\",\"continue\":\"" token "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"

static bool is_watch(const struct fake_request *request)
{
    return strstr(request->target, "watch=true") != NULL;
}

/* --- A list of two pages, a watch that is cut in the middle of a line, and its successor --- */

static bool cut_watch(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    if (!is_watch(request)) {
        atomic_fetch_add(&f->lists, 1);
        return strstr(request->target, "continue=next")
                   ? fake_answer(request, 200, "", LIST("10", "", POD("b", "6")))
                   : fake_answer(request, 200, "", LIST("10", "next", POD("a", "5")));
    }
    assert_non_null(strstr(request->target, "/api/v1/pods?watch=true&allowWatchBookmarks=true&"));
    assert_non_null(strstr(request->target, "labelSelector=app%3Detcd"));
    fake_stream_begin(request);
    if (atomic_fetch_add(&f->watches, 1) == 0) {
        assert_non_null(strstr(request->target, "resourceVersion=10&"));
        fake_stream(request, EVENT("ADDED", POD("c", "11")) "{\"type\":\"DELE");
        fake_stream(request, "TED\",\"object\":" POD("a", "12") "}\n{\"type\":\"ADDED\"");
        return false;
    }
    assert_non_null(strstr(request->target, "resourceVersion=12&"));
    fake_stream(request, EVENT("MODIFIED", POD("b", "13")));
    fake_stream_hold(request);
    return false;
}

static void test_a_watch_survives_a_cut(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, cut_watch, NULL, "app=etcd");
    assert_true(kube_client_wait_synced(f.client, DEADLINE_MS));
    wait_for(&f, "c", 11);
    wait_for(&f, "a", 0);
    wait_for(&f, "b", 13);
    assert_int_equal(atomic_load(&f.lists), 2);
    AUTO_JSON json_t *b = NULL;
    assert_int_equal(f.api->cached_get(f.client, &kube_pods, "ns", "b", &b, NULL), 0);
    assert_int_equal(kube_resource_version(b), 13);
    finish(&f);
}

/* --- 410 as an answer, then a relist that finds an object gone --- */

static bool gone_watch(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    if (!is_watch(request)) {
        return atomic_fetch_add(&f->lists, 1) == 0
                   ? fake_answer(request, 200, "", LIST("10", "", POD("a", "5")))
                   : fake_answer(request, 200, "", LIST("20", "", POD("b", "15")));
    }
    if (atomic_fetch_add(&f->watches, 1) == 0) {
        return fake_answer(request, 410, "",
                           "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}");
    }
    fake_stream_begin(request);
    fake_stream_hold(request);
    return false;
}

static void test_an_expired_watch_lists_again(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, gone_watch, "ns", NULL);
    wait_for(&f, "a", 5);
    wait_for(&f, "b", 15);
    wait_for(&f, "a", 0);
    finish(&f);
}

/* --- Our own writes --- */

#define MINE(version)                                                                              \
    "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"mine\",\"uid\":\"u\",\"resourceVersion\":"     \
    "\"" version "\",\"labels\":{\"app\":\"etcd\"}}}"
#define LEAVING(version)                                                                           \
    "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"mine\",\"uid\":\"u\",\"resourceVersion\":"     \
    "\"" version                                                                                   \
    "\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":30,"         \
    "\"labels\":{\"app\":\"etcd\"}}}"

static bool written(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    if (is_watch(request)) {
        fake_stream_begin(request);
        fake_stream_hold(request);
        return false;
    }
    if (!strcmp(request->method, "PATCH")) {
        return fake_answer(request, 200, "", MINE("21"));
    }
    if (!strcmp(request->method, "DELETE")) {
        return fake_answer(request, 200, "", LEAVING("22"));
    }
    if (strstr(request->target, "/pods/foreign")) {
        return fake_answer(request, 200, "", POD("foreign", "30"));
    }
    atomic_fetch_add(&f->lists, 1);
    return fake_answer(request, 200, "", LIST("10", "", ""));
}

static void test_our_writes_are_in_the_store(void **state)
{
    struct fixture f;
    AUTO_JSON json_t *patch = json_object();

    (void)state;
    start(&f, written, "ns", "app=etcd");
    assert_true(kube_client_wait_synced(f.client, DEADLINE_MS));
    assert_int_equal(f.api->merge_patch(f.client, &kube_pods, "ns", "mine", patch, NULL, NULL), 0);
    wait_for(&f, "mine", 21);
    assert_int_equal(f.api->remove(f.client, &kube_pods, "ns", "mine", NULL, NULL), 0);
    wait_for(&f, "mine", 22);
    /* The watch would not show this one, so its end would never be seen. */
    assert_int_equal(f.api->get(f.client, &kube_pods, "ns", "foreign", NULL, NULL), 0);
    assert_int_equal(kube_store_length(f.store), 1);
    finish(&f);
}

/* --- Two namespaces in one store --- */

static bool by_namespace(void *context, struct fake_request *request)
{
    (void)context;
    if (is_watch(request)) {
        fake_stream_begin(request);
        fake_stream_hold(request);
        return false;
    }
    return strstr(request->target, "/namespaces/ns/")
               ? fake_answer(request, 200, "", LIST("10", "", POD("a", "5")))
               : fake_answer(request, 200, "",
                             LIST("10", "",
                                  "{\"metadata\":{\"namespace\":\"other\",\"name\":\"b\","
                                  "\"resourceVersion\":\"6\"}}"));
}

static void test_two_namespaces(void **state)
{
    struct kube_store_options store_options = {0};
    struct kube_store *store = kube_store_new(&store_options);
    struct fixture f = {.handle = by_namespace};
    struct error error;

    (void)state;
    f.server = fake_server_start(dispatch, &f);
    const struct kube_client_options options = {.server = fake_server_url(f.server)};
    assert_int_equal(kube_client_new(&options, &f.client, &error), 0);
    kube_client_watch(f.client, &kube_pods, "ns", NULL, store);
    kube_client_watch(f.client, &kube_pods, "other", NULL, store);
    assert_int_equal(kube_client_start(f.client, &error), 0);
    assert_true(kube_client_wait_synced(f.client, DEADLINE_MS));
    assert_int_equal(kube_store_length(store), 2);
    f.store = store;
    finish(&f);
}

/* --- The deepest object that the parser lets through --- */

/* ThreadSanitizer keeps data of its own on each stack. */
#ifdef __SANITIZE_THREAD__
#define LEVELS 500
#else
#define LEVELS 2040
#endif

static bool deep(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    if (!is_watch(request)) {
        atomic_fetch_add(&f->lists, 1);
        return fake_answer(request, 200, "", LIST("10", "", ""));
    }
    AUTO_BUFFER struct buffer line = {0};
    buffer_printf(&line, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"namespace\":\"ns\","
                         "\"name\":\"deep\",\"resourceVersion\":\"11\"},\"spec\":");
    for (int i = 0; i < LEVELS; i++) {
        buffer_printf(&line, "{\"a\":");
    }
    buffer_printf(&line, "1");
    for (int i = 0; i < LEVELS; i++) {
        buffer_printf(&line, "}");
    }
    buffer_printf(&line, "}}\n");
    fake_stream_begin(request);
    fake_stream(request, line.data);
    fake_stream_hold(request);
    return false;
}

static void test_a_deep_object_does_not_exhaust_the_stack(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, deep, "ns", NULL);
    wait_for(&f, "deep", 11);
    assert_int_equal(atomic_load(&f.lists), 1);
    finish(&f);
}

/* --- A server that is not there --- */

static void test_stopping_while_nothing_answers(void **state)
{
    struct kube_store_options store_options = {0};
    struct kube_store *store = kube_store_new(&store_options);
    const struct kube_client_options options = {.server = "http://127.0.0.1:1"};
    struct kube_client *client;
    struct error error;

    (void)state;
    assert_int_equal(kube_client_new(&options, &client, &error), 0);
    kube_client_watch(client, &kube_pods, NULL, NULL, store);
    assert_int_equal(kube_client_start(client, &error), 0);
    assert_false(kube_client_wait_synced(client, 50));
    int64_t before = clock_boot_ms();
    kube_client_free(client);
    assert_true(clock_boot_ms() - before < 5000);
    kube_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_survives_a_cut),
        cmocka_unit_test(test_an_expired_watch_lists_again),
        cmocka_unit_test(test_our_writes_are_in_the_store),
        cmocka_unit_test(test_two_namespaces),
        cmocka_unit_test(test_a_deep_object_does_not_exhaust_the_stack),
        cmocka_unit_test(test_stopping_while_nothing_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
