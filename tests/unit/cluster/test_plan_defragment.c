/* When the planner gives the free part of databases back. */
#include "world_builder.h"

#define MIB (INT64_C(1) << 20)

/* Three members, the first leads; as large as given, and so much in use. */
static struct world *world_of(struct arena *arena, int64_t size, int64_t in_use)
{
    struct world *world = world_running(arena, "{\"healthCheck\":{\"hashInterval\":\"0s\"}}");

    world->boot_ms = 48 * 60 * INT64_C(60000);
    for (int i = 0; i < 3; i++) {
        world->members[i].look.status.db_size = size;
        world->members[i].look.status.db_size_in_use = in_use;
    }
    return world;
}

static struct upkeep *upkeep_of(struct world *world)
{
    return (struct upkeep *)(uintptr_t)world->upkeep;
}

static void one_by_one_the_leader_last_in(struct arena *arena)
{
    struct world *world = world_of(arena, 600 * MIB, 100 * MIB);

    for (int i = 2; i > 0; i--) {
        struct plan *plan = plan_of(world, arena);
        assert_action(plan, "Defragment", ACTION_DEFRAGMENT);
        assert_int_equal(plan->action.ordinal, i);
        world->members[i].look.status.db_size = 100 * MIB;
    }
    assert_action(plan_of(world, arena), "Defragment", ACTION_MOVE_LEADER);
    world->members[0].look.status.db_size = 100 * MIB;
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
}
TEST(one_by_one_the_leader_last)

static void both_thresholds_in(struct arena *arena)
{
    struct plan *plan = plan_of(world_of(arena, 600 * MIB, 310 * MIB), arena); /* Less than half. */

    assert_action(plan, "NothingToDo", ACTION_NONE);
    plan = plan_of(world_of(arena, 300 * MIB, 50 * MIB), arena); /* Not 256 MiB. */
    assert_action(plan, "NothingToDo", ACTION_NONE);
    assert_string_equal(plan->status.phase, "Running");
    struct world *world = world_of(arena, 300 * MIB, 50 * MIB);
    world->spec.maintenance.defragmentation.minimum_free = "200Mi";
    assert_action(plan_of(world, arena), "Defragment", ACTION_DEFRAGMENT);
    world->spec.maintenance.defragmentation.free_percent = 0;
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
}
TEST(both_thresholds)

static void only_when_all_is_well_in(struct arena *arena)
{
    struct world *world = world_of(arena, 600 * MIB, 100 * MIB);

    world_is_down(world, 1);
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world = world_of(arena, 600 * MIB, 100 * MIB);
    world_set_spec(world, arena, "{\"etcd\":{\"snapshotCount\":5000}}");
    world_make_children(world, arena);
    world->spec.health_check.hash_interval_ms = 0;
    assert_action(plan_of(world, arena), "RollPod", ACTION_DELETE_PODS);
}
TEST(only_when_all_is_well)

static void once_a_day_in(struct arena *arena)
{
    struct world *world = world_of(arena, 600 * MIB, 100 * MIB);

    for (int i = 0; i < 3; i++) {
        upkeep_of(world)->defragmented[i].member_id = 0xa0 + (unsigned)i;
        upkeep_of(world)->defragmented[i].at_ms = world->boot_ms;
    }
    world->boot_ms += 23 * 60 * INT64_C(60000);
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
    world->boot_ms += 60 * INT64_C(60000);
    assert_action(plan_of(world, arena), "Defragment", ACTION_DEFRAGMENT);
}
TEST(once_a_day)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_by_one_the_leader_last),
        cmocka_unit_test(both_thresholds),
        cmocka_unit_test(only_when_all_is_well),
        cmocka_unit_test(once_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
