/* The simulated API server: what is easy to get wrong in it. That it behaves as the real one is
 * shown by tests/conformance/sim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sim/kube/api_server.h"

static struct world {
    struct sim *sim;
    struct sim_api_server *server;
    const struct kube_api *api, *other;
    struct error error;
} world;

static int setup(void **state)
{
    (void)state;
    world.sim = sim_new(1);
    world.server = sim_api_server_new(world.sim);
    world.api = sim_api_server_client(world.server, "etcd-operator");
    world.other = sim_api_server_client(world.server, "kubectl");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_api_server_free(world.server);
    sim_free(world.sim);
    return 0;
}

/* --- Shorthands -------------------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    json_error_t problem;
    json_t *json = json_loads(text, 0, &problem);

    if (!json) {
        fail_msg("%s: %s", text, problem.text);
    }
    return json;
}

static json_t *config_map(const char *name, const char *data)
{
    json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "ConfigMap",
                               "metadata", "name", name, "namespace", "ns");
    json_object_set_new(object, "data", parse(data));
    return object;
}

static int create(const struct kube_resource *resource, json_t *object)
{
    int result = world.api->create(world.api->context, resource, object, NULL, &world.error);
    json_decref(object);
    return result;
}

static int patch(const struct kube_resource *resource, const char *name, const char *text)
{
    AUTO_JSON json_t *json = parse(text);
    return world.other->merge_patch(world.other->context, resource, "ns", name, json, NULL,
                                    &world.error);
}

static int apply(json_t *object, const struct kube_resource *resource)
{
    int result = world.api->apply(world.api->context, resource, object, true, NULL, &world.error);
    json_decref(object);
    return result;
}

static const json_t *peek(const struct kube_resource *resource, const char *name)
{
    return sim_api_server_peek(world.server, resource, "ns", name);
}

static const char *value(const char *name, const char *key)
{
    return json_path_string(peek(&kube_config_maps, name), "data", key, NULL);
}

static int remove_object(const struct kube_resource *resource, const char *name)
{
    return world.api->remove(world.api->context, resource, "ns", name, NULL, &world.error);
}

/* --- Requests ---------------------------------------------------------------------------- */

static void test_what_was_handed_out_stays_as_it_was(void **state)
{
    AUTO_JSON json_t *before = NULL;
    AUTO_JSON json_t *input = config_map("a", "{\"k\": \"1\"}");

    (void)state;
    assert_int_equal(
        world.api->create(world.api->context, &kube_config_maps, input, NULL, &world.error), 0);
    world.api->get(world.api->context, &kube_config_maps, "ns", "a", &before, &world.error);
    AUTO_JSON json_t *copy = json_deep_copy(before);
    json_object_set_new(json_object_get(input, "data"), "k", json_string("3")); /* Is our own. */
    assert_int_equal(patch(&kube_config_maps, "a", "{\"data\": {\"k\": \"2\", \"l\": \"x\"}}"), 0);
    assert_true(json_equal(before, copy));
    assert_string_equal(value("a", "k"), "2");
    assert_int_equal(remove_object(&kube_config_maps, "a"), 0);
    assert_true(json_equal(before, copy));
}

static void test_words_and_kinds_of_refusals(void **state)
{
    (void)state;
    assert_int_equal(patch(&kube_stateful_sets, "c", "{}"), -ERROR_NOT_FOUND);
    assert_string_equal(
        world.error.message,
        "patch statefulsets ns/c: HTTP 404 NotFound: statefulsets.apps \"c\" not found");
    assert_int_equal(create(&kube_config_maps, config_map("a", "{}")), 0);
    assert_int_equal(create(&kube_config_maps, config_map("a", "{}")), -ERROR_EXISTS);
    assert_int_equal(patch(&kube_config_maps, "a", "{\"metadata\": {\"resourceVersion\": \"77\"}}"),
                     -ERROR_CONFLICT);
    assert_int_equal(create(&kube_config_maps, config_map("No Name", "{}")), -ERROR_INVALID);
}

static void test_a_change_of_nothing_is_no_change(void **state)
{
    (void)state;
    assert_int_equal(create(&kube_config_maps, config_map("a", "{\"k\": \"1\"}")), 0);
    uint64_t version = sim_api_server_version(world.server);
    assert_int_equal(patch(&kube_config_maps, "a", "{\"data\": {\"k\": \"1\"}}"), 0);
    assert_int_equal(sim_api_server_version(world.server), version);
    assert_int_equal(patch(&kube_config_maps, "a", "{\"data\": {\"k\": \"2\"}}"), 0);
    assert_int_equal(sim_api_server_version(world.server), version + 1);
}

/* --- Applies ----------------------------------------------------------------------------- */

static void test_an_apply_removes_its_own_and_keeps_others(void **state)
{
    (void)state;
    assert_int_equal(apply(config_map("a", "{\"k\": \"1\", \"l\": \"1\"}"), &kube_config_maps), 0);
    assert_int_equal(patch(&kube_config_maps, "a", "{\"data\": {\"m\": \"2\", \"l\": \"2\"}}"), 0);
    assert_int_equal(apply(config_map("a", "{\"n\": \"1\"}"), &kube_config_maps), 0);
    assert_null(value("a", "k"));
    assert_string_equal(value("a", "l"), "2"); /* It was taken over. */
    assert_string_equal(value("a", "m"), "2");
    assert_string_equal(value("a", "n"), "1");
    assert_int_equal(apply(config_map("a", "{\"l\": \"1\"}"), &kube_config_maps), 0);
    assert_string_equal(value("a", "l"), "1");
    assert_null(value("a", "n"));
    assert_int_equal(apply(config_map("a", "{\"q\": \"1\"}"), &kube_config_maps), 0);
    assert_null(value("a", "l"));
}

static void test_lists_are_merged_by_key_in_the_applied_order(void **state)
{
    const char *first = "{\"metadata\": {\"name\": \"s\", \"namespace\": \"ns\"}, \"spec\": "
                        "{\"ports\": [{\"name\": \"a\", \"port\": 1, \"protocol\": \"TCP\"}, "
                        "{\"name\": \"b\", \"port\": 2, \"protocol\": \"TCP\"}]}}";
    const char *second = "{\"metadata\": {\"name\": \"s\", \"namespace\": \"ns\"}, \"spec\": "
                         "{\"ports\": [{\"name\": \"c\", \"port\": 3, \"protocol\": \"TCP\"}, "
                         "{\"name\": \"b2\", \"port\": 2, \"protocol\": \"TCP\"}]}}";
    static const char *const expected[] = {"theirs", "c", "b2"};

    (void)state;
    assert_int_equal(apply(parse(first), &kube_services), 0);
    assert_int_equal(
        patch(&kube_services, "s",
              "{\"spec\": {\"ports\": [{\"name\": \"a\", \"port\": 1}, {\"name\": \"theirs\", "
              "\"port\": 9}, {\"name\": \"b\", \"port\": 2}]}}"),
        0);
    assert_int_equal(apply(parse(second), &kube_services), 0);
    json_t *ports = json_path(peek(&kube_services, "s"), "spec", "ports", NULL);
    assert_int_equal(json_array_size(ports), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(json_path_string(json_array_get(ports, i), "name", NULL), expected[i]);
    }
    /* A number that somebody changed leaves two ports of one name. */
    assert_int_equal(
        patch(&kube_services, "s", "{\"spec\": {\"ports\": [{\"name\": \"c\", \"port\": 4}]}}"), 0);
    assert_int_equal(apply(parse(second), &kube_services), -ERROR_INVALID);
    assert_non_null(strstr(world.error.message, "Duplicate value: \"c\""));
}

static void test_a_refused_apply_leaves_ownership_as_it_was(void **state)
{
    const char *immutable = "{\"metadata\": {\"name\": \"a\", \"namespace\": \"ns\"}, "
                            "\"immutable\": true, \"data\": {\"k\": \"1\"}}";
    const char *changed = "{\"metadata\": {\"name\": \"a\", \"namespace\": \"ns\"}, "
                          "\"immutable\": true, \"data\": {\"l\": \"1\"}}";
    const char *labelled = "{\"metadata\": {\"name\": \"a\", \"namespace\": \"ns\", \"labels\": "
                           "{\"x\": \"y\"}}, \"immutable\": true, \"data\": {\"k\": \"1\"}}";

    (void)state;
    assert_int_equal(apply(parse(labelled), &kube_config_maps), 0);
    assert_int_equal(apply(parse(changed), &kube_config_maps), -ERROR_INVALID);
    assert_string_equal(value("a", "k"), "1");
    assert_int_equal(apply(parse(immutable), &kube_config_maps), 0);
    assert_null(json_path(peek(&kube_config_maps, "a"), "metadata", "labels", NULL));
}

/* --- Deletion ---------------------------------------------------------------------------- */

static void make_pod(bool bound)
{
    json_t *pod = parse("{\"metadata\": {\"name\": \"p\", \"namespace\": \"ns\"}, \"spec\": "
                        "{\"containers\": [{\"name\": \"x\", \"image\": \"i:1\"}]}}");
    if (bound) {
        json_object_set_new(json_object_get(pod, "spec"), "nodeName", json_string("n1"));
    }
    assert_int_equal(create(&kube_pods, pod), 0);
}

static json_int_t grace(void)
{
    return json_path_integer(peek(&kube_pods, "p"), -1, "metadata", "deletionGracePeriodSeconds",
                             NULL);
}

static void test_pods_end_gracefully(void **state)
{
    const struct kube_delete_options at_once = {.grace_period_seconds = 0};
    const struct kube_delete_options later = {.grace_period_seconds = 500};

    (void)state;
    make_pod(false);
    assert_int_equal(remove_object(&kube_pods, "p"), 0);
    assert_null(peek(&kube_pods, "p"));
    make_pod(true);
    assert_int_equal(remove_object(&kube_pods, "p"), 0);
    assert_int_equal(grace(), 30);
    world.api->remove(world.api->context, &kube_pods, "ns", "p", &later, &world.error);
    assert_int_equal(grace(), 30);
    world.api->remove(world.api->context, &kube_pods, "ns", "p", &at_once, &world.error);
    assert_null(peek(&kube_pods, "p"));
}

static void test_finalizers_hold(void **state)
{
    (void)state;
    make_pod(true);
    assert_int_equal(patch(&kube_pods, "p", "{\"metadata\": {\"finalizers\": [\"a/b\"]}}"), 0);
    assert_int_equal(remove_object(&kube_pods, "p"), 0);
    assert_int_equal(patch(&kube_pods, "p", "{\"metadata\": {\"finalizers\": null}}"), 0);
    assert_int_equal(grace(), 30); /* The kubelet has not said that it is gone. */
    assert_int_equal(patch(&kube_pods, "p", "{\"metadata\": {\"finalizers\": [\"a/b\"]}}"),
                     -ERROR_INVALID);
    assert_int_equal(create(&kube_config_maps, config_map("a", "{}")), 0);
    assert_int_equal(patch(&kube_config_maps, "a", "{\"metadata\": {\"finalizers\": [\"a/b\"]}}"),
                     0);
    assert_int_equal(remove_object(&kube_config_maps, "a"), 0);
    assert_non_null(json_path(peek(&kube_config_maps, "a"), "metadata", "deletionTimestamp", NULL));
    assert_int_equal(patch(&kube_config_maps, "a", "{\"metadata\": {\"finalizers\": null}}"), 0);
    assert_null(peek(&kube_config_maps, "a"));
}

static void test_a_quota_refuses_creates(void **state)
{
    (void)state;
    sim_api_server_refuse_creates(world.server, &kube_config_maps);
    assert_int_equal(create(&kube_config_maps, config_map("a", "{}")), -ERROR_DENIED);
    assert_non_null(strstr(world.error.message, "exceeded quota"));
    assert_int_equal(apply(config_map("a", "{}"), &kube_config_maps), -ERROR_DENIED);
    make_pod(false);
    sim_api_server_refuse_creates(world.server, NULL);
    assert_int_equal(apply(config_map("a", "{}"), &kube_config_maps), 0);
}

/* --- Watches and lists ------------------------------------------------------------------- */

static struct sim_watch *watch_from(uint64_t version, const char *selector)
{
    struct sim_watch *watch = NULL;
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)version);
    sim_watch_open(world.server, &kube_config_maps, "ns", selector, text, &watch, &world.error);
    return watch;
}

static void expect_event(struct sim_watch *watch, const char *type, const char *name)
{
    AUTO_JSON json_t *event = sim_watch_next(watch);

    if (!event) {
        fail_msg("no %s of %s", type, name);
    }
    assert_string_equal(json_path_string(event, "type", NULL), type);
    assert_string_equal(json_path_string(event, "object", "metadata", "name", NULL), name);
}

static void make_map(const char *name)
{
    assert_int_equal(create(&kube_config_maps, config_map(name, "{\"k\": \"1\"}")), 0);
}

static void test_an_open_watch_outlives_a_compaction(void **state)
{
    uint64_t start = sim_api_server_version(world.server);
    struct sim_watch *watch = watch_from(start, NULL);

    (void)state;
    make_map("a");
    make_map("b");
    expect_event(watch, "ADDED", "a");
    sim_api_server_compact(world.server);
    assert_null(watch_from(start, NULL));
    assert_int_equal(world.error.kind, ERROR_GONE);
    assert_null(watch_from(sim_api_server_version(world.server) + 1, NULL));
    assert_int_equal(world.error.kind, ERROR_RETRYABLE);
    struct sim_watch *late = watch_from(sim_api_server_version(world.server), NULL);
    assert_non_null(late);
    make_map("c");
    expect_event(watch, "ADDED", "b");
    expect_event(watch, "ADDED", "c");
    assert_null(sim_watch_next(watch));
    expect_event(late, "ADDED", "c");
    sim_watch_close(watch);
    sim_watch_close(late);
}

static const char *bookmark(const struct sim_watch *watch, char text[24])
{
    AUTO_JSON json_t *event = sim_watch_bookmark(watch);

    assert_string_equal(json_path_string(event, "type", NULL), "BOOKMARK");
    snprintf(text, 24, "%s",
             json_path_string(event, "object", "metadata", "resourceVersion", NULL));
    return text;
}

static void test_a_bookmark_does_not_pass_what_is_to_come(void **state)
{
    uint64_t start = sim_api_server_version(world.server);
    struct sim_watch *watch = watch_from(start, NULL);
    char text[24];

    (void)state;
    make_map("a");
    make_map("b");
    assert_int_equal(strtoull(bookmark(watch, text), NULL, 10), start);
    expect_event(watch, "ADDED", "a");
    assert_int_equal(strtoull(bookmark(watch, text), NULL, 10), start + 1);
    expect_event(watch, "ADDED", "b");
    make_pod(false); /* Of another kind: time passes nevertheless. */
    assert_null(sim_watch_next(watch));
    assert_int_equal(strtoull(bookmark(watch, text), NULL, 10), start + 3);
    sim_watch_close(watch);
}

static void test_what_leaves_the_selector_is_deleted(void **state)
{
    struct sim_watch *watch = watch_from(sim_api_server_version(world.server), "x=y");

    (void)state;
    make_map("a");
    assert_int_equal(patch(&kube_config_maps, "a", "{\"metadata\": {\"labels\": {\"x\": \"y\"}}}"),
                     0);
    expect_event(watch, "ADDED", "a");
    assert_int_equal(patch(&kube_config_maps, "a",
                           "{\"metadata\": {\"labels\": null}, \"data\": {\"k\": \"2\"}}"),
                     0);
    AUTO_JSON json_t *event = sim_watch_next(watch);
    assert_string_equal(json_path_string(event, "type", NULL), "DELETED");
    assert_string_equal(json_path_string(event, "object", "data", "k", NULL), "1");
    assert_string_equal(
        json_path_string(event, "object", "metadata", "resourceVersion", NULL),
        json_path_string(peek(&kube_config_maps, "a"), "metadata", "resourceVersion", NULL));
    assert_int_equal(remove_object(&kube_config_maps, "a"), 0);
    assert_null(sim_watch_next(watch));
    sim_watch_close(watch);
}

/* The names on a page, and its token (the caller's) or NULL. */
static char *page(const char *token, char names[100])
{
    AUTO_JSON json_t *list = NULL;
    json_t *item;
    size_t i;

    *names = '\0';
    if (sim_api_server_list_page(world.server, &kube_config_maps, "ns", NULL, 2, token, &list,
                                 &world.error)) {
        snprintf(names, 100, "%s", error_kind_name(world.error.kind));
        return NULL;
    }
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        strcat(names, json_path_string(item, "metadata", "name", NULL));
        strcat(names, json_path_string(item, "data", "k", NULL));
    }
    const char *next = json_path_string(list, "metadata", "continue", NULL);
    return next ? strdup(next) : NULL;
}

static void test_pages_are_of_one_moment(void **state)
{
    char names[100];

    (void)state;
    make_map("b");
    make_map("d");
    make_map("e");
    make_map("f");
    make_map("g");
    AUTO_FREE char *second = page(NULL, names);
    assert_string_equal(names, "b1d1");
    assert_int_equal(remove_object(&kube_config_maps, "e"), 0);
    assert_int_equal(remove_object(&kube_config_maps, "d"), 0);
    make_map("a");
    make_map("e"); /* Another one. */
    assert_int_equal(patch(&kube_config_maps, "e", "{\"data\": {\"k\": \"2\"}}"), 0);
    assert_int_equal(patch(&kube_config_maps, "f", "{\"data\": {\"k\": \"2\"}}"), 0);
    assert_int_equal(patch(&kube_config_maps, "f", "{\"data\": {\"k\": \"3\"}}"), 0);
    make_map("h");
    AUTO_FREE char *third = page(second, names);
    assert_string_equal(names, "e1f1");
    assert_null(page(third, names));
    assert_string_equal(names, "g1");
    sim_api_server_compact(world.server);
    assert_null(page(third, names));
    assert_string_equal(names, "gone");
    AUTO_FREE char *anew = page(NULL, names);
    assert_string_equal(names, "a1b1");
}

/* --- Seeds --------------------------------------------------------------------------------- */

static void test_a_seed_decides_the_uids(void **state)
{
    char first[40];

    (void)state;
    make_map("a");
    snprintf(first, sizeof first, "%s",
             json_path_string(peek(&kube_config_maps, "a"), "metadata", "uid", NULL));
    teardown(NULL);
    setup(NULL);
    make_map("a");
    assert_string_equal(first,
                        json_path_string(peek(&kube_config_maps, "a"), "metadata", "uid", NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_handed_out_stays_as_it_was),
        TEST(test_words_and_kinds_of_refusals),
        TEST(test_a_change_of_nothing_is_no_change),
        TEST(test_an_apply_removes_its_own_and_keeps_others),
        TEST(test_lists_are_merged_by_key_in_the_applied_order),
        TEST(test_a_refused_apply_leaves_ownership_as_it_was),
        TEST(test_pods_end_gracefully),
        TEST(test_finalizers_hold),
        TEST(test_a_quota_refuses_creates),
        TEST(test_an_open_watch_outlives_a_compaction),
        TEST(test_a_bookmark_does_not_pass_what_is_to_come),
        TEST(test_what_leaves_the_selector_is_deleted),
        TEST(test_pages_are_of_one_moment),
        TEST(test_a_seed_decides_the_uids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
