/* Whole passes against a small API server, site and etcd: creation to Running and deletion, with
 * every call failing once and with the operator ending at every call.  The fakes watch over what
 * must never happen: two permits for one start, two clusters under one name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/etcdcluster.h"
#include "api/permit.h"
#include "base/json.h"
#include "base/log.h"
#include "cluster/names.h"
#include "cluster/quiet.h"
#include "cluster/reconcile.h"
#include "fake_kube.h"
#include "fake_site.h"

#define NOW_MS   INT64_C(1795448404000)
#define PATIENCE 200 /* Passes. */

struct run {
    struct fake_kube kube;
    struct fake_site site;
    struct reconciler *reconciler;
    unsigned char chance;
};

static int64_t now_ms(void *context)
{
    return ((struct run *)context)->kube.now_ms;
}

static void draw(void *context, void *out, size_t size)
{
    memset(out, ((struct run *)context)->chance++, size);
}

static void start_operator(struct run *run)
{
    const struct reconciler_options options = {
        .kube = &run->kube.api,
        .etcd = &run->site.etcd,
        .operator_image = "operator:test",
        .now_boot_ms = now_ms,
        .now_wall_ms = now_ms,
        .random = draw,
        .context = run,
    };

    reconciler_free(run->reconciler);
    run->reconciler = reconciler_new(&options);
}

static void create_cluster(struct run *run, const char *spec)
{
    json_t *object =
        json_pack("{s:s, s:{s:s, s:s}, s:o}", "apiVersion", "etcd.etcd.io/v1alpha1", "metadata",
                  "name", "c", "namespace", "ns", "spec", json_loads(spec, 0, NULL));
    fake_kube_put(&run->kube, "EtcdCluster", object);
}

static void run_init(struct run *run, const char *spec)
{
    memset(run, 0, sizeof *run);
    fake_kube_init(&run->kube, NOW_MS);
    fake_site_init(&run->site, &run->kube);
    start_operator(run);
    create_cluster(run, spec);
}

static void run_fini(struct run *run)
{
    reconciler_free(run->reconciler);
    fake_site_fini(&run->site);
    fake_kube_fini(&run->kube);
}

static json_t *cluster(const struct run *run)
{
    return fake_kube_find(&run->kube, "EtcdCluster", "c");
}

static const char *status_of(const struct run *run, const char *name)
{
    const char *text = json_path_string(cluster(run), "status", name, NULL);
    return text ? text : "";
}

/* One second of the site and one pass. What the pass returned. */
static int pass(struct run *run)
{
    struct work_result result;
    struct error error = {0};

    fake_site_step(&run->site);
    run->kube.now_ms += 1000;
    int status = reconciler_pass(run->reconciler, "ns/c", &result, &error);
    if (run->kube.violation) {
        fail_msg("%s", run->kube.violation);
    }
    return status;
}

/* Passes until one changes nothing. */
static void settle(struct run *run)
{
    for (int i = 0; i < PATIENCE; i++) {
        int64_t before = run->kube.version;
        int calls_failed = pass(run);
        if (!calls_failed && before == run->kube.version && i > 2) {
            return;
        }
    }
    fail_msg("not settled: %s, %s", status_of(run, "phase"), status_of(run, "message"));
}

static void assert_runs(const struct run *run, int members, int generation)
{
    const json_t *status = json_object_get(cluster(run), "status");

    if (strcmp(status_of(run, "phase"), "Running") != 0 || *status_of(run, "message")) {
        fail_msg("%s: %s", status_of(run, "phase"), status_of(run, "message"));
    }
    assert_int_equal(json_path_integer(status, 0, "readyReplicas", NULL), members);
    assert_int_equal(json_array_size(json_path(status, "bootstrap", "permits", NULL)), members);
    assert_int_equal(json_path_integer(status, 0, "bootstrap", "generation", NULL), generation);
    assert_string_not_equal(status_of(run, "clusterID"), "");
    for (int i = 0; i < members; i++) {
        char name[16];
        snprintf(name, sizeof name, "c-%d", i);
        assert_null(json_path(fake_kube_find(&run->kube, "Pod", name), "metadata", "annotations",
                              PERMIT_ANNOTATION, NULL)); /* Used, and taken away. */
    }
}

static void creation(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    settle(&run);
    assert_runs(&run, 3, 1);
    assert_int_equal(json_object_size(run.kube.permits), 3);
    assert_int_equal(run.kube.applied_sets, 1);
    assert_int_equal(fake_kube_count(&run.kube, "Secret"), 5);
    assert_int_equal(fake_kube_count(&run.kube, "Service"), 2);
    assert_int_equal(fake_kube_count(&run.kube, "ConfigMap"), 1);
    struct error error;
    if (api_check_known(etcdcluster_kind.status, json_object_get(cluster(&run), "status"), "status",
                        &error)) {
        fail_msg("%s", error.message);
    }
    /* A steady cluster, over the next reading of the Secrets too. */
    int calls = run.kube.calls, writes = run.kube.writes, events = run.kube.events;
    for (int i = 0; i < 700; i++) {
        assert_int_equal(pass(&run), 0);
    }
    assert_int_equal(run.kube.calls, calls + 5); /* Those Secrets, once. */
    start_operator(&run);
    assert_int_equal(pass(&run), 0);
    assert_int_equal(run.kube.writes, writes);
    assert_int_equal(run.kube.events, events);
    run_fini(&run);
}

/* At rest a look is enough, until something changes or the looks are used up. */
static void looks_in_place_of_passes(void **state)
{
    struct work_result result;
    struct run run;

    (void)state;
    run_init(&run, "{}");
    assert_false(reconciler_look(run.reconciler, "ns/c", &result)); /* Never seen. */
    assert_int_equal(pass(&run), 0);
    assert_false(reconciler_look(run.reconciler, "ns/c", &result)); /* It is being made. */
    settle(&run);
    assert_true(reconciler_look(run.reconciler, "ns/c", &result));
    assert_int_equal(result.requeue_after_ms, 10000);

    reconciler_changed(run.reconciler, "ns/c");
    assert_false(reconciler_look(run.reconciler, "ns/c", &result));
    assert_int_equal(pass(&run), 0);
    for (int i = 0; i < QUIET_LOOKS; i++) {
        assert_true(reconciler_look(run.reconciler, "ns/c", &result));
    }
    assert_false(reconciler_look(run.reconciler, "ns/c", &result));

    assert_int_equal(pass(&run), 0);
    fake_site_lose_volume(&run.site, 0);
    fake_site_lose_volume(&run.site, 1);
    fake_site_lose_volume(&run.site, 2);
    assert_false(reconciler_look(run.reconciler, "ns/c", &result)); /* It does not answer. */
    run_fini(&run);
}

static int calls_of_creation(void)
{
    struct run run;

    run_init(&run, "{}");
    settle(&run);
    int calls = run.kube.calls;
    run_fini(&run);
    return calls;
}

static void each_call_fails_once(void **state)
{
    static const enum error_kind kinds[] = {ERROR_RETRYABLE, ERROR_CONFLICT};
    int calls = calls_of_creation();

    (void)state;
    for (int call = 1; call <= calls; call++) {
        for (int variant = 0; variant < 4; variant++) {
            struct run run;
            run_init(&run, "{}");
            run.kube.fail_call = call;
            run.kube.fail_kind = kinds[variant / 2];
            run.kube.fail_after = variant % 2;
            settle(&run);
            assert_true(run.kube.calls >= call);
            assert_runs(&run, 3, 1);
            assert_int_equal(json_object_size(run.kube.permits), 3);
            run_fini(&run);
        }
    }
}

/* The operator ends at its k-th call; another begins on what is there. */
static void survive(struct run *run, int call)
{
    run->kube.cancel_from = call;
    for (int i = 0; i < PATIENCE && run->kube.calls < call; i++) {
        pass(run);
    }
    run->kube.cancel_from = 0;
    start_operator(run);
    settle(run);
}

static void operator_ends_at_each_call(void **state)
{
    int calls = calls_of_creation();

    (void)state;
    for (int call = 1; call <= calls; call++) {
        struct run run;
        run_init(&run, "{}");
        survive(&run, call);
        assert_runs(&run, 3, 1);
        assert_int_equal(json_object_size(run.kube.permits), 3);
        run_fini(&run);
    }
}

static void assert_gone(const struct run *run, int claims)
{
    assert_null(cluster(run));
    assert_int_equal(fake_kube_count(&run->kube, "PersistentVolumeClaim"), claims);
    assert_int_equal(json_object_size(run->kube.objects), (size_t)claims);
}

static void deletion_at_each_call(void **state)
{
    const char *spec = "{\"size\": 1, \"storage\": {\"persistentVolumeClaimRetentionPolicy\": "
                       "{\"whenDeleted\": \"Delete\"}}}";
    bool done = false;

    (void)state;
    for (int call = 1; !done; call++) { /* Deleted while Creating, then while Running. */
        struct run run;
        run_init(&run, spec);
        for (int i = 0; i < PATIENCE && run.kube.calls < call; i++) {
            pass(&run);
        }
        done = !strcmp(status_of(&run, "phase"), "Running");
        fake_kube_delete(&run.kube, "EtcdCluster", "c");
        survive(&run, run.kube.calls + 1 + call % 7);
        assert_gone(&run, 0);
        run_fini(&run);
    }
}

static void kept_volumes_are_taken_over(void **state)
{
    struct run run;
    char cluster_id[32];

    (void)state;
    run_init(&run, "{}");
    settle(&run);
    snprintf(cluster_id, sizeof cluster_id, "%s", status_of(&run, "clusterID"));
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    settle(&run);
    assert_gone(&run, 3);
    create_cluster(&run, "{\"size\": 5}"); /* Two members too many for the data. */
    settle(&run);
    assert_string_equal(status_of(&run, "phase"), "Failed");
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    settle(&run);
    fake_kube_drop(&run.kube, "PersistentVolumeClaim", "data-c-3");
    fake_kube_drop(&run.kube, "PersistentVolumeClaim", "data-c-4");
    create_cluster(&run, "{}");
    run.site.impostor = true; /* It knows nothing of this pod's volume. */
    settle(&run);
    assert_string_equal(status_of(&run, "phase"), "Creating");
    run.site.impostor = false;
    settle(&run);
    assert_runs(&run, 3, 1);
    assert_string_equal(status_of(&run, "clusterID"), cluster_id);
    run_fini(&run);
}

/* Passes until the object is gone; all succeed. */
static void delete_cluster(struct run *run)
{
    settle(run);
    fake_kube_delete(&run->kube, "EtcdCluster", "c");
    for (int i = 0; i < PATIENCE && cluster(run); i++) {
        assert_int_equal(pass(run), 0);
    }
    assert_null(cluster(run));
}

/* The answer to the last write was lost, and the watch has not shown yet that the object is gone.
 */
static void a_finalizer_gone_already_is_no_failure(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    delete_cluster(&run);
    int last_call = run.kube.calls;
    run_fini(&run);

    run_init(&run, "{}");
    run.kube.fail_call = last_call;
    run.kube.fail_kind = ERROR_NOT_FOUND;
    run.kube.fail_after = true;
    delete_cluster(&run);
    run_fini(&run);
}

static void wrong_at_birth_then_mended(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{\"etcd\": {\"extraArgs\": [{\"name\": \"nonsense\", \"value\": \"1\"}]}}");
    run.site.etcd_fails = true;
    settle(&run);
    assert_string_equal(status_of(&run, "phase"), "Creating");
    run.site.etcd_fails = false;
    json_object_set_new(cluster(&run), "spec", json_object());
    json_object_set_new(json_object_get(cluster(&run), "metadata"), "generation", json_integer(2));
    fake_kube_touch(&run.kube, cluster(&run));
    settle(&run);
    assert_runs(&run, 3, 2);
    run_fini(&run);
}

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
    settle(&run);
    uint64_t id = listed(&run, 1, arena)->id;
    fake_site_lose_volume(&run.site, 1);
    settle(&run);
    assert_runs(&run, 3, 1);
    assert_true(listed(&run, 1, arena)->id != id);
    assert_false(listed(&run, 1, arena)->is_learner);
    assert_int_equal(permits_to_join(&run), 1);
    assert_int_equal(json_object_size(run.kube.permits), 4);

    id = listed(&run, 1, arena)->id;
    fake_kube_drop(&run.kube, "Pod", "c-1"); /* A new pod with the data, and a restart: the same. */
    fake_site_restart(&run.site, 2);
    settle(&run);
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
    settle(&run);
    fake_site_lose_volume(&run.site, 1);
    fake_site_lose_volume(&run.site, 2);
    settle(&run);
    assert_string_equal(status_of(&run, "phase"), "Failed");
    assert_int_equal(permits_to_join(&run), 0);
    assert_int_equal(json_object_size(run.kube.permits), 3);
    run_fini(&run);
}

/* The reading of the Secrets that is due after ten minutes fails. */
static void a_hiccup_is_no_lost_quorum(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    settle(&run);
    int64_t version = run.kube.version;
    run.kube.now_ms += 700000;
    run.kube.fail_call = run.kube.calls + 1;
    run.kube.fail_kind = ERROR_RETRYABLE;
    pass(&run);
    assert_string_equal(status_of(&run, "phase"), "Running");
    pass(&run);
    assert_runs(&run, 3, 1);
    assert_true(run.kube.version <= version + 2); /* It may be told, and that it is over. */
    run_fini(&run);
}

static void a_refusal_is_told(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    run.kube.refuse = "Service";
    for (int i = 0; i < 20; i++) {
        pass(&run);
    }
    assert_non_null(strstr(status_of(&run, "message"), "exceeded quota"));
    int writes = run.kube.writes;
    assert_int_not_equal(pass(&run), 0); /* Tried again, and not told again. */
    assert_int_equal(run.kube.writes, writes);
    run.kube.refuse = NULL;
    settle(&run);
    assert_runs(&run, 3, 1);
    run_fini(&run);
}

static void a_taken_name_stays_the_others(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    fake_kube_put(&run.kube, "Secret", json_pack("{s:{s:s}}", "metadata", "name", "c-peer-tls"));
    fake_kube_put(&run.kube, "Service", json_pack("{s:{s:s}}", "metadata", "name", "c-client"));
    AUTO_JSON json_t *secret = json_deep_copy(fake_kube_find(&run.kube, "Secret", "c-peer-tls"));
    AUTO_JSON json_t *service = json_deep_copy(fake_kube_find(&run.kube, "Service", "c-client"));
    settle(&run);
    assert_non_null(strstr(status_of(&run, "message"), "c-peer-tls exists and does not belong"));
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    settle(&run);
    assert_true(json_equal(secret, fake_kube_find(&run.kube, "Secret", "c-peer-tls")));
    fake_kube_drop(&run.kube, "Secret", "c-peer-tls");
    create_cluster(&run, "{}");
    settle(&run);
    assert_non_null(strstr(status_of(&run, "message"), "Service c-client exists"));
    assert_int_equal(fake_kube_count(&run.kube, "StatefulSet"), 0);
    assert_true(json_equal(service, fake_kube_find(&run.kube, "Service", "c-client")));
    fake_kube_drop(&run.kube, "Service", "c-client");
    settle(&run);
    assert_runs(&run, 3, 1);
    run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation),
        cmocka_unit_test(looks_in_place_of_passes),
        cmocka_unit_test(each_call_fails_once),
        cmocka_unit_test(operator_ends_at_each_call),
        cmocka_unit_test(deletion_at_each_call),
        cmocka_unit_test(kept_volumes_are_taken_over),
        cmocka_unit_test(wrong_at_birth_then_mended),
        cmocka_unit_test(a_finalizer_gone_already_is_no_failure),
        cmocka_unit_test(a_lost_volume_never_votes_again),
        cmocka_unit_test(a_lost_quorum_is_left_alone),
        cmocka_unit_test(a_hiccup_is_no_lost_quorum),
        cmocka_unit_test(a_refusal_is_told),
        cmocka_unit_test(a_taken_name_stays_the_others),
    };
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
