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
#include "sim/kube/controllers.h"
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

/* --- What gets in the way ------------------------------------------------------------------ */

static void test_while_stopped_nothing_is_done(void **state)
{
    (void)state;
    create(&kube_stateful_sets, stateful_set(2));
    sim_controllers_set_stopped(world.controllers, true);
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(count(&kube_pods), 0);
    sim_controllers_set_stopped(world.controllers, false);
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(status("readyReplicas"), 2);
    /* Stopped in the middle, too: what was seen before is not lost. */
    scale(3);
    sim_sleep(world.sim, 1);
    sim_controllers_set_stopped(world.controllers, true);
    sim_sleep(world.sim, LONG_MS);
    remove_object(&kube_pods, "c-0");
    sim_sleep(world.sim, LONG_MS);
    sim_controllers_set_stopped(world.controllers, false);
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(status("readyReplicas"), 3);
}

static void test_a_quota_is_retried(void **state)
{
    (void)state;
    sim_api_server_refuse_creates(world.server, &kube_pods);
    create(&kube_stateful_sets, stateful_set(2));
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(count(&kube_pods), 0);
    /* The first pod's failure ends the batch: one event, counted. */
    AUTO_JSON json_t *events = NULL;
    world.api->list(world.api->context, &kube_events, "ns", NULL,
                    "reason=FailedCreate,involvedObject.name=c", &events, &world.error);
    assert_int_equal(json_array_size(events), 1);
    assert_true(json_path_integer(json_array_get(events, 0), 0, "count", NULL) > 5);
    assert_non_null(strstr(json_path_string(json_array_get(events, 0), "message", NULL),
                           "pods \"c-0\" is forbidden: exceeded quota"));
    sim_api_server_refuse_creates(world.server, NULL);
    sim_sleep(world.sim, 5 * LONG_MS); /* The back-off has grown. */
    assert_int_equal(status("readyReplicas"), 2);
}

static void test_a_name_that_is_taken_blocks(void **state)
{
    (void)state;
    create(&kube_pods,
           json_pack("{s:{s:s, s:s}, s:{s:[{s:s, s:s}]}}", "metadata", "name", "c-0", "namespace",
                     "ns", "spec", "containers", "name", "x", "image", "i:1"));
    create(&kube_stateful_sets, stateful_set(2));
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(count(&kube_pods), 1);
    assert_int_equal(status("replicas"), 0);
    remove_object(&kube_pods, "c-0");
    sim_sleep(world.sim, 5 * LONG_MS);
    assert_int_equal(status("readyReplicas"), 2);
}

static void test_a_pod_that_lingers_is_not_replaced(void **state)
{
    (void)state;
    create(&kube_stateful_sets, stateful_set(1));
    sim_sleep(world.sim, LONG_MS);
    AUTO_JSON json_t *pod = json_incref((json_t *)peek(&kube_pods, "c-0"));
    world.kubelet.lingers = true;
    remove_object(&kube_pods, "c-0");
    sim_sleep(world.sim, LONG_MS);
    assert_true(json_equal(json_path(pod, "metadata", "uid", NULL),
                           json_path(peek(&kube_pods, "c-0"), "metadata", "uid", NULL)));
    assert_int_equal(status("currentReplicas"), 0);
    world.kubelet.lingers = false;
    tiny_kubelet_wake(&world.kubelet);
    sim_sleep(world.sim, LONG_MS);
    assert_false(json_equal(json_path(pod, "metadata", "uid", NULL),
                            json_path(peek(&kube_pods, "c-0"), "metadata", "uid", NULL)));
    assert_int_equal(status("readyReplicas"), 1);
}

static void test_a_claim_in_use_waits_for_its_pod(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        end();
        begin(seed);
        create(&kube_stateful_sets, stateful_set(1));
        sim_sleep(world.sim, LONG_MS);
        AUTO_JSON json_t *claim =
            json_incref((json_t *)peek(&kube_persistent_volume_claims, "data-c-0"));
        remove_object(&kube_persistent_volume_claims, "data-c-0");
        sim_sleep(world.sim, LONG_MS);
        assert_non_null(json_path(peek(&kube_persistent_volume_claims, "data-c-0"), "metadata",
                                  "deletionTimestamp", NULL));
        remove_object(&kube_pods, "c-0");
        sim_sleep(world.sim, LONG_MS);
        assert_false(json_equal(
            json_path(claim, "metadata", "uid", NULL),
            json_path(peek(&kube_persistent_volume_claims, "data-c-0"), "metadata", "uid", NULL)));
        assert_int_equal(status("readyReplicas"), 1);
    }
}

/* --- Owners -------------------------------------------------------------------------------- */

static void make_owned(const char *name, const char *owner, const char *uid)
{
    create(&kube_config_maps,
           json_pack("{s:{s:s, s:s, s:[{s:s, s:s, s:s, s:s}]}}", "metadata", "name", name,
                     "namespace", "ns", "ownerReferences", "apiVersion", "v1", "kind", "ConfigMap",
                     "name", owner, "uid", uid));
}

static const char *uid_of(const char *name)
{
    return json_path_string(peek(&kube_config_maps, name), "metadata", "uid", NULL);
}

static void make_map(const char *name)
{
    create(&kube_config_maps,
           json_pack("{s:{s:s, s:s}}", "metadata", "name", name, "namespace", "ns"));
}

static void test_dependents_go_with_their_owner(void **state)
{
    (void)state;
    make_map("owner");
    make_owned("child", "owner", uid_of("owner"));
    make_owned("grandchild", "child", uid_of("child"));
    make_map("stranger");
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(count(&kube_config_maps), 4);
    remove_object(&kube_config_maps, "owner");
    make_map("owner"); /* Of the same name, and another. */
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(count(&kube_config_maps), 2);
    assert_non_null(peek(&kube_config_maps, "stranger"));
}

static void test_orphans_stay(void **state)
{
    const struct kube_delete_options options = {.grace_period_seconds = -1,
                                                .propagation_policy = "Orphan"};

    (void)state;
    create(&kube_stateful_sets, stateful_set(2));
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(world.api->remove(world.api->context, &kube_stateful_sets, "ns", "c", &options,
                                       &world.error),
                     0);
    sim_sleep(world.sim, LONG_MS);
    assert_null(peek(&kube_stateful_sets, "c"));
    assert_int_equal(count(&kube_pods), 2);
    AUTO_JSON json_t *uid =
        json_incref(json_path(peek(&kube_pods, "c-0"), "metadata", "uid", NULL));
    create(&kube_stateful_sets, stateful_set(2)); /* It takes them in. */
    sim_sleep(world.sim, LONG_MS);
    assert_int_equal(status("readyReplicas"), 2);
    assert_true(json_equal(uid, json_path(peek(&kube_pods, "c-0"), "metadata", "uid", NULL)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_from_nothing_to_ready),
        TEST(test_on_delete_gives_the_newest_template),
        TEST(test_while_stopped_nothing_is_done),
        TEST(test_a_quota_is_retried),
        TEST(test_a_name_that_is_taken_blocks),
        TEST(test_a_pod_that_lingers_is_not_replaced),
        TEST(test_a_claim_in_use_waits_for_its_pod),
        TEST(test_dependents_go_with_their_owner),
        TEST(test_orphans_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
