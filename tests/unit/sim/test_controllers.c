/* The simulated controllers: what is easy to get wrong in them. That they behave as the real ones
 * is shown by tests/conformance/sim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sim/controllers.h"
#include "tiny_kubelet.h"

#define LONG_MS 120000 /* All controllers have done all that they will do. */

static struct world {
    struct sim *sim;
    struct sim_api_server *server;
    struct sim_controllers *controllers;
    struct tiny_kubelet kubelet;
    const struct kube_api *api;
    struct error error;
} world;

static void begin(uint64_t seed)
{
    world.sim = sim_new(seed);
    world.server = sim_api_server_new(world.sim);
    world.controllers = sim_controllers_new(world.sim, world.server);
    tiny_kubelet_init(&world.kubelet, world.sim, world.server);
    world.api = sim_api_server_client(world.server, "test");
}

static void end(void)
{
    tiny_kubelet_fini(&world.kubelet);
    sim_controllers_free(world.controllers);
    sim_api_server_free(world.server);
    sim_free(world.sim);
}

static int setup(void **state)
{
    (void)state;
    begin(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    end();
    return 0;
}

/* --- Shorthands -------------------------------------------------------------------------- */

static json_t *stateful_set(int replicas)
{
    return json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:i, s:s, s:s, s:{s:s}, s:{s:{s:s}}, s:{s:{s:{s:s}}, "
        "s:{s:[{s:s, s:s}]}}, s:[{s:{s:s}, s:{s:[s], s:{s:{s:s}}}}]}}",
        "apiVersion", "apps/v1", "kind", "StatefulSet", "metadata", "name", "c", "namespace", "ns",
        "spec", "replicas", replicas, "serviceName", "c-peer", "podManagementPolicy", "Parallel",
        "updateStrategy", "type", "OnDelete", "selector", "matchLabels", "app", "c", "template",
        "metadata", "labels", "app", "c", "spec", "containers", "name", "etcd", "image", "i:v1",
        "volumeClaimTemplates", "metadata", "name", "data", "spec", "accessModes", "ReadWriteOnce",
        "resources", "requests", "storage", "1Gi");
}

static void create(const struct kube_resource *resource, json_t *object)
{
    assert_int_equal(world.api->create(world.api->context, resource, object, NULL, &world.error),
                     0);
    json_decref(object);
}

static void patch(const struct kube_resource *resource, const char *name, json_t *patch)
{
    assert_int_equal(
        world.api->merge_patch(world.api->context, resource, "ns", name, patch, NULL, &world.error),
        0);
    json_decref(patch);
}

static void scale(int replicas)
{
    assert_int_equal(world.api->scale(world.api->context, &kube_stateful_sets, "ns", "c", replicas,
                                      &world.error),
                     0);
}

static void remove_object(const struct kube_resource *resource, const char *name)
{
    assert_int_equal(
        world.api->remove(world.api->context, resource, "ns", name, NULL, &world.error), 0);
}

static const json_t *peek(const struct kube_resource *resource, const char *name)
{
    return sim_api_server_peek(world.server, resource, "ns", name);
}

static json_int_t status(const char *field)
{
    return json_path_integer(peek(&kube_stateful_sets, "c"), 0, "status", field, NULL);
}

static void count_one(void *context, const json_t *object)
{
    (void)object;
    ++*(int *)context;
}

static int count(const struct kube_resource *resource)
{
    int n = 0;
    sim_api_server_for_each(world.server, resource, count_one, &n);
    return n;
}

/* --- StatefulSets ------------------------------------------------------------------------ */

static void test_from_nothing_to_ready(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        end();
        begin(seed);
        create(&kube_stateful_sets, stateful_set(3));
        sim_sleep(world.sim, LONG_MS);
        assert_int_equal(count(&kube_pods), 3);
        assert_int_equal(count(&kube_persistent_volume_claims), 3);
        assert_int_equal(status("replicas"), 3);
        assert_int_equal(status("readyReplicas"), 3);
        assert_int_equal(status("updatedReplicas"), 3);
        assert_int_equal(status("observedGeneration"), 1);
        scale(1);
        sim_sleep(world.sim, LONG_MS);
        assert_int_equal(count(&kube_pods), 1);
        assert_non_null(peek(&kube_pods, "c-0"));
        assert_int_equal(count(&kube_persistent_volume_claims), 3);
        assert_int_equal(status("replicas"), 1);
        assert_int_equal(status("observedGeneration"), 2);
    }
}

static void test_on_delete_gives_the_newest_template(void **state)
{
    (void)state;
    create(&kube_stateful_sets, stateful_set(2));
    sim_sleep(world.sim, LONG_MS);
    AUTO_JSON json_t *before = json_incref((json_t *)peek(&kube_pods, "c-1"));
    patch(
        &kube_stateful_sets, "c",
        json_pack("{s:{s:{s:{s:{s:s}}}}}", "spec", "template", "metadata", "labels", "new", "yes"));
    sim_sleep(world.sim, LONG_MS);
    assert_ptr_equal(peek(&kube_pods, "c-1"), before);
    assert_int_equal(status("updatedReplicas"), 0);
    remove_object(&kube_pods, "c-1");
    sim_sleep(world.sim, LONG_MS);
    assert_string_equal(
        json_path_string(peek(&kube_pods, "c-1"), "metadata", "labels", "new", NULL), "yes");
    assert_null(json_path(peek(&kube_pods, "c-0"), "metadata", "labels", "new", NULL));
    assert_int_equal(status("updatedReplicas"), 1);
    assert_int_equal(status("currentReplicas"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_nothing_to_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_delete_gives_the_newest_template, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
