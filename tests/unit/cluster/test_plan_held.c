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
                   "{\"size\":5,\"version\":\"3.7.3\",\"storage\":{\"size\":\"16Gi\"}}");
    struct plan *plan = plan_of(world, arena);
    assert_false(applied(plan)->status);
    assert_contains(applied(plan)->message, "spec.version: 3.7.3 is asked for and 3.6.16 runs");
    assert_contains(applied(plan)->message, "spec.size: 5 is asked for and 3 members run");
    assert_contains(applied(plan)->message, "spec.storage.size: 16Gi is asked for");
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

/* The same version from another registry is no other version; any other image may be. */
static void images_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"repository\":\"mirror.example/etcd\"}");
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_APPLY);
    world_make_children(world, arena);
    assert_null(strstr(applied(plan_of(world, arena))->message, "spec.image"));

    world_set_spec(world, arena, "{\"image\":\"mirror.example/etcd:latest\"}");
    plan = plan_of(world, arena);
    assert_int_not_equal(plan->action.kind, ACTION_APPLY);
    assert_contains(applied(plan)->message, "spec.image: mirror.example/etcd:latest is asked for");
}
TEST(images)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_held),
        cmocka_unit_test(all_is_said),
        cmocka_unit_test(images),
        cmocka_unit_test(the_same_size_in_other_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
