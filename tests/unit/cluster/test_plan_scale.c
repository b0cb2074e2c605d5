/* The size: recorded first, and taken up from wherever things stand when it changes again. */
#include "world_builder.h"

static void resize(struct world *world, struct arena *arena, int size)
{
    world_set_spec(world, arena, arena_printf(arena, "{\"size\": %d}", size));
}

/* The plan records the size, and nothing else is done in that pass. */
static struct plan *assert_records(const struct world *world, struct arena *arena, int size)
{
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "Scale", ACTION_NONE);
    assert_int_equal(plan->status.recorded.size, size);
    return plan;
}

static void recorded_before_anything_is_made_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    resize(world, arena, 5);
    struct plan *plan = assert_records(world, arena, 5);
    assert_contains(plan->reason, "from 3 to 5 members");
    assert_int_equal(plan->status.recorded.n_permits, 3);
    world->recorded = plan->status.recorded;
    plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY); /* The StatefulSet grows. */
    assert_int_equal(json_path_integer(plan->action.apply[0].object, 0, "spec", "replicas", NULL),
                     5);
    assert_string_equal(plan->status.phase, "Scaling");
    assert_string_equal(plan->status.operation_kind, "Scale");
    assert_int_equal(plan->status.size, 5);
}
TEST(recorded_before_anything_is_made)

/* The StatefulSet keeps its replicas: members leave etcd before their pods go. */
static void a_smaller_size_takes_no_pod_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 5}");

    resize(world, arena, 3);
    world->recorded = assert_records(world, arena, 3)->status.recorded;
    assert_int_equal(world->recorded.n_permits, 5); /* They are members still. */
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 4);
}
TEST(a_smaller_size_takes_no_pod)

static void not_without_a_member_list_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    resize(world, arena, 5);
    world->member_list = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_int_equal(plan->status.recorded.size, 3);
    assert_contains(plan->status.conditions[CONDITION_SPEC_APPLIED].message,
                    "etcd gives no linearizable member list, so nothing is changed");
}
TEST(not_without_a_member_list)

/* A bootstrap takes the size that it began with. */
static void not_before_the_cluster_has_formed_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    for (int i = 0; i < 3; i++) {
        world_record(world, i, PERMIT_NEW, world->members[i].pod.uid);
        world_give_permit(world, arena, i);
    }
    resize(world, arena, 5);
    assert_int_equal(plan_of(world, arena)->status.recorded.size, 3);
}
TEST(not_before_the_cluster_has_formed)

/* 3 to 5, and with one learner there back to 3: it goes, and nobody else. */
static void growth_is_turned_back_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world_adds(world, arena, 3, 0xb3);
    world->recorded = plan_of(world, arena)->status.recorded;
    world_give_permit(world, arena, 3);
    resize(world, arena, 3);
    world->recorded = assert_records(world, arena, 3)->status.recorded;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY); /* c-4 never was a member: its pod goes. */
    assert_int_equal(json_path_integer(plan->action.apply[0].object, 0, "spec", "replicas", NULL),
                     4);
    world_make_children(world, arena);
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 3);
}
TEST(growth_is_turned_back)

/* 5 to 3, and with one gone back to 5: that ordinal joins anew, as on the first day. */
static void shrinking_is_turned_back_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 5, 3);

    world_unlist(world, 4);
    world_is_down(world, 4);
    resize(world, arena, 5);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY); /* Four, for as long as 3 is recorded. */
    world_make_children(world, arena);
    plan = assert_records(world, arena, 5);
    assert_int_equal(plan->status.recorded.n_permits, 4); /* Its permit was of another member. */
    world->recorded = plan->status.recorded;
    world_make_children(world, arena);
    world_make_pod(world, arena, 4, "pod-4b");
    world_waits(world, arena, 4);
    plan = plan_of(world, arena);
    assert_calls(plan, "AddMember", ACTION_ADD_MEMBER, 4);
    assert_string_equal(plan->status.phase, "Scaling");
}
TEST(shrinking_is_turned_back)

/* A budget of a single member would bar every drain, and one of several protects the quorum. */
static void the_budget_is_of_several_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 3}");
    json_t *budget = json_deep_copy(world_child(world, &kube_pod_disruption_budgets, "c"));

    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
    world = world_running(arena, "{\"size\": 1}");
    assert_null(world_child(world, &kube_pod_disruption_budgets, "c"));
    json_array_append_new(world->children, budget); /* Of when it was larger. */
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RemoveStale", ACTION_REMOVE);
    assert_ptr_equal(plan->action.remove[0].resource, &kube_pod_disruption_budgets);
    assert_contains(plan->reason, "a single member must be able to move");

    world = world_resizing(arena, 3, 1); /* As long as there are two, it stays. */
    assert_non_null(world_child(world, &kube_pod_disruption_budgets, "c"));
    world = world_resizing(arena, 1, 3); /* And it comes before the members do. */
    assert_non_null(world_child(world, &kube_pod_disruption_budgets, "c"));
}
TEST(the_budget_is_of_several)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_before_anything_is_made),
        cmocka_unit_test(a_smaller_size_takes_no_pod),
        cmocka_unit_test(not_without_a_member_list),
        cmocka_unit_test(not_before_the_cluster_has_formed),
        cmocka_unit_test(growth_is_turned_back),
        cmocka_unit_test(shrinking_is_turned_back),
        cmocka_unit_test(the_budget_is_of_several),
    };
    return cmocka_run_group_tests_name("plan scale", tests, NULL, NULL);
}
