/* Serving members whose pod is of an earlier template: who goes when, and what stops it. */
#include "world_builder.h"

static void make_outdated(struct world *world, int ordinal)
{
    world->members[ordinal].pod.template_hash = "earlier";
}

/* All members are of an earlier template; c-1 leads. */
static struct world *outdated(struct arena *arena, const char *spec)
{
    struct world *world = world_running(arena, spec);

    for (int i = 0; i < world->spec.size; i++) {
        make_outdated(world, i);
    }
    if (world->spec.size > 1) {
        world_leads(world, 1);
    }
    return world;
}

/* The pod came back from the new template and serves. */
static void renew(struct world *world, struct arena *arena, int ordinal)
{
    world_make_pod(world, arena, ordinal, "renewed");
    world_serves(world, arena, ordinal);
    world_leads(world, 1);
}

static void assert_rolls(const struct world *world, struct arena *arena, int ordinal)
{
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "RollPod", ACTION_DELETE_PODS);
    assert_pods(plan, 1, ordinal);
    assert_string_equal(plan->status.phase, "Upgrading");
    assert_string_equal(plan->status.operation_kind, "Roll");
}

static void followers_first_in(struct arena *arena)
{
    struct world *world = outdated(arena, "{}");

    assert_rolls(world, arena, 2);
    renew(world, arena, 2);
    assert_rolls(world, arena, 0);
    renew(world, arena, 0);
    struct plan *plan = plan_of(world, arena); /* The leader last, and after it has handed over. */
    assert_calls(plan, "RollPod", ACTION_MOVE_LEADER, 1);
    assert_int_equal(plan->action.successor, 0);
    world_leads(world, 0);
    assert_rolls(world, arena, 1);
    renew(world, arena, 1);
    plan = plan_of(world, arena);
    assert_action(plan, "NothingToDo", ACTION_NONE);
    assert_string_equal(plan->status.phase, "Running");
}
TEST(followers_first)

static void gone(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].pod = (struct world_pod){0};
    world_is_down(world, 2);
}

static void ending(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].pod.terminating = true;
}

static void not_ready(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].pod.ready = false;
}

static void no_read(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].look.read_error.kind = ERROR_RETRYABLE;
}

static void behind(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[0].look.status.raft_index = 99999;
    world->members[0].look.status.raft_applied_index = 99999;
    world->members[1].look.status.raft_applied_index = 99999;
}

static void a_learner(struct world *world, struct arena *arena)
{
    world_list(world, arena, 2)->is_learner = true;
    world->members[2].report = NULL;
    error_set(&world->members[2].look.status_error, ERROR_RETRYABLE, "connection refused");
}

static void corrupt(struct world *world, struct arena *arena)
{
    world_raises(world, arena, ETCD_ALARM_CORRUPT);
}

static void a_stranger(struct world *world, struct arena *arena)
{
    (void)arena;
    world_lists_stranger(world, 0xdead);
}

static void no_list(struct world *world, struct arena *arena)
{
    (void)arena;
    world->member_list = NULL;
}

static void set_not_seen(struct world *world, struct arena *arena)
{
    (void)arena;
    json_object_set_new(json_object_get(world->stateful_set, "metadata"), "generation",
                        json_integer(2));
}

/* c-2 is renewed and something is not well: the roll stops after the first. */
static void it_stops_when_one_does_not_serve_in(struct arena *arena)
{
    const struct {
        void (*change)(struct world *world, struct arena *arena);
        const char *words;
    } rows[] = {{gone, "c-2 does not serve"},
                {ending, "c-2 does not serve"},
                {not_ready, "c-2 does not serve"},
                {no_read, "c-2 does not serve"},
                {behind, "c-2 is 99899 entries behind"},
                {a_learner, "c-2 is a learner still"},
                {corrupt, "an alarm CORRUPT is raised"},
                {a_stranger, "member 000000000000dead is none of this cluster's"},
                {no_list, "no member gives a linearizable member list"},
                {set_not_seen, "the StatefulSet has not got its new template yet"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = outdated(arena, "{}");
        renew(world, arena, 2);
        rows[i].change(world, arena);
        assert_waits(
            plan_of(world, arena), "RollPod",
            arena_printf(arena, "c-0 was made from an earlier template and is to be restarted: %s",
                         rows[i].words));
    }
}
TEST(it_stops_when_one_does_not_serve)

static void a_single_member_is_restarted_in(struct arena *arena)
{
    struct world *world = outdated(arena, "{\"size\": 1}");

    assert_rolls(world, arena, 0); /* There is nobody to hand over to. */
}
TEST(a_single_member_is_restarted)

static void of_five_one_at_a_time_in(struct arena *arena)
{
    struct world *world = outdated(arena, "{\"size\": 5}");

    assert_rolls(world, arena, 4);
    world->members[4].pod.terminating = true;
    assert_waits(plan_of(world, arena), "RollPod", "c-4 does not serve");
}
TEST(of_five_one_at_a_time)

/* Its pod goes with the scale-in anyway. */
static void who_leaves_is_not_restarted_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 5, 3);

    make_outdated(world, 4);
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 4);
    make_outdated(world, 0); /* Nor is another before it has left. */
    world_leads(world, 1);
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 4);
}
TEST(who_leaves_is_not_restarted)

static void nobody_hands_over_while_one_is_away_in(struct arena *arena)
{
    struct world *world = outdated(arena, "{}");

    renew(world, arena, 2);
    renew(world, arena, 0);
    world_is_down(world, 2);
    assert_waits(plan_of(world, arena), "RollPod",
                 "c-1 was made from an earlier template and is to be restarted");
}
TEST(nobody_hands_over_while_one_is_away)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(followers_first),
        cmocka_unit_test(it_stops_when_one_does_not_serve),
        cmocka_unit_test(a_single_member_is_restarted),
        cmocka_unit_test(of_five_one_at_a_time),
        cmocka_unit_test(who_leaves_is_not_restarted),
        cmocka_unit_test(nobody_hands_over_while_one_is_away),
    };
    return cmocka_run_group_tests_name("plan roll", tests, NULL, NULL);
}
