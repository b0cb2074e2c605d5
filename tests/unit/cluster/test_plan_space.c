/* What the planner does when etcd takes no writes for want of room. */
#include "world_builder.h"

#define BOOT_MS INT64_C(1000000)
#define MIB     (INT64_C(1) << 20)
#define QUOTA   (16 * MIB)
/* Nothing else is due. */
#define SPEC(quota)                                                                                \
    "{\"healthCheck\":{\"hashInterval\":\"0s\"},\"etcd\":{\"quotaBackendBytes\":\"" quota "\"}}"

/* Three members, of which the first leads; all full, and the alarm is raised. */
static struct world *full_world(struct arena *arena)
{
    struct world *world = world_running(arena, SPEC("16Mi"));
    struct etcd_alarm *alarm = arena_alloc(arena, sizeof *alarm);

    *alarm = (struct etcd_alarm){0xa1, ETCD_ALARM_NOSPACE};
    world->alarms = alarm;
    world->n_alarms = 1;
    world->boot_ms = BOOT_MS;
    for (int i = 0; i < 3; i++) {
        struct etcd_status *status = &world->members[i].look.status;
        status->revision = 500;
        status->db_size = QUOTA;
        status->db_size_in_use = QUOTA - MIB;
        status->db_size_quota = QUOTA;
    }
    return world;
}

static struct upkeep *upkeep_of(struct world *world)
{
    return (struct upkeep *)(uintptr_t)world->upkeep;
}

static void set_in_use(struct world *world, int64_t size)
{
    for (int i = 0; i < 3; i++) {
        world->members[i].look.status.db_size_in_use = size;
    }
}

static void was_compacted(struct world *world, int64_t revision, int64_t ago_ms)
{
    upkeep_of(world)->compacted = (struct upkeep_sample){revision, BOOT_MS - ago_ms};
}

static struct plan *compaction_of(struct world *world, struct arena *arena, int64_t revision)
{
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "NoSpace", ACTION_COMPACT);
    assert_int_equal(plan->action.revision, revision);
    return plan;
}

static void quiet_without_alarm_in(struct arena *arena)
{
    struct world *world = full_world(arena);

    world->n_alarms = 0;
    assert_action(plan_of(world, arena), "NothingToDo", ACTION_NONE);
}
TEST(quiet_without_alarm)

/* What cannot be dated is not compacted. */
static void minutes_of_history_are_kept_in(struct arena *arena)
{
    struct world *world = full_world(arena);
    struct upkeep *upkeep = upkeep_of(world);

    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "NoSpace", ACTION_NONE);
    assert_contains(plan->status.conditions[CONDITION_DEGRADED].message, "NOSPACE");
    assert_string_equal(plan->status.phase, "Recovering");
    assert_false(plan->status.conditions[CONDITION_READY].status); /* It takes no writes. */
    upkeep_note_revision(upkeep, 100, BOOT_MS - 150000);
    upkeep_note_revision(upkeep, 300, BOOT_MS - 119000);
    upkeep_note_revision(upkeep, 400, BOOT_MS - 60000);
    compaction_of(world, arena, 100);
    upkeep_note_revision(upkeep, 500, BOOT_MS);
    world->boot_ms += 60000;
    compaction_of(world, arena, 400);
}
TEST(minutes_of_history_are_kept)

static void samples_slide_in(struct arena *arena)
{
    struct upkeep *upkeep = arena_alloc(arena, sizeof *upkeep);

    for (int i = 0; i < 20; i++) {
        upkeep_note_revision(upkeep, i, i * UPKEEP_HISTORY_MS / 8);
    }
    assert_int_equal(upkeep->n_samples, UPKEEP_SAMPLES);
    assert_int_equal(upkeep_old_revision(upkeep, 19 * UPKEEP_HISTORY_MS / 8), 11);
    assert_int_equal(upkeep_old_revision(upkeep, 20 * UPKEEP_HISTORY_MS), 19);
    upkeep_note_revision(upkeep, 3, 30 * UPKEEP_HISTORY_MS); /* A restore. */
    assert_int_equal(upkeep->n_samples, 1);
}
TEST(samples_slide)

static void nothing_is_compacted_twice_in(struct arena *arena)
{
    struct world *world = full_world(arena);

    upkeep_note_revision(upkeep_of(world), 400, BOOT_MS - 200000);
    was_compacted(world, 400, 300000);
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    was_compacted(world, 300, 300000);
    compaction_of(world, arena, 400);
}
TEST(nothing_is_compacted_twice)

/* The member that compacted alone says how much is in use, until the others write. */
static void followers_are_defragmented_first_in(struct arena *arena)
{
    struct world *world = full_world(arena);
    struct upkeep *upkeep = upkeep_of(world);
    struct plan *plan;

    was_compacted(world, 500, 0);
    world->members[1].look.status.db_size_in_use = MIB;
    for (int i = 2; i > 0; i--) {
        plan = plan_of(world, arena);
        assert_action(plan, "NoSpace", ACTION_DEFRAGMENT);
        assert_int_equal(plan->action.ordinal, i);
        world->members[i].look.status.db_size = MIB;
    }
    plan = plan_of(world, arena);
    assert_action(plan, "NoSpace", ACTION_MOVE_LEADER);
    assert_int_equal(plan->action.ordinal, 0);
    for (int i = 0; i < 3; i++) {
        world->members[i].look.status.leader_id = 0xa1;
    }
    plan = plan_of(world, arena);
    assert_action(plan, "NoSpace", ACTION_DEFRAGMENT);
    assert_int_equal(plan->action.ordinal, 0);
    upkeep->defragmented[0].member_id = 0xa0; /* It did not help. */
    upkeep->defragmented[0].at_ms = BOOT_MS;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world->boot_ms += 10 * 60000;
    assert_action(plan_of(world, arena), "NoSpace", ACTION_DEFRAGMENT);
}
TEST(followers_are_defragmented_first)

static void one_at_a_time_in(struct arena *arena)
{
    struct world *world = full_world(arena);

    was_compacted(world, 500, 0);
    set_in_use(world, MIB);
    world_is_down(world, 1);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "NoSpace", ACTION_NONE);
    assert_contains(plan->status.conditions[CONDITION_PROGRESSING].message,
                    "c-2 is to be defragmented: c-1 does not serve");
}
TEST(one_at_a_time)

static void disarmed_when_all_have_room_in(struct arena *arena)
{
    struct world *world = full_world(arena);

    for (int i = 0; i < 3; i++) {
        assert_int_not_equal(plan_of(world, arena)->action.kind, ACTION_DISARM);
        world->members[i].look.status.db_size = QUOTA / 10 * 7;
    }
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "NoSpace", ACTION_DISARM);
    assert_int_equal(plan->action.alarm, ETCD_ALARM_NOSPACE);
    world->members[2].look.status.db_size = QUOTA / 10 * 9;
    assert_int_not_equal(plan_of(world, arena)->action.kind, ACTION_DISARM);
    world->members[2].look.status.db_size = MIB;
    world_is_down(world, 2); /* It may be full still. */
    assert_int_not_equal(plan_of(world, arena)->action.kind, ACTION_DISARM);
}
TEST(disarmed_when_all_have_room)

static void a_single_member_in(struct arena *arena)
{
    struct world *world = full_world(arena);
    struct etcd_member_list *list = (struct etcd_member_list *)(uintptr_t)world->member_list;

    world_set_spec(world, arena, "{\"size\":1}");
    world->recorded.size = 1;
    list->n_members = 1;
    for (int i = 1; i < 3; i++) {
        memset(&world->members[i], 0, sizeof world->members[i]);
    }
    world_make_children(world, arena);
    world_make_pod(world, arena, 0, "pod-0");
    world_serves(world, arena, 0);
    world->members[0].look.status.db_size = 2048 * MIB;
    was_compacted(world, 0, 0);
    assert_action(plan_of(world, arena), "NoSpace", ACTION_DEFRAGMENT);
}
TEST(a_single_member)

static void says_what_quota_would_do_in(struct arena *arena)
{
    struct world *world = full_world(arena);

    was_compacted(world, 500, 60000);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "NoSpace", ACTION_NONE);
    assert_string_equal(plan->status.conditions[CONDITION_DEGRADED].reason, "NoSpace");
    assert_contains(plan->status.message, "its keys need 15Mi, and of the quota of 16Mi");
    assert_contains(plan->status.message, "set spec.etcd.quotaBackendBytes to 32Mi");
    assert_string_equal(plan->status.phase, "Failed");
}
TEST(says_what_quota_would_do)

/* The alarm does not bar the roll that mends it. */
static void a_raised_quota_rolls_in(struct arena *arena)
{
    struct world *world = full_world(arena);

    was_compacted(world, 500, 60000);
    world_set_spec(world, arena, SPEC("32Mi"));
    world_make_children(world, arena);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RollPod", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 2);
    for (int i = 0; i < 3; i++) {
        world_make_pod(world, arena, i, arena_printf(arena, "new-%d", i));
        world_serves(world, arena, i);
        world->members[i].look.status.db_size = QUOTA; /* A 3.5 does not tell its quota. */
    }
    assert_action(plan_of(world, arena), "NoSpace", ACTION_DISARM);
}
TEST(a_raised_quota_rolls)

static void corruption_goes_first_in(struct arena *arena)
{
    struct world *world = full_world(arena);
    const struct etcd_alarm alarms[] = {{0xa1, ETCD_ALARM_NOSPACE}, {0xa2, ETCD_ALARM_CORRUPT}};

    upkeep_note_revision(upkeep_of(world), 400, BOOT_MS - 200000);
    world->alarms = alarms;
    world->n_alarms = 2;
    assert_action(plan_of(world, arena), "HashCheck", ACTION_CHECK_HASHES);
}
TEST(corruption_goes_first)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_without_alarm),
        cmocka_unit_test(minutes_of_history_are_kept),
        cmocka_unit_test(samples_slide),
        cmocka_unit_test(nothing_is_compacted_twice),
        cmocka_unit_test(followers_are_defragmented_first),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(disarmed_when_all_have_room),
        cmocka_unit_test(a_single_member),
        cmocka_unit_test(says_what_quota_would_do),
        cmocka_unit_test(a_raised_quota_rolls),
        cmocka_unit_test(corruption_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
