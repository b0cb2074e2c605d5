/* A bootstrap that cannot come to its end: the next generation begins only when the cluster
 * provably never formed. */
#include "world_builder.h"

/* Three members that were permitted, used their permits and came back without data. */
static struct world *failed_at_birth(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    for (int i = 0; i < 3; i++) {
        world_record(world, i, PERMIT_NEW, world->members[i].pod.uid);
        world_give_permit(world, arena, i);
        world_waits(world, arena, i)->used_nonce = world->members[i].pod.permit->nonce;
    }
    return world;
}

/* The same, after the template was mended and the pods replaced. */
static struct world *mended(struct arena *arena)
{
    struct world *world = failed_at_birth(arena);

    for (int i = 0; i < 3; i++) {
        world_make_pod(world, arena, i, arena_printf(arena, "pod-%db", i));
        world_waits(world, arena, i);
    }
    return world;
}

static void has_log(struct world *world, struct arena *arena, int ordinal)
{
    struct report *report = world_waits(world, arena, ordinal);
    report->has_wal = true;
    report->reason = REPORT_WAL_UNREADABLE;
}

static void assert_next_generation(struct world *world, struct arena *arena, bool begins)
{
    struct plan *plan = plan_of(world, arena);

    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_int_equal(plan->status.recorded.generation, begins ? 2 : 1);
    assert_int_equal(plan->status.recorded.n_permits, begins ? 0 : 3);
}

static void new_pods_ask_at_once_in(struct arena *arena)
{
    struct world *world = mended(arena);

    assert_next_generation(world, arena, true);
    assert_string_equal(plan_of(world, arena)->rule, "RestartBootstrap");
    assert_int_equal(plan_of(world, arena)->status.recorded.size, 0); /* The spec's, again. */
}
TEST(new_pods_ask_at_once)

static void same_pods_ask_after_a_while_in(struct arena *arena)
{
    struct world *world = failed_at_birth(arena);

    assert_next_generation(world, arena, false);
    for (int i = 0; i < 3; i++) {
        world->members[i].pod.runs_ms = 59000;
    }
    assert_next_generation(world, arena, false);
    world->members[1].pod.runs_ms = 61000;
    assert_next_generation(world, arena, true);

    world->recorded.generation = 2; /* Each generation waits longer. */
    for (int i = 0; i < 3; i++) {
        world->members[i].pod.permit->generation = 2;
    }
    assert_int_equal(plan_of(world, arena)->status.recorded.generation, 2);
    world->members[1].pod.runs_ms = 121000;
    assert_int_equal(plan_of(world, arena)->status.recorded.generation, 3);
    world->recorded.generation = 40;
    for (int i = 0; i < 3; i++) {
        world->members[i].pod.permit->generation = 40;
    }
    world->members[1].pod.runs_ms = 901000;
    assert_int_equal(plan_of(world, arena)->status.recorded.generation, 41);
}
TEST(same_pods_ask_after_a_while)

/* It may be the last copy of what was acknowledged: one of the others had its log too, and lost it.
 */
static void one_log_blocks_in(struct arena *arena)
{
    struct world *world = mended(arena);

    has_log(world, arena, 2);
    assert_next_generation(world, arena, false);
    struct plan *plan = plan_of(world, arena);
    assert_string_equal(plan->status.phase, "Failed");
    assert_contains(plan->status.message, "c-0 asks to start again");
    assert_contains(plan->status.message, "1 of 3 have data");
}
TEST(one_log_blocks)

static void etcd_without_a_leader_blocks_in(struct arena *arena)
{
    struct world *world = mended(arena);

    world->members[2].report = NULL; /* The helper is gone: it became etcd. */
    world->members[2].pod.runs_ms = 59000;
    assert_next_generation(world, arena, false);
    assert_string_equal(plan_of(world, arena)->status.phase, "Creating");
    world->members[2].pod.runs_ms = 61000;
    assert_next_generation(world, arena, false);
    assert_string_equal(plan_of(world, arena)->status.phase, "Failed");
}
TEST(etcd_without_a_leader_blocks)

/* What an earlier bootstrap left says nothing of this one. */
static void a_log_of_an_earlier_generation_in(struct arena *arena)
{
    struct world *world = mended(arena);

    world->recorded.generation = 2;
    has_log(world, arena, 2);
    struct report *report = (struct report *)world->members[2].report;
    report->has_marker = true;
    report->marker.cluster_uid = CLUSTER_UID;
    report->marker.generation = 1;
    assert_int_equal(plan_of(world, arena)->status.recorded.generation, 3);
    report->marker.generation = 2;
    assert_int_equal(plan_of(world, arena)->status.recorded.generation, 2);
}
TEST(a_log_of_an_earlier_generation)

static void a_quorum_that_reads_blocks_in(struct arena *arena)
{
    struct world *world = mended(arena);

    world_serves(world, arena, 2); /* No member list yet, so no cluster id is recorded. */
    assert_next_generation(world, arena, false);
}
TEST(a_quorum_that_reads_blocks)

/* Each way in which a member says nothing: it counts as one that may have data. */
enum silence { GONE, ENDING, NOT_STARTED, NO_REPORT, FRESH_PERMIT, NOT_WAITING, N_SILENCES };

static void silence_member(struct world *world, struct arena *arena, int ordinal,
                           enum silence silence)
{
    struct world_member *member = &world->members[ordinal];
    struct report *report = world_waits(world, arena, ordinal);

    switch (silence) {
    case GONE:
        member->pod = (struct world_pod){0};
        member->report = NULL;
        break;
    case ENDING:
        member->pod.terminating = true;
        member->report = NULL;
        break;
    case NOT_STARTED:
        member->pod.started = false;
        member->report = NULL;
        break;
    case NO_REPORT:
        member->report = NULL;
        break;
    case FRESH_PERMIT: /* On the pod, and not seen there yet. */
        member->pod.uid = world->recorded.permits[ordinal].pod_uid;
        world_give_permit(world, arena, ordinal);
        break;
    case NOT_WAITING:
    case N_SILENCES:
        report->waiting = false;
        break;
    }
}

static void silence_is_no_proof_in(struct arena *arena)
{
    for (int silence = 0; silence < N_SILENCES; silence++) {
        struct world *world = mended(arena);
        silence_member(world, arena, 1, (enum silence)silence);
        struct plan *plan = plan_of(world, arena);
        if (plan->status.recorded.generation != 1) {
            fail_msg("a member in silence %d was taken for empty", silence);
        }
        assert_string_equal(plan->status.phase, "Creating"); /* It is not known yet. */
        assert_contains(plan->status.conditions[CONDITION_PROGRESSING].message, "not known yet");
    }
}
TEST(silence_is_no_proof)

static void a_lost_volume_is_empty_in(struct arena *arena)
{
    struct world *world = mended(arena);

    for (int i = 1; i < 3; i++) {
        silence_member(world, arena, i, GONE);
        world->members[i].claim.exists = false;
    }
    assert_next_generation(world, arena, true);
}
TEST(a_lost_volume_is_empty)

static void nobody_asks_in(struct arena *arena)
{
    struct world *world = mended(arena);

    for (int i = 0; i < 3; i++) { /* As fresh pods of this generation that wait. */
        world->recorded.permits[i].pod_uid = world->members[i].pod.uid;
        world_give_permit(world, arena, i);
    }
    assert_next_generation(world, arena, false);
    for (int i = 0; i < 3; i++) {
        world->recorded.permits[i].mode = PERMIT_ADOPT;
        world->recorded.permits[i].pod_uid = "gone";
    }
    assert_next_generation(world, arena, false); /* Adopted data never goes aside. */
}
TEST(nobody_asks)

static void formed_never_begins_again_in(struct arena *arena)
{
    struct world *world = mended(arena);

    world->recorded.cluster_id = CLUSTER_ID;
    assert_next_generation(world, arena, false);
    assert_string_equal(plan_of(world, arena)->status.phase, "Failed");
}
TEST(formed_never_begins_again)

/* Generation 2 is recorded; the pods are still those of generation 1. */
static void earlier_pods_go_first_in(struct arena *arena)
{
    struct world *world = failed_at_birth(arena);

    world->recorded = (struct recorded){.generation = 2};
    /* First the template, or a pod that comes back would start on the earlier data. */
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    world_make_children(world, arena);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RestartBootstrap", ACTION_DELETE_PODS);
    assert_pods(plan, 3, 0, 1, 2);
    world->members[0].pod.terminating = true;
    /* Came back to its data, without a permit, and answers: it is of generation 1 all the same. */
    world_serves(world, arena, 1);
    world->members[1].pod.ready = false;
    world->members[1].look.read_error.kind = ERROR_RETRYABLE;
    world->members[1].pod.has_permit = false;
    plan = plan_of(world, arena);
    assert_action(plan, "RestartBootstrap", ACTION_DELETE_PODS);
    assert_pods(plan, 2, 1, 2);

    for (int i = 0; i < 3; i++) {
        world_make_pod(world, arena, i, arena_printf(arena, "pod-%db", i));
    }
    plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_GRANT_PERMITS);
    assert_int_equal(plan->status.recorded.generation, 2);
    assert_int_equal(plan->status.recorded.size, 3);

    world->members[1].pod.has_permit = true; /* Unreadable: nobody knows what it allows. */
    world->members[1].pod.permit = NULL;
    assert_action(plan_of(world, arena), "RestartBootstrap", ACTION_DELETE_PODS);
    assert_pods(plan_of(world, arena), 1, 1);
}
TEST(earlier_pods_go_first)

/* Somebody wrote a permit before the operator did: such a pod would never get a good one. */
static void forged_before_the_start_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    world->members[1].pod.has_permit = true; /* Nonsense. */
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RestartBootstrap", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 1);
    assert_int_equal(plan->status.recorded.generation, 0);

    world_give_permit(world, arena, 1); /* A good one of elsewhere. */
    plan = plan_of(world, arena);
    assert_action(plan, "RestartBootstrap", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 1);
}
TEST(forged_before_the_start)

static void config_names_the_generation_in(struct arena *arena)
{
    struct world *world = world_new(arena, "{}");
    struct children first, second;

    children_desired(world, arena, &first);
    world->recorded.generation = 1;
    children_desired(world, arena, &second);
    assert_string_equal(first.config_name, second.config_name); /* Recording restarts nothing. */
    world->recorded.generation = 2;
    children_desired(world, arena, &second);
    assert_string_not_equal(first.template_hash, second.template_hash);
    const char *text = json_path_string(second.items[3].object, "data", "member.json", NULL);
    struct member_config config;
    assert_int_equal(member_config_decode(text, strlen(text), arena, &config, NULL), 0);
    assert_int_equal(config.generation, 2);
}
TEST(config_names_the_generation)

/* All or none: what would form without a member could not let it in later. */
static void no_permit_until_all_are_scheduled_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");
    struct world_pod *pod = &world->members[2].pod;
    struct world_pod before = *pod;

    pod->node = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_NONE);
    assert_int_equal(plan->status.recorded.n_permits, 0);
    pod->exists = false;
    assert_int_equal(plan_of(world, arena)->status.recorded.n_permits, 0);
    *pod = before;
    pod->template_hash = "of-an-earlier-spec"; /* It will be replaced. */
    plan = plan_of(world, arena);
    assert_action(plan, "ReplaceOutdatedPod", ACTION_DELETE_PODS);
    assert_int_equal(plan->status.recorded.n_permits, 0);
}
TEST(no_permit_until_all_are_scheduled)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_pods_ask_at_once),
        cmocka_unit_test(same_pods_ask_after_a_while),
        cmocka_unit_test(one_log_blocks),
        cmocka_unit_test(etcd_without_a_leader_blocks),
        cmocka_unit_test(a_log_of_an_earlier_generation),
        cmocka_unit_test(a_quorum_that_reads_blocks),
        cmocka_unit_test(silence_is_no_proof),
        cmocka_unit_test(a_lost_volume_is_empty),
        cmocka_unit_test(nobody_asks),
        cmocka_unit_test(formed_never_begins_again),
        cmocka_unit_test(earlier_pods_go_first),
        cmocka_unit_test(forged_before_the_start),
        cmocka_unit_test(config_names_the_generation),
        cmocka_unit_test(no_permit_until_all_are_scheduled),
    };
    return cmocka_run_group_tests_name("plan bootstrap", tests, NULL, NULL);
}
