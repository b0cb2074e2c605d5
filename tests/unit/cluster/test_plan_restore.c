/* A cluster that is founded on a backup: what it waits for, and what it must never do. */
#include "world_builder.h"

#define RESTORE_UID "22222222-uid"

static struct world *made_by_restore(struct arena *arena)
{
    struct world *world = world_new(arena, "{}");

    world->restore_name = "r";
    world->restore_uid = RESTORE_UID;
    return world;
}

static struct world *waiting(struct arena *arena)
{
    struct world *world = made_by_restore(arena);

    world->recorded.restore_name = "r";
    world->recorded.restore_uid = RESTORE_UID;
    world->recorded.size = 3;
    world->recorded.generation = 1;
    return world;
}

static void records_it_before_all_else_in(struct arena *arena)
{
    struct plan *plan = plan_of(made_by_restore(arena), arena);

    assert_action(plan, "AwaitRestore", ACTION_NONE);
    assert_string_equal(plan->status.recorded.restore_uid, RESTORE_UID);
    assert_int_equal(plan->status.recorded.size, 3);
    assert_int_equal(plan->status.recorded.generation, 1);
    assert_string_equal(plan->status.phase, "Creating");
}
TEST(records_it_before_all_else)

/* The annotation of birth, put onto a cluster that has begun without. */
static void comes_too_late_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->restore_name = "r";
    world->restore_uid = RESTORE_UID;
    assert_null(plan_of(world, arena)->status.recorded.restore_uid);
    world->recorded.cluster_id = 0;
    world->member_list = NULL;
    assert_null(plan_of(world, arena)->status.recorded.restore_uid);
}
TEST(comes_too_late)

static void prepares_all_but_the_set_in(struct arena *arena)
{
    struct world *world = waiting(arena);

    world->certificates.due[SECRET_SERVER] = "Secret c-server-tls: it does not exist";
    assert_action(plan_of(world, arena), "IssueCertificates", ACTION_ISSUE_CERTIFICATES);
    world->certificates.due[SECRET_SERVER] = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY);
    assert_int_equal(plan->action.n_apply, 4);
    for (int i = 0; i < plan->action.n_apply; i++) {
        assert_ptr_not_equal(plan->action.apply[i].resource, &kube_stateful_sets);
    }
    assert_contains(plan->status.message, "waiting for EtcdRestore r");
}
TEST(prepares_all_but_the_set)

/* Not even with everything in place that a permit asks for, and with the annotation taken away. */
static void never_gives_a_new_permit_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_GRANT_PERMITS);
    world->recorded = waiting(arena)->recorded;
    struct plan *plan = plan_of(world, arena);
    assert_int_not_equal(plan->action.kind, ACTION_GRANT_PERMITS);
    assert_int_equal(plan->status.recorded.n_permits, 0);
    assert_contains(plan->status.message, "waiting for EtcdRestore r");
}
TEST(never_gives_a_new_permit)

static void counts_as_formed_when_all_is_there_in(struct arena *arena)
{
    struct world *world = waiting(arena);

    world->restored = (struct restored){RESTORE_UID, CLUSTER_UID, CLUSTER_ID};
    world->certificates.due[SECRET_SERVER] = "Secret c-server-tls: it does not exist";
    assert_true(plan_of(world, arena)->status.recorded.cluster_id == 0); /* Not before these. */
    world->certificates.due[SECRET_SERVER] = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "AwaitRestore", ACTION_NONE);
    assert_true(plan->status.recorded.cluster_id == CLUSTER_ID);
    world->recorded.cluster_id = CLUSTER_ID;
    plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY);
    assert_int_equal(plan->action.n_apply, 5);
}
TEST(counts_as_formed_when_all_is_there)

/* Copied with the rest of a manifest, or another restore's. */
static void believes_its_own_restore_only_in(struct arena *arena)
{
    struct world *world = waiting(arena);

    world->restored = (struct restored){RESTORE_UID, EARLIER_UID, CLUSTER_ID};
    assert_true(plan_of(world, arena)->status.recorded.cluster_id == 0);
    world->restored = (struct restored){"33333333-uid", CLUSTER_UID, CLUSTER_ID};
    assert_true(plan_of(world, arena)->status.recorded.cluster_id == 0);
}
TEST(believes_its_own_restore_only)

/* The data is of the version that it was restored with, also before the set is there. */
static void keeps_the_version_in(struct arena *arena)
{
    struct world *world = waiting(arena);

    world->recorded.version = "3.6.16";
    world_set_spec(world, arena, "{\"version\": \"3.5.35\"}");
    assert_string_equal(plan_of(world, arena)->status.target_version, "3.6.16");
}
TEST(keeps_the_version)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_it_before_all_else),
        cmocka_unit_test(comes_too_late),
        cmocka_unit_test(prepares_all_but_the_set),
        cmocka_unit_test(never_gives_a_new_permit),
        cmocka_unit_test(counts_as_formed_when_all_is_there),
        cmocka_unit_test(believes_its_own_restore_only),
        cmocka_unit_test(keeps_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
