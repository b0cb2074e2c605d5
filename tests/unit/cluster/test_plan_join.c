/* How an ordinal becomes a member of a cluster that has formed: step by step, and what each step
 * waits for. */
#include "world_builder.h"

static struct world_member *member(struct world *world, int ordinal)
{
    return &world->members[ordinal];
}

static const struct permit_record *record_of(const struct plan *plan, int ordinal)
{
    const struct recorded *recorded = &plan->status.recorded;

    for (int i = 0; i < recorded->n_permits; i++) {
        if (recorded->permits[i].ordinal == ordinal) {
            return &recorded->permits[i];
        }
    }
    return NULL;
}

/* What the operator wrote stands in the status, and on the pods that it gave permits to. */
static void carry_out(struct world *world, struct arena *arena, const struct plan *plan)
{
    world->recorded = plan->status.recorded;
    for (int i = 0; i < plan->action.n_pods; i++) {
        world_give_permit(world, arena, plan->action.pods[i]);
    }
}

static void step_by_step_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    /* The pods come first. */
    member(world, 3)->pod = (struct world_pod){0};
    member(world, 4)->pod = (struct world_pod){0};
    assert_waits(plan_of(world, arena), "AddMember", "waiting for the pod c-3");
    world_make_pod(world, arena, 3, "pod-3");
    world_waits(world, arena, 3);
    assert_int_equal(plan_of(world, arena)->status.recorded.n_permits, 3); /* No permit yet. */
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 3);

    world_adds(world, arena, 3, 0xb3);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "GrantPermits", ACTION_GRANT_PERMITS);
    assert_pods(plan, 1, 3);
    assert_int_equal(record_of(plan, 3)->mode, PERMIT_EXISTING);
    assert_true(record_of(plan, 3)->member_id == 0xb3);
    assert_string_equal(record_of(plan, 3)->pod_uid, "pod-3");
    assert_string_equal(record_of(plan, 3)->nonce, "nonce-3");
    assert_int_equal(plan->status.recorded.size, 5);
    assert_string_equal(plan->status.phase, "Scaling");
    assert_false(plan->status.conditions[CONDITION_DEGRADED].status);
    carry_out(world, arena, plan);

    world_make_pod(world, arena, 4, "pod-4"); /* One at a time. */
    world_waits(world, arena, 4);
    assert_waits(plan_of(world, arena), "PromoteMember",
                 "c-3 has joined as a learner and does not");
    assert_waits(plan_of(world, arena), "AddMember", "c-3 has been added and has not started yet");

    struct etcd_member *entry = world_adds(world, arena, 3, 0xb3);
    world_serves(world, arena, 3);
    entry->id = 0xb3;
    entry->is_learner = true;
    member(world, 3)->look.status.member_id = 0xb3;
    member(world, 3)->look.status.is_learner = true;
    error_set(&member(world, 3)->look.read_error, ERROR_CONFLICT, "not for a learner");
    assert_calls(plan_of(world, arena), "PromoteMember", ACTION_PROMOTE_MEMBER, 3);

    entry->is_learner = member(world, 3)->look.status.is_learner = false;
    member(world, 3)->look.read_error.kind = ERROR_NONE;
    assert_action(plan_of(world, arena), "RetirePermits", ACTION_RETIRE_PERMITS);
    member(world, 3)->pod.has_permit = false;
    member(world, 3)->pod.permit = NULL;
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 4);
}
TEST(step_by_step)

static void no_node(struct world *world)
{
    member(world, 3)->pod.node = NULL;
    member(world, 3)->pod.unschedulable = "0/3 nodes are available";
}

static void no_image(struct world *world)
{
    member(world, 3)->pod.started = false;
    member(world, 3)->pod.waiting_reason = "ErrImagePull";
}

static void no_address(struct world *world)
{
    member(world, 3)->pod.ip = NULL;
}

static void ending(struct world *world)
{
    member(world, 3)->pod.terminating = true;
}

static void outdated(struct world *world)
{
    member(world, 3)->pod.template_hash = "earlier";
    member(world, 3)->pod.ready = true; /* Else it is replaced. */
}

static void not_heard_of(struct world *world)
{
    member(world, 3)->report = NULL;
}

static struct report *report_of(struct world *world)
{
    return (struct report *)(uintptr_t)member(world, 3)->report;
}

static void on_its_way(struct world *world)
{
    report_of(world)->waiting = false;
    report_of(world)->message = "etcd is started";
}

static void wrong_config(struct world *world)
{
    report_of(world)->reason = REPORT_CONFIG_INVALID;
    report_of(world)->message = "the configuration is wrong";
}

static void unwritable(struct world *world)
{
    report_of(world)->reason = REPORT_VOLUME_UNWRITABLE;
    report_of(world)->message = "the volume is full";
}

static void foreign(struct world *world)
{
    report_of(world)->reason = REPORT_FOREIGN_DATA;
    report_of(world)->message = "the volume holds the data of another cluster";
    report_of(world)->has_marker = true;
    report_of(world)->marker = (struct marker){EARLIER_UID, 1, 3, 0xe3};
}

/* What cannot start never weighs on the membership. */
static void added_only_when_it_could_start_in(struct arena *arena)
{
    const struct {
        void (*change)(struct world *world);
        const char *words;
    } rows[] = {{no_node, "0/3 nodes are available"},
                {no_image, "c-3 cannot get its image"},
                {no_address, "waiting for the pod c-3"},
                {ending, "waiting for the pod c-3"},
                {outdated, "c-3 was made from an earlier template"},
                {not_heard_of, "waiting for the start helper in c-3"},
                {on_its_way, "c-3 cannot start yet: etcd is started"},
                {wrong_config, "c-3 cannot start yet: the configuration is wrong"},
                {unwritable, "c-3 cannot start yet: the volume is full"},
                {foreign, "nothing is put aside that is not this cluster's"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_resizing(arena, 3, 5);
        world_is_down(world, 4); /* The next one waits as well. */
        rows[i].change(world);
        assert_waits(plan_of(world, arena), "AddMember", rows[i].words);
    }
}
TEST(added_only_when_it_could_start)

/* Data of this cluster and ordinal is of a member that was removed: it is put aside. */
static void what_a_removed_member_left_is_no_bar_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    foreign(world);
    report_of(world)->marker.cluster_uid = CLUSTER_UID;
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 3);
    /* Or it runs there, and ends again and again, so that no helper is heard. */
    member(world, 3)->report = NULL;
    member(world, 3)->pod.runs_ms = 10001;
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 3);
}
TEST(what_a_removed_member_left_is_no_bar)

static void the_next_may_go_first_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    no_node(world);
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 4);
}
TEST(the_next_may_go_first)

/* c-3 is added and its permit recorded for pod-3. */
static struct world *joining(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world_is_down(world, 4);
    world_adds(world, arena, 3, 0xb3);
    world->recorded = plan_of(world, arena)->status.recorded;
    return world;
}

static void one_permit_for_one_member_in(struct arena *arena)
{
    struct world *world = joining(arena);

    /* Recorded and not delivered: the operator ended in between. The same goes out. */
    member(world, 3)->nonce = "another-draw";
    struct plan *plan = plan_of(world, arena);
    assert_pods(plan, 1, 3);
    assert_string_equal(record_of(plan, 3)->nonce, "nonce-3");
    carry_out(world, arena, plan);
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);

    report_of(world)->used_nonce = "nonce-3"; /* Spent, and nothing came of it. */
    member(world, 3)->pod.has_permit = false;
    member(world, 3)->pod.permit = NULL;
    plan = plan_of(world, arena);
    assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 3);
    assert_string_equal(record_of(plan, 3)->nonce, "nonce-3");

    world_unlist(world, 3);
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 3);
    world_adds(world, arena, 3, 0xc3); /* Another member, so another permit. */
    plan = plan_of(world, arena);
    assert_pods(plan, 1, 3);
    assert_string_equal(record_of(plan, 3)->nonce, "another-draw");
    assert_true(record_of(plan, 3)->member_id == 0xc3);
    assert_int_equal(plan->status.recorded.n_permits, 4);
}
TEST(one_permit_for_one_member)

/* The pod that it was for is gone with it. */
static void another_pod_joins_as_another_member_in(struct arena *arena)
{
    struct world *world = joining(arena);

    world_make_pod(world, arena, 3, "pod-3b");
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE); /* Not heard of yet. */
    world_waits(world, arena, 3);
    struct plan *plan = plan_of(world, arena);
    assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 3);
    assert_string_equal(record_of(plan, 3)->pod_uid, "pod-3");
    world_unlist(world, 3);
    assert_calls(plan_of(world, arena), "AddMember", ACTION_ADD_MEMBER, 3);
    world_adds(world, arena, 3, 0xc3);
    assert_string_equal(record_of(plan_of(world, arena), 3)->pod_uid, "pod-3b");
}
TEST(another_pod_joins_as_another_member)

/* The permit is recorded for the pod that is there then, if it can take it. */
static void recorded_for_a_pod_that_can_start_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world_is_down(world, 4);
    world_adds(world, arena, 3, 0xb3);
    ending(world);
    assert_null(record_of(plan_of(world, arena), 3));
    member(world, 3)->pod.terminating = false;
    member(world, 3)->pod.started = false;
    assert_null(record_of(plan_of(world, arena), 3));
    world_make_pod(world, arena, 3, "pod-3b");
    assert_string_equal(record_of(plan_of(world, arena), 3)->pod_uid, "pod-3b");
}
TEST(recorded_for_a_pod_that_can_start)

static void delivered_only_to_who_has_not_started_in(struct arena *arena)
{
    struct world *world = joining(arena);
    struct etcd_member *entry = (struct etcd_member *)(uintptr_t)member(world, 3)->entry;

    entry->name = "c-3";
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    entry->name = "";
    entry->id = 0xc3; /* Somebody has removed it and added another. */
    assert_true(record_of(plan_of(world, arena), 3)->member_id == 0xc3);
    entry->id = 0xb3;
    assert_pods(plan_of(world, arena), 1, 3);
    world->member_list = NULL;
    member(world, 3)->entry = NULL;
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
}
TEST(delivered_only_to_who_has_not_started)

/* A broken template is mended although the pod had its permit: what joins is added anew. */
static void a_broken_joiner_gets_the_mended_template_in(struct arena *arena)
{
    struct world *world = joining(arena);

    world_give_permit(world, arena, 3);
    report_of(world)->used_nonce = "nonce-3";
    member(world, 3)->pod.template_hash = "broken";
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ReplaceOutdatedPod", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 3);
    world_unlist(world, 3); /* Nor is there a way back when it was removed first. */
    plan = plan_of(world, arena);
    assert_action(plan, "ReplaceOutdatedPod", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 3);
}
TEST(a_broken_joiner_gets_the_mended_template)

static void a_learner_past_the_size_is_not_promoted_in(struct arena *arena)
{
    struct world *world = joining(arena);
    struct etcd_member *entry = (struct etcd_member *)(uintptr_t)member(world, 3)->entry;

    world_serves(world, arena, 3);
    entry->is_learner = true;
    world->recorded.size = 3;
    world_set_spec(world, arena, "{}");
    world_make_children(world, arena);
    assert_calls(plan_of(world, arena), "RemoveMember", ACTION_REMOVE_MEMBER, 3);
}
TEST(a_learner_past_the_size_is_not_promoted)

/* etcd's own words are what is waited for, and it is asked again. */
static void etcds_words_are_told_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    world->etcd_says = "etcdserver: unhealthy cluster";
    struct plan *plan = plan_of(world, arena);
    assert_calls(plan, "AddMember", ACTION_ADD_MEMBER, 3);
    assert_string_equal(plan->status.message, "etcdserver: unhealthy cluster");
    assert_string_equal(plan->status.conditions[CONDITION_PROGRESSING].message,
                        "etcdserver: unhealthy cluster");
}
TEST(etcds_words_are_told)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_by_step),
        cmocka_unit_test(added_only_when_it_could_start),
        cmocka_unit_test(what_a_removed_member_left_is_no_bar),
        cmocka_unit_test(the_next_may_go_first),
        cmocka_unit_test(one_permit_for_one_member),
        cmocka_unit_test(another_pod_joins_as_another_member),
        cmocka_unit_test(recorded_for_a_pod_that_can_start),
        cmocka_unit_test(delivered_only_to_who_has_not_started),
        cmocka_unit_test(a_broken_joiner_gets_the_mended_template),
        cmocka_unit_test(a_learner_past_the_size_is_not_promoted),
        cmocka_unit_test(etcds_words_are_told),
    };
    return cmocka_run_group_tests_name("plan join", tests, NULL, NULL);
}
