/* The client's requests and what it makes of the answers, against a server of the test's own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cmocka_test.h"
#include "fake_server.h"
#include "kube/client.h"
#include "store_fixture.h"

struct fixture {
    struct fake_server *server;
    struct kube_client *client;
    const struct kube_api *api;
    char token_file[64];
    pthread_mutex_t lock;
    struct fake_request last; /* The last request. */
    int requests;
    /* What to answer. */
    int status;
    const char *headers, *body;
    const char *good_token; /* If set, others are answered 401. */
    bool allow;
    int observed;
    char observed_last[64];
};

static bool handle(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    pthread_mutex_lock(&f->lock);
    f->last = *request;
    f->requests++;
    int status = f->status;
    const char *body = f->body;
    if (f->good_token && !strstr(request->headers, f->good_token)) {
        status = 401;
        body = "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"Unauthorized\"}";
    }
    const char *headers = f->headers;
    pthread_mutex_unlock(&f->lock);
    return fake_answer(request, status, headers, body);
}

static void observe(void *context, const char *verb, const char *resource, long status,
                    int64_t milliseconds)
{
    struct fixture *f = context;
    f->observed++;
    snprintf(f->observed_last, sizeof f->observed_last, "%s %s %ld", verb, resource, status);
    assert_true(milliseconds >= 0);
}

static bool may_change(void *context)
{
    struct fixture *f = context;
    return f->allow;
}

static void write_token(struct fixture *f, const char *token)
{
    FILE *file = fopen(f->token_file, "w");
    fprintf(file, "%s\n", token);
    fclose(file);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct error error;

    *f = (struct fixture){.status = 200, .headers = "", .body = "{}", .allow = true};
    pthread_mutex_init(&f->lock, NULL);
    strcpy(f->token_file, "/tmp/kube-token-XXXXXX");
    close(mkstemp(f->token_file));
    write_token(f, "t-one");
    f->server = fake_server_start(handle, f);
    const struct kube_client_options options = {.server = fake_server_url(f->server),
                                                .token_file = f->token_file,
                                                .observe = observe,
                                                .observe_context = f,
                                                .allow_change = may_change,
                                                .allow_change_context = f};
    assert_int_equal(kube_client_new(&options, &f->client, &error), 0);
    f->api = kube_client_api(f->client);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    kube_client_free(f->client);
    fake_server_stop(f->server);
    unlink(f->token_file);
    pthread_mutex_destroy(&f->lock);
    return 0;
}

/* "METHOD TARGET BODY" of the last request. */
static void expect_request(struct fixture *f, const char *method, const char *target,
                           const char *content_type, const char *body)
{
    assert_string_equal(f->last.method, method);
    assert_string_equal(f->last.target, target);
    assert_non_null(strstr(f->last.headers, "\r\nAuthorization: Bearer t-one\r\n"));
    assert_non_null(strstr(f->last.headers, "\r\nUser-Agent: etcd-operator/" VERSION "\r\n"));
    assert_non_null(strstr(f->last.headers, "\r\nAccept: application/json\r\n"));
    if (content_type) {
        char line[128];
        snprintf(line, sizeof line, "\r\nContent-Type: %s\r\n", content_type);
        assert_non_null(strstr(f->last.headers, line));
    }
    assert_string_equal(f->last.body, body);
}

static void test_get(void **state)
{
    struct fixture *f = *state;
    struct error error;
    AUTO_JSON json_t *out = NULL;

    f->body = "{\"metadata\":{\"name\":\"c-0\"}}";
    assert_int_equal(f->api->get(f->client, &kube_pods, "ns", "c-0", &out, &error), 0);
    expect_request(f, "GET", "/api/v1/namespaces/ns/pods/c-0", NULL, "");
    assert_string_equal(json_path_string(out, "metadata", "name", NULL), "c-0");
    assert_string_equal(f->observed_last, "get pods 200");
}

static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct error error;
    json_t *out = json_object();
    json_t *before = out;

    f->status = 404;
    f->body = "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"pods x not found\"}";
    assert_int_equal(f->api->get(f->client, &kube_pods, "ns", "x", &out, &error), -ERROR_NOT_FOUND);
    assert_null(out);
    json_decref(before);
    assert_string_equal(error.message, "get pods ns/x: HTTP 404 NotFound: pods x not found");
    f->status = 429;
    f->headers = "Retry-After: 2\r\n";
    assert_int_equal(f->api->get(f->client, &kube_pods, "ns", "x", NULL, &error), -ERROR_RETRYABLE);
    assert_int_equal(error.retry_after_ms, 2000);
    assert_string_equal(f->observed_last, "get pods 429");
    f->status = 200;
    f->body = "{broken";
    assert_int_equal(f->api->get(f->client, &kube_pods, "ns", "x", NULL, &error), -ERROR_INVALID);
}

static void test_changes(void **state)
{
    struct fixture *f = *state;
    struct error error;
    AUTO_JSON json_t *object =
        json_pack("{s:{s:s, s:s}}", "metadata", "namespace", "ns", "name", "c");
    static const char text[] = "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"c\"}}";

    f->status = 201;
    assert_int_equal(f->api->create(f->client, &kube_services, object, NULL, &error), 0);
    expect_request(f, "POST", "/api/v1/namespaces/ns/services?fieldManager=etcd-operator",
                   "application/json", text);
    f->status = 200;
    assert_int_equal(f->api->apply(f->client, &kube_stateful_sets, object, true, NULL, &error), 0);
    expect_request(
        f, "PATCH",
        "/apis/apps/v1/namespaces/ns/statefulsets/c?fieldManager=etcd-operator&force=true",
        "application/apply-patch+yaml", text);
    assert_int_equal(f->api->apply(f->client, &kube_services, object, false, NULL, &error), 0);
    expect_request(f, "PATCH",
                   "/api/v1/namespaces/ns/services/c?fieldManager=etcd-operator&force=false",
                   "application/apply-patch+yaml", text);
    assert_int_equal(f->api->merge_patch(f->client, &kube_pods, "ns", "c-0", object, NULL, &error),
                     0);
    expect_request(f, "PATCH", "/api/v1/namespaces/ns/pods/c-0?fieldManager=etcd-operator",
                   "application/merge-patch+json", text);
    assert_int_equal(f->api->replace_status(f->client, &kube_etcd_clusters, object, NULL, &error),
                     0);
    expect_request(f, "PUT",
                   "/apis/etcd.etcd.io/v1alpha1/namespaces/ns/etcdclusters/c/status"
                   "?fieldManager=etcd-operator",
                   "application/json", text);
}

static void test_replace(void **state)
{
    struct fixture *f = *state;
    struct error error;
    AUTO_JSON json_t *object = json_pack("{s:{s:s, s:s, s:s}}", "metadata", "namespace", "ns",
                                         "name", "l", "resourceVersion", "7");
    AUTO_JSON json_t *out = NULL;

    f->body = "{\"metadata\":{\"name\":\"l\",\"resourceVersion\":\"8\"}}";
    assert_int_equal(f->api->replace(f->client, &kube_leases, object, &out, &error), 0);
    expect_request(
        f, "PUT", "/apis/coordination.k8s.io/v1/namespaces/ns/leases/l?fieldManager=etcd-operator",
        "application/json",
        "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"l\",\"resourceVersion\":\"7\"}}");
    assert_int_equal(kube_resource_version(out), 8);
    assert_string_equal(f->observed_last, "update leases 200");
    f->status = 409;
    f->body = "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"it was modified\"}";
    assert_int_equal(f->api->replace(f->client, &kube_leases, object, NULL, &error),
                     -ERROR_CONFLICT);
    assert_non_null(
        strstr(error.message, "update leases ns/l: HTTP 409 Conflict: it was modified"));
    json_object_del(json_object_get(object, "metadata"), "name");
    assert_int_equal(f->api->replace(f->client, &kube_leases, object, NULL, &error),
                     -ERROR_INVALID);
    assert_int_equal(f->requests, 2);
    json_object_set_new(json_object_get(object, "metadata"), "name", json_string("l"));
    f->allow = false; /* Only the Lease itself is not asked for. */
    assert_int_equal(f->api->replace(f->client, &kube_pods, object, NULL, &error),
                     -ERROR_CANCELLED);
    assert_int_equal(f->requests, 2);
}

static void test_scale(void **state)
{
    struct fixture *f = *state;
    struct error error;
    struct changes changes;
    struct kube_store *store = new_test_store(&changes, NULL);

    kube_client_watch(f->client, &kube_etcd_clusters, "ns", NULL, store);
    f->body = "{\"kind\":\"Scale\",\"metadata\":{\"namespace\":\"ns\",\"name\":\"c\","
              "\"resourceVersion\":\"8\"},\"spec\":{\"replicas\":5}}";
    assert_int_equal(f->api->scale(f->client, &kube_etcd_clusters, "ns", "c", 5, &error), 0);
    expect_request(f, "PATCH",
                   "/apis/etcd.etcd.io/v1alpha1/namespaces/ns/etcdclusters/c/scale"
                   "?fieldManager=etcd-operator",
                   "application/merge-patch+json", "{\"spec\":{\"replicas\":5}}");
    assert_int_equal(kube_store_length(store), 0); /* A Scale is no EtcdCluster. */
    f->status = 422;
    f->body = "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"spec.size: 4\"}";
    assert_int_equal(f->api->scale(f->client, &kube_etcd_clusters, "ns", "c", 4, &error),
                     -ERROR_INVALID);
    assert_non_null(strstr(error.message, "spec.size: 4"));
    assert_int_equal(f->api->scale(f->client, &kube_etcd_clusters, "ns", "", 3, &error),
                     -ERROR_INVALID);
    f->allow = false;
    assert_int_equal(f->api->scale(f->client, &kube_etcd_clusters, "ns", "c", 3, &error),
                     -ERROR_CANCELLED);
    assert_int_equal(f->requests, 2);
    kube_client_free(f->client);
    kube_store_free(store);
    f->client = NULL;
}

static void test_remove(void **state)
{
    struct fixture *f = *state;
    struct error error;
    const struct kube_delete_options options = {.uid = "u",
                                                .resource_version = "7",
                                                .grace_period_seconds = 0,
                                                .propagation_policy = "Orphan"};

    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "c-0", &options, &error), 0);
    expect_request(f, "DELETE", "/api/v1/namespaces/ns/pods/c-0", "application/json",
                   "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{\"uid\":"
                   "\"u\",\"resourceVersion\":\"7\"},\"gracePeriodSeconds\":0,"
                   "\"propagationPolicy\":\"Orphan\"}");
    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "c-0", NULL, &error), 0);
    expect_request(f, "DELETE", "/api/v1/namespaces/ns/pods/c-0", "application/json",
                   "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"}");
    f->status = 404;
    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "c-0", NULL, &error), 0);
    f->status = 409;
    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "c-0", &options, &error),
                     -ERROR_CONFLICT);
}

static void test_a_missing_name_deletes_nothing(void **state)
{
    struct fixture *f = *state;
    struct error error;
    AUTO_JSON json_t *nameless = json_pack("{s:{s:s}}", "metadata", "namespace", "ns");

    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "", NULL, &error), -ERROR_INVALID);
    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", NULL, NULL, &error),
                     -ERROR_INVALID);
    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "..", NULL, &error),
                     -ERROR_INVALID);
    assert_int_equal(f->api->remove(f->client, &kube_pods, NULL, "c-0", NULL, &error),
                     -ERROR_INVALID);
    assert_int_equal(f->api->apply(f->client, &kube_pods, nameless, true, NULL, &error),
                     -ERROR_INVALID);
    assert_int_equal(f->requests, 0);
}

static void test_a_renewed_token_is_read_after_a_refusal(void **state)
{
    struct fixture *f = *state;
    struct error error;

    assert_int_equal(kube_client_ping(f->client, &error), 0);
    assert_string_equal(f->last.target, "/version");
    f->good_token = "Bearer t-two\r\n";
    assert_int_equal(kube_client_ping(f->client, &error), -ERROR_DENIED);
    assert_int_equal(f->requests, 2); /* The file had nothing new: no second try. */
    assert_null(strstr(error.message, "t-one"));
    write_token(f, "t-two");
    assert_int_equal(kube_client_ping(f->client, &error), 0);
    assert_int_equal(f->requests, 4);
    assert_int_equal(kube_client_ping(f->client, &error), 0);
    assert_int_equal(f->requests, 5);
    write_token(f, "bad\ttoken");
    f->good_token = "Bearer t-three\r\n";
    assert_int_equal(kube_client_ping(f->client, &error), -ERROR_DENIED);
}

static void test_changes_ask_first(void **state)
{
    struct fixture *f = *state;
    struct error error;
    AUTO_JSON json_t *patch = json_object();

    f->allow = false;
    assert_int_equal(f->api->merge_patch(f->client, &kube_pods, "ns", "p", patch, NULL, &error),
                     -ERROR_CANCELLED);
    assert_int_equal(f->api->remove(f->client, &kube_pods, "ns", "p", NULL, &error),
                     -ERROR_CANCELLED);
    assert_int_equal(f->requests, 0);
    assert_int_equal(f->api->get(f->client, &kube_pods, "ns", "p", NULL, &error), 0);
    /* Who asks for the lease is not the leader yet. */
    assert_int_equal(f->api->merge_patch(f->client, &kube_leases, "ns", "l", patch, NULL, &error),
                     0);
    assert_int_equal(f->requests, 2);
}

static bool handle_pages(void *context, struct fake_request *request)
{
    struct fixture *f = context;

    f->requests++;
    if (strstr(request->target, "continue=t%2F2")) {
        return fake_answer(request, 200, "",
                           "{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"b\"}}]}");
    }
    assert_string_equal(request->target, "/api/v1/namespaces/ns/events?labelSelector=a%3Db"
                                         "&fieldSelector=involvedObject.name%3Dc&limit=50");
    return fake_answer(request, 200, "",
                       "{\"metadata\":{\"continue\":\"t/2\"},"
                       "\"items\":[{\"metadata\":{\"name\":\"a\"}}]}");
}

static void test_list_of_all_pages(void **state)
{
    struct fixture *f = *state;
    struct fixture pages = {0};
    struct fake_server *server = fake_server_start(handle_pages, &pages);
    const struct kube_client_options options = {.server = fake_server_url(server)};
    struct kube_client *client;
    struct error error;
    AUTO_JSON json_t *out = NULL;

    (void)f;
    assert_int_equal(kube_client_new(&options, &client, &error), 0);
    const struct kube_api *api = kube_client_api(client);
    assert_int_equal(
        api->list(client, &kube_events, "ns", "a=b", "involvedObject.name=c", &out, &error), 0);
    assert_int_equal(json_array_size(out), 2);
    assert_string_equal(json_path_string(json_array_get(out, 1), "kind", NULL), "Event");
    assert_string_equal(json_path_string(json_array_get(out, 1), "metadata", "name", NULL), "b");
    kube_client_free(client);
    fake_server_stop(server);
}

static void test_configuration(void **state)
{
    struct kube_client *client;
    struct error error;

    (void)state;
    unsetenv("KUBERNETES_SERVICE_HOST");
    const struct kube_client_options in_cluster = {0};
    assert_int_equal(kube_client_new(&in_cluster, &client, &error), -ERROR_INVALID);
    assert_null(client);
    assert_non_null(strstr(error.message, "KUBERNETES_SERVICE_HOST"));

    const struct kube_client_options no_token = {.server = "http://127.0.0.1:1/",
                                                 .token_file = "/nonexistent/token"};
    assert_int_equal(kube_client_new(&no_token, &client, &error), 0);
    assert_int_equal(kube_client_ping(client, &error), -ERROR_DENIED);
    assert_non_null(strstr(error.message, "/nonexistent/token"));
    kube_client_free(client);

    const struct kube_client_options nobody = {.server = "http://127.0.0.1:1/"};
    assert_int_equal(kube_client_new(&nobody, &client, &error), 0);
    assert_int_equal(kube_client_ping(client, &error), -ERROR_RETRYABLE);
    kube_client_free(client);
}

static void test_kinds_that_are_not_watched(void **state)
{
    struct fixture *f = *state;
    struct changes changes;
    struct kube_store *store = new_test_store(&changes, NULL);
    struct error error;
    json_t *out = NULL;

    assert_int_equal(f->api->cached_get(f->client, &kube_pods, "ns", "p", &out, &error),
                     -ERROR_TERMINAL);
    kube_client_watch(f->client, &kube_pods, "ns", NULL, store);
    assert_int_equal(f->api->cached_get(f->client, &kube_pods, "ns", "p", &out, &error),
                     -ERROR_RETRYABLE); /* Not listed yet: absence says nothing. */
    assert_int_equal(f->api->cached_list(f->client, &kube_pods, "other", "c", &out, &error),
                     -ERROR_TERMINAL);
    assert_false(kube_client_wait_synced(f->client, 10));
    kube_client_free(f->client);
    kube_store_free(store);
    f->client = NULL;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_get),
        CASE(test_errors),
        CASE(test_changes),
        CASE(test_replace),
        CASE(test_scale),
        CASE(test_remove),
        CASE(test_a_missing_name_deletes_nothing),
        CASE(test_a_renewed_token_is_read_after_a_refusal),
        CASE(test_changes_ask_first),
        CASE(test_list_of_all_pages),
        CASE(test_configuration),
        CASE(test_kinds_that_are_not_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
