/* The status: what is said of what was seen, and that nothing new is written when nothing is. */
#include "world_builder.h"

static json_t *encode(const struct plan *plan, const json_t *old, int64_t now_ms,
                      struct arena *arena)
{
    return arena_json(arena, cluster_status_encode(&plan->status, old, now_ms));
}

static void rounding(void **state)
{
    const int64_t mib = 1 << 20;
    const struct {
        int64_t bytes, rounded;
    } sizes[] = {{-5, 0},
                 {0, 0},
                 {1, mib},
                 {20480, mib},
                 {mib, mib},
                 {mib + 1, 2 * mib},
                 {99 * mib, 99 * mib},
                 {100 * mib, 100 * mib},
                 {101 * mib, 110 * mib},
                 {1234 * mib, 1300 * mib},
                 {8192 * mib, 8200 * mib}};
    const struct {
        int64_t entries, rounded;
    } lags[] = {{0, 0}, {999, 0}, {1000, 1000}, {1001, 2000}, {25000, 30000}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(status_round_size(sizes[i].bytes), sizes[i].rounded);
    }
    for (size_t i = 0; i < sizeof lags / sizeof *lags; i++) {
        assert_int_equal(status_round_lag(lags[i].entries), lags[i].rounded);
    }
}

static void nothing_new_is_equal_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    json_t *first = encode(plan_of(world, arena), NULL, NOW_MS, arena);

    world->now_ms += 3600000; /* An hour of small changes. */
    for (int i = 0; i < 3; i++) {
        world->members[i].look.status.raft_index += 5000;
        world->members[i].look.status.raft_applied_index += 4900;
        world->members[i].look.status.db_size += 100000;
    }
    json_t *second = encode(plan_of(world, arena), first, world->now_ms, arena);
    assert_true(json_equal(first, second));
    world->members[1].look.status.db_size = INT64_C(50) << 20;
    assert_false(json_equal(first, encode(plan_of(world, arena), first, world->now_ms, arena)));
}
TEST(nothing_new_is_equal)

static const json_t *condition_of(const json_t *status, const char *type)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(status, "conditions"), i, item)
    {
        if (!strcmp(json_path_string(item, "type", NULL), type)) {
            return item;
        }
    }
    fail_msg("no condition %s", type);
    return NULL;
}

static void assert_condition(const json_t *status, const char *type, const char *value,
                             const char *reason, const char *since)
{
    const json_t *found = condition_of(status, type);

    assert_string_equal(json_path_string(found, "status", NULL), value);
    assert_string_equal(json_path_string(found, "reason", NULL), reason);
    assert_string_equal(json_path_string(found, "lastTransitionTime", NULL), since);
}

static void transition_times_in(struct arena *arena)
{
    const char *before = "2026-11-23T15:40:04Z", *after = "2026-11-23T16:40:04Z";
    struct world *world = world_running(arena, "{}");
    json_t *first = encode(plan_of(world, arena), NULL, NOW_MS, arena);

    assert_condition(first, "Ready", "True", "AllMembersReady", before);
    assert_condition(first, "Available", "True", "Quorum", before);
    assert_condition(first, "Progressing", "False", "Settled", before);
    assert_condition(first, "Degraded", "False", "Healthy", before);
    assert_condition(first, "SpecApplied", "True", "Applied", before);
    assert_condition(first, "QuorumLost", "False", "Quorum", before);
    world_is_down(world, 1);
    json_t *second = encode(plan_of(world, arena), first, NOW_MS + 3600000, arena);
    assert_condition(second, "Ready", "False", "MemberDown", after);
    assert_condition(second, "Available", "True", "Quorum", before);
    assert_condition(second, "Degraded", "True", "MemberDown", after);
    world_is_down(world, 0); /* Another reason is no transition. */
    world_is_down(world, 2);
    json_t *third = encode(plan_of(world, arena), second, NOW_MS + 7200000, arena);
    assert_condition(third, "Degraded", "True", "MemberDown", after);
    assert_condition(third, "Available", "False", "NoQuorum", "2026-11-23T17:40:04Z");
    assert_condition(third, "QuorumLost", "Unknown", "Starting", "2026-11-23T17:40:04Z");
}
TEST(transition_times)

static void phases_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    assert_string_equal(plan_of(world, arena)->status.phase, "Creating");
    world = world_running(arena, "{}");
    assert_string_equal(plan_of(world, arena)->status.phase, "Running");
    world_give_permit(world, arena, 2); /* On its way yet. */
    world_is_down(world, 2);
    assert_string_equal(plan_of(world, arena)->status.phase, "Creating");
    world = world_running(arena, "{}");
    for (int i = 0; i < 3; i++) {
        world_is_down(world, i);
    }
    struct plan *plan = plan_of(world, arena);
    assert_string_equal(plan->status.phase, "Failed"); /* Formed, and no read succeeds. */
    assert_true(plan->requeue_ms <= 2000);
    world->deleting = true;
    assert_string_equal(plan_of(world, arena)->status.phase, "Deleting");
}
TEST(phases)

static void assert_phase(const struct world *world, struct arena *arena, const char *phase,
                         const char *operation, bool degraded)
{
    const struct plan *plan = plan_of(world, arena);

    assert_string_equal(plan->status.phase, phase);
    assert_string_equal(plan->status.operation_kind, operation);
    assert_string_equal(plan->status.operation_step, plan->rule);
    assert_true(plan->status.conditions[CONDITION_PROGRESSING].status);
    assert_int_equal(plan->status.conditions[CONDITION_DEGRADED].status, degraded);
}

/* Who comes for the first time is no illness; who comes back in place of itself is. */
static void phases_of_change_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);

    assert_phase(world, arena, "Scaling", "Scale", false);
    world->members[3].report = NULL; /* Nor is its silence, */
    assert_phase(world, arena, "Scaling", "Scale", false);
    world->members[3].pod = (struct world_pod){0}; /* nor that it has no pod yet. */
    assert_phase(world, arena, "Scaling", "Scale", false);
    world->members[3].claim.problem = "StorageClass gold does not exist: create it";
    assert_phase(world, arena, "Scaling", "Scale", true);
    assert_phase(world_resizing(arena, 5, 3), arena, "Scaling", "Scale", false);

    world = world_running(arena, "{}");
    world_waits(world, arena, 1)->used_nonce = "given-1";
    assert_phase(world, arena, "Recovering", "Repair", true);
    world_unlist(world, 1);
    assert_phase(world, arena, "Recovering", "Repair", true);

    world = world_running(arena, "{}");
    world->members[2].pod.template_hash = "earlier";
    assert_phase(world, arena, "Upgrading", "Roll", false);
}
TEST(phases_of_change)

static void message_priority_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    assert_string_equal(plan_of(world, arena)->status.message, "");
    world_set_spec(world, arena, "{\"storage\": {\"size\": \"4Gi\"}}"); /* What is held, */
    assert_contains(plan_of(world, arena)->status.message, "spec.storage.size");
    world_is_down(world, 1); /* less than what is wrong, */
    assert_contains(plan_of(world, arena)->status.message, "c-1 does not answer");
    world->refusal = "applying Service c-peer: exceeded quota"; /* less than what stops us, */
    assert_contains(plan_of(world, arena)->status.message, "exceeded quota");
    world->name_taken = "Service c-peer"; /* less than what only a person can mend. */
    assert_contains(plan_of(world, arena)->status.message, "Service c-peer exists");
}
TEST(message_priority)

static void long_messages_are_cut_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    char *words = arena_alloc(arena, 5001);

    memset(words, 'x', 5000);
    world->name_taken = words;
    assert_int_equal(strlen(plan_of(world, arena)->status.message), 1000);
}
TEST(long_messages_are_cut)

static void assert_in_table(const struct world *world, struct arena *arena)
{
    struct error error;

    if (api_check_known(etcdcluster_kind.status, encode(plan_of(world, arena), NULL, NOW_MS, arena),
                        "status", &error)) {
        fail_msg("%s", error.message); /* The API server would prune it, for ever. */
    }
}

static void crd_knows_each_field_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    assert_in_table(world, arena);
    world->members[1].look.status.is_learner = true;
    world_is_down(world, 2);
    assert_in_table(world, arena);
    world_record(world, 3, PERMIT_ADOPT, "pod-3");
    assert_in_table(world, arena);
    world->deleting = true;
    assert_in_table(world, arena);
    assert_in_table(world_new(arena, "{\"size\": 4}"), arena);
    assert_in_table(world_made(arena, "{}"), arena);
}
TEST(crd_knows_each_field)

static void recorded_comes_back_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct recorded out;

    world->recorded.initial_size = 1;
    world->recorded.permits[2].mode = PERMIT_ADOPT;
    world->recorded.permits[2].previous_cluster_uid = EARLIER_UID;
    recorded_decode(encode(plan_of(world, arena), NULL, NOW_MS, arena), arena, &out);
    assert_int_equal(out.size, 3);
    assert_int_equal(out.initial_size, 1);
    assert_int_equal(out.generation, 1);
    assert_true(out.cluster_id == CLUSTER_ID);
    assert_int_equal(out.n_permits, 3);
    assert_int_equal(out.permits[1].ordinal, 1);
    assert_string_equal(out.permits[1].pod_uid, "pod-1");
    assert_string_equal(out.permits[1].nonce, "given-1");
    assert_true(out.permits[1].member_id == 0xa1);
    assert_null(out.permits[1].previous_cluster_uid);
    assert_int_equal(out.permits[2].mode, PERMIT_ADOPT);
    assert_string_equal(out.permits[2].previous_cluster_uid, EARLIER_UID);
}
TEST(recorded_comes_back)

static void recorded_keeps_its_bounds_in(struct arena *arena)
{
    struct recorded out;
    const char *permit = "\"mode\": \"new\", \"podUID\": \"p\", \"nonce\": \"n\"";
    const char *text = arena_printf(
        arena,
        "{\"clusterID\": \"xyz\", \"bootstrap\": {\"size\": 10, \"generation\": 1, \"permits\": ["
        "{\"ordinal\": 9, %s}, {\"ordinal\": -1, %s}, {\"ordinal\": 4294967296, %s},"
        "{\"ordinal\": 8, %s}, {\"ordinal\": 8, %s}, {\"ordinal\": 1, \"mode\": \"old\"},"
        "{\"ordinal\": 2, \"mode\": \"new\", \"podUID\": \"p\"}, 7]}}",
        permit, permit, permit, permit, permit);
    AUTO_JSON json_t *status = json_loads(text, 0, NULL);

    recorded_decode(status, arena, &out);
    assert_true(out.cluster_id == 0);
    assert_int_equal(out.size, 0);
    assert_int_equal(out.n_permits, 1);
    assert_int_equal(out.permits[0].ordinal, 8);
    recorded_decode(NULL, arena, &out);
    assert_int_equal(out.generation, 0);
}
TEST(recorded_keeps_its_bounds)

static void members_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->members[2].look.status.version = "3.6.9"; /* Older than 3.6.16, as a number. */
    world->members[1].look.status.is_learner = true;
    world_is_down(world, 0);
    struct plan *plan = plan_of(world, arena);
    assert_int_equal(plan->status.n_members, 3);
    assert_string_equal(plan->status.members[0].role, "");
    assert_string_equal(plan->status.members[1].role, "learner");
    assert_string_equal(plan->status.members[2].role, "follower");
    assert_string_equal(plan->status.current_version, "3.6.9");
    assert_int_equal(plan->status.ready_replicas, 2);
    assert_int_equal(plan->status.replicas, 3);
    assert_true(plan->status.leader_id == 0xa0);
    assert_int_equal(plan->status.n_client_endpoints, 4);
    assert_string_equal(plan->status.client_endpoints[0], "https://c-client.ns.svc:2379");
    assert_string_equal(plan->status.client_endpoints[3], "https://c-2.c-peer.ns.svc:2379");
    assert_string_equal(plan->status.members[2].peer_url, "https://c-2.c-peer.ns.svc:2380");
    assert_contains(plan->status.selector, LABEL_CLUSTER "=c");
}
TEST(members)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding),
        cmocka_unit_test(nothing_new_is_equal),
        cmocka_unit_test(transition_times),
        cmocka_unit_test(phases),
        cmocka_unit_test(phases_of_change),
        cmocka_unit_test(message_priority),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(crd_knows_each_field),
        cmocka_unit_test(recorded_comes_back),
        cmocka_unit_test(recorded_keeps_its_bounds),
        cmocka_unit_test(members),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
