/* Each invariant is seen when somebody breaks the rules that guard it, and not before. */
#include "etcd_site.h"
#include "sim/etcd/internal.h"

/* The disk forgets what it was told to keep after its static bootstrap: it answers too early. */
static void forget_all_but_the_beginning(struct sim_disk *disk)
{
    struct data *data = disk->data;

    data->term = 1;
    data->vote = 0;
    data->length = data->commit = data->applied = 3;
}

/* c-0 does not hear of a write; c-1, that has it, is emptied and started as new while nobody runs
 * who remembers it. The two are a quorum that knows nothing of the write. */
static void test_emptied_voter_helps_one_that_is_behind(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 1);
    site_start_all(&site, 3);
    site_cut(&site, 0, true);
    sim_sleep(site.sim, 5000);
    assert_true(sim_etcd_write(site.etcd, site.names[1]));
    for (size_t i = 0; i < 3; i++) {
        site_kill(&site, i);
    }
    site_cut(&site, 0, false);
    sim_disk_wipe(site.disks[1]);
    site_start(&site, 1, 3, "new");
    sim_sleep(site.sim, 600);
    assert_null(sim_violation(site.sim, NULL));
    site_start(&site, 0, 3, "new");
    sim_sleep(site.sim, 20000);
    site_expect_violation(&site, "VotedWithEmptiedLog");
    site_fini(&site);
}

static void test_emptied_single_voter(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 2);
    site_start_all(&site, 1);
    site_kill(&site, 0);
    sim_disk_wipe(site.disks[0]);
    site_start(&site, 0, 1, "new");
    sim_sleep(site.sim, 10000);
    site_expect_violation(&site, "VotedWithEmptiedLog");
    site_fini(&site);
}

/* Nothing was promised, nothing is broken. */
static void test_emptied_before_its_first_vote(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 3);
    site_start(&site, 0, 3, "new");
    sim_sleep(site.sim, 3000);
    assert_int_equal(sim_disk_wal(site.disks[0]).state, WAL_OK);
    site_kill(&site, 0);
    sim_disk_wipe(site.disks[0]);
    site_start_all(&site, 3);
    assert_null(sim_violation(site.sim, NULL));
    site_fini(&site);
}

static void test_lost_write(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 4);
    site_start_all(&site, 3);
    site_cut(&site, 0, true);
    sim_sleep(site.sim, 5000);
    assert_true(sim_etcd_write(site.etcd, site.names[1]));
    site_kill(&site, 1);
    site_kill(&site, 2);
    site_cut(&site, 0, false);
    forget_all_but_the_beginning(site.disks[1]);
    site_start(&site, 1, 3, "new");
    sim_sleep(site.sim, 20000);
    site_expect_violation(&site, "AcknowledgedWriteLost");
    site_fini(&site);
}

static void test_cluster_made_anew_over_acknowledged_writes(void **state)
{
    (void)state;
    for (int forgotten = 0; forgotten < 2; forgotten++) {
        struct site site;
        site_init(&site, 5);
        site_start_all(&site, 1);
        assert_true(sim_etcd_write(site.etcd, site.names[0]));
        site_kill(&site, 0);
        sim_disk_wipe(site.disks[0]);
        if (forgotten) {
            sim_etcd_forget(site.etcd, "c-peer.ns.svc");
        }
        site_start_as(&site, 0, 0, 1, "new", "token-2");
        sim_sleep(site.sim, 10000);
        if (forgotten) {
            assert_true(site_ready(&site, 0));
            assert_null(sim_violation(site.sim, NULL));
        } else {
            site_expect_violation(&site, "AcknowledgedWriteLost");
        }
        site_fini(&site);
    }
}

/* c-2 votes for c-0, forgets it, and votes for c-1 in the same term. */
static void test_two_leaders_in_one_term(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 6);
    site_cut(&site, 1, true);
    for (size_t i = 0; i < 3; i++) {
        site_start(&site, i, 3, "new");
    }
    sim_sleep(site.sim, 5000);
    assert_true(site_ready(&site, 0));
    site_kill(&site, 2);
    forget_all_but_the_beginning(site.disks[2]);
    site_kill(&site, 0);
    site_cut(&site, 1, false);
    site_start(&site, 2, 3, "new");
    sim_sleep(site.sim, 10000);
    site_expect_violation(&site, "TwoLeadersInOneTerm");
    site_fini(&site);
}

/* Two generations run beside each other under the same name. */
static void test_two_clusters(void **state)
{
    struct site site;

    (void)state;
    site_init(&site, 7);
    site_start_all(&site, 1);
    site_start_as(&site, 1, 0, 1, "new", "token-2");
    sim_sleep(site.sim, 10000);
    site_expect_violation(&site, "TwoClusters");
    site_fini(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_emptied_voter_helps_one_that_is_behind),
        cmocka_unit_test(test_emptied_single_voter),
        cmocka_unit_test(test_emptied_before_its_first_vote),
        cmocka_unit_test(test_lost_write),
        cmocka_unit_test(test_cluster_made_anew_over_acknowledged_writes),
        cmocka_unit_test(test_two_leaders_in_one_term),
        cmocka_unit_test(test_two_clusters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
