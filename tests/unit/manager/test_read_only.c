/* The door that only reads: what it asks for, and that it refuses every change before it is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "manager/read_only.h"

/* An API server that knows get and list; any other function is NULL, so that a call would crash. */
struct server {
    struct kube_api api;
    int gets, lists;
    char labels[128], fields[128];
    const char *items; /* What list gives; NULL: 404. */
};

static int serve_get(void *context, const struct kube_resource *resource, const char *namespace,
                     const char *name, json_t **out, struct error *error)
{
    struct server *server = context;

    (void)resource, (void)namespace, (void)name, (void)error;
    server->gets++;
    *out = json_object();
    return 0;
}

static int serve_list(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *labels, const char *fields, json_t **out, struct error *error)
{
    struct server *server = context;

    (void)resource, (void)namespace;
    server->lists++;
    snprintf(server->labels, sizeof server->labels, "%s", labels ? labels : "(none)");
    snprintf(server->fields, sizeof server->fields, "%s", fields ? fields : "(none)");
    if (!server->items) {
        return error_set(error, ERROR_NOT_FOUND, "404");
    }
    *out = json_loads(server->items, 0, NULL);
    return 0;
}

static struct server server_of(const char *items)
{
    return (struct server){.api = {.get = serve_get, .list = serve_list}, .items = items};
}

/* The context points at the copy that the test holds. */
static struct kube_api door_of(struct server *server)
{
    server->api.context = server;
    return read_only_api(&server->api);
}

static void refuses_every_change(void **state)
{
    struct server server = server_of("[]");
    const struct kube_api door = door_of(&server);
    const struct kube_delete_options delete_options = {.grace_period_seconds = -1};
    AUTO_JSON json_t *object = json_object();
    struct error errors[7] = {0};
    void *context = door.context;

    (void)state;
    door.create(context, &kube_pods, object, NULL, &errors[0]);
    door.apply(context, &kube_pods, object, true, NULL, &errors[1]);
    door.merge_patch(context, &kube_pods, "ns", "p", object, NULL, &errors[2]);
    door.replace_status(context, &kube_pods, object, NULL, &errors[3]);
    door.replace(context, &kube_pods, object, NULL, &errors[4]);
    door.scale(context, &kube_pods, "ns", "p", 0, &errors[5]);
    door.remove(context, &kube_pods, "ns", "p", &delete_options, &errors[6]);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        assert_int_equal(errors[i].kind, ERROR_DENIED);
        assert_non_null(strstr(errors[i].message, "explain changes nothing"));
    }
    door.event(context, object, "Normal", "Reason", "note");
    assert_int_equal(server.gets + server.lists, 0);
}

/* A function that the table gets later must be thought of here. */
static void has_every_function(void **state)
{
    struct server server = server_of("[]");
    const struct kube_api door = door_of(&server);
    const unsigned char *bytes = (const unsigned char *)&door;
    void (*function)(void);

    (void)state;
    for (size_t at = sizeof(void *); at < sizeof door; at += sizeof function) {
        memcpy(&function, bytes + at, sizeof function);
        assert_non_null(function);
    }
}

static void reads_as_the_stores_do(void **state)
{
    struct server server = server_of("[{\"metadata\":{\"name\":\"c-0\",\"managedFields\":[1]},"
                                     "\"spec\":{\"nodeName\":\"n\",\"restartPolicy\":\"x\"}}]");
    const struct kube_api door = door_of(&server);
    AUTO_JSON json_t *list = NULL, *other = NULL, *secret = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(door.cached_list(door.context, &kube_pods, "ns", "c", &list, &error), 0);
    assert_string_equal(server.labels, "app.kubernetes.io/managed-by=etcd-operator,"
                                       "etcd.etcd.io/cluster=c");
    assert_string_equal(server.fields, "(none)");
    const json_t *pod = json_array_get(list, 0);
    assert_string_equal(json_path_string(pod, "spec", "nodeName", NULL), "n");
    assert_null(json_path(pod, "metadata", "managedFields", NULL));
    assert_null(json_path(pod, "spec", "restartPolicy", NULL));

    assert_int_equal(door.list(door.context, &kube_events, "ns", NULL, "a=b", &other, &error), 0);
    assert_string_equal(server.fields, "a=b");
    assert_int_equal(door.get(door.context, &kube_secrets, "ns", "s", &secret, &error), 0);
    assert_int_equal(server.gets, 1);
    json_t *none = NULL;
    assert_int_equal(door.cached_list(door.context, &kube_secrets, "ns", "c", &none, &error),
                     -(int)ERROR_INVALID);
}

/* By the right to list, which is the one that the operator has. */
static void one_cluster(void **state)
{
    struct server server = server_of("[{\"metadata\":{\"name\":\"c\"}}]");
    const struct kube_api door = door_of(&server);
    AUTO_JSON json_t *cluster = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(
        door.cached_get(door.context, &kube_etcd_clusters, "ns", "c", &cluster, &error), 0);
    assert_string_equal(json_path_string(cluster, "metadata", "name", NULL), "c");
    assert_string_equal(server.fields, "metadata.name=c");
    assert_string_equal(server.labels, "(none)");
    assert_int_equal(server.gets, 0);

    json_t *none = NULL;
    server.items = "[]";
    assert_int_equal(door.cached_get(door.context, &kube_etcd_clusters, "ns", "c", &none, &error),
                     -(int)ERROR_NOT_FOUND);
    /* No such kind is another thing than no such cluster. */
    server.items = NULL;
    assert_int_equal(door.cached_get(door.context, &kube_etcd_clusters, "ns", "c", &none, &error),
                     -(int)ERROR_INVALID);
    assert_non_null(strstr(error.message, "CustomResourceDefinition"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_change),
        cmocka_unit_test(has_every_function),
        cmocka_unit_test(reads_as_the_stores_do),
        cmocka_unit_test(one_cluster),
    };
    return cmocka_run_group_tests_name("read-only", tests, NULL, NULL);
}
