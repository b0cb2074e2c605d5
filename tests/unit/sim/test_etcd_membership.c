/* Members come and go; alarms, hashes and versions. What etcd itself answers is held against real
 * etcd in tests/conformance/sim; here is what only the simulation can arrange. */
#include "etcd/errors.h"
#include "etcd_site.h"

#define CALL(site, function, at, ...)                                                              \
    ((site)->api->function(                                                                        \
        (site)->api->context,                                                                      \
        &(const struct etcd_target){&(site)->credentials, &(site)->endpoints[at], 1, 2000},        \
        __VA_ARGS__))

static uint64_t add(struct site *site, size_t index, bool learner)
{
    struct etcd_member_list list;
    struct error error = {0};
    uint64_t id = 0;

    if (CALL(site, member_add, 0, site->urls[index], learner, site->arena, &id, &list, &error)) {
        fail_msg("%s", error.message);
    }
    return id;
}

/* Until the learner is in sync; how long that took. */
static int64_t promote(struct site *site, uint64_t id)
{
    int64_t began_ms = sim_now(site->sim);
    struct error error = {0};

    while (CALL(site, member_promote, 0, id, &error)) {
        assert_int_equal(etcd_error_of(&error), ETCD_ERROR_LEARNER_NOT_IN_SYNC);
        assert_true(sim_now(site->sim) < began_ms + 60000);
        sim_sleep(site->sim, 10);
    }
    return sim_now(site->sim) - began_ms;
}

static void test_grow_from_one_to_three(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct site site;
        struct etcd_member_list list;
        site_init(&site, seed);
        site_start_all(&site, 1);
        for (size_t index = 1; index < 3; index++) {
            sim_sleep(site.sim, 6000); /* The connections to the others grow old enough. */
            uint64_t id = add(&site, index, true);
            site_start(&site, index, index + 1, "existing");
            assert_in_range(promote(&site, id), 100, 5000);
            site_wait_ready(&site, index + 1);
            assert_true(sim_etcd_member_id(site.processes[index]) == id);
            assert_true(sim_etcd_write(site.etcd, site.names[index]));
        }
        assert_int_equal(CALL(&site, member_list, 2, site.arena, &list, NULL), 0);
        assert_int_equal(list.n_members, 3);
        assert_null(sim_violation(site.sim, NULL));
        site_fini(&site);
    }
}

static void test_member_that_is_added_again_is_another(void **state)
{
    struct site site;
    struct error error = {0};

    (void)state;
    site_init(&site, 1);
    site_start_all(&site, 3);
    sim_sleep(site.sim, 6000);
    assert_int_equal(CALL(&site, member_remove, 0, site_id(&site, 2), &error), 0);
    site_wait_end(&site, 2);
    assert_string_equal(site.words[2], "the member has been permanently removed from the cluster");
    uint64_t id = add(&site, 2, true);
    assert_true(id != site_id(&site, 2));
    /* Its old data makes it end, for ever. */
    site_start(&site, 2, 3, "existing");
    site_wait_end(&site, 2);
    assert_string_equal(site.words[2], "the member has been permanently removed from the cluster");
    sim_disk_move_aside(site.disks[2]);
    site_start(&site, 2, 3, "existing");
    promote(&site, id);
    site_wait_ready(&site, 3);
    assert_true(sim_disk_wal(site.disks[2]).member_id == id);
    assert_null(sim_violation(site.sim, NULL));
    site_fini(&site);
}

/* A removed member that hears nothing of it goes on, and harms nobody. */
static void test_removed_while_cut_off(void **state)
{
    struct site site;
    struct error error = {0};

    (void)state;
    site_init(&site, 2);
    site_start_all(&site, 3);
    site_cut(&site, 2, true);
    sim_sleep(site.sim, 6000);
    assert_int_equal(CALL(&site, member_remove, 0, site_id(&site, 2), &error), 0);
    sim_sleep(site.sim, 60000);
    assert_non_null(site.processes[2]);
    site_cut(&site, 2, false);
    site_wait_end(&site, 2);
    assert_true(site_ready(&site, 0) && site_ready(&site, 1));
    site_fini(&site);
}

/* Nobody is a quorum of the two that a voter was added to before it ran; once it runs, all is well.
 */
static void test_voter_added_before_it_runs(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 3);
    site_start_all(&site, 1);
    add(&site, 1, false);
    sim_sleep(site.sim, 5000);
    assert_false(site_ready(&site, 0));
    assert_false(sim_etcd_write(site.etcd, site.names[0]));
    site_start(&site, 1, 2, "existing");
    site_wait_ready(&site, 2);
    assert_true(sim_etcd_write(site.etcd, site.names[0]));
    assert_null(sim_violation(site.sim, NULL));
    site_fini(&site);
}

static void test_answer_that_is_lost(void **state)
{
    struct site site;
    struct error error = {0};
    struct etcd_bytes key = {"key", 3};

    (void)state;
    site_init(&site, 4);
    site_start_all(&site, 3);
    int leader = site_leader(&site, 3);
    /* The two others are gone before anybody noticed: it is in one log and stays there. */
    for (size_t i = 0; i < 3; i++) {
        if ((int)i != leader) {
            sim_etcd_set_frozen(site.processes[i], true);
        }
    }
    struct etcd_endpoint endpoints[] = {site.endpoints[leader], site.endpoints[(leader + 1) % 3]};
    const struct etcd_target target = {&site.credentials, endpoints, 2, 6000};
    int64_t began_ms = sim_now(site.sim);
    int result = site.api->put(site.api->context, &target, key, key, NULL, &error);
    assert_int_equal(result, -ERROR_RETRYABLE);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_TIMEOUT);
    assert_int_equal(sim_now(site.sim) - began_ms, 3000); /* It is not asked of another. */
    site_fini(&site);
}

static void test_alarm_reaches_status_and_readiness(void **state)
{
    struct site site;
    struct etcd_look look;
    struct error error = {0};

    (void)state;
    site_init(&site, 5);
    site_start_all(&site, 3);
    sim_etcd_raise_alarm(site.processes[1], ETCD_ALARM_NOSPACE);
    site.api->look(site.api->context, &site.credentials, &site.endpoints[0], 1, 1000, site.arena,
                   &look);
    assert_int_equal(look.status.n_errors, 1);
    assert_non_null(strstr(look.status.errors[0], "alarm:NOSPACE"));
    assert_true(site_ready(&site, 0));
    assert_false(sim_etcd_write(site.etcd, site.names[0]));
    assert_int_equal(
        CALL(&site, alarm_set, 0, site_id(&site, 1), ETCD_ALARM_NOSPACE, false, &error), 0);
    assert_true(sim_etcd_write(site.etcd, site.names[0]));
    sim_etcd_raise_alarm(site.processes[1], ETCD_ALARM_CORRUPT);
    assert_false(site_ready(&site, 0));
    site_fini(&site);
}

static void test_corrupt_database_has_another_hash(void **state)
{
    struct site site;
    struct etcd_hash hashes[3];
    struct error error = {0};

    (void)state;
    site_init(&site, 6);
    site_start_all(&site, 3);
    assert_true(sim_etcd_write(site.etcd, site.names[0]));
    sim_etcd_corrupt(site.processes[1]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(CALL(&site, hash_kv, i, 2, &hashes[i], &error), 0);
        assert_int_equal(hashes[i].revision, 2);
    }
    assert_true(hashes[0].hash == hashes[2].hash);
    assert_true(hashes[0].hash != hashes[1].hash);
    site_fini(&site);
}

static void start_version(struct site *site, const char *version)
{
    char *flags[] = {arena_printf(site->arena, "--name=c-0"),
                     arena_printf(site->arena, "--initial-advertise-peer-urls=%s", site->urls[0]),
                     arena_printf(site->arena, "--initial-cluster=c-0=%s", site->urls[0]), NULL};

    site_start_flags(site, 0, version, flags);
}

static void test_versions_go_up_and_by_downgrade_down(void **state)
{
    struct site site;
    struct error error = {0};

    (void)state;
    site_init(&site, 7);
    start_version(&site, "3.5.35");
    site_wait_ready(&site, 1);
    site_kill(&site, 0);
    start_version(&site, "3.6.16");
    site_wait_ready(&site, 1);
    site_kill(&site, 0);
    start_version(&site, "3.5.35");
    site_wait_end(&site, 0);
    assert_non_null(strstr(site.words[0], "invalid downgrade"));
    start_version(&site, "3.6.16");
    site_wait_ready(&site, 1);
    assert_int_equal(CALL(&site, downgrade, 0, ETCD_DOWNGRADE_ENABLE, "3.5", &error), 0);
    sim_sleep(site.sim, 1000);
    site_kill(&site, 0);
    start_version(&site, "3.5.35");
    site_wait_ready(&site, 1);
    site_fini(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow_from_one_to_three),
        cmocka_unit_test(test_member_that_is_added_again_is_another),
        cmocka_unit_test(test_removed_while_cut_off),
        cmocka_unit_test(test_voter_added_before_it_runs),
        cmocka_unit_test(test_answer_that_is_lost),
        cmocka_unit_test(test_alarm_reaches_status_and_readiness),
        cmocka_unit_test(test_corrupt_database_has_another_hash),
        cmocka_unit_test(test_versions_go_up_and_by_downgrade_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
