/* How patient healing is: when the same ordinal may be replaced again, and when a person is called.
 */
#include "cluster/recovery.h"

#include "world_builder.h"

#define SECOND INT64_C(1000)

/* Ordinal 1 has lost its data; it was replaced so often, the last time so long ago. */
static struct world *world_failing(struct arena *arena, const char *spec, int attempts, int repeats,
                                   int64_t ago_ms)
{
    struct world *world = world_running(arena, spec);

    world_waits(world, arena, 1)->used_nonce = "given";
    world->recorded.permits[1].nonce = "given";
    world->recorded.replaced_generation = world->generation;
    if (repeats) {
        world->recorded.replacements[world->recorded.n_replacements++] =
            (struct replacement){.ordinal = 1,
                                 .member_id = 0xee,
                                 .attempts = attempts,
                                 .repeats = repeats,
                                 .at_ms = NOW_MS - ago_ms};
    }
    return world;
}

static const struct {
    int attempts, repeats;
    int64_t ago_ms;
    enum recovery_answer answer;
    int64_t wait_ms; /* From now. */
} rows[] = {
    {0, 0, 0, RECOVERY_NOW, 0},
    {1, 1, 4 * SECOND, RECOVERY_LATER, 6 * SECOND},
    {1, 1, 10 * SECOND, RECOVERY_NOW, 0},
    {0, 1, 4 * SECOND, RECOVERY_LATER, 6 * SECOND}, /* It was whole for a moment. */
    {2, 2, 10 * SECOND, RECOVERY_LATER, 10 * SECOND},
    {3, 3, 10 * SECOND, RECOVERY_LATER, 30 * SECOND},
    {0, 40, 10 * SECOND, RECOVERY_LATER, 290 * SECOND},
    {0, 40, 300 * SECOND, RECOVERY_NOW, 0},
    {4, 4, 600 * SECOND, RECOVERY_NOW, 0},
    {5, 1, 600 * SECOND, RECOVERY_STOPPED, 0},
    {9, 1, 600 * SECOND, RECOVERY_STOPPED, 0},
    {1, 1, -30 * SECOND, RECOVERY_LATER, 40 * SECOND},
    {1, 1, -3600 * SECOND, RECOVERY_NOW, 0}, /* A clock was wrong. */
};

static void each_row_in(struct arena *arena)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world =
            world_failing(arena, "{}", rows[i].attempts, rows[i].repeats, rows[i].ago_ms);
        int64_t due_ms;
        int attempts;
        enum recovery_answer answer = recovery_ask(world, 1, &due_ms, &attempts);
        int64_t wait_ms = answer == RECOVERY_LATER ? due_ms - NOW_MS : 0;
        if (answer != rows[i].answer || wait_ms != rows[i].wait_ms ||
            attempts != rows[i].attempts) {
            fail_msg("row %zu: %d, %lld ms, %d attempts", i, (int)answer, (long long)wait_ms,
                     attempts);
        }
    }
}
TEST(each_row)

static void the_spec_decides_in(struct arena *arena)
{
    const char *spec = "{\"recovery\": {\"maxRetries\": 2, \"retryInterval\": \"1m\","
                       "\"backoffFactor\": 1.5, \"maxBackoff\": \"100s\"}}";
    int64_t due_ms;
    int attempts;

    struct world *world = world_failing(arena, spec, 1, 2, 0);
    assert_int_equal(recovery_ask(world, 1, &due_ms, &attempts), RECOVERY_LATER);
    assert_int_equal(due_ms - NOW_MS, 90 * SECOND);
    world->recorded.replacements[0].repeats = 3;
    assert_int_equal(recovery_ask(world, 1, &due_ms, &attempts), RECOVERY_LATER);
    assert_int_equal(due_ms - NOW_MS, 100 * SECOND);
    world->recorded.replacements[0].attempts = 2;
    assert_int_equal(recovery_ask(world, 1, &due_ms, &attempts), RECOVERY_STOPPED);
    world = world_failing(arena, "{\"recovery\": {\"retryInterval\": \"0s\"}}", 1, 1, 0);
    assert_int_equal(recovery_ask(world, 1, &due_ms, &attempts), RECOVERY_NOW);
    world = world_failing(arena, "{\"recovery\": {\"maxRetries\": 0}}", 0, 0, 0);
    assert_int_equal(recovery_ask(world, 1, &due_ms, &attempts), RECOVERY_STOPPED);
}
TEST(the_spec_decides)

/* Recorded with the action, once for each member, whatever etcd says to it at first. */
static void it_is_counted_once_in(struct arena *arena)
{
    struct world *world = world_failing(arena, "{}", 1, 1, 20 * SECOND);
    struct plan *plan = plan_of(world, arena);
    const struct replacement *item = &plan->status.recorded.replacements[0];

    assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 1);
    assert_int_equal(plan->status.recorded.n_replacements, 1);
    assert_int_equal(item->attempts, 2);
    assert_int_equal(item->repeats, 2);
    assert_int_equal(item->member_id, 0xa1);
    assert_int_equal(item->at_ms, NOW_MS);
    world->recorded = plan->status.recorded;
    world->etcd_says = "etcdserver: unhealthy cluster";
    plan = plan_of(world, arena);
    assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 1);
    assert_int_equal(plan->status.recorded.replacements[0].attempts, 2);
}
TEST(it_is_counted_once)

/* A leader that is to go hands over first, which is no replacement yet. */
static void a_leader_hands_over_uncounted_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_leads(world, 1);
    world->replace = "00000000000000a1";
    struct plan *plan = plan_of(world, arena);
    assert_calls(plan, "RemoveLostMember", ACTION_MOVE_LEADER, 1);
    assert_int_equal(plan->status.recorded.n_replacements, 0);
}
TEST(a_leader_hands_over_uncounted)

static void it_says_what_is_waited_for_in(struct arena *arena)
{
    struct world *world = world_failing(arena, "{}", 1, 1, 4 * SECOND);
    struct plan *plan = plan_of(world, arena);

    assert_waits(plan, "RemoveLostMember", "c-1 is to be replaced again (its volume is empty)");
    assert_waits(plan, "RemoveLostMember", "not before 2026-11-23T15:40:10Z");
    assert_int_equal(plan->status.next_attempt_ms, NOW_MS + 6 * SECOND);
    assert_string_equal(plan->status.phase, "Recovering");
    assert_int_equal(plan->status.recorded.replacements[0].attempts, 1);
}
TEST(it_says_what_is_waited_for)

/* A person is called, and the ways out of it. */
static void a_person_is_called_in(struct arena *arena)
{
    struct world *world = world_failing(arena, "{}", 5, 5, 3600 * SECOND);
    struct plan *plan = plan_of(world, arena);

    assert_string_equal(plan->status.phase, "Failed");
    assert_contains(plan->status.message, "c-1 is not replaced (its volume is empty): it was 5");
    assert_contains(plan->status.message, "etcd.etcd.io/replace-member=00000000000000a1");
    /* The annotation, which is not counted. */
    world->replace = "00000000000000a1";
    plan = plan_of(world, arena);
    assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 1);
    assert_int_equal(plan->status.recorded.replacements[0].attempts, 5);
    /* Another spec. */
    world->replace = NULL;
    world->generation++;
    plan = plan_of(world, arena);
    assert_calls(plan, "RemoveLostMember", ACTION_REMOVE_MEMBER, 1);
    assert_int_equal(plan->status.recorded.replacements[0].attempts, 1);
    assert_int_equal(plan->status.recorded.replaced_generation, world->generation);
    /* The member comes back. */
    world->generation--;
    world_serves(world, arena, 1);
    plan = plan_of(world, arena);
    assert_string_equal(plan->status.phase, "Running");
    assert_int_equal(plan->status.recorded.replacements[0].attempts, 0);
    assert_int_equal(plan->status.recorded.replacements[0].repeats, 5);
}
TEST(a_person_is_called)

/* One that is waited for keeps nobody else from being replaced. */
static void others_do_not_wait_in(struct arena *arena)
{
    struct world *world = world_failing(arena, "{\"size\": 5}", 5, 5, 0);

    world_waits(world, arena, 3)->used_nonce = "given";
    world->recorded.permits[3].nonce = "given";
    assert_calls(plan_of(world, arena), "RemoveLostMember", ACTION_REMOVE_MEMBER, 3);
}
TEST(others_do_not_wait)

/* As another operator reads it: nothing is lost, and nothing that is said twice is counted twice.
 */
static void it_survives_a_restart_in(struct arena *arena)
{
    struct world *world = world_failing(arena, "{}", 2, 3, 4 * SECOND);
    const struct plan *plan = plan_of(world, arena);
    json_t *status = arena_json(arena, cluster_status_encode(&plan->status, NULL, NOW_MS));
    struct recorded read;
    struct error error = {0};

    assert_int_equal(api_check_known(etcdcluster_kind.status, status, "status", &error), 0);
    assert_string_equal(json_path_string(status, "recovery", "nextAttempt", NULL),
                        "2026-11-23T15:40:40Z");
    assert_int_equal(json_path_integer(status, 0, "recovery", "attempts", NULL), 2);
    recorded_decode(status, arena, &read);
    assert_int_equal(read.replaced_generation, 1);
    assert_int_equal(read.n_replacements, 1);
    assert_int_equal(read.replacements[0].at_ms, NOW_MS - 4 * SECOND);
    assert_int_equal(read.replacements[0].member_id, 0xee);
    assert_int_equal(read.replacements[0].repeats, 3);
    json_t *items = json_path(status, "recovery", "replacements", NULL);
    json_array_append(items, json_array_get(items, 0));
    json_array_append_new(
        items, json_pack("{s:i, s:s}", "ordinal", 9, "lastAttempt", "2026-11-23T15:40:40Z"));
    recorded_decode(status, arena, &read);
    assert_int_equal(read.n_replacements, 1);
}
TEST(it_survives_a_restart)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(the_spec_decides),
        cmocka_unit_test(it_is_counted_once),
        cmocka_unit_test(a_leader_hands_over_uncounted),
        cmocka_unit_test(it_says_what_is_waited_for),
        cmocka_unit_test(a_person_is_called),
        cmocka_unit_test(others_do_not_wait),
        cmocka_unit_test(it_survives_a_restart),
    };
    return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
