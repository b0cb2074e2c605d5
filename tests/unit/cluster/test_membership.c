/* The gates: what each refuses, in which words, and what it lets through. */
#include "cluster/membership.h"

#include "world_builder.h"

static void assert_open(const char *why)
{
    if (why) {
        fail_msg("refused: %s", why);
    }
}

static void counts_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);
    struct membership now = membership_of(world);

    assert_int_equal(now.voters, 3);
    assert_int_equal(now.live, 3);
    assert_int_equal(now.last, 2);
    assert_true(now.learner < 0 && now.unstarted < 0 && now.down < 0 && !now.stranger);
    world_is_down(world, 0);
    world_adds(world, arena, 3, 0xb3);
    world_lists_stranger(world, 0xdead);
    now = membership_of(world);
    assert_int_equal(now.voters, 3);
    assert_int_equal(now.live, 2);
    assert_int_equal(now.last, 3);
    assert_int_equal(now.learner, 3);
    assert_int_equal(now.unstarted, 3);
    assert_int_equal(now.down, 0);
    assert_true(now.stranger == 0xdead);
}
TEST(counts)

/* Which is what a member that was removed and does not know it yet looks like. */
static void who_answers_as_another_is_not_live_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->members[1].look.status.member_id = 0x99;
    assert_int_equal(membership_of(world).down, 1);
    assert_contains(gate_well(world, arena), "c-1 does not serve");
}
TEST(who_answers_as_another_is_not_live)

static void assert_all_refuse(const struct world *world, struct arena *arena, const char *words)
{
    assert_contains(gate_add(world, 1, arena), words);
    assert_contains(gate_promote(world, 1, arena), words);
    assert_contains(gate_remove(world, 1, arena), words);
    assert_contains(gate_well(world, arena), words);
    assert_contains(gate_restart(world, 1, arena), words);
}

static void nothing_without_a_list_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->member_list = NULL;
    assert_all_refuse(world, arena, "no member gives a linearizable member list");
}
TEST(nothing_without_a_list)

static void nothing_beside_a_stranger_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_lists_stranger(world, 0xdead);
    assert_all_refuse(world, arena, "member 000000000000dead is none of this cluster's ordinals");
}
TEST(nothing_beside_a_stranger)

/* What its permit says of the membership must stay true; it may be taken away itself. */
static void nothing_beside_one_that_has_not_started_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world_adds(world, arena, 3, 0xb3);
    assert_all_refuse(world, arena, "c-3 has been added and has not started yet");
    assert_open(gate_remove(world, 3, arena));
}
TEST(nothing_beside_one_that_has_not_started)

static void additions_of_a_scale_out_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    assert_open(gate_add(world, 3, arena));
    world_raises(world, arena, ETCD_ALARM_NOSPACE); /* It stands in the way of writes only. */
    assert_open(gate_add(world, 3, arena));
    world_raises(world, arena, ETCD_ALARM_CORRUPT);
    assert_contains(gate_add(world, 3, arena), "an alarm CORRUPT is raised");
    world->n_alarms = 0;
    world_is_down(world, 1);
    assert_contains(gate_add(world, 3, arena),
                    "c-1 does not serve: a member more would make a quorum harder");

    world = world_resizing(arena, 3, 5);
    world_serves(world, arena, 3);
    ((struct etcd_member *)(uintptr_t)world->members[3].entry)->is_learner = true;
    assert_contains(gate_add(world, 4, arena), "c-3 is a learner still");
}
TEST(additions_of_a_scale_out)

/* The second half of a repair: the removed one had a permit before. */
static void additions_of_a_repair_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 5}");

    world_unlist(world, 2);
    assert_open(gate_add(world, 2, arena));
    world_is_down(world, 0); /* Three of what will be five. */
    assert_open(gate_add(world, 2, arena));
    world_is_down(world, 1); /* Two of five. */
    assert_contains(gate_add(world, 2, arena), "does not serve");

    world = world_running(arena, "{}");
    world_unlist(world, 2);
    world_is_down(world, 0); /* One of three. */
    assert_contains(gate_add(world, 2, arena), "c-0 does not serve");
}
TEST(additions_of_a_repair)

static void additions_to_a_single_member_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 1, 3);

    assert_open(gate_add(world, 1, arena));
    world_is_down(world, 0);
    assert_contains(gate_add(world, 1, arena), "c-0 does not serve");
}
TEST(additions_to_a_single_member)

static void promotions_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world_serves(world, arena, 3);
    ((struct etcd_member *)(uintptr_t)world->members[3].entry)->is_learner = true;
    assert_open(gate_promote(world, 3, arena));
    world_is_down(world, 0); /* With the learner three of four. */
    assert_open(gate_promote(world, 3, arena));
    world_is_down(world, 1);
    assert_contains(gate_promote(world, 3, arena), "only 1 of 3 voters serve");
}
TEST(promotions)

/* Five members, of which one with a low ordinal is dead, become three and not one. */
static void removals_with_a_dead_low_ordinal_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 5, 3);

    world_is_down(world, 0);
    assert_open(gate_remove(world, 4, arena));
    world_unlist(world, 4);
    assert_open(gate_remove(world, 3, arena));
    world_unlist(world, 3);
    assert_contains(gate_remove(world, 2, arena), "only 1 of the 2 voters that would stay serve");
    assert_open(gate_remove(world, 0, arena)); /* The dead one is no loss. */
}
TEST(removals_with_a_dead_low_ordinal)

static void removals_with_two_dead_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 5}");

    world_is_down(world, 1);
    world_is_down(world, 2);
    assert_contains(gate_remove(world, 4, arena), "only 2 of the 4 voters that would stay serve");
    assert_open(gate_remove(world, 1, arena));
    world_is_down(world, 3); /* The quorum is lost: nobody can be told apart any more. */
    assert_contains(gate_remove(world, 1, arena), "only 2 of the 4");
}
TEST(removals_with_two_dead)

/* A learner weighs nothing. */
static void a_learner_may_always_go_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world_adds(world, arena, 3, 0xb3)->name = "c-3";
    world_is_down(world, 0);
    world_is_down(world, 1);
    assert_open(gate_remove(world, 3, arena));
}
TEST(a_learner_may_always_go)

static void the_only_voter_stays_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 1}");

    assert_contains(gate_remove(world, 0, arena), "it is the only voter");
}
TEST(the_only_voter_stays)

static void a_terminating_pod(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.terminating = true;
}

static void a_missing_pod(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.exists = false;
}

static void an_unready_pod(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.ready = false;
}

static void no_linearizable_read(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].look.read_error.kind = ERROR_RETRYABLE;
}

static void a_removed_member(struct world *world, struct arena *arena)
{
    (void)arena;
    world_unlist(world, 1);
}

static void a_learner(struct world *world, struct arena *arena)
{
    world_list(world, arena, 1)->is_learner = true;
}

static void much_lag(struct world *world, struct arena *arena)
{
    (void)arena;
    for (int i = 0; i < 3; i++) {
        world->members[i].look.status.raft_index = 5101;
        world->members[i].look.status.raft_applied_index = i == 1 ? 100 : 5101;
    }
}

static void a_member_past_the_size(struct world *world, struct arena *arena)
{
    world_make_pod(world, arena, 3, "pod-3");
    world_serves(world, arena, 3);
}

static void corruption(struct world *world, struct arena *arena)
{
    world_raises(world, arena, ETCD_ALARM_CORRUPT);
}

static void only_what_is_well_changes_in(struct arena *arena)
{
    const struct {
        void (*change)(struct world *world, struct arena *arena);
        const char *words;
    } rows[] = {{a_terminating_pod, "c-1 does not serve"},
                {a_missing_pod, "c-1 does not serve"},
                {an_unready_pod, "c-1 does not serve"},
                {no_linearizable_read, "c-1 does not serve"},
                {a_removed_member, "c-1 is no member of etcd yet"},
                {a_learner, "c-1 is a learner still"},
                {much_lag, "c-1 is 5001 entries behind"},
                {a_member_past_the_size, "c-3 is to leave first"},
                {corruption, "an alarm CORRUPT is raised"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_running(arena, "{}");
        assert_open(gate_well(world, arena));
        rows[i].change(world, arena);
        assert_contains(gate_well(world, arena), rows[i].words);
        assert_contains(gate_restart(world, 2, arena), rows[i].words);
    }
    struct world *world = world_running(arena, "{}");
    world->members[0].look.status.raft_index = 5100;
    assert_open(gate_well(world, arena));
}
TEST(only_what_is_well_changes)

/* There is nobody to wait for; but while others join, what they come from must stay. */
static void the_only_member_may_restart_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"size\": 1}");

    world_is_down(world, 0);
    assert_open(gate_restart(world, 0, arena));
    world = world_resizing(arena, 1, 3);
    world_serves(world, arena, 1);
    ((struct etcd_member *)(uintptr_t)world->members[1].entry)->is_learner = true;
    assert_contains(gate_restart(world, 0, arena), "c-1 is a learner still");
}
TEST(the_only_member_may_restart)

static void replicas_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 5, 3);

    assert_int_equal(world_replicas(world), 5); /* Two are members still. */
    world_unlist(world, 4);
    assert_int_equal(world_replicas(world), 4);
    world_unlist(world, 3);
    assert_int_equal(world_replicas(world), 3);
    world->member_list = NULL; /* Nobody can tell: as many as there are. */
    assert_int_equal(world_replicas(world), 5);
    world->recorded.size = 7;
    assert_int_equal(world_replicas(world), 7);
    world->recorded.cluster_id = 0;
    world->recorded.size = 3;
    assert_int_equal(world_replicas(world), 3);
}
TEST(replicas)

/* A member's pod that waits is lost by what its helper says, and by nothing else. */
static void proofs_in(struct arena *arena)
{
    static const struct {
        enum report_reason reason;
        const char *proof;
    } rows[] = {{REPORT_NO_DATA, "its volume is empty"},
                {REPORT_WAL_UNREADABLE, "its write-ahead log cannot be read"},
                {REPORT_DATABASE_UNREADABLE, "its database cannot be read"},
                {REPORT_MARKER_MISSING, NULL},
                {REPORT_MARKER_INVALID, NULL},
                {REPORT_FOREIGN_DATA, NULL},
                {REPORT_STARTING, NULL},
                {REPORT_PERMIT_INVALID, NULL},
                {REPORT_CONFIG_INVALID, NULL},
                {REPORT_VOLUME_UNWRITABLE, NULL}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_running(arena, "{}");
        struct report *report = world_waits(world, arena, 1);
        report->used_nonce = "given-1";
        report->reason = rows[i].reason;
        const char *proof = member_lost(world, 1);
        if ((proof != NULL) != (rows[i].proof != NULL)) {
            fail_msg("row %zu: %s", i, proof ? proof : "no proof");
        }
        if (proof) {
            assert_string_equal(proof, rows[i].proof);
        }
        report->waiting = false;
        assert_null(member_lost(world, 1));
    }
    /* Without a marker it is the log that says whose it is. */
    for (enum report_reason reason = REPORT_MARKER_MISSING; reason <= REPORT_MARKER_INVALID;
         reason++) {
        struct world *world = world_running(arena, "{}");
        struct report *report = world_waits(world, arena, 1);
        report->used_nonce = "given-1";
        report->reason = reason;
        report->has_wal = true;
        report->wal_cluster_id = world->recorded.cluster_id + 1;
        assert_null(member_lost(world, 1));
        report->wal_cluster_id = world->recorded.cluster_id;
        assert_contains(member_lost(world, 1), "nobody knows how old");
        report->wal_cluster_id = 0;
        assert_contains(member_lost(world, 1), "its write-ahead log cannot be read");
    }
}
TEST(proofs)

/* Without any word of a helper: the volume itself is gone, or a person says so. */
static void proofs_without_a_report_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->members[1].claim.gone = "its PersistentVolume is gone";
    assert_null(member_lost(world, 1)); /* It answers: somebody is mistaken. */
    world_is_down(world, 1);
    world->members[1].pod.exists = false;
    assert_string_equal(member_lost(world, 1), "its PersistentVolume is gone");
    world->members[1].claim.gone = NULL;
    assert_null(member_lost(world, 1));

    world->replace = "00000000000000a1"; /* By its id, so that it is not the next one's as well. */
    assert_contains(member_lost(world, 1), "gives it up");
    assert_null(member_lost(world, 2));
    world_list(world, arena, 1)->id = 0xb1;
    assert_null(member_lost(world, 1));
    world->replace = "c-1";
    assert_null(member_lost(world, 1));
}
TEST(proofs_without_a_report)

static void data_of_an_earlier_generation_is_no_members_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct report *report = world_holds_earlier(world, arena, 1);

    world->recorded.generation = 5;
    report->used_nonce = "given-1";
    assert_null(member_lost(world, 1)); /* Another cluster's is a person's affair. */
    report->marker.cluster_uid = CLUSTER_UID;
    assert_contains(member_lost(world, 1), "an earlier generation");
    report->marker.generation = 5;
    assert_null(member_lost(world, 1));
    report->marker.generation = 4;
    report->marker.ordinal = 2;
    assert_null(member_lost(world, 1));
    report->has_marker = false;
    assert_null(member_lost(world, 1));
}
TEST(data_of_an_earlier_generation_is_no_members)

/* Who waits for what it was given, or will be, has lost nothing. */
static void who_may_start_yet_is_not_lost_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct report *report = world_waits(world, arena, 1);

    assert_true(member_has_pending_permit(world, 1));
    assert_null(member_lost(world, 1));
    report->used_nonce = "given-1";
    assert_false(member_has_pending_permit(world, 1));
    assert_non_null(member_lost(world, 1));
    report->used_nonce = NULL;
    world->members[1].pod.uid = "another"; /* A permit is for one pod. */
    assert_false(member_has_pending_permit(world, 1));
    assert_non_null(member_lost(world, 1));
    world->members[1].pod.terminating = true;
    assert_null(member_lost(world, 1));
    world->members[1].pod.terminating = false;

    world_adds(world, arena, 1, 0xb1); /* Its own is not recorded yet. */
    assert_null(member_lost(world, 1));
    world->recorded.permits[1].member_id = 0xb1; /* It is, and was for a pod that is gone. */
    assert_non_null(member_lost(world, 1));
    world->recorded.cluster_id = 0;
    assert_null(member_lost(world, 1));
}
TEST(who_may_start_yet_is_not_lost)

static void who_joins_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    assert_true(member_is_joining(world, 3));
    assert_false(member_is_joining(world, 2));
    world_adds(world, arena, 3, 0xb3);
    assert_true(member_is_joining(world, 3));
    world_unlist(world, 2); /* It was one: that is a repair. */
    assert_false(member_is_joining(world, 2));
    world->member_list = NULL;
    assert_false(member_is_joining(world, 4));
}
TEST(who_joins)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(who_answers_as_another_is_not_live),
        cmocka_unit_test(nothing_without_a_list),
        cmocka_unit_test(nothing_beside_a_stranger),
        cmocka_unit_test(nothing_beside_one_that_has_not_started),
        cmocka_unit_test(additions_of_a_scale_out),
        cmocka_unit_test(additions_of_a_repair),
        cmocka_unit_test(additions_to_a_single_member),
        cmocka_unit_test(promotions),
        cmocka_unit_test(removals_with_a_dead_low_ordinal),
        cmocka_unit_test(removals_with_two_dead),
        cmocka_unit_test(a_learner_may_always_go),
        cmocka_unit_test(the_only_voter_stays),
        cmocka_unit_test(only_what_is_well_changes),
        cmocka_unit_test(the_only_member_may_restart),
        cmocka_unit_test(replicas),
        cmocka_unit_test(proofs),
        cmocka_unit_test(proofs_without_a_report),
        cmocka_unit_test(data_of_an_earlier_generation_is_no_members),
        cmocka_unit_test(who_may_start_yet_is_not_lost),
        cmocka_unit_test(who_joins),
    };
    return cmocka_run_group_tests_name("membership", tests, NULL, NULL);
}
