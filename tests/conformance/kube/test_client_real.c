/* The client against a real API server: what fake answers cannot prove.  Each run works in a
 * namespace of its own, which it deletes at its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "kube/client.h"

#define DEADLINE_MS 30000
#define SKIP        77
#define MANY        120

static const struct kube_resource namespaces = {"v1", "Namespace", "namespaces", false};

static struct world {
    char namespace[64];
    struct kube_client_options options;
    struct kube_client *client; /* Watches ConfigMaps labelled test=yes into `store`. */
    struct kube_client *other;  /* Somebody else, with another field manager. */
    const struct kube_api *api, *foreign;
    struct kube_store *store;
    size_t changes;
} world;

/* --- The stage --------------------------------------------------------------------------- */

static json_t *trim(const json_t *object)
{
    json_t *kept = json_copy((json_t *)object);
    json_t *metadata = json_copy(json_object_get(object, "metadata"));

    json_object_del(metadata, "managedFields");
    json_object_set_new(kept, "metadata", metadata);
    return kept;
}

static bool owner(const json_t *object, char *out, size_t size)
{
    (void)object;
    snprintf(out, size, "owner");
    return true;
}

static void changed(void *context, const char *namespace, const char *name)
{
    size_t *changes = context;
    (void)namespace, (void)name;
    __atomic_add_fetch(changes, 1, __ATOMIC_RELAXED);
}

static int setup(void **state)
{
    const struct kube_store_options store = {
        .trim = trim, .owner = owner, .changed = changed, .context = &world.changes};
    char suffix[9];
    struct error error;

    (void)state;
    random_hex(suffix, 4);
    snprintf(world.namespace, sizeof world.namespace, "kube-conformance-%s", suffix);
    world.options.field_manager = "somebody-else";
    assert_int_equal(kube_client_new(&world.options, &world.other, &error), 0);
    world.options.field_manager = NULL;
    assert_int_equal(kube_client_new(&world.options, &world.client, &error), 0);
    world.api = kube_client_api(world.client);
    world.foreign = kube_client_api(world.other);
    AUTO_JSON json_t *namespace = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind",
                                            "Namespace", "metadata", "name", world.namespace);
    if (world.api->create(world.client, &namespaces, namespace, NULL, &error)) {
        fail_msg("%s", error.message);
    }
    world.store = kube_store_new(&store);
    kube_client_watch(world.client, &kube_config_maps, world.namespace, "test=yes", world.store);
    assert_int_equal(kube_client_start(world.client, &error), 0);
    assert_true(kube_client_wait_synced(world.client, DEADLINE_MS));
    return 0;
}

static int teardown(void **state)
{
    struct error error;
    int result =
        world.foreign->remove(world.other, &namespaces, NULL, world.namespace, NULL, &error);

    (void)state;
    kube_client_free(world.client);
    kube_client_free(world.other);
    kube_store_free(world.store);
    return result;
}

static json_t *config_map(const char *name, const char *value)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
                     "ConfigMap", "metadata", "namespace", world.namespace, "name", name, "labels",
                     "test", "yes", "data", "key", value);
}

static int create(const struct kube_api *api, const char *name, const char *value,
                  struct error *error)
{
    AUTO_JSON json_t *object = config_map(name, value);
    return api->create(api->context, &kube_config_maps, object, NULL, error);
}

static int patch_value(const struct kube_api *api, const char *name, const char *value)
{
    AUTO_JSON json_t *patch = json_pack("{s:{s:s}}", "data", "key", value);
    struct error error;
    return api->merge_patch(api->context, &kube_config_maps, world.namespace, name, patch, NULL,
                            &error);
}

static int remove_plainly(const char *name)
{
    struct error error;
    return world.api->remove(world.client, &kube_config_maps, world.namespace, name, NULL, &error);
}

/* The value in the store, "" if the object is not there. */
static bool store_has(const char *name, const char *value)
{
    AUTO_JSON json_t *object = kube_store_get(world.store, world.namespace, name);
    const char *found = object ? json_path_string(object, "data", "key", NULL) : "";
    return found && !strcmp(found, value);
}

static void wait_for(const char *name, const char *value)
{
    int64_t deadline = clock_boot_ms() + DEADLINE_MS;

    while (!store_has(name, value)) {
        if (clock_boot_ms() > deadline) {
            fail_msg("the store never showed %s with \"%s\"", name, value);
        }
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

/* --- Requests ---------------------------------------------------------------------------- */

static void test_the_life_of_an_object(void **state)
{
    const struct kube_api *api = world.api;
    struct error error;
    AUTO_JSON json_t *got = NULL;

    (void)state;
    assert_int_equal(kube_client_ping(world.client, &error), 0);
    assert_int_equal(create(api, "life", "1", &error), 0);
    assert_int_equal(create(api, "life", "1", &error), -ERROR_EXISTS);
    assert_non_null(strstr(error.message, "already exists"));
    assert_int_equal(
        api->get(world.client, &kube_config_maps, world.namespace, "life", &got, &error), 0);
    assert_string_equal(json_path_string(got, "data", "key", NULL), "1");
    assert_int_equal(remove_plainly("life"), 0);
    assert_int_equal(remove_plainly("life"), 0);
    assert_int_equal(
        api->get(world.client, &kube_config_maps, world.namespace, "life", NULL, &error),
        -ERROR_NOT_FOUND);
    assert_int_equal(create(api, "Not A Name", "1", &error), -ERROR_INVALID);
}

static void test_apply(void **state)
{
    const struct kube_api *api = world.api, *foreign = world.foreign;
    struct error error;
    AUTO_JSON json_t *ours = config_map("applied", "ours");
    AUTO_JSON json_t *theirs = config_map("applied", "theirs");
    AUTO_JSON json_t *first = NULL;
    AUTO_JSON json_t *again = NULL;

    (void)state;
    assert_int_equal(api->apply(world.client, &kube_config_maps, ours, false, &first, &error), 0);
    assert_int_equal(api->apply(world.client, &kube_config_maps, ours, false, &again, &error), 0);
    assert_int_equal(kube_resource_version(first), kube_resource_version(again));
    assert_int_equal(foreign->apply(world.other, &kube_config_maps, theirs, false, NULL, &error),
                     -ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "etcd-operator"));
    assert_int_equal(foreign->apply(world.other, &kube_config_maps, theirs, true, NULL, &error), 0);
    /* A version in the object is a precondition, and it is past. */
    json_object_set_new(json_object_get(ours, "metadata"), "resourceVersion",
                        json_copy(json_path(first, "metadata", "resourceVersion", NULL)));
    assert_int_equal(api->apply(world.client, &kube_config_maps, ours, true, NULL, &error),
                     -ERROR_CONFLICT);
    assert_int_equal(remove_plainly("applied"), 0);
}

static void test_preconditions(void **state)
{
    const struct kube_api *api = world.api;
    const struct kube_delete_options wrong = {.uid = "00000000-0000-0000-0000-000000000000",
                                              .grace_period_seconds = -1};
    const struct kube_delete_options stale = {.resource_version = "1", .grace_period_seconds = -1};
    AUTO_JSON json_t *stale_patch =
        json_pack("{s:{s:s}, s:{s:s}}", "metadata", "resourceVersion", "1", "data", "key", "2");
    AUTO_JSON json_t *foreign_patch =
        json_pack("{s:{s:s}, s:{s:s}}", "metadata", "uid", wrong.uid, "data", "key", "2");
    struct error error;

    (void)state;
    assert_int_equal(create(api, "guarded", "1", &error), 0);
    assert_int_equal(api->merge_patch(world.client, &kube_config_maps, world.namespace, "guarded",
                                      stale_patch, NULL, &error),
                     -ERROR_CONFLICT);
    assert_int_equal(api->merge_patch(world.client, &kube_config_maps, world.namespace, "guarded",
                                      foreign_patch, NULL, &error),
                     -ERROR_CONFLICT);
    assert_int_equal(
        api->remove(world.client, &kube_config_maps, world.namespace, "guarded", &wrong, &error),
        -ERROR_CONFLICT);
    assert_int_equal(
        api->remove(world.client, &kube_config_maps, world.namespace, "guarded", &stale, &error),
        -ERROR_CONFLICT);
    assert_true(store_has("guarded", "1"));
    assert_int_equal(remove_plainly("guarded"), 0);
}

static void test_replace(void **state)
{
    const struct kube_api *api = world.api;
    AUTO_JSON json_t *object = config_map("replaced", "1");
    AUTO_JSON json_t *first = NULL;
    AUTO_JSON json_t *second = NULL;
    struct error error;

    (void)state;
    assert_int_equal(api->replace(world.client, &kube_config_maps, object, NULL, &error),
                     -ERROR_NOT_FOUND);
    assert_int_equal(api->create(world.client, &kube_config_maps, object, &first, &error), 0);
    json_object_set_new(json_object_get(first, "data"), "key", json_string("2"));
    assert_int_equal(api->replace(world.client, &kube_config_maps, first, &second, &error), 0);
    assert_true(kube_resource_version(second) > kube_resource_version(first));
    assert_true(store_has("replaced", "2"));
    /* Whoever read it before this write may not undo it. */
    json_object_set_new(json_object_get(first, "data"), "key", json_string("3"));
    assert_int_equal(api->replace(world.client, &kube_config_maps, first, NULL, &error),
                     -ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "has been modified"));
    assert_true(store_has("replaced", "2"));
    assert_int_equal(remove_plainly("replaced"), 0);
}

static json_int_t size_of(const char *name)
{
    AUTO_JSON json_t *cluster = NULL;
    struct error error;

    assert_int_equal(
        world.api->get(world.client, &kube_etcd_clusters, world.namespace, name, &cluster, &error),
        0);
    return json_path_integer(cluster, 0, "spec", "size", NULL);
}

static void test_the_scale_of_a_cluster(void **state)
{
    const struct kube_api *api = world.api;
    AUTO_JSON json_t *cluster =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:i}}", "apiVersion", kube_etcd_clusters.api_version,
                  "kind", kube_etcd_clusters.kind, "metadata", "namespace", world.namespace, "name",
                  "scaled", "spec", "size", 3);
    struct error error;

    (void)state;
    assert_int_equal(api->create(world.client, &kube_etcd_clusters, cluster, NULL, &error), 0);
    assert_int_equal(
        api->scale(world.client, &kube_etcd_clusters, world.namespace, "scaled", 4, &error),
        -ERROR_INVALID);
    if (!strstr(error.message, "spec.size: Unsupported value: 4")) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(size_of("scaled"), 3);
    assert_int_equal(
        api->scale(world.client, &kube_etcd_clusters, world.namespace, "scaled", 5, &error), 0);
    assert_int_equal(size_of("scaled"), 5);
    assert_int_equal(
        api->scale(world.client, &kube_etcd_clusters, world.namespace, "absent", 3, &error),
        -ERROR_NOT_FOUND);
    assert_int_equal(
        api->remove(world.client, &kube_etcd_clusters, world.namespace, "scaled", NULL, &error), 0);
}

static void test_a_foreign_token_is_denied(void **state)
{
    struct kube_client_options options = world.options;
    char file[] = "/tmp/kube-token-XXXXXX";
    int fd = mkstemp(file);
    struct kube_client *client;
    struct error error;

    (void)state;
    assert_int_equal(write(fd, "nobody", 6), 6);
    close(fd);
    options.token_file = file;
    assert_int_equal(kube_client_new(&options, &client, &error), 0);
    const struct kube_api *api = kube_client_api(client);
    assert_int_equal(api->get(client, &kube_config_maps, world.namespace, "x", NULL, &error),
                     -ERROR_DENIED);
    assert_null(strstr(error.message, "nobody"));
    kube_client_free(client);
    unlink(file);
}

/* --- Watches ----------------------------------------------------------------------------- */

static void test_our_write_is_in_the_store_at_once(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(create(world.api, "mine", "1", &error), 0);
    assert_true(store_has("mine", "1"));
    for (int i = 2; i < 30; i++) {
        char value[8];
        snprintf(value, sizeof value, "%d", i);
        assert_int_equal(patch_value(world.api, "mine", value), 0);
        assert_true(store_has("mine", value)); /* And no late event sets it back. */
    }
    assert_int_equal(remove_plainly("mine"), 0);
    wait_for("mine", "");
    AUTO_JSON json_t *gone = kube_store_get(world.store, world.namespace, "mine");
    assert_null(gone);
}

static void test_an_object_that_lingers(void **state)
{
    AUTO_JSON json_t *object = config_map("lingers", "1");
    AUTO_JSON json_t *release = json_pack("{s:{s:n}}", "metadata", "finalizers");
    struct error error;

    (void)state;
    json_object_set_new(json_object_get(object, "metadata"), "finalizers",
                        json_pack("[s]", "etcd.etcd.io/test"));
    assert_int_equal(world.api->create(world.client, &kube_config_maps, object, NULL, &error), 0);
    assert_int_equal(remove_plainly("lingers"), 0);
    AUTO_JSON json_t *terminating = kube_store_get(world.store, world.namespace, "lingers");
    assert_non_null(json_path_string(terminating, "metadata", "deletionTimestamp", NULL));
    assert_int_equal(world.foreign->merge_patch(world.other, &kube_config_maps, world.namespace,
                                                "lingers", release, NULL, &error),
                     0);
    wait_for("lingers", "");
}

static void test_an_object_that_leaves_the_selector(void **state)
{
    AUTO_JSON json_t *unlabel = json_pack("{s:{s:{s:n}}}", "metadata", "labels", "test");
    struct error error;

    (void)state;
    assert_int_equal(create(world.foreign, "leaves", "1", &error), 0);
    wait_for("leaves", "1");
    assert_int_equal(world.foreign->merge_patch(world.other, &kube_config_maps, world.namespace,
                                                "leaves", unlabel, NULL, &error),
                     0);
    wait_for("leaves", "");
    assert_int_equal(
        world.api->get(world.client, &kube_config_maps, world.namespace, "leaves", NULL, &error),
        0);
    assert_true(store_has("leaves", "")); /* The watch would never show its end. */
    assert_int_equal(remove_plainly("leaves"), 0);
}

/* Breaks every TCP connection of this process, as a server that dies does. */
static int cut_connections(void)
{
    int cut = 0;

    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (!getpeername(fd, (struct sockaddr *)&peer, &size) &&
            (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)) {
            shutdown(fd, SHUT_RDWR);
            cut++;
        }
    }
    return cut;
}

static void test_a_watch_survives_cut_connections(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(create(world.foreign, "cut", "1", &error), 0);
    wait_for("cut", "1");
    for (int i = 2; i < 5; i++) {
        char value[8];
        snprintf(value, sizeof value, "%d", i);
        assert_true(cut_connections() > 0);
        /* The write itself goes over a connection that was kept and is dead now. */
        assert_int_equal(patch_value(world.foreign, "cut", value), 0);
        wait_for("cut", value);
    }
    assert_true(kube_store_synced(world.store));
    assert_int_equal(
        world.foreign->remove(world.other, &kube_config_maps, world.namespace, "cut", NULL, &error),
        0);
    wait_for("cut", "");
}

static void test_lists_in_pages(void **state)
{
    struct kube_store_options options = {.trim = trim};
    struct kube_store *store = kube_store_new(&options);
    struct kube_client *late;
    struct error error;
    AUTO_JSON json_t *all = NULL;
    char name[16];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "page-%d", i);
        assert_int_equal(create(world.foreign, name, "1", &error), 0);
    }
    assert_int_equal(world.api->list(world.client, &kube_config_maps, world.namespace, "test=yes",
                                     NULL, &all, &error),
                     0);
    assert_int_equal(json_array_size(all), MANY); /* Three pages, two tokens. */
    assert_string_equal(json_path_string(json_array_get(all, 0), "kind", NULL), "ConfigMap");

    assert_int_equal(kube_client_new(&world.options, &late, &error), 0);
    kube_client_watch(late, &kube_config_maps, NULL, "test=yes", store);
    assert_int_equal(kube_client_start(late, &error), 0);
    assert_true(kube_client_wait_synced(late, DEADLINE_MS));
    AUTO_JSON json_t *here = kube_store_list(store, world.namespace, NULL);
    assert_int_equal(json_array_size(here), MANY);
    kube_client_free(late);
    kube_store_free(store);
}

/* --- Events ------------------------------------------------------------------------------ */

static void test_events(void **state)
{
    AUTO_JSON json_t *object = config_map("eventful", "1");
    AUTO_JSON json_t *made = NULL;
    AUTO_JSON json_t *events = NULL;
    struct error error;

    (void)state;
    assert_int_equal(world.api->create(world.client, &kube_config_maps, object, &made, &error), 0);
    for (int i = 0; i < 3; i++) {
        world.api->event(world.client, made, "Normal", "Tested", "as it should be");
    }
    world.api->event(world.client, made, "Warning", "Tested", "something else");
    assert_int_equal(world.api->list(world.client, &kube_events, world.namespace, NULL,
                                     "involvedObject.name=eventful", &events, &error),
                     0);
    assert_int_equal(json_array_size(events), 2);
    json_int_t counts = 0;
    for (size_t i = 0; i < 2; i++) {
        counts += json_path_integer(json_array_get(events, i), 0, "count", NULL);
    }
    assert_int_equal(counts, 4);
    assert_int_equal(remove_plainly("eventful"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_life_of_an_object),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_preconditions),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_the_scale_of_a_cluster),
        cmocka_unit_test(test_a_foreign_token_is_denied),
        cmocka_unit_test(test_our_write_is_in_the_store_at_once),
        cmocka_unit_test(test_an_object_that_lingers),
        cmocka_unit_test(test_an_object_that_leaves_the_selector),
        cmocka_unit_test(test_a_watch_survives_cut_connections),
        cmocka_unit_test(test_lists_in_pages),
        cmocka_unit_test(test_events),
    };
    world.options = (struct kube_client_options){.server = getenv("KUBE_TEST_SERVER"),
                                                 .ca_file = getenv("KUBE_TEST_CA_FILE"),
                                                 .token_file = getenv("KUBE_TEST_TOKEN_FILE")};
    if (!world.options.server || !world.options.ca_file || !world.options.token_file) {
        return SKIP;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
