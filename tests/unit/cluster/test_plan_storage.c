/* Larger volumes, and volumes of another class. */
#include "world_builder.h"

#include "base/json.h"
#include "cluster/volumes.h"

static const struct condition *applied(const struct plan *plan)
{
    return &plan->status.conditions[CONDITION_SPEC_APPLIED];
}

static struct world_claim *claim_of(struct world *world, int ordinal)
{
    return &world->members[ordinal].claim;
}

/* A running cluster of three whose volumes have 8Gi, when the spec asks for this. */
static struct world *asked(struct arena *arena, const char *size)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, arena_printf(arena, "{\"storage\":{\"size\":\"%s\"}}", size));
    return world;
}

static void grow(struct world *world, int ordinal, const char *requested, const char *capacity)
{
    claim_of(world, ordinal)->requested = requested;
    claim_of(world, ordinal)->capacity = capacity;
}

static void grows_step_by_step_in(struct arena *arena)
{
    struct world *world = asked(arena, "16Gi");
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "GrowVolumes", ACTION_GROW_CLAIMS);
    assert_pods(plan, 3, 0, 1, 2);
    assert_contains(plan->reason, "3 volumes are asked to grow to 16Gi");
    for (int i = 0; i < 3; i++) {
        grow(world, i, "16Gi", i ? "16Gi" : "8Gi");
    }
    plan = plan_of(world, arena);
    assert_waits(plan, "GrowVolumes", "2 of 3 volumes have grown to 16Gi; data-c-0 has 8Gi");
    assert_string_equal(plan->status.phase, "Running");
    assert_true(plan->status.conditions[CONDITION_PROGRESSING].status);
    assert_true(applied(plan)->status);
    grow(world, 0, "16Gi", "16Gi"); /* Only now may new volumes be of that size. */
    plan = plan_of(world, arena);
    assert_action(plan, "RemakeSet", ACTION_ORPHAN_SET);
    assert_contains(plan->reason, "new volumes of 16Gi");
    world_make_children(world, arena);
    assert_string_equal(storage_of_set(world->stateful_set).size, "16Gi");
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(grows_step_by_step)

/* What the pods are made from stays the same, so none of them is outdated. */
static void no_pod_is_outdated_in(struct arena *arena)
{
    struct world *world = asked(arena, "16Gi");

    for (int i = 0; i < 3; i++) {
        grow(world, i, "16Gi", "16Gi");
    }
    world_make_children(world, arena);
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_string_equal(plan->status.phase, "Running");
}
TEST(no_pod_is_outdated)

static void a_terminating_set_is_waited_for_in(struct arena *arena)
{
    struct world *world = asked(arena, "16Gi");

    for (int i = 0; i < 3; i++) {
        grow(world, i, "16Gi", "16Gi");
    }
    json_object_set_new(json_object_get(world->stateful_set, "metadata"), "deletionTimestamp",
                        json_string("2026-01-01T00:00:00Z"));
    assert_waits(plan_of(world, arena), "RemakeSet", "to be made anew");
}
TEST(a_terminating_set_is_waited_for)

static void refusals_in(struct arena *arena)
{
    struct world *world = asked(arena, "16Gi");

    claim_of(world, 1)->cannot_grow = "its StorageClass standard does not allow it";
    claim_of(world, 0)->cannot_grow = claim_of(world, 2)->cannot_grow =
        claim_of(world, 1)->cannot_grow;
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_contains(applied(plan)->message, "16Gi is asked for and data-c-0 has 8Gi: its "
                                            "StorageClass standard does not allow it");
    assert_int_equal(plan->requeue_ms, world->spec.health_check.interval_ms); /* Nothing to wait. */

    world = asked(arena, "4Gi");
    plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_contains(applied(plan)->message, "a volume cannot shrink: set the size back to 8Gi");

    world = asked(arena, "16Gi");
    for (int i = 0; i < 3; i++) {
        grow(world, i, "16Gi", "8Gi");
        claim_of(world, i)->growth_infeasible = true;
        claim_of(world, i)->growth_problem = "the disk is too small";
    }
    plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_contains(applied(plan)->message, "this can never be (the disk is too small)");
    world_set_spec(world, arena, "{\"storage\":{\"size\":\"9Gi\"}}"); /* Less, and still more. */
    assert_action(plan_of(world, arena), "GrowVolumes", ACTION_GROW_CLAIMS);
    world_set_spec(world, arena, "{}"); /* Kubernetes refuses that. */
    plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_contains(applied(plan)->message, "set a size above 8Gi");
}
TEST(refusals)

/* Nothing of a change that is refused comes in by the back door when the set is made anew. */
static void a_deleted_set_keeps_what_was_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena,
                   "{\"storage\":{\"size\":\"4Gi\", \"storageClassName\": \"other\"}}");
    json_array_clear(world->children);
    world->stateful_set = NULL;
    struct storage wanted = storage_wanted(world);
    assert_string_equal(wanted.size, "8Gi");
    assert_string_equal(wanted.class, "standard");
    world_set_spec(world, arena,
                   "{\"storage\":{\"size\":\"16Gi\"}}"); /* And not before they grew. */
    assert_string_equal(storage_wanted(world).size, "8Gi");
    assert_null(storage_wanted(world).class);
}
TEST(a_deleted_set_keeps_what_was)

static void a_bound_volume_keeps_its_class_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"storage\":{\"storageClassName\": \"other\"}}");
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_contains(applied(plan)->message, "other is asked for and the volume of data-c-0 is of "
                                            "standard: a volume keeps its class");
    world_set_spec(world, arena, "{\"storage\":{\"storageClassName\": \"standard\"}}");
    assert_action(plan_of(world, arena), "RemakeSet", ACTION_ORPHAN_SET); /* In other words. */
}
TEST(a_bound_volume_keeps_its_class)

/* Made with a class that does not exist: nothing is bound, no pod is on a node. */
static struct world *unbound(struct arena *arena)
{
    struct world *world = world_made(arena, "{\"storage\":{\"storageClassName\": \"gold\"}}");

    for (int i = 0; i < 3; i++) {
        world->members[i].pod.node = NULL;
        world->members[i].pod.started = false;
        world->members[i].pod.unschedulable = "unbound claims";
        world->members[i].report = NULL;
        claim_of(world, i)->bound = false;
        claim_of(world, i)->storage_class = "gold";
        claim_of(world, i)->resource_version = "5";
        claim_of(world, i)->class_missing = true;
    }
    return world;
}

static void a_wrong_class_is_mended_in(struct arena *arena)
{
    static const char *const specs[] = {"{\"storage\":{\"storageClassName\": \"standard\"}}", "{}"};

    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct world *world = unbound(arena);
        world_set_spec(world, arena, specs[i]);
        assert_action(plan_of(world, arena), "RemakeSet", ACTION_ORPHAN_SET);
        world_make_children(world, arena);
        struct plan *plan = plan_of(world, arena);
        assert_action(plan, "ReplaceClaims", ACTION_REMOVE);
        assert_int_equal(plan->action.n_remove, 6);
        assert_string_equal(plan->action.remove[0].name, "data-c-0");
        assert_string_equal(plan->action.remove[0].resource_version, "5"); /* Or it may be bound. */
        assert_string_equal(plan->action.remove[1].name, "c-0");
    }
}
TEST(a_wrong_class_is_mended)

static void only_what_nobody_used_is_replaced_in(struct arena *arena)
{
    struct world *world = unbound(arena);

    world_set_spec(world, arena, "{\"storage\":{\"storageClassName\": \"standard\"}}");
    world_make_children(world, arena);
    world->members[0].pod.node = "node-0";
    claim_of(world, 1)->terminating = true;
    world->members[2].pod.node = "node-1";
    assert_int_equal(plan_of(world, arena)->action.n_remove, 0);
    world->members[2].pod.node = NULL;
    assert_int_equal(plan_of(world, arena)->action.n_remove, 2);
    claim_of(world, 2)->creator_uid = EARLIER_UID; /* An earlier cluster left it as it was made. */
    assert_int_equal(plan_of(world, arena)->action.n_remove, 2);
    claim_of(world, 2)->volume = "pvc-2"; /* Bound in this moment. */
    assert_int_equal(plan_of(world, arena)->action.n_remove, 0);
}
TEST(only_what_nobody_used_is_replaced)

static void restarts_for_a_mount_one_by_one_in(struct arena *arena)
{
    struct world *world = asked(arena, "16Gi");

    for (int i = 0; i < 3; i++) {
        grow(world, i, "16Gi", "8Gi");
        claim_of(world, i)->mount_wanted_ms = NOW_MS - RESTART_AFTER_MS;
        claim_of(world, i)->mount_waits_ms = RESTART_AFTER_MS - 1;
        world->members[i].pod.created_ms = NOW_MS - 3600000;
    }
    assert_waits(plan_of(world, arena), "GrowVolumes", "data-c-0 has 8Gi until it is mounted anew");
    for (int i = 0; i < 3; i++) {
        claim_of(world, i)->mount_waits_ms = RESTART_AFTER_MS;
    }
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RollPod", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 2);
    assert_contains(plan->reason, "c-2 has a volume that grows only when mounted anew");
    world_is_down(world, 1);
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world_serves(world, arena, 1);
    world->members[2].pod.created_ms =
        NOW_MS; /* It was: whatever the driver says, once is enough. */
    assert_pods(plan_of(world, arena), 1, 1);
}
TEST(restarts_for_a_mount_one_by_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_step_by_step),
        cmocka_unit_test(no_pod_is_outdated),
        cmocka_unit_test(a_terminating_set_is_waited_for),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_deleted_set_keeps_what_was),
        cmocka_unit_test(a_bound_volume_keeps_its_class),
        cmocka_unit_test(a_wrong_class_is_mended),
        cmocka_unit_test(only_what_nobody_used_is_replaced),
        cmocka_unit_test(restarts_for_a_mount_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
