/* The elector's thread over HTTP: elected, conflicted, released, lost. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmocka_test.h"
#include "fake_server.h"
#include "kube/client.h"
#include "kube/elector_thread.h"
#include "kube/resource.h"

#define PATIENCE_MS 10000

struct fixture {
    struct fake_server *server;
    struct kube_client *client;
    struct elector_thread *thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    json_t *lease; /* As the server keeps it. */
    int version;
    bool elected;
    const char *why;
};

/* --- The server -------------------------------------------------------------------------- */

static bool answer_lease(struct fixture *f, struct fake_request *request, int status)
{
    char *text = json_dumps(f->lease, JSON_COMPACT);
    bool alive = fake_answer(request, status, "", text);
    free(text);
    return alive;
}

static void keep(struct fixture *f, json_t *lease)
{
    char version[16];

    snprintf(version, sizeof version, "%d", ++f->version);
    json_object_set_new(json_object_get(lease, "metadata"), "resourceVersion",
                        json_string(version));
    json_decref(f->lease);
    f->lease = lease;
    pthread_cond_broadcast(&f->changed);
}

static bool is_current(const struct fixture *f, const json_t *lease)
{
    const char *version = json_path_string(lease, "metadata", "resourceVersion", NULL);
    return version &&
           !strcmp(version, json_path_string(f->lease, "metadata", "resourceVersion", NULL));
}

static bool serve(struct fixture *f, struct fake_request *request)
{
    struct error error;

    if (!strcmp(request->method, "GET")) {
        return f->lease ? answer_lease(f, request, 200) : fake_answer(request, 404, "", "{}");
    }
    AUTO_JSON json_t *lease = json_parse(request->body, strlen(request->body), "a lease", &error);
    if (!strcmp(request->method, "POST") ? f->lease != NULL : !is_current(f, lease)) {
        return fake_answer(request, 409, "", "{}");
    }
    keep(f, json_incref(lease));
    return answer_lease(f, request, 200);
}

static bool handle(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    pthread_mutex_lock(&f->lock);
    bool alive = strstr(request->target, "/leases") ? serve(f, request)
                                                    : fake_answer(request, 200, "", "{}");
    pthread_mutex_unlock(&f->lock);
    return alive;
}

/* --- The thread -------------------------------------------------------------------------- */

static void elected(void *context)
{
    struct fixture *f = context;

    pthread_mutex_lock(&f->lock);
    f->elected = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void lost(void *context, const char *why)
{
    struct fixture *f = context;

    pthread_mutex_lock(&f->lock);
    f->why = why;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static bool may_change(void *context)
{
    struct fixture *f = context;
    return f->thread && elector_thread_may_change(f->thread);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct error error;

    *f = (struct fixture){0};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->server = fake_server_start(handle, f);
    const struct kube_client_options options = {.server = fake_server_url(f->server),
                                                .allow_change = may_change,
                                                .allow_change_context = f};
    assert_int_equal(kube_client_new(&options, &f->client, &error), 0);
    const struct elector_thread_options elector = {.api = kube_client_api(f->client),
                                                   .namespace = "ns",
                                                   .name = "etcd-operator",
                                                   .identity = "me",
                                                   .elected = elected,
                                                   .lost = lost,
                                                   .context = f};
    f->thread = elector_thread_new(&elector);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    elector_thread_free(f->thread);
    kube_client_free(f->client);
    fake_server_stop(f->server);
    json_decref(f->lease);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    return 0;
}

/* Waits until `flag` says so; it is looked at with the lock held. */
static void wait_until(struct fixture *f, bool (*flag)(const struct fixture *f))
{
    struct timespec until;
    int problem = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&f->lock);
    while (!flag(f) && !problem) {
        problem = pthread_cond_timedwait(&f->changed, &f->lock, &until);
    }
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(problem, 0);
}

static bool is_elected(const struct fixture *f)
{
    return f->elected;
}

static bool is_lost(const struct fixture *f)
{
    return f->why != NULL;
}

static bool is_renewed(const struct fixture *f)
{
    return f->version >= 2;
}

static const char *holder(const struct fixture *f)
{
    return json_path_string(f->lease, "spec", "holderIdentity", NULL);
}

static int change_something(const struct fixture *f)
{
    AUTO_JSON json_t *patch = json_object();
    const struct kube_api *api = kube_client_api(f->client);
    struct error error;

    return api->merge_patch(api->context, &kube_pods, "ns", "p", patch, NULL, &error);
}

static void test_elected_and_released(void **state)
{
    struct fixture *f = *state;
    struct error error;

    assert_int_equal(change_something(f), -ERROR_CANCELLED);
    assert_int_equal(elector_thread_start(f->thread, &error), 0);
    wait_until(f, is_elected);
    assert_true(elector_thread_leads(f->thread));
    assert_int_equal(change_something(f), 0);
    wait_until(f, is_renewed);
    assert_string_equal(holder(f), "me");
    elector_thread_stop(f->thread);
    assert_string_equal(holder(f), "");
    assert_false(elector_thread_leads(f->thread));
    assert_int_equal(change_something(f), -ERROR_CANCELLED);
    assert_null(f->why);
}

static void test_lost_to_another(void **state)
{
    struct fixture *f = *state;
    struct error error;

    assert_int_equal(elector_thread_start(f->thread, &error), 0);
    wait_until(f, is_elected);
    pthread_mutex_lock(&f->lock);
    json_t *lease = json_deep_copy(f->lease);
    json_object_set_new(json_object_get(lease, "spec"), "holderIdentity", json_string("other"));
    keep(f, lease);
    pthread_mutex_unlock(&f->lock);
    wait_until(f, is_lost);
    assert_non_null(strstr(f->why, "another replica"));
    assert_int_equal(change_something(f), -ERROR_CANCELLED);
    elector_thread_stop(f->thread);
    assert_string_equal(holder(f), "other");
}

static void test_a_standby_changes_nothing_and_stops_at_once(void **state)
{
    struct fixture *f = *state;
    struct error error;
    int64_t began = clock_boot_ms();

    keep(f, json_pack("{s:{s:s}, s:{s:s, s:i}}", "metadata", "name", "etcd-operator", "spec",
                      "holderIdentity", "other", "leaseDurationSeconds", 15));
    assert_int_equal(elector_thread_start(f->thread, &error), 0);
    assert_int_equal(change_something(f), -ERROR_CANCELLED);
    elector_thread_stop(f->thread);
    assert_in_range(clock_boot_ms() - began, 0, 1000);
    assert_string_equal(holder(f), "other");
    assert_int_equal(f->version, 1);
    assert_false(f->elected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_elected_and_released, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_standby_changes_nothing_and_stops_at_once, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
