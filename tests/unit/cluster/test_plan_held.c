/* What of a changed spec is not carried out on a living cluster, in words. */
#include "world_builder.h"

static const struct condition *applied(const struct plan *plan)
{
    return &plan->status.conditions[CONDITION_SPEC_APPLIED];
}

static void nothing_is_held_in(struct arena *arena)
{
    struct plan *plan = plan_of(world_running(arena, "{}"), arena);

    assert_true(applied(plan)->status);
    assert_string_equal(plan->status.message, "");
}
TEST(nothing_is_held)

static void all_is_said_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena,
                   "{\"size\":5,\"version\":\"3.8.1\",\"storage\":{\"size\":\"4Gi\"}}");
    world->member_list = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_false(applied(plan)->status);
    assert_contains(applied(plan)->message, "spec.version: 3.8.1 is asked for and 3.6.16 stays");
    assert_contains(applied(plan)->message, "set a version of 3.7 first, then 3.8");
    assert_contains(applied(plan)->message, "spec.size: 5 is asked for and there are 3");
    assert_contains(applied(plan)->message, "spec.storage.size: 4Gi is asked for");
    assert_string_equal(plan->status.phase, "Running"); /* It is not an illness. */
}
TEST(all_is_said)

static void the_same_size_in_other_words_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"storage\":{\"size\":\"1024Mi\"}}");

    world_set_spec(world, arena, "{\"storage\":{\"size\":\"1Gi\"}}");
    assert_true(applied(plan_of(world, arena))->status);
}
TEST(the_same_size_in_other_words)

/* Of the same version, from wherever: it is what may mend a pull that fails. */
static void images_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"repository\":\"mirror.example/etcd\"}");
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    world_make_children(world, arena);
    world_is_down(world, 1);
    world_set_spec(world, arena, "{\"image\":\"mirror.example/etcd:latest\"}");
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    world_make_children(world, arena);
    assert_true(applied(plan_of(world, arena))->status);
}
TEST(images)

static void paused_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"size\": 5, \"version\": \"3.7.3\", \"paused\": true}");
    world_is_down(world, 1);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "Paused", ACTION_NONE);
    assert_int_equal(plan->status.recorded.size, 3);
    assert_string_equal(plan->status.phase, "Paused");
    assert_false(applied(plan)->status);
    assert_contains(applied(plan)->message, "spec.paused");
    assert_true(plan->status.conditions[CONDITION_DEGRADED].status); /* It watches all the same. */
    world->deleting = true;
    world->pods_left = true;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_STOP_ETCD);
}
TEST(paused)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paused),
        cmocka_unit_test(nothing_is_held),
        cmocka_unit_test(all_is_said),
        cmocka_unit_test(images),
        cmocka_unit_test(the_same_size_in_other_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
