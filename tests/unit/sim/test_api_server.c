/* The simulated API server: what is easy to get wrong in it. That it behaves as the real one is
 * shown by tests/conformance/sim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sim/api_server.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_handed_out_stays_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(test_words_and_kinds_of_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_change_of_nothing_is_no_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_apply_removes_its_own_and_keeps_others, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
