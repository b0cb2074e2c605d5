/* How a fresh cluster starts, and over which volumes: each rule up to the recorded cluster id. */
#include "world_builder.h"

#include "etcd/client.h"

static const struct permit_record *find(const struct plan *plan, int ordinal)
{
    const struct recorded *recorded = &plan->status.recorded;
    for (int i = 0; i < recorded->n_permits; i++) {
        if (recorded->permits[i].ordinal == ordinal) {
            return &recorded->permits[i];
        }
    }
    return NULL;
}

static void creation_step_by_step_in(struct arena *arena)
{
    struct world *world = world_new(arena, "{}");

    world->has_finalizer = false;
    assert_action(plan_of(world, arena), "AddFinalizer", ACTION_ADD_FINALIZER);
    world->has_finalizer = true;
    world->certificates.due[SECRET_SERVER] = "Secret c-server-tls: it does not exist";
    assert_action(plan_of(world, arena), "IssueCertificates", ACTION_ISSUE_CERTIFICATES);
    world->certificates.due[SECRET_SERVER] = NULL;

    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY);
    assert_int_equal(plan->action.n_apply, 5);
    assert_ptr_equal(plan->action.apply[4].resource, &kube_stateful_sets); /* What starts pods. */
    assert_string_equal(plan->status.phase, "Creating");

    world_make_children(world, arena);
    plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_NONE); /* No pods yet. */
    assert_contains(plan->status.message, "waiting for claim data-c-0");
    assert_int_equal(plan->status.recorded.n_permits, 0);
    assert_true(plan->requeue_ms <= 2000);

    world_make_pod(world, arena, 0, "pod-0");
    assert_int_equal(plan_of(world, arena)->action.kind,
                     ACTION_NONE); /* Not all claims are seen. */
    world_make_pod(world, arena, 1, "pod-1");
    world_make_pod(world, arena, 2, "pod-2");
    plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_GRANT_PERMITS);
    assert_pods(plan, 3, 0, 1, 2);
    assert_int_equal(plan->status.recorded.size, 3);
    assert_int_equal(plan->status.recorded.generation, 1);
    assert_string_equal(plan->status.operation_kind, "Bootstrap");
    const struct permit_record *record = find(plan, 1);
    assert_int_equal(record->mode, PERMIT_NEW);
    assert_string_equal(record->pod_uid, "pod-1");
    assert_string_equal(record->nonce, "nonce-1");
    assert_true(record->member_id ==
                etcd_static_member_id("https://c-1.c-peer.ns.svc:2380", CLUSTER_UID "-1"));
}
TEST(creation_step_by_step)

static void permits_once_per_ordinal_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    for (int i = 0; i < 3; i++) {
        world_record(world, i, PERMIT_NEW, world->members[i].pod.uid);
    }
    /* Recorded and not delivered: the operator ended in between. The same permits go out. */
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_GRANT_PERMITS);
    assert_pods(plan, 3, 0, 1, 2);
    assert_int_equal(plan->status.recorded.n_permits, 3);
    assert_string_equal(find(plan, 2)->nonce, "given-2");

    world_give_permit(world, arena, 0);
    assert_pods(plan_of(world, arena), 2, 1, 2);

    world_make_pod(world, arena, 1, "another-pod"); /* Not the recorded one. */
    assert_pods(plan_of(world, arena), 1, 2);
    world->members[2].pod.terminating = true;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(permits_once_per_ordinal)

static void delivered_again_only_unused_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{\"size\": 1}");
    struct report *report;

    world_record(world, 0, PERMIT_NEW, "pod-0");
    report = world_waits(world, arena, 0);
    assert_pods(plan_of(world, arena), 1, 0);
    report->used_nonce = "given-0";
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    report->used_nonce = "one-of-before";
    assert_pods(plan_of(world, arena), 1, 0);
    report->waiting = false;
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    world_serves(world, arena, 0); /* Runs without the annotation: it used its permit. */
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
}
TEST(delivered_again_only_unused)

static void records_the_cluster_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->recorded.cluster_id = 0;
    struct plan *plan = plan_of(world, arena);
    assert_true(plan->status.recorded.cluster_id == CLUSTER_ID);
    assert_int_equal(plan->status.recorded.n_permits, 3);

    struct recorded none = {0}; /* Somebody emptied the status. */
    world->recorded = none;
    world_set_spec(world, arena, "{\"size\": 5}"); /* Not what runs. */
    plan = plan_of(world, arena);
    assert_action(plan, "RecordCluster", ACTION_NONE);
    assert_true(plan->status.recorded.cluster_id == CLUSTER_ID);
    assert_int_equal(plan->status.recorded.size, 3);
    assert_int_equal(plan->status.recorded.generation, 1);
    assert_int_equal(plan->status.recorded.n_permits, 0);

    world->member_list = NULL; /* A read alone does not tell which cluster. */
    assert_true(plan_of(world, arena)->status.recorded.cluster_id == 0);
    world = world_running(arena, "{}");
    world->recorded.cluster_id = 0;
    for (int i = 0; i < 3; i++) { /* Status alone is a local read. */
        world->members[i].look.read_error.kind = ERROR_RETRYABLE;
    }
    assert_true(plan_of(world, arena)->status.recorded.cluster_id == 0);
}
TEST(records_the_cluster)

static void never_new_once_formed_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_make_pod(world, arena, 2, "pod-2b"); /* Its volume was lost with its pod. */
    world_waits(world, arena, 2);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER); /* It joins as another. */
    assert_int_equal(plan->status.recorded.n_permits, 3);
    assert_string_equal(find(plan, 2)->pod_uid, "pod-2");
    assert_string_equal(plan->status.conditions[CONDITION_DEGRADED].reason, "MemberLostData");

    for (int i = 0; i < 3; i++) { /* Nor when the record of the permits is lost, */
        world_make_pod(world, arena, i, arena_printf(arena, "pod-%db", i));
        world_waits(world, arena, i);
    }
    world->recorded.n_permits = 0;
    assert_int_equal(plan_of(world, arena)->status.recorded.n_permits, 0);

    world = world_running(arena, "{}"); /* or in the very pass that records the cluster id. */
    world_make_pod(world, arena, 2, "pod-2b");
    world_waits(world, arena, 2);
    world->recorded.cluster_id = 0;
    world->recorded.n_permits = 2;
    plan = plan_of(world, arena);
    assert_true(plan->status.recorded.cluster_id == CLUSTER_ID);
    assert_null(find(plan, 2));
}
TEST(never_new_once_formed)

static void formed_delivers_only_on_report_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_is_down(world, 2); /* It may have started; nobody says that it has not. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world_waits(world, arena, 2)->used_nonce = "given-2"; /* It has, and its data is gone. */
    assert_action(plan_of(world, arena), "RemoveLostMember", ACTION_REMOVE_MEMBER);
    world_waits(world, arena, 2); /* Recorded before the cluster formed, and never used. */
    assert_action(plan_of(world, arena), "GrantPermits", ACTION_GRANT_PERMITS);
}
TEST(formed_delivers_only_on_report)

static void repeats_permits_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->recorded.cluster_id = 0;
    for (int i = 0; i < 3; i++) {
        world_is_down(world, i);
        world_give_permit(world, arena, i);
    }
    world_waits(world, arena, 2);
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world->now_ms += 5000;
    struct plan *plan = plan_of(world, arena); /* The others do not say that they wait. */
    assert_action(plan, "RepeatPermits", ACTION_REPEAT_PERMITS);
    assert_pods(plan, 1, 2);
    world->members[2].pod.permit_sent_ms = world->now_ms + 60000; /* Somebody else's clock. */
    assert_action(plan_of(world, arena), "RepeatPermits", ACTION_REPEAT_PERMITS);
    world->members[2].pod.permit_sent_ms = -1; /* No date. */
    world_waits(world, arena, 2)->used_nonce = world->members[2].pod.permit->nonce;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE); /* It has seen it. */
    world_waits(world, arena, 2)->reason = REPORT_PERMIT_INVALID;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE); /* And refused it. */
}
TEST(repeats_permits)

static void retires_permits_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    for (int i = 0; i < 3; i++) {
        world_give_permit(world, arena, i);
    }
    world_is_down(world, 1);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RetirePermits", ACTION_RETIRE_PERMITS);
    assert_pods(plan, 2, 0, 2);
    world->recorded.cluster_id = 0; /* First the record. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(retires_permits)

static struct world *over_kept_volumes(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");
    for (int i = 0; i < 3; i++) {
        world_holds_earlier(world, arena, i);
    }
    return world;
}

static void adopts_one_identity_in(struct arena *arena)
{
    struct plan *plan = plan_of(over_kept_volumes(arena), arena);

    assert_action(plan, "GrantPermits", ACTION_GRANT_PERMITS);
    assert_pods(plan, 3, 0, 1, 2);
    for (int i = 0; i < 3; i++) {
        const struct permit_record *record = find(plan, i);
        assert_int_equal(record->mode, PERMIT_ADOPT);
        assert_string_equal(record->previous_cluster_uid, EARLIER_UID);
        assert_true(record->member_id == 0xb0 + (unsigned)i);
    }
}
TEST(adopts_one_identity)

static void kept_and_empty_is_fresh_in(struct arena *arena)
{
    struct world *world = over_kept_volumes(arena);

    for (int i = 0; i < 3; i++) {
        world_waits(world, arena, i);
    }
    struct plan *plan = plan_of(world, arena);
    assert_pods(plan, 3, 0, 1, 2);
    assert_int_equal(find(plan, 0)->mode, PERMIT_NEW);
}
TEST(kept_and_empty_is_fresh)

static void kept_volumes_are_looked_at_first_in(struct arena *arena)
{
    struct world *world = over_kept_volumes(arena);

    world->members[1].report = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_NONE);
    assert_int_equal(plan->status.recorded.n_permits, 0);
    assert_contains(plan->status.conditions[CONDITION_PROGRESSING].message,
                    "looking at the volumes");
}
TEST(kept_volumes_are_looked_at_first)

enum strange {
    ONE_EMPTY,
    OTHER_CLUSTER,
    OTHER_GENERATION,
    OTHER_ORDINAL,
    OTHER_WAL,
    NO_MARKER,
    PAST_SIZE,
    N_STRANGE
};

static void make_strange(struct world *world, struct arena *arena, enum strange strange)
{
    static const char *past_size[] = {"data-c-3"};
    struct report *report = (struct report *)(uintptr_t)world->members[2].report;

    switch (strange) {
    case ONE_EMPTY:
        world_waits(world, arena, 2);
        break;
    case OTHER_CLUSTER:
        report->marker.cluster_uid = "22222222-uid";
        break;
    case OTHER_GENERATION:
        report->marker.generation = 3;
        break;
    case OTHER_ORDINAL:
        report->marker.ordinal = 1;
        break;
    case OTHER_WAL:
        report->wal_cluster_id = 0xef;
        break;
    case NO_MARKER:
        report->has_marker = false;
        report->reason = REPORT_MARKER_MISSING;
        break;
    case PAST_SIZE:
    case N_STRANGE:
        world->foreign_claims = past_size;
        world->n_foreign_claims = 1;
        break;
    }
}

static void refuses_strange_volumes_in(struct arena *arena)
{
    for (int strange = 0; strange < N_STRANGE; strange++) {
        struct world *world = over_kept_volumes(arena);
        make_strange(world, arena, (enum strange)strange);
        struct plan *plan = plan_of(world, arena);
        if (plan->action.kind != ACTION_NONE || plan->status.recorded.n_permits) {
            fail_msg("the strange volumes %d were taken", strange);
        }
        assert_string_equal(plan->status.phase, "Failed");
        assert_contains(plan->status.message, "data-c-2");
        assert_contains(plan->status.message, "set spec.size");
    }
}
TEST(refuses_strange_volumes)

static void adoption_of_a_replaced_pod_is_renewed_in(struct arena *arena)
{
    struct world *world = over_kept_volumes(arena);

    for (int i = 0; i < 3; i++) {
        world_record(world, i, PERMIT_ADOPT, world->members[i].pod.uid);
        world_give_permit(world, arena, i);
    }
    world_make_pod(world, arena, 1, "pod-1b");
    world_holds_earlier(world, arena, 1);
    struct plan *plan = plan_of(world, arena);
    assert_pods(plan, 1, 1);
    assert_string_equal(find(plan, 1)->pod_uid, "pod-1b");
    assert_string_equal(find(plan, 1)->nonce, "nonce-1");
    assert_int_equal(plan->status.recorded.n_permits, 3);

    struct report *report = (struct report *)(uintptr_t)world->members[1].report;
    report->marker.cluster_uid = "22222222-uid"; /* Another volume than the one judged. */
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    report->has_marker = false; /* A report that contradicts itself. */
    report->marker = (struct marker){0};
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
}
TEST(adoption_of_a_replaced_pod_is_renewed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation_step_by_step),
        cmocka_unit_test(permits_once_per_ordinal),
        cmocka_unit_test(delivered_again_only_unused),
        cmocka_unit_test(records_the_cluster),
        cmocka_unit_test(never_new_once_formed),
        cmocka_unit_test(formed_delivers_only_on_report),
        cmocka_unit_test(repeats_permits),
        cmocka_unit_test(retires_permits),
        cmocka_unit_test(adopts_one_identity),
        cmocka_unit_test(kept_and_empty_is_fresh),
        cmocka_unit_test(kept_volumes_are_looked_at_first),
        cmocka_unit_test(refuses_strange_volumes),
        cmocka_unit_test(adoption_of_a_replaced_pod_is_renewed),
    };
    return cmocka_run_group_tests_name("plan start", tests, NULL, NULL);
}
