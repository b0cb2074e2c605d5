/* How a member leaves: on proof, to be replaced, or because the size is smaller now. */
#include "world_builder.h"

static struct report *lost(struct world *world, struct arena *arena, int ordinal)
{
    struct report *report = world_waits(world, arena, ordinal);

    report->used_nonce = arena_printf(arena, "given-%d", ordinal);
    return report;
}

static void each_proof_in(struct arena *arena)
{
    static const struct {
        enum report_reason reason;
        const char *words;
    } rows[] = {{REPORT_NO_DATA, "c-1 is replaced: its volume is empty"},
                {REPORT_WAL_UNREADABLE, "c-1 is replaced: its write-ahead log cannot be read"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_running(arena, "{}");
        lost(world, arena, 1)->reason = rows[i].reason;
        struct plan *plan = plan_of(world, arena);
        assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 1);
        assert_contains(plan->reason, rows[i].words);
        assert_string_equal(plan->status.phase, "Recovering");
        assert_string_equal(plan->status.operation_kind, "Repair");
    }
}
TEST(each_proof)

static void silent(struct world *world, struct arena *arena)
{
    (void)arena;
    world_is_down(world, 1);
}

static void without_a_pod(struct world *world, struct arena *arena)
{
    (void)arena;
    world_is_down(world, 1);
    world->members[1].pod = (struct world_pod){0};
}

static void out_of_memory(struct world *world, struct arena *arena)
{
    silent(world, arena);
    world->members[1].pod.ended_reason = "OOMKilled";
    world->members[1].pod.restarts = 99;
}

static void without_image(struct world *world, struct arena *arena)
{
    silent(world, arena);
    world->members[1].pod.started = false;
    world->members[1].pod.waiting_reason = "ImagePullBackOff";
}

static void on_a_full_disk(struct world *world, struct arena *arena)
{
    lost(world, arena, 1)->reason = REPORT_VOLUME_UNWRITABLE;
}

static void with_a_wrong_config(struct world *world, struct arena *arena)
{
    lost(world, arena, 1)->reason = REPORT_CONFIG_INVALID;
}

static void with_a_wrong_permit(struct world *world, struct arena *arena)
{
    lost(world, arena, 1)->reason = REPORT_PERMIT_INVALID;
}

static void with_anothers_data(struct world *world, struct arena *arena)
{
    world_holds_earlier(world, arena, 1)->used_nonce = "given-1";
}

static void without_a_marker(struct world *world, struct arena *arena)
{
    lost(world, arena, 1)->reason = REPORT_MARKER_MISSING;
}

static void with_a_broken_marker(struct world *world, struct arena *arena)
{
    lost(world, arena, 1)->reason = REPORT_MARKER_INVALID;
}

static void on_its_way(struct world *world, struct arena *arena)
{
    lost(world, arena, 1)->waiting = false;
}

static void no_proof_in(struct arena *arena)
{
    void (*const changes[])(struct world * world, struct arena * arena) = {
        silent,           without_a_pod,        out_of_memory,       without_image,
        on_a_full_disk,   with_a_wrong_config,  with_a_wrong_permit, with_anothers_data,
        without_a_marker, with_a_broken_marker, on_its_way};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct world *world = world_running(arena, "{}");
        changes[i](world, arena);
        struct plan *plan = plan_of(world, arena);
        if (plan->action.kind != ACTION_NONE) {
            fail_msg("change %zu: rule %s acts: %s", i, plan->rule, plan->reason);
        }
        assert_true(plan->status.conditions[CONDITION_DEGRADED].status);
    }
}
TEST(no_proof)

static void not_while_the_others_are_no_quorum_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    lost(world, arena, 1);
    world_is_down(world, 2);
    assert_waits(plan_of(world, arena), "RemoveLostMember",
                 "c-1 cannot be replaced yet (its volume is empty): only 1 of the 2 voters");

    world = world_running(arena, "{\"size\": 1}");
    lost(world, arena, 0);
    struct plan *plan = plan_of(world, arena);
    assert_waits(plan, "RemoveLostMember", "it is the only voter");
    assert_contains(plan->status.message, "in backups alone");
}
TEST(not_while_the_others_are_no_quorum)

/* It has left etcd and not come back: a repair still, until it has joined. */
static void what_was_removed_joins_anew_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    lost(world, arena, 1);
    world_unlist(world, 1);
    struct plan *plan = plan_of(world, arena);
    assert_calls(plan, "AddMember", ACTION_ADD_MEMBER, 1);
    assert_string_equal(plan->status.phase, "Recovering");
    assert_true(plan->status.conditions[CONDITION_DEGRADED].status);
    assert_int_equal(json_path_integer(world->stateful_set, 0, "spec", "replicas", NULL), 3);
}
TEST(what_was_removed_joins_anew)

static void the_highest_leaves_first_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 5, 3);
    struct plan *plan = plan_of(world, arena);

    assert_calls(plan, "RemoveMember", ACTION_REMOVE_MEMBER, 4);
    assert_contains(plan->reason, "c-4 leaves: the size is 3 now");
    assert_string_equal(plan->status.phase, "Scaling");
    world_unlist(world, 4);
    plan = plan_of(world, arena); /* Its pod goes when etcd does not know it any more. */
    assert_action(plan, "ApplyObjects", ACTION_APPLY);
    assert_int_equal(json_path_integer(plan->action.apply[0].object, 0, "spec", "replicas", NULL),
                     4);
    world_make_children(world, arena);
    assert_int_equal(json_path_integer(world->stateful_set, 0, "spec", "replicas", NULL), 4);
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 3);
}
TEST(the_highest_leaves_first)

/* As a number: the tenth ordinal would not come before the second. */
static void of_nine_the_ninth_in(struct arena *arena)
{
    assert_calls(plan_of(world_resizing(arena, 9, 7), arena), "RemoveMember", ACTION_REMOVE_MEMBER,
                 8);
}
TEST(of_nine_the_ninth)

static void a_leader_hands_over_first_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 1);

    world_leads(world, 2);
    struct plan *plan = plan_of(world, arena);
    assert_calls(plan, "RemoveMember", ACTION_MOVE_LEADER, 2);
    assert_int_equal(plan->action.successor, 0);
    world->members[0].pod.ready = false; /* Not to one that does not serve. */
    assert_int_equal(plan_of(world, arena)->action.successor, 1);
    world_leads(world, 1);
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 2);
}
TEST(a_leader_hands_over_first)

static void not_below_a_quorum_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 1);

    world_is_down(world, 0);
    struct plan *plan = plan_of(world, arena);
    assert_waits(plan, "RemoveMember",
                 "c-2 is to leave: only 1 of the 2 voters that would stay serve");
    world->member_list = NULL;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(not_below_a_quorum)

/* c-2 has left etcd, the StatefulSet is of two and its pod is gone. */
static struct world *after_leaving(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 1);

    world_unlist(world, 2);
    world_make_children(world, arena);
    world->members[2].pod = (struct world_pod){0};
    world_is_down(world, 0); /* So that c-1 does not leave meanwhile. */
    return world;
}

static void claims_go_last_in(struct arena *arena)
{
    struct world *world = after_leaving(arena);
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "RemoveClaims", ACTION_REMOVE);
    assert_int_equal(plan->action.n_remove, 1);
    assert_ptr_equal(plan->action.remove[0].resource, &kube_persistent_volume_claims);
    assert_string_equal(plan->action.remove[0].name, "data-c-2");
    assert_string_equal(plan->action.remove[0].uid, "claim-2");
}
TEST(claims_go_last)

static void a_pod_that_ends(struct world *world, struct arena *arena)
{
    world_make_pod(world, arena, 2, "pod-2");
    world->members[2].pod.terminating = true;
    world_is_down(world, 2);
}

static void a_member_still(struct world *world, struct arena *arena)
{
    world_list(world, arena, 2);
}

static void no_list(struct world *world, struct arena *arena)
{
    (void)arena;
    world->member_list = NULL;
}

static void anothers_claim(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].claim.creator_uid = EARLIER_UID;
}

static void nobodys_claim(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].claim.creator_uid = NULL;
}

static void a_claim_that_goes(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[2].claim.terminating = true;
}

static void claims_to_keep(struct world *world, struct arena *arena)
{
    world_set_spec(world, arena,
                   "{\"size\": 1, \"storage\": {\"persistentVolumeClaimRetentionPolicy\": "
                   "{\"whenScaled\": \"Retain\"}}}");
}

static void a_set_not_seen(struct world *world, struct arena *arena)
{
    (void)arena;
    json_object_set_new(json_object_get(world->stateful_set, "metadata"), "generation",
                        json_integer(2));
}

static void claims_that_stay_in(struct arena *arena)
{
    void (*const changes[])(struct world * world, struct arena * arena) = {
        a_pod_that_ends, a_member_still,    no_list,        anothers_claim,
        nobodys_claim,   a_claim_that_goes, claims_to_keep, a_set_not_seen};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct world *world = after_leaving(arena);
        changes[i](world, arena);
        struct plan *plan = plan_of(world, arena);
        if (plan->action.kind == ACTION_REMOVE) {
            fail_msg("change %zu: %s goes", i, plan->action.remove[0].name);
        }
    }
}
TEST(claims_that_stay)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_proof),
        cmocka_unit_test(no_proof),
        cmocka_unit_test(not_while_the_others_are_no_quorum),
        cmocka_unit_test(what_was_removed_joins_anew),
        cmocka_unit_test(the_highest_leaves_first),
        cmocka_unit_test(of_nine_the_ninth),
        cmocka_unit_test(a_leader_hands_over_first),
        cmocka_unit_test(not_below_a_quorum),
        cmocka_unit_test(claims_go_last),
        cmocka_unit_test(claims_that_stay),
    };
    return cmocka_run_group_tests_name("plan remove", tests, NULL, NULL);
}
