/* Whole lives of an EtcdBackup, pass by pass, also with an operator that ends at each call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backup_site.h"
#include "base/json.h"
#include "cluster/names.h"

#define S3     "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\"}"
#define PLAIN  S3 "}"
#define DELETE S3 ",\"deletionPolicy\":\"Delete\"}"
#define BAD    "{\"clusterName\":\"c\",\"storageType\":\"S3\"}"

static void expect(const struct backup_site *site, const char *phase, const char *words)
{
    const char *is = backup_site_status(site, "phase");
    const char *message = backup_site_status(site, "message");

    assert_non_null(is);
    assert_string_equal(is, phase);
    if (!strstr(message, words) || (!*words && *message)) {
        fail_msg("the message is: %s", message);
    }
}

static const char *condition(const struct backup_site *site, const char *type)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_path(backup_site_object(site), "status", "conditions", NULL), i, item)
    {
        if (!strcmp(json_path_string(item, "type", NULL), type)) {
            return json_path_string(item, "status", NULL);
        }
    }
    return "";
}

static void run_well(struct backup_site *site)
{
    backup_site_settle(site);
    backup_site_end_pod(site, backup_site_start_pod(site, "save"), 0, GOOD_RESULT);
    backup_site_end_job(site, "save", false, "");
    backup_site_settle(site);
}

static void test_from_nothing_to_completed(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    backup_site_settle(&site);
    assert_non_null(backup_site_job(&site, "save"));
    assert_non_null(fake_kube_find(&site.kube, "ServiceAccount", "etcd-operator-backup"));
    expect(&site, "Running", "");

    json_t *pod = backup_site_start_pod(&site, "save");
    site.progress = "{\"step\":\"Streaming\",\"bytes\":31457280,\"total\":104857600}";
    backup_site_settle(&site);
    expect(&site, "Running", "");
    assert_int_equal(
        json_path_integer(backup_site_object(&site), 0, "status", "progress", "percent", NULL), 30);
    assert_int_equal(site.requeue_ms, 10000);

    backup_site_end_pod(&site, pod, 0, GOOD_RESULT);
    backup_site_end_job(&site, "save", false, "");
    backup_site_settle(&site);
    expect(&site, "Completed", "");
    assert_string_equal(condition(&site, "Complete"), "True");
    assert_string_equal(condition(&site, "Failed"), "False");
    const json_t *status = json_object_get(backup_site_object(&site), "status");
    assert_int_equal(json_path_integer(status, 0, "size", NULL), 10);
    assert_int_equal(json_path_integer(status, 0, "uncompressedSize", NULL), 20480);
    assert_int_equal(json_path_integer(status, 0, "revision", NULL), 7);
    assert_string_equal(json_path_string(status, "clusterID", NULL), "1f");
    assert_null(json_object_get(status, "progress"));
    assert_non_null(strstr(json_path_string(status, "location", NULL), "s3://bucket/ns/c/2025"));
    assert_null(backup_site_job(&site, "save"));
    backup_site_fini(&site);
}

/* It is recorded, and nothing is taken again whatever else becomes of it. */
static void test_it_is_taken_once(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    run_well(&site);
    int writes = site.kube.writes;
    backup_site_set_cluster(&site, false);
    backup_site_collect(&site);
    site.kube.now_ms += INT64_C(100) * 3600 * 1000;
    backup_site_settle(&site);
    expect(&site, "Completed", "");
    assert_int_equal(site.kube.writes, writes);
    backup_site_fini(&site);
}

static void test_waits_for_the_cluster_until_the_deadline(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    backup_site_set_cluster(&site, false);
    backup_site_settle(&site);
    expect(&site, "Pending", "does not serve: two members are down");
    assert_null(backup_site_job(&site, "save"));
    fake_kube_drop(&site.kube, "EtcdCluster", "c");
    backup_site_settle(&site);
    expect(&site, "Pending", "there is no EtcdCluster c");
    site.kube.now_ms += 3600 * 1000 + 1000;
    backup_site_settle(&site);
    expect(&site, "Failed", "there is no EtcdCluster c");
    assert_string_equal(condition(&site, "Failed"), "True");
    assert_null(backup_site_job(&site, "save"));
    backup_site_fini(&site);
}

static void test_failure_is_told_in_the_pods_words(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    backup_site_settle(&site);
    backup_site_end_pod(&site, backup_site_start_pod(&site, "save"), 1,
                        "{\"error\":\"the store answers 503\",\"step\":\"Streaming\"}");
    backup_site_settle(&site);
    expect(&site, "Running", "the store answers 503; it is tried again");
    site.kube.now_ms += 60000;
    backup_site_end_pod(&site, backup_site_start_pod(&site, "save"), 4,
                        "{\"error\":\"no such bucket\",\"step\":\"Connecting\"}");
    backup_site_end_job(&site, "save", true, "PodFailurePolicy");
    backup_site_settle(&site);
    expect(&site, "Failed", "no such bucket, at the step Connecting");
    assert_non_null(backup_site_job(&site, "save")); /* For its logs. */
    assert_non_null(backup_site_status(&site, "completionTime"));
    backup_site_fini(&site);
}

static void test_pod_that_cannot_start_is_told(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    backup_site_settle(&site);
    json_t *pod = backup_site_start_pod(&site, "save");
    json_object_set_new(pod, "status",
                        json_loads("{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":"
                                   "\"False\",\"message\":\"0/3 nodes\"}]}",
                                   0, NULL));
    backup_site_settle(&site);
    expect(&site, "Running", "finds no node: 0/3 nodes");
    json_object_set_new(pod, "status",
                        json_loads("{\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":"
                                   "\"ImagePullBackOff\",\"message\":\"no such image\"}}}]}",
                                   0, NULL));
    backup_site_settle(&site);
    expect(&site, "Running", "ImagePullBackOff: no such image");
    json_object_set_new(pod, "status",
                        json_loads("{\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":"
                                   "\"ContainerCreating\"}}}]}",
                                   0, NULL));
    backup_site_settle(&site);
    expect(&site, "Running", "");
    site.kube.now_ms += 20000;
    fake_kube_put(&site.kube, "Event",
                  json_pack("{s:{s:s}, s:s, s:s}", "metadata", "name", "e", "message",
                            "secret \"s\" not found", "lastTimestamp", "2025-11-24T16:00:00Z"));
    backup_site_settle(&site);
    expect(&site, "Running", "secret \"s\" not found");
    backup_site_fini(&site);
}

static void test_lost_result_is_looked_up_again(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    backup_site_settle(&site);
    backup_site_end_job(&site, "save", false, "");
    const char *uid = json_path_string(backup_site_job(&site, "save"), "metadata", "uid", NULL);
    AUTO_FREE char *before = strdup(uid);
    backup_site_settle(&site);
    assert_string_not_equal(
        json_path_string(backup_site_job(&site, "save"), "metadata", "uid", NULL), before);
    run_well(&site);
    expect(&site, "Completed", "");
    backup_site_fini(&site);
}

static void test_wrong_spec_is_told_and_can_be_mended(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, BAD);
    backup_site_settle(&site);
    expect(&site, "Failed", "spec.s3 must be given when spec.storageType is S3");
    json_object_set_new(json_object_get(backup_site_object(&site), "spec"), "s3",
                        json_pack("{s:s}", "bucket", "bucket"));
    run_well(&site);
    expect(&site, "Completed", "");
    backup_site_fini(&site);
}

static void test_somebody_elses_job(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    fake_kube_put(&site.kube, "Job", json_pack("{s:{s:s}}", "metadata", "name", "b-save"));
    backup_site_settle(&site);
    expect(&site, "Pending", "there is a Job b-save already");
    fake_kube_drop(&site.kube, "Job", "b-save");
    run_well(&site);
    expect(&site, "Completed", "");
    backup_site_fini(&site);
}

/* Retain: the object just goes. Delete: what is stored goes first. */
static void test_deletion(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, PLAIN);
    run_well(&site);
    fake_kube_delete(&site.kube, "EtcdBackup", BACKUP);
    assert_null(backup_site_object(&site));
    backup_site_fini(&site);

    backup_site_init(&site, DELETE);
    run_well(&site);
    backup_site_collect(&site);
    fake_kube_delete(&site.kube, "EtcdBackup", BACKUP);
    backup_site_settle(&site);
    backup_site_end_pod(&site, backup_site_start_pod(&site, "remove"), 1,
                        "{\"error\":\"the store is away\"}");
    backup_site_settle(&site);
    expect(&site, "Pending", "is being removed: the store is away");
    backup_site_end_job(&site, "remove", true, "BackoffLimitExceeded");
    backup_site_settle(&site);
    expect(&site, "Pending", "could not be removed: the store is away");
    site.kube.now_ms += 61000;
    backup_site_settle(&site);
    backup_site_collect(&site);
    backup_site_end_pod(&site, backup_site_start_pod(&site, "remove"), 0, "{}");
    backup_site_end_job(&site, "remove", false, "");
    backup_site_settle(&site);
    assert_null(backup_site_object(&site));
    backup_site_fini(&site);
}

/* The pod first, so that nothing is written any more when it is removed. */
static void test_deletion_while_it_runs(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, DELETE);
    backup_site_settle(&site);
    backup_site_start_pod(&site, "save");
    backup_site_settle(&site);
    fake_kube_delete(&site.kube, "EtcdBackup", BACKUP);
    backup_site_settle(&site);
    assert_null(backup_site_job(&site, "save"));
    assert_null(backup_site_job(&site, "remove"));
    expect(&site, "Pending", "is being stopped");
    backup_site_collect(&site);
    backup_site_settle(&site);
    assert_non_null(backup_site_job(&site, "remove"));
    backup_site_fini(&site);
}

static void test_deletion_before_anything_was_made(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, DELETE);
    backup_site_set_cluster(&site, false);
    backup_site_settle(&site);
    fake_kube_delete(&site.kube, "EtcdBackup", BACKUP);
    backup_site_settle(&site);
    assert_null(backup_site_object(&site));
    assert_null(backup_site_job(&site, "remove"));
    backup_site_fini(&site);
}

/* An operator that ends at the n-th call, before or after its effect, and another one goes on. */
static void test_ends_at_every_call(void **state)
{
    (void)state;
    for (int call = 1; call <= 12; call++) {
        for (int after = 0; after < 2; after++) {
            struct backup_site site;
            backup_site_init(&site, DELETE);
            site.kube.fail_call = call;
            site.kube.fail_kind = ERROR_RETRYABLE;
            site.kube.fail_after = after;
            for (int pass = 0; pass < 8; pass++) {
                backup_site_pass(&site);
            }
            assert_int_equal(fake_kube_count(&site.kube, "Job"), 1);
            backup_site_end_pod(&site, backup_site_start_pod(&site, "save"), 0, GOOD_RESULT);
            backup_site_end_job(&site, "save", false, "");
            for (int pass = 0; pass < 8; pass++) {
                backup_site_pass(&site);
            }
            expect(&site, "Completed", "");
            assert_null(backup_site_job(&site, "save"));
            backup_site_fini(&site);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_nothing_to_completed),
        cmocka_unit_test(test_it_is_taken_once),
        cmocka_unit_test(test_waits_for_the_cluster_until_the_deadline),
        cmocka_unit_test(test_failure_is_told_in_the_pods_words),
        cmocka_unit_test(test_pod_that_cannot_start_is_told),
        cmocka_unit_test(test_lost_result_is_looked_up_again),
        cmocka_unit_test(test_wrong_spec_is_told_and_can_be_mended),
        cmocka_unit_test(test_somebody_elses_job),
        cmocka_unit_test(test_deletion),
        cmocka_unit_test(test_deletion_while_it_runs),
        cmocka_unit_test(test_deletion_before_anything_was_made),
        cmocka_unit_test(test_ends_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
