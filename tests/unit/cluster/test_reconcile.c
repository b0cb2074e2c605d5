/* Whole passes against a small API server, site and etcd: creation to Running and deletion, with
 * every call failing once and with the operator ending at every call.  The fakes watch over what
 * must never happen: two permits for one start, two clusters under one name. */
#include "fake_run.h"

#include <stdio.h>
#include <string.h>

#include "api/etcdcluster.h"
#include "base/json.h"
#include "base/log.h"
#include "cluster/quiet.h"

static void creation(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    run_settle(&run);
    assert_runs(&run, 3, 1);
    assert_int_equal(json_object_size(run.kube.permits), 3);
    assert_int_equal(run.kube.applied_sets, 1);
    assert_int_equal(fake_kube_count(&run.kube, "Secret"), 5);
    assert_int_equal(fake_kube_count(&run.kube, "Service"), 2);
    assert_int_equal(fake_kube_count(&run.kube, "ConfigMap"), 1);
    struct error error;
    if (api_check_known(etcdcluster_kind.status, json_object_get(run_cluster(&run), "status"),
                        "status", &error)) {
        fail_msg("%s", error.message);
    }
    /* A steady cluster, over the next reading of the Secrets too. */
    int calls = run.kube.calls, writes = run.kube.writes, events = run.kube.events;
    for (int i = 0; i < 700; i++) {
        assert_int_equal(run_pass(&run), 0);
    }
    assert_int_equal(run.kube.calls, calls + 5); /* Those Secrets, once. */
    run_start_operator(&run);
    assert_int_equal(run_pass(&run), 0);
    assert_int_equal(run.kube.writes, writes);
    assert_int_equal(run.kube.events, events);
    run_fini(&run);
}

/* The store tells nobody of a status that a pass has written. */
static void what_is_recorded_is_acted_upon_at_once(void **state)
{
    struct work_result result;
    struct error error;
    struct run run;
    bool was = false;

    (void)state;
    run_init(&run, "{}");
    for (int i = 0; i < 40 && !was; i++) {
        fake_site_step(&run.site);
        run.kube.now_ms += 1000;
        assert_int_equal(reconciler_pass(run.reconciler, "ns/c", &result, &error), 0);
        was = *run_status(&run, "clusterID");
    }
    assert_true(was);
    assert_int_equal(result.requeue_after_ms, 0);
    run_settle(&run);
    assert_int_equal(reconciler_pass(run.reconciler, "ns/c", &result, &error), 0);
    assert_int_equal(result.requeue_after_ms, 10000);
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
    assert_int_equal(run_pass(&run), 0);
    assert_false(reconciler_look(run.reconciler, "ns/c", &result)); /* It is being made. */
    run_settle(&run);
    assert_true(reconciler_look(run.reconciler, "ns/c", &result));
    assert_int_equal(result.requeue_after_ms, 10000);

    reconciler_changed(run.reconciler, "ns/c");
    assert_false(reconciler_look(run.reconciler, "ns/c", &result));
    assert_int_equal(run_pass(&run), 0);
    for (int i = 0; i < QUIET_LOOKS; i++) {
        assert_true(reconciler_look(run.reconciler, "ns/c", &result));
    }
    assert_false(reconciler_look(run.reconciler, "ns/c", &result));

    assert_int_equal(run_pass(&run), 0);
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
    run_settle(&run);
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
            run_settle(&run);
            assert_true(run.kube.calls >= call);
            assert_runs(&run, 3, 1);
            assert_int_equal(json_object_size(run.kube.permits), 3);
            run_fini(&run);
        }
    }
}

static void operator_ends_at_each_call(void **state)
{
    int calls = calls_of_creation();

    (void)state;
    for (int call = 1; call <= calls; call++) {
        struct run run;
        run_init(&run, "{}");
        run_survive(&run, call);
        assert_runs(&run, 3, 1);
        assert_int_equal(json_object_size(run.kube.permits), 3);
        run_fini(&run);
    }
}

static void assert_gone(const struct run *run, int claims)
{
    assert_null(run_cluster(run));
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
            run_pass(&run);
        }
        done = !strcmp(run_status(&run, "phase"), "Running");
        fake_kube_delete(&run.kube, "EtcdCluster", "c");
        run_survive(&run, run.kube.calls + 1 + call % 7);
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
    run_settle(&run);
    snprintf(cluster_id, sizeof cluster_id, "%s", run_status(&run, "clusterID"));
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    run_settle(&run);
    assert_gone(&run, 3);
    run_create_cluster(&run, "{\"size\": 5}"); /* Two members too many for the data. */
    run_settle(&run);
    assert_string_equal(run_status(&run, "phase"), "Failed");
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    run_settle(&run);
    fake_kube_drop(&run.kube, "PersistentVolumeClaim", "data-c-3");
    fake_kube_drop(&run.kube, "PersistentVolumeClaim", "data-c-4");
    run_create_cluster(&run, "{}");
    run.site.impostor = true; /* It knows nothing of this pod's volume. */
    run_settle(&run);
    assert_string_equal(run_status(&run, "phase"), "Creating");
    run.site.impostor = false;
    run_settle(&run);
    assert_runs(&run, 3, 1);
    assert_string_equal(run_status(&run, "clusterID"), cluster_id);
    run_fini(&run);
}

/* Passes until the object is gone; all succeed. */
static void delete_cluster(struct run *run)
{
    run_settle(run);
    fake_kube_delete(&run->kube, "EtcdCluster", "c");
    for (int i = 0; i < PATIENCE && run_cluster(run); i++) {
        assert_int_equal(run_pass(run), 0);
    }
    assert_null(run_cluster(run));
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
    run_settle(&run);
    assert_string_equal(run_status(&run, "phase"), "Creating");
    run.site.etcd_fails = false;
    json_object_set_new(run_cluster(&run), "spec", json_object());
    json_object_set_new(json_object_get(run_cluster(&run), "metadata"), "generation",
                        json_integer(2));
    fake_kube_touch(&run.kube, run_cluster(&run));
    run_settle(&run);
    assert_runs(&run, 3, 2);
    run_fini(&run);
}

/* The reading of the Secrets that is due after ten minutes fails. */
static void a_hiccup_is_no_lost_quorum(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, "{}");
    run_settle(&run);
    int64_t version = run.kube.version;
    run.kube.now_ms += 700000;
    run.kube.fail_call = run.kube.calls + 1;
    run.kube.fail_kind = ERROR_RETRYABLE;
    run_pass(&run);
    assert_string_equal(run_status(&run, "phase"), "Running");
    run_pass(&run);
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
        run_pass(&run);
    }
    assert_non_null(strstr(run_status(&run, "message"), "exceeded quota"));
    int writes = run.kube.writes;
    assert_int_not_equal(run_pass(&run), 0); /* Tried again, and not told again. */
    assert_int_equal(run.kube.writes, writes);
    run.kube.refuse = NULL;
    run_settle(&run);
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
    run_settle(&run);
    assert_non_null(strstr(run_status(&run, "message"), "c-peer-tls exists and does not belong"));
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    run_settle(&run);
    assert_true(json_equal(secret, fake_kube_find(&run.kube, "Secret", "c-peer-tls")));
    fake_kube_drop(&run.kube, "Secret", "c-peer-tls");
    run_create_cluster(&run, "{}");
    run_settle(&run);
    assert_non_null(strstr(run_status(&run, "message"), "Service c-client exists"));
    assert_int_equal(fake_kube_count(&run.kube, "StatefulSet"), 0);
    assert_true(json_equal(service, fake_kube_find(&run.kube, "Service", "c-client")));
    fake_kube_drop(&run.kube, "Service", "c-client");
    run_settle(&run);
    assert_runs(&run, 3, 1);
    run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation),
        cmocka_unit_test(what_is_recorded_is_acted_upon_at_once),
        cmocka_unit_test(looks_in_place_of_passes),
        cmocka_unit_test(each_call_fails_once),
        cmocka_unit_test(operator_ends_at_each_call),
        cmocka_unit_test(deletion_at_each_call),
        cmocka_unit_test(kept_volumes_are_taken_over),
        cmocka_unit_test(wrong_at_birth_then_mended),
        cmocka_unit_test(a_finalizer_gone_already_is_no_failure),
        cmocka_unit_test(a_hiccup_is_no_lost_quorum),
        cmocka_unit_test(a_refusal_is_told),
        cmocka_unit_test(a_taken_name_stays_the_others),
    };
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
