/* A learner's life in a cluster of two, and who may lead. The tests share one cluster and run in
 * order. */
#include <stdio.h>

#include "etcd/errors.h"
#include "fixture.h"

#define TIMEOUT_MS  3000
#define DEADLINE_MS 30000

struct world {
    struct real_cluster cluster;
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    struct etcd_look looks[MEMBERS];
    size_t n; /* Members that run. */
    uint64_t learner;
    const char *url;
};

static bool serves(void *context)
{
    struct world *world = context;

    return real_cluster_serves(&world->cluster, world->api, world->n, world->arena, world->looks);
}

static int start(void **state)
{
    static struct world world = {.n = 2};
    struct pki_leaf peer_client = {.common_name = PEER_CN, .client_auth = true};

    real_cluster_init(&world.cluster, PEER_CN, &peer_client);
    world.cluster.initial_length = 2;
    real_member_start(&world.cluster, 0);
    real_member_start(&world.cluster, 1);
    world.client = etcd_client_new();
    world.api = etcd_client_api(world.client);
    world.arena = arena_new();
    world.url = world.cluster.members[2].peer_url;
    *state = &world;
    assert_true(wait_until(serves, &world, DEADLINE_MS));
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;

    etcd_client_free(world->client);
    arena_free(world->arena);
    real_cluster_fini(&world->cluster);
    return 0;
}

static struct etcd_target target_of(const struct world *world)
{
    return (struct etcd_target){&world->cluster.credentials, world->cluster.endpoints, world->n,
                                TIMEOUT_MS};
}

static enum etcd_error add(struct world *world, const char *url, uint64_t *id)
{
    const struct etcd_target target = target_of(world);
    struct etcd_member_list list;
    struct error error = {0};

    if (!world->api->member_add(world->api->context, &target, url, true, world->arena, id, &list,
                                &error)) {
        assert_int_equal(list.n_members, 3);
        return ETCD_ERROR_NONE;
    }
    enum etcd_error code = etcd_error_of(&error);
    if (!code) {
        fail_msg("%s", error.message);
    }
    return code;
}

/* A cluster that was just formed is unhealthy to etcd for some seconds; and a member's id is made
 * of its address and the second, so that one which was removed in this second is in the way. */
static bool added(void *context)
{
    struct world *world = context;
    enum etcd_error code = add(world, world->url, &world->learner);

    if (code && code != ETCD_ERROR_UNHEALTHY_CLUSTER && code != ETCD_ERROR_MEMBER_EXISTS) {
        fail_msg("%s", etcd_error_text(code));
    }
    return !code;
}

static bool url_is_taken(void *context)
{
    struct world *world = context;
    uint64_t id;
    enum etcd_error code = add(world, world->url, &id);

    assert_true(code == ETCD_ERROR_PEER_URL_EXISTS || code == ETCD_ERROR_MEMBER_EXISTS);
    return code == ETCD_ERROR_PEER_URL_EXISTS;
}

static enum etcd_error promote(struct world *world, uint64_t id)
{
    const struct etcd_target target = target_of(world);
    struct error error = {0};

    if (!world->api->member_promote(world->api->context, &target, id, &error)) {
        return ETCD_ERROR_NONE;
    }
    enum etcd_error code = etcd_error_of(&error);
    if (!code) {
        fail_msg("%s", error.message);
    }
    return code;
}

static bool promoted(void *context)
{
    struct world *world = context;
    enum etcd_error code = promote(world, world->learner);

    if (code && code != ETCD_ERROR_LEARNER_NOT_IN_SYNC) {
        fail_msg("%s", etcd_error_text(code));
    }
    return !code;
}

static void expect_members(struct world *world, size_t n, const char *peer_url)
{
    const struct etcd_target target = target_of(world);
    struct etcd_member_list list;
    struct error error = {0};
    size_t found = 0;

    if (world->api->member_list(world->api->context, &target, world->arena, &list, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(list.n_members, n);
    for (size_t i = 0; i < n; i++) {
        found += !strcmp(list.members[i].peer_urls[0], peer_url);
    }
    assert_int_equal(found, 1);
}

/* Added, moved to another address, and removed again, without ever having run. */
static void test_unstarted_learner(void **state)
{
    struct world *world = *state;
    const struct etcd_target target = target_of(world);
    struct error error = {0};
    uint64_t id;

    assert_true(wait_until(added, world, DEADLINE_MS));
    assert_true(wait_until(url_is_taken, world, DEADLINE_MS));
    assert_int_equal(add(world, "https://127.0.0.1:1", &id), ETCD_ERROR_TOO_MANY_LEARNERS);
    assert_int_equal(promote(world, world->learner), ETCD_ERROR_LEARNER_NOT_IN_SYNC);
    assert_int_equal(promote(world, 1), ETCD_ERROR_MEMBER_NOT_FOUND);
    expect_members(world, 3, world->url);

    assert_int_equal(world->api->member_update(world->api->context, &target, world->learner,
                                               "https://127.0.0.1:2", &error),
                     0);
    expect_members(world, 3, "https://127.0.0.1:2");
    assert_int_equal(
        world->api->member_remove(world->api->context, &target, world->learner, &error), 0);
    expect_members(world, 2, world->cluster.members[0].peer_url);
    assert_int_equal(
        world->api->member_remove(world->api->context, &target, world->learner, &error),
        -ERROR_NOT_FOUND);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_MEMBER_NOT_FOUND);
}

/* The new member hears of its own promotion a moment after the leader. */
static bool all_vote(void *context)
{
    struct world *world = context;

    return serves(world) && !world->looks[2].status.is_learner;
}

static void test_learner_becomes_a_voter(void **state)
{
    struct world *world = *state;

    assert_true(wait_until(added, world, DEADLINE_MS));
    world->cluster.initial_length = 3;
    world->cluster.state = "existing";
    real_member_start(&world->cluster, 2);
    assert_true(wait_until(promoted, world, DEADLINE_MS));
    assert_int_equal(promote(world, world->learner), ETCD_ERROR_NOT_A_LEARNER);
    world->n = 3;
    assert_true(wait_until(all_vote, world, DEADLINE_MS));
    assert_true(world->looks[2].status.member_id == world->learner);
}

static bool new_one_leads(void *context)
{
    struct world *world = context;

    return serves(world) && world->looks[0].status.leader_id == world->learner;
}

static void test_move_leader(void **state)
{
    struct world *world = *state;
    struct etcd_target target = target_of(world);
    struct error error = {0};
    size_t leader = 0;

    assert_true(serves(world));
    while (world->looks[leader].status.member_id != world->looks[0].status.leader_id) {
        leader++;
        assert_true(leader < MEMBERS);
    }
    target.n = 1;
    target.endpoints = &world->cluster.endpoints[(leader + 1) % MEMBERS];
    assert_int_equal(world->api->move_leader(world->api->context, &target, world->learner, &error),
                     -ERROR_CONFLICT);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_NOT_LEADER);

    target.endpoints = &world->cluster.endpoints[leader];
    assert_int_equal(world->api->move_leader(world->api->context, &target, 1, &error),
                     -ERROR_CONFLICT);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_BAD_TRANSFEREE);
    if (world->api->move_leader(world->api->context, &target, world->learner, &error)) {
        fail_msg("%s", error.message);
    }
    assert_true(wait_until(new_one_leads, world, DEADLINE_MS));
}

static void test_downgrade(void **state)
{
    struct world *world = *state;
    struct etcd_target target = target_of(world);
    const char *version = world->looks[0].status.version;
    struct error error = {0};
    char before[8];

    snprintf(before, sizeof before, "3.%d", version[2] - '1');
    if (world->api->downgrade(world->api->context, &target, ETCD_DOWNGRADE_VALIDATE, before,
                              &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(
        world->api->downgrade(world->api->context, &target, ETCD_DOWNGRADE_VALIDATE, "3.1", &error),
        -ERROR_INVALID);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_DOWNGRADE_BAD_VERSION);
    assert_int_equal(
        world->api->downgrade(world->api->context, &target, ETCD_DOWNGRADE_VALIDATE, "old", &error),
        -ERROR_INVALID);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_DOWNGRADE_BAD_FORMAT);
    /* Where there is nothing to cancel, 3.5 says so, and later ones have cancelled it. */
    int result =
        world->api->downgrade(world->api->context, &target, ETCD_DOWNGRADE_CANCEL, NULL, &error);
    if (strncmp(version, "3.5.", 4) != 0) {
        assert_int_equal(result, 0);
    } else {
        assert_int_equal(etcd_error_of(&error), ETCD_ERROR_DOWNGRADE_NOT_IN_PROGRESS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unstarted_learner),
        cmocka_unit_test(test_learner_becomes_a_voter),
        cmocka_unit_test(test_move_leader),
        cmocka_unit_test(test_downgrade),
    };
    return real_etcd() ? cmocka_run_group_tests(tests, start, stop) : SKIPPED;
}
