/* When members' data is compared, and what follows. */
#include "cluster/hashes.h"
#include "world_builder.h"

#define BOOT_MS INT64_C(100000000)

static struct upkeep *upkeep_of(struct world *world)
{
    return (struct upkeep *)(uintptr_t)world->upkeep;
}

/* Well, and compared half a minute ago: equal. */
static struct world *equal_world(struct arena *arena, const char *spec)
{
    struct world *world = world_running(arena, spec);
    struct upkeep *upkeep = upkeep_of(world);

    world->boot_ms = BOOT_MS;
    upkeep->since_ms = 1;
    upkeep->checks[0] = (struct hash_check){.revision = 40, .at_ms = BOOT_MS - 30000};
    for (int i = 0; i < world_size(world); i++) {
        world->members[i].look.status.revision = 50 + i;
        upkeep->checks[0].answers[i] = (struct hash_answer){0xa0 + (unsigned)i, 7, 0x1111};
    }
    return world;
}

/* This member's hash was another, the last two times. */
static void differs(struct world *world, int ordinal)
{
    struct upkeep *upkeep = upkeep_of(world);

    upkeep->checks[0].answers[ordinal].hash = 0x2222;
    upkeep->checks[1] = upkeep->checks[0];
}

static void raise_corrupt(struct world *world, struct arena *arena, uint64_t member_id)
{
    struct etcd_alarm *alarm = arena_alloc(arena, sizeof *alarm);

    *alarm = (struct etcd_alarm){member_id, ETCD_ALARM_CORRUPT};
    world->alarms = alarm;
    world->n_alarms = 1;
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        world->members[i].pod.ready = false; /* So the kubelet sees it then. */
    }
}

static void assert_check(const struct world *world, struct arena *arena, int64_t revision)
{
    const struct plan *plan = plan_of(world, arena);

    assert_action(plan, "HashCheck", ACTION_CHECK_HASHES);
    assert_int_equal(plan->action.revision, revision);
}

static void compared_on_an_interval_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{\"healthCheck\":{\"hashInterval\":\"20m\"}}");

    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
    world->boot_ms += 19 * 60000;
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
    world->boot_ms += 60000;
    assert_check(world, arena, 50); /* All have applied that. */
    world->spec.health_check.hash_interval_ms = 0;
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
}
TEST(compared_on_an_interval)

/* After a start of the operator not all clusters are compared at once. */
static void the_first_time_is_drawn_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    upkeep_of(world)->checks[0].revision = 0;
    upkeep_of(world)->since_ms = BOOT_MS;
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
    world->boot_ms += 60 * 60000;
    assert_check(world, arena, 50);
}
TEST(the_first_time_is_drawn)

static void not_while_versions_differ_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    world->boot_ms += 2 * 60 * 60000;
    world->members[1].look.status.version = "3.6.15";
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world->members[1].look.status.version = "3.6.16";
    assert_check(world, arena, 50);
    world_is_down(world, 1);
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(not_while_versions_differ)

/* A member with good data would not start again beside one whose data differs. */
static void compared_before_a_roll_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    world_set_spec(world, arena, "{\"etcd\":{\"snapshotCount\":5000}}");
    world_make_children(world, arena);
    assert_action(plan_of(world, arena), "RollPod", ACTION_DELETE_PODS);
    world->boot_ms += 10 * 60000;
    assert_check(world, arena, 50);
    upkeep_of(world)->checks[0].answers[1].hash = 0x2222;
    upkeep_of(world)->checks[0].at_ms = world->boot_ms;
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_contains(plan->status.conditions[CONDITION_PROGRESSING].message, "compared");
}
TEST(compared_before_a_roll)

static void the_alarm_alone_names_nobody_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    raise_corrupt(world, arena, 0xa2);
    assert_check(world, arena, 50);
    upkeep_of(world)->checks[0].alarmed = true;
    upkeep_of(world)->checks[0].at_ms = BOOT_MS;
    struct plan *plan = plan_of(world, arena); /* All are the same. */
    assert_action(plan, "Corrupt", ACTION_DISARM);
    assert_int_equal(plan->action.alarm, ETCD_ALARM_CORRUPT);
}
TEST(the_alarm_alone_names_nobody)

static void a_difference_is_seen_twice_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");
    struct upkeep *upkeep = upkeep_of(world);

    upkeep->checks[0].answers[1].hash = 0x2222;
    upkeep->checks[0].at_ms = BOOT_MS;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world->boot_ms += 2000;
    assert_check(world, arena, 50);
    differs(world, 1);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER);
    assert_int_equal(plan->action.ordinal, 1);
    assert_contains(plan->reason, "its data differs from the majority's");
    upkeep->checks[1].answers[1].hash = 0x1111; /* Another one than before. */
    upkeep->checks[1].answers[2].hash = 0x2222;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(a_difference_is_seen_twice)

/* The alarm names an innocent one; the culprit leads. */
static void the_leader_hands_over_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{\"size\":5}");

    raise_corrupt(world, arena, 0xa3);
    differs(world, 0);
    differs(world, 1);
    upkeep_of(world)->checks[0].alarmed = true;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RemoveLostMember", ACTION_MOVE_LEADER);
    assert_int_equal(plan->action.ordinal, 0);
    assert_int_equal(plan->action.successor, 2); /* Not to the other one. */
}
TEST(the_leader_hands_over)

/* When it has left, what stays is the same, and the alarm goes before another joins. */
static void then_the_alarm_is_disarmed_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    raise_corrupt(world, arena, 0xa1);
    differs(world, 2);
    upkeep_of(world)->checks[0].alarmed = true;
    world_is_down(world, 2);
    world->members[2].entry = NULL;
    world->members[2].pod.started = false;
    world->members[2].pod.ended_reason = "Completed";
    struct etcd_member_list *list = (struct etcd_member_list *)(uintptr_t)world->member_list;
    list->n_members = 2;
    assert_action(plan_of(world, arena), "Corrupt", ACTION_DISARM);
    world->n_alarms = 0;
    struct plan *plan = plan_of(world, arena); /* Its etcd has ended: nobody else would tell. */
    assert_action(plan, "AddMember", ACTION_ADD_MEMBER);
    assert_int_equal(plan->action.ordinal, 2);
}
TEST(then_the_alarm_is_disarmed)

static void no_majority_is_for_a_person_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    raise_corrupt(world, arena, 0xa1);
    differs(world, 2);
    upkeep_of(world)->checks[0].answers[1].hash = 0x3333;
    upkeep_of(world)->checks[1].answers[1].hash = 0x3333;
    upkeep_of(world)->checks[0].alarmed = true;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "Corrupt", ACTION_NONE);
    assert_string_equal(plan->status.phase, "Failed");
    assert_contains(plan->status.message, "c-0 00001111, c-1 00003333, c-2 00002222");
}
TEST(no_majority_is_for_a_person)

/* Hashes of other histories cannot be compared. */
static void another_compact_revision_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    differs(world, 1);
    upkeep_of(world)->checks[0].answers[1].compact_revision = 8;
    assert_int_equal(hashes_judge(world), HASHES_UNKNOWN);
    assert_false(hashes_prove(world, 1));
    upkeep_of(world)->checks[0].answers[2].member_id = 0; /* It did not answer. */
    upkeep_of(world)->checks[0].answers[1].compact_revision = 7;
    assert_int_equal(hashes_judge(world), HASHES_SPLIT);
    assert_false(hashes_prove(world, 0) || hashes_prove(world, 1));
}
TEST(another_compact_revision)

/* It does not start, for its data differs from a peer's: whose is wrong the others tell. */
static void a_member_that_blames_itself_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");
    struct upkeep *upkeep = upkeep_of(world);

    world_is_down(world, 2);
    world->members[2].pod.ended_message = "fatal: f5 found data inconsistency with peers";
    assert_check(world, arena, 50);
    upkeep->checks[0].at_ms = BOOT_MS;
    upkeep->checks[0].answers[2].member_id = 0;
    assert_action(plan_of(world, arena), "RemoveLostMember", ACTION_REMOVE_MEMBER);
    upkeep->checks[0].answers[1].hash = 0x2222; /* Then one of those two may be it. */
    upkeep->checks[1] = upkeep->checks[0];
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(a_member_that_blames_itself)

/* Whose data is good is not known yet, and the highest ordinal may have it. */
static void nobody_leaves_meanwhile_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 5}");

    world_set_spec(world, arena, "{\"size\": 3}");
    world->recorded.size = 3;
    assert_action(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER);
    raise_corrupt(world, arena, 0xa1);
    struct plan *plan = plan_of(world, arena);
    assert_int_not_equal(plan->action.kind, ACTION_REMOVE_MEMBER);
    assert_int_not_equal(plan->action.kind, ACTION_MOVE_LEADER);
}
TEST(nobody_leaves_meanwhile)

static void the_only_member_has_nobody_to_compare_with_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 1}");

    raise_corrupt(world, arena, 0xa0);
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_string_equal(plan->status.phase, "Failed");
    assert_contains(plan->status.message, "no other member whose data could be compared");
}
TEST(the_only_member_has_nobody_to_compare_with)

static void old_proof_is_none_in(struct arena *arena)
{
    struct world *world = equal_world(arena, "{}");

    differs(world, 1);
    assert_true(hashes_prove(world, 1));
    world->boot_ms += 10 * 60000;
    assert_false(hashes_prove(world, 1));
    assert_check(world, arena, 50);
}
TEST(old_proof_is_none)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compared_on_an_interval),
        cmocka_unit_test(the_first_time_is_drawn),
        cmocka_unit_test(not_while_versions_differ),
        cmocka_unit_test(compared_before_a_roll),
        cmocka_unit_test(the_alarm_alone_names_nobody),
        cmocka_unit_test(a_difference_is_seen_twice),
        cmocka_unit_test(the_leader_hands_over),
        cmocka_unit_test(then_the_alarm_is_disarmed),
        cmocka_unit_test(no_majority_is_for_a_person),
        cmocka_unit_test(another_compact_revision),
        cmocka_unit_test(a_member_that_blames_itself),
        cmocka_unit_test(nobody_leaves_meanwhile),
        cmocka_unit_test(the_only_member_has_nobody_to_compare_with),
        cmocka_unit_test(old_proof_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
