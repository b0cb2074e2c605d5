/* Which clusters are looked at cheaply, and what ends that. */
#include "cluster/quiet.h"

#include "world_builder.h"

#define LEADER UINT64_C(0xa0) /* Of the world builder. */

/* An etcd that answers with `answer`, and counts. */
struct etcd {
    struct etcd_api api;
    struct etcd_look answer;
    int looks;
    char asked[64];
};

static void answer(void *context, const struct etcd_credentials *credentials,
                   const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                   struct arena *arena, struct etcd_look *looks)
{
    struct etcd *etcd = context;

    (void)credentials, (void)timeout_ms, (void)arena;
    assert_int_equal(n, 1);
    snprintf(etcd->asked, sizeof etcd->asked, "%s", endpoints->server_name);
    etcd->looks++;
    looks[0] = etcd->answer;
}

static void etcd_init(struct etcd *etcd)
{
    *etcd = (struct etcd){.answer.status.leader_id = LEADER};
    etcd->api.context = etcd;
    etcd->api.look = answer;
}

static bool rests(const struct world *world, struct arena *arena)
{
    struct quiet quiet = {0};

    quiet_note(&quiet, world, plan_of(world, arena));
    bool noted = quiet.addresses != NULL;
    quiet_forget(&quiet);
    return noted;
}

static void who_rests_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    assert_true(rests(world, arena));
    assert_true(rests(world_running(arena, "{\"size\": 1}"), arena));
    assert_false(rests(world_made(arena, "{}"), arena)); /* Not formed yet. */
    /* The probe would tell of a hanging member later than was asked for. */
    assert_true(rests(world_running(arena, "{\"healthCheck\": {\"interval\": \"6s\"}}"), arena));
    assert_false(rests(world_running(arena, "{\"healthCheck\": {\"interval\": \"5s\"}}"), arena));

    world->members[1].pod.ready = false;
    assert_false(rests(world, arena));
    world = world_running(arena, "{}");
    world->members[2].look.read_error.kind = ERROR_RETRYABLE;
    assert_false(rests(world, arena));
    world = world_running(arena, "{}");
    world->members[2].look.status.leader_id = LEADER + 1; /* They disagree. */
    assert_false(rests(world, arena));
    world = world_running(arena, "{}");
    world->members[0].look.status.n_errors = 1; /* An alarm. */
    assert_false(rests(world, arena));
    world = world_running(arena, "{}");
    world->certificates_problem = "forbidden";
    assert_false(rests(world, arena));
    world = world_running(arena, "{}");
    world->deleting = true;
    assert_false(rests(world, arena));
}
TEST(who_rests)

/* So many cheap looks, all at one member; after the next pass at another one. */
static void looks_are_few_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct plan *plan = plan_of(world, arena);
    struct quiet quiet = {0};
    struct etcd etcd;

    etcd_init(&etcd);
    assert_false(quiet_look(&quiet, &etcd.api, "ns/c", &world->certificates));
    for (int round = 1; round <= 4; round++) {
        char host[32];
        snprintf(host, sizeof host, "c-%d.c-peer.ns.svc", round % 3);
        quiet_note(&quiet, world, plan);
        for (int i = 0; i < QUIET_LOOKS; i++) {
            assert_true(quiet_look(&quiet, &etcd.api, "ns/c", &world->certificates));
            assert_string_equal(etcd.asked, host);
        }
        assert_false(quiet_look(&quiet, &etcd.api, "ns/c", &world->certificates));
        assert_int_equal(etcd.looks, round * QUIET_LOOKS);
    }
    quiet_forget(&quiet);
}
TEST(looks_are_few)

static void worse_answers_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct plan *plan = plan_of(world, arena);
    struct quiet quiet = {0};
    struct etcd etcd;

    for (int i = 0; i < 5; i++) {
        etcd_init(&etcd);
        switch (i) {
        case 1:
            etcd.answer.status_error.kind = ERROR_RETRYABLE;
            break;
        case 2:
            etcd.answer.read_error.kind = ERROR_RETRYABLE;
            break;
        case 3:
            etcd.answer.status.leader_id = LEADER + 1;
            break;
        case 4:
            etcd.answer.status.n_errors = 1;
            break;
        default:
            break;
        }
        quiet_note(&quiet, world, plan);
        assert_int_equal(quiet_look(&quiet, &etcd.api, "ns/c", &world->certificates), i == 0);
    }
    quiet_forget(&quiet);
}
TEST(worse_answers)

static void intervals(void **state)
{
    (void)state;
    assert_int_equal(quiet_interval_ms(10000, 1), 10000);
    assert_int_equal(quiet_interval_ms(10000, QUIET_FLEET), 10000);
    assert_int_equal(quiet_interval_ms(10000, 2 * QUIET_FLEET), 20000);
    assert_int_equal(quiet_interval_ms(10000, 1000000), 10000 * QUIET_STRETCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_rests),
        cmocka_unit_test(looks_are_few),
        cmocka_unit_test(worse_answers),
        cmocka_unit_test(intervals),
    };
    return cmocka_run_group_tests_name("quiet", tests, NULL, NULL);
}
