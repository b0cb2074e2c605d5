/* The EtcdBackup's decoder: defaults, and what is wrong in the words that the API server says, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/etcdbackup.h"
#include "base/json.h"

#define S3 "\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\"}"

static void expect_problem(const char *name, const char *spec, const char *words)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_JSON json_t *object =
        json_pack("{s:{s:s}, s:o}", "metadata", "name", name, "spec", json_loads(spec, 0, NULL));
    struct etcdbackup_spec out;
    struct error error;

    assert_non_null(object);
    int result = etcdbackup_decode(object, arena, &out, &error);
    if (!words) {
        assert_int_equal(result, 0);
        return;
    }
    assert_int_equal(result, -(int)ERROR_INVALID);
    if (!strstr(error.message, words)) {
        fail_msg("it says: %s", error.message);
    }
}

static void test_defaults(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_JSON json_t *object = json_loads("{\"spec\":{" S3 "}}", 0, NULL);
    struct etcdbackup_spec spec;
    struct error error;

    (void)state;
    assert_int_equal(etcdbackup_decode(object, arena, &spec, &error), 0);
    assert_true(spec.compression);
    assert_string_equal(spec.s3.region, "us-east-1");
    assert_string_equal(spec.s3.prefix, "");
    assert_string_equal(spec.deletion_policy, "Retain");
    assert_int_equal(spec.deadline_ms, 3600000);
    assert_int_equal(spec.retries, 3);
    assert_string_equal(spec.job_template.resources.limits.memory, "128Mi");
    assert_null(spec.job_template.resources.limits.cpu);
    assert_null(spec.encryption.key_secret);
    assert_null(spec.schedule);
    assert_null(spec.local.claim); /* What is not there asks for nothing that it requires. */
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    expect_problem("b", "{" S3 "}", NULL);
    expect_problem("b", "{}", "spec.clusterName: is required; spec.storageType: is required");
    expect_problem("b", "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{}}",
                   "spec.s3.bucket: is required");
    expect_problem("b", "{\"clusterName\":\"c\",\"storageType\":\"S3\"}",
                   "spec.s3 must be given when spec.storageType is S3");
    expect_problem("b", "{" S3 ",\"local\":{\"persistentVolumeClaim\":\"v\"}}",
                   "spec.local must be given when spec.storageType is Local");
    expect_problem("b", "{\"clusterName\":\"c\",\"storageType\":\"Tape\"}",
                   "Tape is not supported; use one of S3, Local");
    expect_problem("b",
                   "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\","
                   "\"kmsKeyID\":\"k\"}}",
                   "s3.kmsKeyID names a key");
    expect_problem("b",
                   "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\","
                   "\"prefix\":\"a/\"}}",
                   "spec.s3.prefix: \"a/\" is not valid");
    expect_problem("-b", "{" S3 "}", "metadata.name must be at most 52");
    expect_problem("b", "{" S3 ",\"schedule\":\"often\"}", "use five fields such as 30 2 * * *");
    expect_problem("b", "{" S3 ",\"schedule\":\"@daily\"}", NULL);
    expect_problem("a-name-that-is-too-long-for-a-schedule-by-one", "{" S3 "}", NULL);
    expect_problem("a-name-that-is-too-long-for-a-schedule-by-one",
                   "{" S3 ",\"schedule\":\"0 * * * *\"}", "at most 42 characters with a schedule");
    expect_problem("b", "{" S3 ",\"retentionPolicy\":{\"daily\":1}}",
                   "spec.retentionPolicy is for the backups of a schedule");
    expect_problem("b", "{" S3 ",\"schedule\":\"0 * * * *\",\"retentionPolicy\":{\"daily\":1}}",
                   NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
