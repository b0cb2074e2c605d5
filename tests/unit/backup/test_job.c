/* The Jobs as objects: the command that a person would run, and a pod without rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/etcdbackup.h"
#include "backup_site.h"
#include "base/json.h"

static json_t *made_job(struct backup_site *site, const char *spec)
{
    backup_site_init(site, spec);
    backup_site_settle(site);
    json_t *job = backup_site_job(site, "save");
    assert_non_null(job);
    return job;
}

static json_t *pod_of(const json_t *job)
{
    return json_path(job, "spec", "template", "spec", NULL);
}

static json_t *container_of(const json_t *job)
{
    return json_array_get(json_object_get(pod_of(job), "containers"), 0);
}

static void expect_command(const json_t *job, const char *expected)
{
    AUTO_BUFFER struct buffer text = {0};
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(container_of(job), "args"), i, item)
    {
        buffer_printf(&text, "%s%s", i ? " " : "", json_string_value(item));
    }
    assert_string_equal(text.data, expected);
}

#define COMMON                                                                                     \
    " --cluster ns/c --uid uid-1 --progress-address 0.0.0.0:8083 --result-file "                   \
    "/dev/termination-log"
#define ETCD                                                                                       \
    " --endpoints https://c-0.c-peer.ns.svc:2379 --cacert /etc/etcd-backup/tls/ca.crt --cert "     \
    "/etc/etcd-backup/tls/tls.crt --key /etc/etcd-backup/tls/tls.key"

static void test_s3(void **state)
{
    struct backup_site site;

    (void)state;
    const json_t *job = made_job(
        &site, "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\","
               "\"prefix\":\"a/b\",\"region\":\"eu-west-1\",\"endpoint\":\"https://e:9\","
               "\"forcePathStyle\":true,\"credentialsSecret\":\"s\",\"caSecret\":\"ca\","
               "\"serverSideEncryption\":\"aws:kms\",\"kmsKeyID\":\"k\"},"
               "\"encryption\":{\"keySecret\":\"key\"},\"retries\":5}");
    expect_command(
        job, "snapshot save --store s3://bucket/a/b --region eu-west-1 --endpoint https://e:9 "
             "--path-style --credentials-file /etc/etcd-backup/credentials/credentials --ca-file "
             "/etc/etcd-backup/ca/ca.crt --encryption aws:kms --encryption-key k --name "
             "ns/c/20251124T160000Z-b" ETCD
             " --compress zstd --encryption-key-file /etc/etcd-backup/key/key" COMMON);
    assert_int_equal(json_path_integer(job, 0, "spec", "backoffLimit", NULL), 5);
    assert_int_equal(json_path_integer(job, 0, "spec", "activeDeadlineSeconds", NULL), 3600);
    assert_int_equal(json_array_size(json_object_get(pod_of(job), "volumes")), 4);
    backup_site_fini(&site);
}

static void test_local(void **state)
{
    struct backup_site site;

    (void)state;
    const json_t *job =
        made_job(&site, "{\"clusterName\":\"c\",\"storageType\":\"Local\",\"local\":"
                        "{\"persistentVolumeClaim\":\"claim\",\"path\":\"etcd\"},"
                        "\"compression\":false}");
    expect_command(job,
                   "snapshot save --store file:///backup --name etcd/ns/c/20251124T160000Z-b" ETCD
                   " --compress none" COMMON);
    const json_t *volume = json_array_get(json_object_get(pod_of(job), "volumes"), 0);
    assert_string_equal(json_path_string(volume, "persistentVolumeClaim", "claimName", NULL),
                        "claim");
    backup_site_fini(&site);
}

static void test_the_pod_may_do_nothing(void **state)
{
    struct backup_site site;

    (void)state;
    const json_t *job = made_job(&site, "{\"clusterName\":\"c\",\"storageType\":\"S3\","
                                        "\"s3\":{\"bucket\":\"bucket\"}}");
    const json_t *pod = pod_of(job);
    assert_true(json_is_false(json_object_get(pod, "automountServiceAccountToken")));
    assert_string_equal(json_path_string(pod, "serviceAccountName", NULL), "etcd-operator-backup");
    assert_true(json_is_true(json_path(pod, "securityContext", "runAsNonRoot", NULL)));
    assert_true(json_is_true(
        json_path(container_of(job), "securityContext", "readOnlyRootFilesystem", NULL)));
    assert_string_equal(json_path_string(container_of(job), "image", NULL), "operator:1");
    backup_site_fini(&site);
}

static void test_the_spec_decides_where_it_runs(void **state)
{
    struct backup_site site;

    (void)state;
    const json_t *job =
        made_job(&site, "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":"
                        "\"bucket\"},\"jobTemplate\":{\"serviceAccountName\":\"mine\","
                        "\"nodeSelector\":{\"a\":\"b\"},\"resources\":{\"limits\":{\"memory\":"
                        "\"1Gi\",\"cpu\":\"2\"}}}}");
    const json_t *pod = pod_of(job);
    assert_string_equal(json_path_string(pod, "serviceAccountName", NULL), "mine");
    assert_string_equal(json_path_string(pod, "nodeSelector", "a", NULL), "b");
    const json_t *limits = json_path(container_of(job), "resources", "limits", NULL);
    assert_string_equal(json_path_string(limits, "memory", NULL), "1Gi");
    assert_string_equal(json_path_string(limits, "cpu", NULL), "2");
    assert_int_equal(fake_kube_count(&site.kube, "ServiceAccount"), 0);
    backup_site_fini(&site);
}

/* The status that is written is in the CRD. */
static void test_status_is_in_the_table(void **state)
{
    struct backup_site site;
    struct error error;

    (void)state;
    made_job(&site,
             "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\"}}");
    json_t *pod = backup_site_start_pod(&site, "save");
    site.progress = "{\"step\":\"Streaming\",\"bytes\":1,\"total\":2}";
    for (int step = 0; step < 2; step++) {
        backup_site_settle(&site);
        if (api_check_known(etcdbackup_kind.status,
                            json_object_get(backup_site_object(&site), "status"), "status",
                            &error)) {
            fail_msg("%s", error.message);
        }
        backup_site_end_pod(
            &site, pod, 0,
            "{\"size\":1,\"databaseSize\":2,\"sha256\":\"ab\",\"revision\":3,"
            "\"records\":4,\"etcdVersion\":\"3.6.16\",\"clusterID\":\"1f\","
            "\"encryptionKey\":\"2e\",\"pruned\":[\"old\"],\"pruneError\":\"503\"}");
        backup_site_end_job(&site, "save", false, "");
    }
    const json_t *status = json_object_get(backup_site_object(&site), "status");
    assert_int_equal(json_array_size(json_object_get(status, "pruned")), 1);
    assert_string_equal(json_path_string(status, "pruneError", NULL), "503");
    backup_site_fini(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s3),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_the_pod_may_do_nothing),
        cmocka_unit_test(test_the_spec_decides_where_it_runs),
        cmocka_unit_test(test_status_is_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
