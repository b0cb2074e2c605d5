/* Whether a quorum is provably lost: one row for each way in which no read succeeds. */
#include "cluster/quorum.h"

#include "world_builder.h"

#define LONG_MS INT64_C(60000)

/* No read succeeds, and so there is no member list: what the status said before is what is known.
 */
static struct world *world_unread(struct arena *arena, int size, int64_t unread_ms)
{
    struct world *world = world_running(arena, arena_printf(arena, "{\"size\": %d}", size));
    json_t *members = json_array();

    for (int i = 0; i < size; i++) {
        struct world_member *member = &world->members[i];
        json_array_append_new(members,
                              json_pack("{s:o, s:o, s:s}", "name", json_sprintf("c-%d", i), "id",
                                        json_sprintf("%016x", 0xa0 + i), "role", "follower"));
        member->entry = NULL;
        member->pod.runs_ms = LONG_MS;
        member->pod.ready = false;
        member->look.status.revision = 7;
        error_set(&member->look.read_error, ERROR_RETRYABLE, "timed out");
    }
    json_object_set_new(world->object, "status", json_pack("{s:o}", "members", members));
    world->member_list = NULL;
    world->unread_ms = world->unread_here_ms = unread_ms;
    return world;
}

static void survives(struct world *world, struct arena *arena, int ordinal)
{
    (void)arena;
    world->members[ordinal].look.status.leader_id = 0;
}

static void is_emptied(struct world *world, struct arena *arena, int ordinal)
{
    world_waits(world, arena, ordinal)->used_nonce = "given";
    world->recorded.permits[ordinal].nonce = "given";
    world->members[ordinal].last = (struct member_trace){6, NOW_MS, 99};
}

static void is_silent(struct world *world, struct arena *arena, int ordinal)
{
    (void)arena;
    world_is_down(world, ordinal);
}

static void loses_volume(struct world *world, struct arena *arena, int ordinal)
{
    (void)arena;
    world_is_down(world, ordinal);
    world->members[ordinal].claim.gone = "its PersistentVolume is gone";
}

static void ends(struct world *world, struct arena *arena, int ordinal)
{
    struct world_pod *pod = &world->members[ordinal].pod;

    (void)arena;
    world_is_down(world, ordinal);
    pod->started = false;
    pod->ended_reason = "Error";
    pod->ended_code = 2;
    pod->waiting_reason = "CrashLoopBackOff";
}

static void ends_again(struct world *world, struct arena *arena, int ordinal)
{
    ends(world, arena, ordinal);
    world->members[ordinal].pod.started = true;
    world->members[ordinal].pod.waiting_reason = NULL;
    world->members[ordinal].pod.runs_ms = 500;
}

static void is_made(struct world *world, struct arena *arena, int ordinal)
{
    (void)arena;
    world_is_down(world, ordinal);
    world->members[ordinal].pod.started = false;
}

static void begins(struct world *world, struct arena *arena, int ordinal)
{
    (void)arena;
    world_is_down(world, ordinal);
    world->members[ordinal].pod.runs_ms = 500;
}

static void has_permit(struct world *world, struct arena *arena, int ordinal)
{
    world_waits(world, arena, ordinal);
}

static void hangs(struct world *world, struct arena *arena, int ordinal)
{
    (void)world, (void)arena, (void)ordinal; /* Its reads fail, and it knows a leader. */
}

static void is_terminating(struct world *world, struct arena *arena, int ordinal)
{
    is_silent(world, arena, ordinal);
    world->members[ordinal].pod.terminating = true;
}

static void is_missing(struct world *world, struct arena *arena, int ordinal)
{
    is_silent(world, arena, ordinal);
    world->members[ordinal].pod.exists = world->members[ordinal].pod.started = false;
}

static const struct {
    void (*members[3])(struct world *world, struct arena *arena, int ordinal);
    int64_t unread_ms;
    enum quorum state;
    const char *reason, *words;
} rows[] = {
    {{survives, is_emptied, is_emptied}, 0, QUORUM_LOST, "DataLost", "c-0 (revision 7, raft"},
    {{survives, is_emptied, is_emptied}, 0, QUORUM_LOST, "DataLost", "its volume is empty, last"},
    {{survives, is_emptied, loses_volume}, 0, QUORUM_LOST, "DataLost", "PersistentVolume is gone"},
    {{is_emptied, is_emptied, is_emptied}, 0, QUORUM_LOST, "DataLost", "leader: nobody"},
    {{is_silent, is_emptied, is_emptied}, 0, QUORUM_LOST, "DataLost", "c-0 (it is silent)"},
    /* Nobody can know what the silent ones do. */
    {{survives, is_silent, is_silent}, LONG_MS, QUORUM_UNKNOWN, "MembersSilent", "c-1 (it is sil"},
    {{is_silent, is_silent, is_silent}, LONG_MS, QUORUM_UNKNOWN, "MembersUnreachable", "nobody"},
    {{survives, is_terminating, is_silent}, LONG_MS, QUORUM_UNKNOWN, "MembersSilent", "c-2"},
    {{survives, hangs, hangs}, LONG_MS, QUORUM_UNKNOWN, "MembersSilent", "but reads nothing"},
    /* One silent member is no quorum, whatever it does. */
    {{survives, is_silent, is_emptied}, LONG_MS, QUORUM_LOST, "MembersDown", "c-1 (it is silent)"},
    /* An election takes its time. */
    {{survives, survives, survives}, 1000, QUORUM_UNKNOWN, "Starting", "on their way"},
    {{survives, survives, survives}, LONG_MS, QUORUM_LOST, "NoLeader", "reach each other"},
    {{survives, survives, is_emptied}, 1000, QUORUM_UNKNOWN, "Starting", "on their way"},
    {{survives, is_silent, is_emptied}, 1000, QUORUM_UNKNOWN, "Starting", "on their way"},
    /* A start, too; but one that ends again and again is none. */
    {{survives, is_made, is_made}, 10000, QUORUM_UNKNOWN, "Starting", "c-1 (it is starting)"},
    {{survives, is_made, is_made}, LONG_MS, QUORUM_LOST, "MembersDown", "c-1"},
    {{survives, begins, begins}, 10000, QUORUM_UNKNOWN, "Starting", "c-2 (it is starting)"},
    {{survives, begins, begins}, LONG_MS, QUORUM_UNKNOWN, "MembersSilent", "c-2 (it is silent)"},
    {{survives, has_permit, is_emptied}, 10000, QUORUM_UNKNOWN, "Starting", "c-1 (it is start"},
    {{survives, has_permit, is_emptied}, LONG_MS, QUORUM_LOST, "MembersDown", "c-1"},
    {{survives, is_missing, is_missing}, 10000, QUORUM_UNKNOWN, "Starting", "on their way"},
    {{survives, is_missing, is_missing}, LONG_MS, QUORUM_LOST, "MembersDown", "pod c-1 does not"},
    {{survives, ends, ends}, 10000, QUORUM_LOST, "MembersDown", "exit code 2"},
    {{survives, ends, ends_again}, 10000, QUORUM_UNKNOWN, "Starting", "c-2 (it is starting)"},
    {{survives, ends, ends_again}, LONG_MS, QUORUM_LOST, "MembersDown", "exit code 2"},
    {{survives, ends, begins}, 10000, QUORUM_UNKNOWN, "Starting", "c-2 (it is starting)"},
};

static void each_row_in(struct arena *arena)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_unread(arena, 3, rows[i].unread_ms);
        for (int m = 0; m < 3; m++) {
            rows[i].members[m](world, arena, m);
        }
        struct quorum_verdict verdict = quorum_judge(world, arena);
        if (verdict.state != rows[i].state || strcmp(verdict.reason, rows[i].reason) != 0 ||
            !strstr(verdict.message, rows[i].words)) {
            fail_msg("row %zu: %d, %s: %s", i, (int)verdict.state, verdict.reason, verdict.message);
        }
    }
}
TEST(each_row)

/* A replica that leads since a moment ago has looked once, at what its stores told. */
static void a_first_look_in(struct arena *arena)
{
    struct world *world = world_unread(arena, 3, LONG_MS);

    for (int i = 0; i < 3; i++) {
        is_missing(world, arena, i);
    }
    assert_int_equal(quorum_judge(world, arena).state, QUORUM_LOST);
    world->unread_here_ms = 0;
    assert_string_equal(quorum_judge(world, arena).reason, "Starting");
}
TEST(a_first_look)

static void assert_state(const struct world *world, struct arena *arena, enum quorum state,
                         const char *reason)
{
    struct quorum_verdict verdict = quorum_judge(world, arena);

    assert_string_equal(verdict.reason, reason);
    assert_int_equal(verdict.state, state);
}

static void where_nothing_is_lost_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    assert_state(world, arena, QUORUM_HOLDS, "Quorum");
    is_emptied(world, arena, 1);
    assert_state(world, arena, QUORUM_HOLDS, "Quorum");
    world = world_unread(arena, 3, LONG_MS);
    world->recorded.cluster_id = 0;
    assert_state(world, arena, QUORUM_HOLDS, "NotFormed");
    world = world_unread(arena, 3, LONG_MS);
    world->spec_valid = false;
    assert_state(world, arena, QUORUM_UNKNOWN, "InvalidSpec");
    world->deleting = true;
    assert_state(world, arena, QUORUM_HOLDS, "Deleting");
}
TEST(where_nothing_is_lost)

/* Grows from three: what has yet to become a voter does not make a quorum. */
static void voters_are_those_of_the_status_in(struct arena *arena)
{
    struct world *world = world_unread(arena, 5, LONG_MS);
    json_t *members = json_path(world->object, "status", "members", NULL);

    json_object_set_new(json_array_get(members, 3), "role", json_string("learner"));
    json_object_del(json_array_get(members, 4), "id");
    survives(world, arena, 0);
    is_silent(world, arena, 1);
    is_silent(world, arena, 2);
    survives(world, arena, 3);
    has_permit(world, arena, 4);
    assert_state(world, arena, QUORUM_UNKNOWN, "MembersSilent");
    is_emptied(world, arena, 1);
    assert_state(world, arena, QUORUM_LOST, "MembersDown");
    /* The status may be late, and the learner be a voter that serves with another one. */
    is_silent(world, arena, 3);
    assert_state(world, arena, QUORUM_LOST, "MembersDown");
    is_silent(world, arena, 4);
    assert_state(world, arena, QUORUM_UNKNOWN, "MembersSilent");
}
TEST(voters_are_those_of_the_status)

static void without_a_status_all_count_in(struct arena *arena)
{
    struct world *world = world_unread(arena, 3, LONG_MS);

    json_object_del(world->object, "status");
    survives(world, arena, 0);
    is_silent(world, arena, 1);
    is_silent(world, arena, 2);
    assert_state(world, arena, QUORUM_UNKNOWN, "MembersSilent");
    loses_volume(world, arena, 1);
    loses_volume(world, arena, 2);
    assert_state(world, arena, QUORUM_LOST, "DataLost");
}
TEST(without_a_status_all_count)

static void a_slow_election_takes_longer_in(struct arena *arena)
{
    struct world *world = world_unread(arena, 3, 20000);

    for (int i = 0; i < 3; i++) {
        survives(world, arena, i);
    }
    assert_state(world, arena, QUORUM_LOST, "NoLeader");
    world->spec.etcd.election_timeout_ms = 10000;
    assert_state(world, arena, QUORUM_UNKNOWN, "Starting");
}
TEST(a_slow_election_takes_longer)

/* The same in every place that a person looks at, and what is known of the members stays. */
static void the_status_says_so_in(struct arena *arena)
{
    struct world *world = world_unread(arena, 3, 0);

    survives(world, arena, 0);
    is_emptied(world, arena, 1);
    is_emptied(world, arena, 2);
    const struct plan *plan = plan_of(world, arena);
    const struct cluster_status *status = &plan->status;
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_string_equal(status->phase, "Failed");
    assert_true(status->conditions[CONDITION_QUORUM_LOST].status);
    assert_string_equal(status->conditions[CONDITION_QUORUM_LOST].reason, "DataLost");
    assert_contains(status->conditions[CONDITION_QUORUM_LOST].message,
                    "last seen with revision 6, raft index 99 at 2026-11-23T15:40:04Z");
    assert_string_equal(status->conditions[CONDITION_DEGRADED].reason, "QuorumLost");
    assert_contains(status->message, "c-1 (its volume is empty), c-2");
    assert_contains(status->message, "left: c-0 (revision 7, raft index 100)");
    assert_int_equal(status->members[1].id, 0xa1);
}
TEST(the_status_says_so)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(a_first_look),
        cmocka_unit_test(where_nothing_is_lost),
        cmocka_unit_test(voters_are_those_of_the_status),
        cmocka_unit_test(without_a_status_all_count),
        cmocka_unit_test(a_slow_election_takes_longer),
        cmocka_unit_test(the_status_says_so),
    };
    return cmocka_run_group_tests_name("quorum", tests, NULL, NULL);
}
