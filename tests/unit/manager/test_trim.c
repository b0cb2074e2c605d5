/* What the stores keep: exactly the fields that are read, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "manager/trim.h"
#include "manager/watched.h"

static void expect(json_t *(*trim)(const json_t *), const char *before, const char *after)
{
    struct error error = {0};
    AUTO_JSON json_t *object = json_parse(before, strlen(before), "before", &error);
    AUTO_JSON json_t *wanted = json_parse(after, strlen(after), "after", &error);

    assert_non_null(object);
    assert_non_null(wanted);
    AUTO_JSON json_t *whole = json_deep_copy(object);
    AUTO_JSON json_t *kept = trim(object);
    if (!json_equal(kept, wanted)) {
        AUTO_FREE char *got = json_canonical(kept);
        fail_msg("got %s", got);
    }
    assert_true(json_equal(object, whole)); /* Somebody else may have it, too. */
}

static void test_pod(void **state)
{
    (void)state;
    expect(
        trim_pod,
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"c-0\",\"namespace\":\"ns\",\"uid\":\"u\","
        "\"resourceVersion\":\"5\",\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":\"y\"},"
        "\"ownerReferences\":[{\"uid\":\"o\"}],\"creationTimestamp\":\"t\","
        "\"deletionTimestamp\":\"d\",\"generateName\":\"c-\",\"managedFields\":[{\"f\":1}]},"
        "\"spec\":{\"nodeName\":\"n\",\"restartPolicy\":\"Always\",\"containers\":["
        "{\"name\":\"etcd\",\"image\":\"i\",\"command\":[\"x\"],\"env\":[]}],"
        "\"initContainers\":[{\"name\":\"i\"}],\"volumes\":["
        "{\"name\":\"s\",\"secret\":{\"secretName\":\"s\"}},"
        "{\"name\":\"data\",\"persistentVolumeClaim\":{\"claimName\":\"data-c-0\"}},"
        "{\"name\":\"e\",\"emptyDir\":{}}]},"
        "\"status\":{\"phase\":\"Running\",\"podIP\":\"1.2.3.4\",\"podIPs\":[{\"ip\":\"1.2.3.4\"}],"
        "\"conditions\":[{\"type\":\"Ready\"}],\"containerStatuses\":[{\"restartCount\":1}],"
        "\"initContainerStatuses\":[{}],\"reason\":\"r\",\"message\":\"m\",\"startTime\":\"s\","
        "\"hostIP\":\"9.9.9.9\",\"qosClass\":\"Burstable\"}}",
        "{\"metadata\":{\"name\":\"c-0\",\"namespace\":\"ns\",\"uid\":\"u\","
        "\"resourceVersion\":\"5\",\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":\"y\"},"
        "\"ownerReferences\":[{\"uid\":\"o\"}],\"creationTimestamp\":\"t\","
        "\"deletionTimestamp\":\"d\"},"
        "\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"etcd\",\"image\":\"i\"}],"
        "\"volumes\":[{\"name\":\"data\","
        "\"persistentVolumeClaim\":{\"claimName\":\"data-c-0\"}}]},"
        "\"status\":{\"phase\":\"Running\",\"podIP\":\"1.2.3.4\",\"podIPs\":[{\"ip\":\"1.2.3.4\"}],"
        "\"conditions\":[{\"type\":\"Ready\"}],\"containerStatuses\":[{\"restartCount\":1}],"
        "\"initContainerStatuses\":[{}],\"reason\":\"r\",\"message\":\"m\",\"startTime\":\"s\"}}");
}

static void test_claim(void **state)
{
    (void)state;
    expect(
        trim_persistent_volume_claim,
        "{\"metadata\":{\"name\":\"data-c-0\",\"finalizers\":[\"f\"],\"managedFields\":[]},"
        "\"spec\":{\"storageClassName\":\"s\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}},"
        "\"volumeName\":\"v\",\"volumeMode\":\"Filesystem\",\"accessModes\":[\"ReadWriteOnce\"],"
        "\"dataSource\":{}},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"},"
        "\"allocatedResourceStatuses\":{},\"conditions\":[],\"accessModes\":[\"ReadWriteOnce\"]}}",
        "{\"metadata\":{\"name\":\"data-c-0\",\"finalizers\":[\"f\"]},"
        "\"spec\":{\"storageClassName\":\"s\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}},"
        "\"volumeName\":\"v\",\"volumeMode\":\"Filesystem\",\"accessModes\":[\"ReadWriteOnce\"]},"
        "\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"},"
        "\"allocatedResourceStatuses\":{},\"conditions\":[]}}");
}

static void test_common(void **state)
{
    (void)state;
    expect(
        trim_common,
        "{\"apiVersion\":\"v\",\"kind\":\"K\",\"metadata\":{\"name\":\"c\",\"managedFields\":[1],"
        "\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\","
        "\"mine\":\"1\"}},\"spec\":{\"any\":[1,2]},\"data\":{\"k\":\"v\"},\"status\":{\"s\":1}}",
        "{\"apiVersion\":\"v\",\"kind\":\"K\",\"metadata\":{\"name\":\"c\","
        "\"annotations\":{\"mine\":\"1\"}},\"spec\":{\"any\":[1,2]},\"data\":{\"k\":\"v\"},"
        "\"status\":{\"s\":1}}");
}

/* An object of another shape than expected is harmless. */
static void test_odd_shapes(void **state)
{
    (void)state;
    expect(trim_pod,
           "{\"metadata\":[],\"spec\":{\"volumes\":{},\"containers\":\"x\"},\"status\":null}",
           "{\"metadata\":[],\"spec\":{\"volumes\":{},\"containers\":\"x\"},\"status\":null}");
    expect(trim_pod, "{\"spec\":{\"volumes\":[1,[],{\"name\":\"x\"}]}}",
           "{\"spec\":{\"volumes\":[]}}");
    expect(trim_common, "{}", "{}");
}

static void test_owners(void **state)
{
    AUTO_JSON json_t *object = json_pack("{s:{s:s,s:{s:s}}}", "metadata", "name", "data-c-0",
                                         "labels", "etcd.etcd.io/cluster", "c");
    AUTO_JSON json_t *bare = json_pack("{s:{s:s}}", "metadata", "name", "other");
    char owner[64];

    (void)state;
    assert_ptr_equal(watched_kinds[0].resource, &kube_etcd_clusters);
    assert_true(watched_kinds[0].owner(object, owner, sizeof owner));
    assert_string_equal(owner, "data-c-0");
    assert_null(watched_kinds[0].label_selector);
    for (size_t i = 1; i < N_WATCHED_OF_CLUSTERS; i++) {
        assert_string_equal(watched_kinds[i].label_selector,
                            "app.kubernetes.io/managed-by=etcd-operator");
        assert_true(watched_kinds[i].owner(object, owner, sizeof owner));
        assert_string_equal(owner, "c");
        assert_false(watched_kinds[i].owner(bare, owner, sizeof owner));
        assert_false(watched_kinds[i].owner(object, owner, 1)); /* Not cut to another's name. */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pod),    cmocka_unit_test(test_claim),
        cmocka_unit_test(test_common), cmocka_unit_test(test_odd_shapes),
        cmocka_unit_test(test_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
