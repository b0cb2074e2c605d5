/* What an upgrade leaves in the members' logs stands in the way of the next but one version. */
#include "world_builder.h"

static void run_at(struct world *world, const char *version, uint64_t index)
{
    for (int i = 0; i < world->spec.size; i++) {
        world_runs_version(world, i, version);
        world->members[i].look.status.raft_index = index;
        world->members[i].look.status.raft_applied_index = index;
    }
}

/* A pass later. */
static struct plan *again(struct world *world, struct arena *arena)
{
    struct plan *plan = plan_of(world, arena);
    world->recorded = plan->status.recorded;
    return plan;
}

static void a_log_of_two_versions_back_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"version\": \"3.5.35\"}");

    run_at(world, "3.5.35", 500);
    again(world, arena);
    assert_int_equal(world->recorded.log_minor, 0); /* Nothing is under way. */
    world_set_spec(world, arena, "{\"version\": \"3.6.16\", \"etcd\": {\"snapshotCount\": 1000}}");
    struct plan *plan = again(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY); /* And in the same pass it is recorded. */
    assert_int_equal(world->recorded.log_minor, 5);
    assert_int_equal(world->recorded.log_index, 0);
    world_make_children(world, arena);
    world_runs_version(world, 0, "3.6.16");
    again(world, arena);
    assert_int_equal(world->recorded.log_index, 0); /* The others write as 3.5 still. */
    run_at(world, "3.6.16", 700);
    again(world, arena);
    assert_int_equal(world->recorded.log_index, 700);

    world_set_spec(world, arena, "{\"version\": \"3.7.3\", \"etcd\": {\"snapshotCount\": 1000}}");
    run_at(world, "3.6.16", 1700);
    plan = again(world, arena);
    assert_string_equal(plan->status.target_version, "3.6.16");
    run_at(world, "3.6.16", 1701);
    world->members[2].look.status.raft_applied_index = 1700; /* One is enough to wait for. */
    assert_string_equal(again(world, arena)->status.target_version, "3.6.16");
    run_at(world, "3.6.16", 1701);
    plan = again(world, arena);
    assert_string_equal(plan->status.target_version, "3.7.3");
}
TEST(a_log_of_two_versions_back)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_log_of_two_versions_back)};
    return cmocka_run_group_tests_name("plan upgrade", tests, NULL, NULL);
}
