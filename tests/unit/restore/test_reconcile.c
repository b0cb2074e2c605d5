/* Whole restores over a small API server, ended at every call, and what makes one fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"
#include "fake_kube.h"
#include "restore/reconcile.h"

#define BEGAN_MS    INT64_C(1764000000000)
#define MOST_PASSES 60

#define FETCHED                                                                                    \
    "{\"revision\":7,\"records\":9,\"sha256\":\"ab\",\"name\":\"b\",\"databaseSize\":20480}"
#define COMMITTED "{\"memberID\":\"a1\",\"clusterID\":\"00000000000000c1\"}"

static const char plain_spec[] =
    "{\"clusterName\":\"c\",\"restoreType\":\"New\",\"source\":{\"storageType\":\"S3\","
    "\"name\":\"b\",\"s3\":{\"bucket\":\"bucket\"}},\"clusterTemplate\":{\"size\":3}}";

struct site {
    struct fake_kube kube;
    struct reconciler_options options;
    int64_t requeue_ms;
    int pods_made;
    const char *error; /* What the pod of member 1 ends with; NULL: it succeeds. */
};

static int64_t now(void *context)
{
    const struct site *site = context;
    return site->kube.now_ms;
}

static void begin(struct site *site, const char *spec)
{
    *site = (struct site){0};
    fake_kube_init(&site->kube, BEGAN_MS);
    site->options = (struct reconciler_options){.kube = &site->kube.api,
                                                .operator_image = "operator:1",
                                                .now_wall_ms = now,
                                                .context = site};
    fake_kube_put(&site->kube, "EtcdRestore",
                  json_pack("{s:{s:s, s:s}, s:o}", "metadata", "name", "r", "namespace", "ns",
                            "spec", json_loads(spec, 0, NULL)));
}

static json_t *find(struct site *site, const char *kind, const char *name)
{
    return fake_kube_find(&site->kube, kind, name);
}

static const char *status_of(struct site *site, const char *name)
{
    return json_path_string(find(site, "EtcdRestore", "r"), "status", name, NULL);
}

static bool has_restored(struct site *site)
{
    return json_path_string(find(site, "EtcdCluster", "c"), "metadata", "annotations",
                            ANNOTATION_RESTORED, NULL) != NULL;
}

/* What the cluster's own passes do (cluster/rule_restore.c). */
static void run_cluster(struct site *site)
{
    json_t *cluster = find(site, "EtcdCluster", "c");
    const char *by = json_path_string(cluster, "metadata", "annotations", ANNOTATION_RESTORE, NULL);

    if (!by) {
        return;
    }
    if (!json_path(cluster, "status", NULL)) {
        json_object_set_new(cluster, "status",
                            json_pack("{s:s, s:s, s:{s:i, s:i, s:[], s:{s:s, s:s}}}", "phase",
                                      "Creating", "targetVersion", "3.6.16", "bootstrap", "size", 3,
                                      "generation", 1, "permits", "restore", "name", "r", "uid",
                                      strchr(by, '/') + 1));
        fake_kube_touch(&site->kube, cluster);
    }
    if (has_restored(site) && !json_path(cluster, "status", "clusterID", NULL)) {
        json_object_set_new(json_object_get(cluster, "status"), "clusterID", json_string("c1"));
        json_object_set_new(json_object_get(cluster, "status"), "phase", json_string("Running"));
        fake_kube_touch(&site->kube, cluster);
    }
}

static json_t *ended(const char *name, int code, const char *message, int64_t now_ms)
{
    char date[CLOCK_RFC3339_SIZE];

    return json_pack("{s:s, s:{s:{s:i, s:s, s:s}}}", "name", name, "state", "terminated",
                     "exitCode", code, "message", message, "finishedAt",
                     clock_rfc3339(now_ms, date, sizeof date));
}

static void run_pod(struct site *site, const char *name)
{
    json_t *pod = find(site, "Pod", name);
    bool fails = site->error && !strcmp(name, "r-restore-1");

    if (!pod || json_path(pod, "status", NULL)) {
        return;
    }
    site->pods_made++;
    assert_false(has_restored(site)); /* Its member may run. */
    json_object_set_new(
        pod, "status",
        fails ? json_pack("{s:s, s:[o]}", "phase", "Failed", "initContainerStatuses",
                          ended("fetch", 1, site->error, site->kube.now_ms))
              : json_pack("{s:s, s:[o], s:[o]}", "phase", "Succeeded", "initContainerStatuses",
                          ended("fetch", 0, FETCHED, site->kube.now_ms), "containerStatuses",
                          ended("commit", 0, COMMITTED, site->kube.now_ms)));
    fake_kube_touch(&site->kube, pod);
}

/* A second of what goes on around the operator. */
static void go_on(struct site *site)
{
    static const char *const pods[] = {"r-restore-0", "r-restore-1", "r-restore-2"};

    for (size_t i = 0; i < 3; i++) {
        if (json_path(find(site, "Pod", pods[i]), "metadata", "deletionTimestamp", NULL)) {
            fake_kube_drop(&site->kube, "Pod", pods[i]);
        }
        run_pod(site, pods[i]);
    }
    run_cluster(site);
    site->kube.now_ms += 1000;
}

static int pass(struct site *site)
{
    struct work_result result = {.requeue_after_ms = -1};
    struct error error = {0};

    int r = restore_pass(&site->options, "ns/r", &result, &error);
    site->requeue_ms = result.requeue_after_ms;
    return r;
}

static void run_to_end(struct site *site)
{
    for (int i = 0; !status_of(site, "completionTime"); i++) {
        pass(site);
        go_on(site);
        assert_true(i < MOST_PASSES);
    }
}

static void expect_completed(struct site *site)
{
    const json_t *restore = find(site, "EtcdRestore", "r");

    assert_string_equal(status_of(site, "phase"), "Completed");
    assert_int_equal(json_path_integer(restore, 0, "status", "restoredRevision", NULL), 7);
    assert_int_equal(json_path_integer(restore, 0, "status", "records", NULL), 9);
    assert_string_equal(status_of(site, "clusterID"), "00000000000000c1");
    assert_string_equal(status_of(site, "message"), "");
    assert_int_equal(fake_kube_count(&site->kube, "Pod"), 0);
    assert_int_equal(fake_kube_count(&site->kube, "PersistentVolumeClaim"), 3);
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "data-c-%d", i);
        const json_t *claim = find(site, "PersistentVolumeClaim", name);
        assert_string_equal(
            json_path_string(claim, "metadata", "annotations", ANNOTATION_CLUSTER_UID, NULL),
            status_of(site, "clusterUID"));
    }
    assert_int_equal(pass(site), 0); /* It is done once. */
    assert_int_equal(site->requeue_ms, -1);
}

static void test_a_new_cluster(void **state)
{
    struct site site;

    (void)state;
    begin(&site, plain_spec);
    run_to_end(&site);
    expect_completed(&site);
    assert_int_equal(site.pods_made, 3);
    assert_true(has_restored(&site));
    fake_kube_fini(&site.kube);
}

/* The operator ends at its n-th call, before or after its effect, and another one goes on. */
static void test_ended_at_every_call(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        bool whole = false;
        for (int n = 1; !whole; n++) {
            struct site site;
            begin(&site, plain_spec);
            site.kube.fail_call = n;
            site.kube.fail_kind = ERROR_RETRYABLE;
            site.kube.fail_after = after;
            run_to_end(&site);
            expect_completed(&site);
            assert_int_equal(site.pods_made, 3);
            whole = site.kube.calls < n;
            fake_kube_fini(&site.kube);
            assert_true(n < 100);
        }
    }
}

static void expect_failed(struct site *site, const char *words)
{
    run_to_end(site);
    assert_string_equal(status_of(site, "phase"), "Failed");
    if (!strstr(status_of(site, "message"), words)) {
        fail_msg("%s", status_of(site, "message"));
    }
    assert_false(has_restored(site));
}

static void test_what_another_try_may_mend(void **state)
{
    struct site site;

    (void)state;
    begin(&site, plain_spec);
    site.error = "{\"error\":\"the store is away\",\"retry\":true}";
    for (int i = 0; !find(&site, "Pod", "r-restore-1") ||
                    !json_path(find(&site, "Pod", "r-restore-1"), "status", NULL);
         i++) {
        pass(&site);
        go_on(&site);
        assert_true(i < MOST_PASSES);
    }
    assert_int_equal(pass(&site), 0);
    assert_non_null(strstr(status_of(&site, "message"), "member 1: fetch: the store is away"));
    site.error = NULL;
    run_to_end(&site);
    expect_completed(&site);
    assert_int_equal(site.pods_made, 4);
    assert_int_equal(
        json_path_integer(find(&site, "EtcdRestore", "r"), 0, "status", "retries", NULL), 1);
    fake_kube_fini(&site.kube);
}

static void test_what_it_cannot(void **state)
{
    struct site site;

    (void)state;
    begin(&site, plain_spec);
    site.error = "{\"error\":\"no key fits\",\"retry\":false}";
    expect_failed(&site, "no key fits");
    assert_int_equal(site.pods_made, 3);
    assert_int_equal(fake_kube_count(&site.kube, "Pod"), 3); /* For their logs. */
    fake_kube_delete(&site.kube, "EtcdCluster", "c");
    fake_kube_drop(&site.kube, "EtcdCluster", "c");
    pass(&site);
    go_on(&site);
    assert_int_equal(fake_kube_count(&site.kube, "Pod"), 0); /* The volumes are to go. */
    fake_kube_fini(&site.kube);
}

static void test_what_must_not_be_there(void **state)
{
    struct site site;

    (void)state;
    begin(&site, plain_spec);
    fake_kube_put(
        &site.kube, "EtcdCluster",
        json_pack("{s:{s:s, s:s}, s:{}}", "metadata", "name", "c", "namespace", "ns", "spec"));
    expect_failed(&site, "EtcdCluster c exists already");
    fake_kube_fini(&site.kube);

    begin(&site, plain_spec);
    fake_kube_put(&site.kube, "PersistentVolumeClaim",
                  json_pack("{s:{s:s, s:s, s:{s:s}, s:{s:s}}}", "metadata", "name", "data-c-1",
                            "namespace", "ns", "labels", LABEL_CLUSTER, "c", "annotations",
                            ANNOTATION_CLUSTER_UID, "earlier"));
    expect_failed(&site, "claim data-c-1 exists");
    assert_null(find(&site, "EtcdCluster", "c"));
    fake_kube_fini(&site.kube);
}

static void test_the_cluster_is_deleted_meanwhile(void **state)
{
    struct site site;

    (void)state;
    begin(&site, plain_spec);
    for (int i = 0; i < 6; i++) {
        pass(&site);
        go_on(&site);
    }
    assert_non_null(status_of(&site, "clusterUID"));
    fake_kube_drop(&site.kube, "EtcdCluster", "c");
    expect_failed(&site, "was deleted");
    fake_kube_fini(&site.kube);
}

static json_t *put_backup(struct site *site, const char *phase)
{
    json_t *backup = fake_kube_put(
        &site->kube, "EtcdBackup",
        json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:{s:s}, s:{s:s}}, s:{s:s, s:s, s:i}}", "metadata",
                  "name", "b", "namespace", "ns", "spec", "clusterName", "old", "storageType", "S3",
                  "s3", "bucket", "bucket", "encryption", "keySecret", "secret-of-key", "status",
                  "phase", phase, "sha256", "ab", "revision", 7));

    json_object_set_new(json_object_get(backup, "metadata"), "creationTimestamp",
                        json_string("2026-11-24T10:00:00Z"));
    return backup;
}

static bool has_argument(const json_t *container, const char *flag, const char *value)
{
    const json_t *command = json_object_get(container, "command");

    for (size_t i = 0; i + 1 < json_array_size(command); i++) {
        if (!strcmp(json_string_value(json_array_get(command, i)), flag)) {
            return !strcmp(json_string_value(json_array_get(command, i + 1)), value);
        }
    }
    return false;
}

static void test_from_an_etcdbackup(void **state)
{
    static const char spec[] = "{\"clusterName\":\"c\",\"restoreType\":\"New\","
                               "\"backupName\":\"b\",\"clusterTemplate\":{\"size\":3}}";
    struct site site;
    json_t *backup;

    (void)state;
    begin(&site, spec);
    expect_failed(&site, "no EtcdBackup b");
    fake_kube_fini(&site.kube);

    begin(&site, spec);
    backup = put_backup(&site, "Running");
    assert_int_equal(pass(&site), 0);
    assert_non_null(strstr(status_of(&site, "message"), "not complete"));
    assert_null(find(&site, "EtcdCluster", "c"));
    json_object_set_new(json_object_get(backup, "status"), "phase", json_string("Completed"));
    fake_kube_touch(&site.kube, backup);
    for (int i = 0; !find(&site, "Pod", "r-restore-2"); i++) {
        pass(&site);
        run_cluster(&site);
        assert_true(i < MOST_PASSES);
    }
    const json_t *pod = json_object_get(find(&site, "Pod", "r-restore-2"), "spec");
    const json_t *fetch = json_array_get(json_object_get(pod, "initContainers"), 0);
    const json_t *etcdutl = json_array_get(json_object_get(pod, "initContainers"), 1);
    const json_t *commit = json_array_get(json_object_get(pod, "containers"), 0);
    assert_true(has_argument(fetch, "--name", "ns/old/20261124T100000Z-b"));
    assert_true(has_argument(fetch, "--sha256", "ab"));
    assert_true(has_argument(fetch, "--etcd-version", "3.6.16"));
    assert_true(has_argument(etcdutl, "--name", "c-2"));
    assert_true(has_argument(etcdutl, "--bump-revision", "1000000000"));
    assert_true(has_argument(commit, "--ordinal", "2"));
    /* Keys and credentials are for the one who fetches. */
    assert_int_equal(json_array_size(json_object_get(fetch, "volumeMounts")), 2);
    assert_int_equal(json_array_size(json_object_get(etcdutl, "volumeMounts")), 1);
    assert_int_equal(json_array_size(json_object_get(commit, "volumeMounts")), 1);
    run_to_end(&site);
    expect_completed(&site);
    fake_kube_fini(&site.kube);
}

static void test_from_a_volume(void **state)
{
    struct site site;

    (void)state;
    begin(&site, "{\"clusterName\":\"c\",\"restoreType\":\"New\",\"source\":{\"storageType\":"
                 "\"Local\",\"name\":\"ns/c/b\",\"local\":{\"persistentVolumeClaim\":\"p\","
                 "\"path\":\"kept\"}},\"clusterTemplate\":{\"size\":1}}");
    for (int i = 0; !find(&site, "Pod", "r-restore-0"); i++) {
        pass(&site);
        run_cluster(&site);
        assert_true(i < MOST_PASSES);
    }
    const json_t *pod = json_object_get(find(&site, "Pod", "r-restore-0"), "spec");
    const json_t *fetch = json_array_get(json_object_get(pod, "initContainers"), 0);
    assert_true(has_argument(fetch, "--store", "file:///backup"));
    assert_true(has_argument(fetch, "--name", "kept/ns/c/b"));
    fake_kube_fini(&site.kube);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_cluster),
        cmocka_unit_test(test_ended_at_every_call),
        cmocka_unit_test(test_what_another_try_may_mend),
        cmocka_unit_test(test_what_it_cannot),
        cmocka_unit_test(test_what_must_not_be_there),
        cmocka_unit_test(test_the_cluster_is_deleted_meanwhile),
        cmocka_unit_test(test_from_an_etcdbackup),
        cmocka_unit_test(test_from_a_volume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
