/* Without TLS: HTTP/2 by prior knowledge, and what a learner answers. */
#include <stdio.h>

#include "fixture.h"

#define TIMEOUT_MS  2000
#define DEADLINE_MS 30000

struct world {
    struct real_cluster cluster;
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    struct etcd_look looks[2];
    size_t asked;
};

static bool serving(void *context)
{
    struct world *world = context;

    world->api->look(world->api->context, &world->cluster.credentials, world->cluster.endpoints,
                     world->asked, TIMEOUT_MS, world->arena, world->looks);
    return !world->looks[0].status_error.kind && !world->looks[0].read_error.kind;
}

/* The learner has caught up with the leader's list, so that it knows what it is. */
static bool learner_is_up(void *context)
{
    struct world *world = context;

    return serving(world) && !world->looks[1].status_error.kind &&
           world->looks[1].status.is_learner;
}

static int start(void **state)
{
    static struct world world;

    real_cluster_init_plain(&world.cluster, 1);
    real_member_start(&world.cluster, 0);
    world.client = etcd_client_new();
    world.api = etcd_client_api(world.client);
    world.arena = arena_new();
    *state = &world;
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

static void test_prior_knowledge(void **state)
{
    struct world *world = *state;

    world->asked = 1;
    assert_true(wait_until(serving, world, DEADLINE_MS));
    for (size_t i = 0; i < 3; i++) { /* Also on what is left of earlier connections. */
        assert_true(serving(world));
    }
    assert_true(world->looks[0].status.member_id ==
                etcd_static_member_id(world->cluster.members[0].peer_url, TOKEN));
}

static void add_learner(struct world *world)
{
    const struct etcd_target target = {&world->cluster.credentials, world->cluster.endpoints, 1,
                                       TIMEOUT_MS};
    struct etcd_member_list list;
    struct error error = {0};
    uint64_t id;

    if (world->api->member_add(world->api->context, &target, world->cluster.members[1].peer_url,
                               true, world->arena, &id, &list, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(list.n_members, 2);
}

static void test_learner(void **state)
{
    struct world *world = *state;
    struct etcd_member_list list;
    struct error error = {0};

    add_learner(world);
    world->cluster.initial_length = 2;
    world->cluster.state = "existing";
    real_member_start(&world->cluster, 1);
    world->asked = 2;
    assert_true(wait_until(learner_is_up, world, DEADLINE_MS));
    assert_false(world->looks[0].status.is_learner);
    /* Its read fails for good, in words that say why: no time-out, no sign of illness. The kind is
     * no guide: 3.5 has UNAVAILABLE, later ones FAILED_PRECONDITION. */
    const struct error *read = &world->looks[1].read_error;
    bool old = !strncmp(world->looks[1].status.version, "3.5.", 4);
    if (read->kind != (old ? ERROR_RETRYABLE : ERROR_CONFLICT) ||
        !strstr(read->message, "rpc not supported for learner")) {
        fail_msg("%s: %s", error_kind_name(read->kind), read->message);
    }

    const struct etcd_endpoint learner_first[] = {world->cluster.endpoints[1],
                                                  world->cluster.endpoints[0]};
    const struct etcd_target target = {&world->cluster.credentials, learner_first, 2, TIMEOUT_MS};
    assert_int_equal(
        world->api->member_list(world->api->context, &target, world->arena, &list, &error), 0);
    assert_int_equal(list.n_members, 2);
    assert_int_equal(list.members[0].is_learner + list.members[1].is_learner, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prior_knowledge),
        cmocka_unit_test(test_learner),
    };
    return real_etcd() ? cmocka_run_group_tests(tests, start, stop) : SKIPPED;
}
