/* The simulated etcd behaves: it forms, elects, keeps what it acknowledged, and comes back. */
#include "etcd_site.h"

static void test_three_members_form_a_cluster(void **state)
{
    struct site site;
    struct etcd_look looks[3];

    (void)state;
    site_init(&site, 1);
    site_start_all(&site, 3);
    site.api->look(site.api->context, &site.credentials, site.endpoints, 3, 1000, site.arena,
                   looks);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(looks[i].status_error.kind, ERROR_NONE);
        assert_int_equal(looks[i].read_error.kind, ERROR_NONE);
        assert_true(looks[i].status.member_id == site_id(&site, i));
        assert_true(looks[i].status.cluster_id == looks[0].status.cluster_id);
        assert_true(looks[i].status.leader_id == looks[0].status.leader_id);
        assert_int_equal(looks[i].status.n_errors, 0);
        assert_string_equal(looks[i].status.version, "3.6.16");
        assert_string_equal(looks[i].status.storage_version, "3.6.0");
        assert_true(sim_disk_wal(site.disks[i]).begun);
    }
    assert_in_range(sim_now(site.sim), 100, 5000);
    site_fini(&site);
}

static void test_member_list_and_alarms(void **state)
{
    struct site site;
    struct etcd_member_list list;
    struct etcd_alarm *alarms;
    size_t n_alarms;
    struct error error = {0};

    (void)state;
    site_init(&site, 2);
    site_start_all(&site, 3);
    struct etcd_target target = site_target(&site, 1);
    assert_int_equal(site.api->member_list(site.api->context, &target, site.arena, &list, &error),
                     0);
    assert_int_equal(list.n_members, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(list.members[i].n_client_urls, 1);
        assert_int_equal(strlen(list.members[i].name), 3);
    }
    assert_int_equal(
        site.api->alarms(site.api->context, &target, site.arena, &alarms, &n_alarms, &error), 0);
    assert_int_equal(n_alarms, 0);
    site_fini(&site);
}

static void test_next_leader_has_what_was_acknowledged(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct site site;
        site_init(&site, seed);
        site_start_all(&site, 3);
        size_t acknowledged = 0;
        for (int round = 0; round < 5; round++) {
            int leader = site_leader(&site, 3);
            assert_true(leader >= 0);
            for (size_t i = 0; i < 3; i++) {
                acknowledged += sim_etcd_write(site.etcd, site.names[i]);
            }
            site_kill(&site, (size_t)leader);
            assert_false(sim_etcd_write(site.etcd, site.names[leader]));
            sim_sleep(site.sim, 5000);
            assert_true(site_leader(&site, 3) != leader);
            acknowledged += sim_etcd_write(site.etcd, site.names[(leader + 1) % 3]);
            site_start(&site, (size_t)leader, 3, "new"); /* On its data: ignored. */
            site_wait_ready(&site, 3);
        }
        assert_int_equal(acknowledged, 20);
        if (sim_violation(site.sim, NULL)) {
            fail_msg("seed %d: %s", (int)seed, sim_violation(site.sim, NULL));
        }
        site_fini(&site);
    }
}

static void test_without_quorum_only_status_answers(void **state)
{
    struct site site;
    struct etcd_look look;
    struct etcd_member_list list;
    struct error error = {0};

    (void)state;
    site_init(&site, 3);
    site_start_all(&site, 3);
    site_kill(&site, 0);
    site_kill(&site, 1);
    int64_t began_ms = sim_now(site.sim);
    site.api->look(site.api->context, &site.credentials, &site.endpoints[2], 1, 2000, site.arena,
                   &look);
    assert_int_equal(sim_now(site.sim) - began_ms, 2000);
    assert_int_equal(look.status_error.kind, ERROR_NONE);
    assert_int_equal(look.read_error.kind, ERROR_RETRYABLE);
    struct etcd_target target = site_target(&site, 2);
    assert_int_equal(site.api->member_list(site.api->context, &target, site.arena, &list, &error),
                     -ERROR_RETRYABLE);
    assert_false(site_ready(&site, 2));
    assert_false(sim_etcd_write(site.etcd, site.names[2]));
    site_start(&site, 0, 3, "new");
    sim_sleep(site.sim, 5000);
    assert_true(site_ready(&site, 2));
    site_fini(&site);
}

static void test_cut_leader_steps_down_and_follows_again(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 4);
    site_start_all(&site, 3);
    int old = site_leader(&site, 3);
    site_cut(&site, (size_t)old, true);
    sim_sleep(site.sim, 10000);
    int leader = site_leader(&site, 3);
    assert_true(leader >= 0 && leader != old);
    assert_true(sim_etcd_write(site.etcd, site.names[leader]));
    assert_false(sim_etcd_write(site.etcd, site.names[old]));
    site_cut(&site, (size_t)old, false);
    sim_sleep(site.sim, 100);
    assert_true(site_ready(&site, (size_t)old));
    assert_int_equal(site_leader(&site, 3), leader); /* Pre-vote: nobody disturbs it. */
    assert_null(sim_violation(site.sim, NULL));
    site_fini(&site);
}

static void test_frozen_member_does_not_answer(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 5);
    site_start_all(&site, 3);
    int old = site_leader(&site, 3);
    sim_etcd_set_frozen(site.processes[old], true);
    assert_false(site_ready(&site, (size_t)old));
    sim_sleep(site.sim, 10000);
    int leader = site_leader(&site, 3);
    assert_true(leader >= 0 && leader != old);
    sim_etcd_set_frozen(site.processes[old], false);
    sim_sleep(site.sim, 1);
    assert_int_equal(site_leader(&site, 3), leader);
    assert_true(site_ready(&site, (size_t)old));
    site_fini(&site);
}

static void test_wiped_member_ends_when_others_remember_it(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 6);
    site_start_all(&site, 3);
    sim_disk_set_file(site.disks[0], "marker");
    sim_disk_wipe(site.disks[0]);
    assert_null(sim_disk_file(site.disks[0]));
    assert_int_equal(sim_disk_wal(site.disks[0]).state, WAL_NONE);
    sim_sleep(site.sim, 1000);
    assert_true(site_ready(&site, 0)); /* Its files are open. */
    site_kill(&site, 0);
    site_start(&site, 0, 3, "new");
    site_wait_end(&site, 0);
    assert_int_equal(site.exit_code[0], 1);
    assert_non_null(strstr(site.words[0], "has already been bootstrapped"));
    assert_null(sim_violation(site.sim, NULL));
    site_fini(&site);
}

static void test_flags_that_etcd_does_not_know(void **state)
{
    static const struct {
        const char *version, *flag;
        int code;
        const char *words;
    } rows[] = {
        {"3.6.16", "--nope=1", 2, "flag provided but not defined: -nope"},
        {"3.7.3", "--experimental-initial-corrupt-check=true", 2,
         "flag provided but not defined: -experimental-initial-corrupt-check"},
        {"3.5.35", "--feature-gates=InitialCorruptCheck=true", 2,
         "flag provided but not defined: -feature-gates"},
        {"3.6.16", "--quota-backend-bytes=abc", 2,
         "invalid value \"abc\" for flag -quota-backend-bytes: parse error"},
        {"3.6.16", "--pre-vote=perhaps", 2,
         "invalid boolean value \"perhaps\" for -pre-vote: parse error"},
        {"3.6.16", "--heartbeat-interval=500", 1,
         "--election-timeout[1000ms] should be at least as 5 times as "
         "--heartbeat-interval[500ms]"},
        {"3.6.16", "--name", 2, "flag needs an argument: -name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct site site;
        site_init(&site, i);
        char *flags[] = {arena_strdup(site.arena, rows[i].flag), NULL};
        site_start_flags(&site, 0, rows[i].version, flags);
        site_wait_end(&site, 0);
        assert_int_equal(site.exit_code[0], rows[i].code);
        assert_string_equal(site.words[0], rows[i].words);
        assert_int_equal(sim_disk_wal(site.disks[0]).state, WAL_NONE);
        site_fini(&site);
    }
}

static void test_full_disk_ends_it(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 7);
    site_start_all(&site, 3);
    int leader = site_leader(&site, 3), other = (leader + 1) % 3;
    sim_disk_set_full(site.disks[other], true);
    assert_true(sim_etcd_write(site.etcd, site.names[leader]));
    site_wait_end(&site, (size_t)other);
    assert_non_null(strstr(site.words[other], "no space left on device"));
    sim_disk_set_full(site.disks[other], false);
    site_start(&site, (size_t)other, 3, "new");
    site_wait_ready(&site, 3);
    site_fini(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_members_form_a_cluster),
        cmocka_unit_test(test_member_list_and_alarms),
        cmocka_unit_test(test_next_leader_has_what_was_acknowledged),
        cmocka_unit_test(test_without_quorum_only_status_answers),
        cmocka_unit_test(test_cut_leader_steps_down_and_follows_again),
        cmocka_unit_test(test_frozen_member_does_not_answer),
        cmocka_unit_test(test_wiped_member_ends_when_others_remember_it),
        cmocka_unit_test(test_flags_that_etcd_does_not_know),
        cmocka_unit_test(test_full_disk_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
