/* Whole passes while members are lost, come and go: with etcd refusing, answers that are lost and
 * an operator that ends at each of its calls.  The fake etcd fails a test in which an id begins
 * twice with an empty log, or a member starts on another membership than there is. */
#include "fake_run.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "etcd/errors.h"

static const struct etcd_member *listed(struct run *run, int ordinal, struct arena *arena)
{
    const char *url = arena_printf(arena, "https://c-%d.c-peer.ns.svc:2380", ordinal);
    const struct etcd_endpoint endpoints[] = {{"c-0", NULL, 0}, {"c-2", NULL, 0}};
    const struct etcd_target target = {NULL, endpoints, 2, 0};
    struct etcd_member_list list;
    struct error error;

    assert_int_equal(
        run->site.etcd.member_list(run->site.etcd.context, &target, arena, &list, &error), 0);
    for (size_t i = 0; i < list.n_members; i++) {
        if (!strcmp(list.members[i].peer_urls[0], url)) {
            return &list.members[i];
        }
    }
    return NULL;
}

/* The permits of mode existing that pods ever bore. */
static int permits_to_join(const struct run *run)
{
    const char *key;
    json_t *value;
    int n = 0;

    json_object_foreach(run->kube.permits, key, value)
    {
        n += strstr(json_string_value(value), "\"existing\"") != NULL;
    }
    return n;
}

/* It is removed from etcd and comes back as another member: the fake etcd fails the test when an id
 * begins twice with an empty log. */
static void a_lost_volume_never_votes_again(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct run run;

    (void)state;
    run_init(&run, "{}");
    run_settle(&run);
    uint64_t id = listed(&run, 1, arena)->id;
    fake_site_lose_volume(&run.site, 1);
    run_settle(&run);
    assert_runs(&run, 3, 1);
    assert_true(listed(&run, 1, arena)->id != id);
    assert_false(listed(&run, 1, arena)->is_learner);
    assert_int_equal(permits_to_join(&run), 1);
    assert_int_equal(json_object_size(run.kube.permits), 4);

    id = listed(&run, 1, arena)->id;
    fake_kube_drop(&run.kube, "Pod", "c-1"); /* A new pod with the data, and a restart: the same. */
    fake_site_restart(&run.site, 2);
    run_settle(&run);
    assert_runs(&run, 3, 1);
    assert_true(listed(&run, 1, arena)->id == id);
    assert_int_equal(json_object_size(run.kube.permits), 4);
    run_fini(&run);
}

/* Two of three have lost their data: what is left is no quorum, and nothing is made up for it. */
static void a_lost_quorum_is_left_alone(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    run_settle(&run);
    fake_site_lose_volume(&run.site, 1);
    fake_site_lose_volume(&run.site, 2);
    run_settle(&run);
    assert_string_equal(run_status(&run, "phase"), "Failed");
    assert_int_equal(permits_to_join(&run), 0);
    assert_int_equal(json_object_size(run.kube.permits), 3);
    run_fini(&run);
}

static void resize(struct run *run, int size)
{
    json_t *metadata = json_object_get(run_cluster(run), "metadata");
    json_int_t generation = json_path_integer(metadata, 1, "generation", NULL);

    json_object_set_new(run_cluster(run), "spec", json_pack("{s:i}", "size", size));
    json_object_set_new(metadata, "generation", json_integer(generation + 1));
    fake_kube_touch(&run->kube, run_cluster(run));
}

/* That many voters, pods and claims, and all is well. */
static void assert_members(struct run *run, int n)
{
    AUTO_ARENA struct arena *arena = arena_new();

    if (strcmp(run_status(run, "phase"), "Running") != 0 || *run_status(run, "message")) {
        fail_msg("%s: %s", run_status(run, "phase"), run_status(run, "message"));
    }
    for (int i = 0; i < 9; i++) {
        const struct etcd_member *member = listed(run, i, arena);
        assert_true((member != NULL) == (i < n));
        assert_true(!member || !member->is_learner);
    }
    assert_int_equal(fake_kube_count(&run->kube, "Pod"), n);
    assert_int_equal(fake_kube_count(&run->kube, "PersistentVolumeClaim"), n);
    assert_int_equal(fake_kube_count(&run->kube, "PodDisruptionBudget"), n > 1);
    assert_int_equal(json_path_integer(run_cluster(run), 0, "status", "readyReplicas", NULL), n);
}

static void out_and_in(void **state)
{
    static const int sizes[] = {3, 5, 7, 3, 1, 3};
    AUTO_ARENA struct arena *arena = arena_new();
    struct run run;

    (void)state;
    run_init(&run, "{\"size\": 1}");
    run_settle(&run);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        resize(&run, sizes[i]);
        run_settle(&run);
        assert_members(&run, sizes[i]);
        /* The last is always the one that leads: it must hand over before it leaves. */
        run.site.leader = listed(&run, sizes[i] - 1, arena)->id;
        run_settle(&run);
    }
    run_fini(&run);
}

/* Back before the first has joined, and on again. */
static void a_size_that_changes_half_way(void **state)
{
    (void)state;
    for (int passes = 1; passes < 14; passes++) {
        struct run run;
        run_init(&run, "{}");
        run_settle(&run);
        resize(&run, 7);
        for (int i = 0; i < passes; i++) {
            run_pass(&run);
        }
        resize(&run, 1);
        for (int i = 0; i < passes; i++) {
            run_pass(&run);
        }
        resize(&run, 5);
        run_settle(&run);
        for (int i = 0; i < 12; i++) { /* One may run on the data of a member that was removed. */
            run_pass(&run);
        }
        run_settle(&run);
        assert_members(&run, 5);
        run_fini(&run);
    }
}

/* A cluster of five of which c-1 has lost its data, at the moment when it is to become one of
 * three.
 */
static void a_busy_life(struct run *run)
{
    run_init(run, "{}");
    run_settle(run);
    resize(run, 5);
    run_settle(run);
    fake_site_lose_volume(&run->site, 1);
    resize(run, 3);
}

static void each_change_fails_once(void **state)
{
    static const enum etcd_error answers[] = {ETCD_ERROR_UNHEALTHY_CLUSTER, ETCD_ERROR_TIMEOUT};
    int asked = 0;

    (void)state;
    do {
        asked++;
        for (int variant = 0; variant < 2; variant++) {
            struct run run;
            a_busy_life(&run);
            run.site.failure = answers[variant];
            run.site.fail_first = run.site.fail_last = run.site.asked + asked;
            run.site.fail_after = variant == 1;
            run_settle(&run);
            assert_members(&run, 3);
            bool failed = run.site.asked >= run.site.fail_first;
            run_fini(&run);
            if (!failed) {
                assert_true(asked > 4); /* Two leave, one is removed, added and promoted. */
                return;
            }
        }
    } while (asked < 100);
    fail_msg("there is no end of changes");
}

static void operator_ends_at_each_call(void **state)
{
    struct run run;

    (void)state;
    a_busy_life(&run);
    int before = run.kube.calls;
    run_settle(&run);
    int calls = run.kube.calls - before;
    run_fini(&run);
    for (int call = 1; call <= calls; call++) {
        a_busy_life(&run);
        run_survive(&run, run.kube.calls + call);
        assert_members(&run, 3);
        run_fini(&run);
    }
}

/* As long as etcd says no, the status says why, and it is asked again. */
static void etcds_words_are_told(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    run_settle(&run);
    run.site.failure = ETCD_ERROR_UNHEALTHY_CLUSTER;
    run.site.fail_first = 1;
    run.site.fail_last = 20;
    resize(&run, 5);
    for (int i = 0; i < 15; i++) {
        run_pass(&run);
    }
    assert_non_null(strstr(run_status(&run, "message"), "etcdserver: unhealthy cluster"));
    assert_string_equal(run_status(&run, "phase"), "Scaling");
    int writes = run.kube.writes, asked = run.site.asked;
    run_pass(&run);
    assert_int_equal(run.kube.writes, writes); /* Told once. */
    assert_int_equal(run.site.asked, asked + 1);
    run.site.fail_last = 0;
    run_settle(&run);
    assert_members(&run, 5);
    run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_volume_never_votes_again),
        cmocka_unit_test(a_lost_quorum_is_left_alone),
        cmocka_unit_test(out_and_in),
        cmocka_unit_test(a_size_that_changes_half_way),
        cmocka_unit_test(each_change_fails_once),
        cmocka_unit_test(operator_ends_at_each_call),
        cmocka_unit_test(etcds_words_are_told),
    };
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests_name("reconcile members", tests, NULL, NULL);
}
