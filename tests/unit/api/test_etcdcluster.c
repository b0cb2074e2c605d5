/* The EtcdCluster's table: defaults, messages, the rules between fields, and the status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/etcdcluster.h"
#include "base/json.h"

static int decode(const char *spec, struct arena *arena, struct etcdcluster_spec *out,
                  struct error *error)
{
    json_t *object = json_pack("{s:{s:s}}", "metadata", "name", "c");
    if (spec) {
        json_t *json = json_loads(spec, 0, NULL);
        assert_non_null(json);
        json_object_set_new(object, "spec", json);
    }
    arena_json(arena, object);
    return etcdcluster_decode(object, arena, out, error);
}

static void test_an_empty_spec_has_every_default(void **state)
{
    (void)state;
    static const char *const empties[] = {NULL, "{}", "{\"storage\":{},\"etcd\":{}}",
                                          "{\"size\":null,\"storage\":null}"};
    for (size_t i = 0; i < sizeof empties / sizeof *empties; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct etcdcluster_spec spec;
        struct error error = {0};

        assert_int_equal(decode(empties[i], arena, &spec, &error), 0);
        assert_int_equal(spec.size, 3);
        assert_string_equal(spec.version, ETCDCLUSTER_DEFAULT_ETCD_VERSION);
        assert_string_equal(spec.repository, "gcr.io/etcd-development/etcd");
        assert_null(spec.image);
        assert_string_equal(spec.image_pull_policy, "IfNotPresent");
        assert_int_equal(spec.image_pull_secrets.length, 0);
        assert_string_equal(spec.storage.size, "8Gi");
        assert_null(spec.storage.storage_class_name);
        assert_string_equal(spec.storage.retention.when_deleted, "Retain");
        assert_true(spec.security.tls.client.enabled);
        assert_true(spec.security.tls.peer.enabled);
        assert_int_equal(spec.security.tls.client.extra_sans.length, 0);
        assert_string_equal(spec.resources.requests.cpu, "100m");
        assert_string_equal(spec.resources.requests.memory, "128Mi");
        assert_string_equal(spec.resources.limits.cpu, "1");
        assert_string_equal(spec.resources.limits.memory, "1Gi");
        assert_int_equal(spec.health_check.interval_ms, 10000);
        assert_int_equal(spec.health_check.timeout_ms, 3000);
        assert_string_equal(spec.etcd.quota_backend_bytes, "2Gi");
        assert_string_equal(spec.etcd.auto_compaction_mode, "periodic");
        assert_string_equal(spec.etcd.auto_compaction_retention, "1h");
        assert_int_equal(spec.etcd.snapshot_count, 10000);
        assert_int_equal(spec.etcd.heartbeat_interval_ms, 100);
        assert_int_equal(spec.etcd.election_timeout_ms, 1000);
        assert_int_equal(spec.etcd.max_request_bytes, 1572864);
        assert_int_equal(spec.etcd.extra_args.length, 0);
    }
}

static void test_given_values_arrive(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct etcdcluster_spec spec;
    struct error error = {0};

    assert_int_equal(
        decode("{\"size\":5,\"image\":\"mirror/etcd@sha256:00\",\"imagePullSecrets\":[{\"name\":"
               "\"pull\"}],\"storage\":{\"storageClassName\":\"fast\"},\"security\":{\"tls\":{"
               "\"peer\":{\"enabled\":false},\"client\":{\"extraSANs\":[\"*.example.com\",\"::1\"]"
               "}}},\"resources\":{\"limits\":{\"cpu\":2}},\"healthCheck\":{\"interval\":\"1m30s\"}"
               ",\"etcd\":{\"heartbeatInterval\":\"250ms\",\"electionTimeout\":\"2.5s\","
               "\"extraArgs\":[{\"name\":\"log-level\",\"value\":\"debug\"}]}}",
               arena, &spec, &error),
        0);
    const struct etcdcluster_local_object *secrets = spec.image_pull_secrets.items;
    const struct etcdcluster_argument *arguments = spec.etcd.extra_args.items;
    assert_int_equal(spec.size, 5);
    assert_string_equal(spec.image, "mirror/etcd@sha256:00");
    assert_string_equal(secrets[0].name, "pull");
    assert_string_equal(spec.storage.storage_class_name, "fast");
    assert_false(spec.security.tls.peer.enabled);
    assert_true(spec.security.tls.client.enabled);
    assert_string_equal(spec.security.tls.client.extra_sans.items[1], "::1");
    assert_string_equal(spec.resources.limits.cpu, "2");
    assert_int_equal(spec.health_check.interval_ms, 90000);
    assert_int_equal(spec.etcd.heartbeat_interval_ms, 250);
    assert_int_equal(spec.etcd.election_timeout_ms, 2500);
    assert_string_equal(arguments[0].name, "log-level");
    assert_string_equal(arguments[0].value, "debug");
}

/* A default is not held against its pattern when it is used, so it is here. */
static void test_defaults_given_as_values_are_valid(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct etcdcluster_spec spec;
    struct error error = {0};

    assert_int_equal(decode("{\"version\":\"" ETCDCLUSTER_DEFAULT_ETCD_VERSION
                            "\",\"repository\":\"gcr.io/etcd-development/etcd\",\"etcd\":{"
                            "\"autoCompactionRetention\":\"1h\"}}",
                            arena, &spec, &error),
                     0);
}

static void test_messages_say_path_value_and_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *says;
    } cases[] = {
        {"{\"size\":4}", "spec.size: 4 is not supported; use one of 1, 3, 5, 7, 9"},
        {"{\"size\":\"3\"}", "spec.size: must be an integer"},
        {"{\"size\":4294967299}", "spec.size: 4294967299 is out of range"},
        {"{\"version\":\"v3.6.1\"}",
         "spec.version: \"v3.6.1\" is not valid; use a release of etcd such as"},
        {"{\"storage\":{\"size\":\"8 Gi\"}}",
         "spec.storage.size: \"8 Gi\" is not a quantity; use one such as 100m, 1 or 8Gi"},
        {"{\"storage\":{\"size\":\"1Mi\"}}",
         "spec.storage.size: 1Mi is out of range; use 256Mi to 16Ti"},
        {"{\"storage\":[]}", "spec.storage: must be an object"},
        {"{\"healthCheck\":{\"interval\":\"10\"}}", "spec.healthCheck.interval: \"10\" is not a "
                                                    "duration"},
        {"{\"healthCheck\":{\"interval\":\"11m\"}}",
         "spec.healthCheck.interval: 11m is out of range; use 1s to 10m"},
        {"{\"etcd\":{\"extraArgs\":[{\"value\":\"x\"}]}}",
         "spec.etcd.extraArgs[0].name: is required"},
        {"{\"etcd\":{\"extraArgs\":[{\"name\":\"--log-level\"}]}}",
         "use a flag's name without its dashes"},
        {"{\"etcd\":{\"extraArgs\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}",
         "spec.etcd.extraArgs[1]: name \"a\" is there twice"},
        {"{\"security\":{\"tls\":{\"client\":{\"extraSANs\":[\"a b\"]}}}}",
         "spec.security.tls.client.extraSANs[0]: \"a b\" is not valid"},
        {"{\"security\":{\"tls\":{\"peer\":{\"enabled\":\"yes\"}}}}", "must be true or false"},
        {"{\"size\":2,\"imagePullPolicy\":\"Often\"}",
         "use one of 1, 3, 5, 7, 9; spec.imagePullPolicy: Often is not supported"},
        /* The rules between fields. */
        {"{\"recovery\":{\"backoffFactor\":0.5}}",
         "spec.recovery.backoffFactor: 0.5 is out of range; use 1 to 10"},
        {"{\"recovery\":{\"backoffFactor\":\"2\"}}",
         "spec.recovery.backoffFactor: must be a number such as 2 or 1.5"},
        {"{\"recovery\":{\"maxRetries\":-1}}", "spec.recovery.maxRetries: -1 is out of range"},
        {"{\"recovery\":{\"retryInterval\":\"2h\"}}", "use 0ms to 1h"},
        {"{\"recovery\":{\"retryInterval\":\"6m\"}}",
         "recovery.maxBackoff must not be below recovery.retryInterval"},
        {"{\"version\":\"3.6.16\",\"image\":\"mirror:5000/etcd:v3.5.20\"}",
         "spec.image has the tag of another version than spec.version"},
        {"{\"version\":\"3.6.16\",\"image\":\"mirror/etcd:3.6.1@sha256:00\"}",
         "spec.image has the tag of another version"},
        {"{\"etcd\":{\"electionTimeout\":\"400ms\"}}", "at least 5 times etcd.heartbeatInterval"},
        {"{\"etcd\":{\"autoCompactionMode\":\"revision\"}}", "must be a number of revisions"},
        {"{\"etcd\":{\"autoCompactionRetention\":\"1000\"}}", "must be a duration such as 1h"},
        {"{\"etcd\":{\"autoCompactionRetention\":\"10ms\"}}", "must be a duration such as 1h"},
        {"{\"etcd\":{\"autoCompactionRetention\":\"h\"}}", "must be a duration such as 1h"},
        {"{\"etcd\":{\"extraArgs\":[{\"name\":\"data-dir\",\"value\":\"/tmp\"}]}}",
         "spec.etcd.extraArgs: data-dir: etcd.extraArgs sets a flag that the operator manages"},
        {"{\"resources\":{\"limits\":{\"memory\":\"64Mi\"}}}",
         "requests.memory must not be above resources.limits.memory"},
        {"{\"resources\":{\"requests\":{\"cpu\":\"1500m\"}}}",
         "requests.cpu must not be above resources.limits.cpu"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct etcdcluster_spec spec;
        struct error error = {0};
        assert_int_equal(decode(cases[i].spec, arena, &spec, &error), -ERROR_INVALID);
        if (!strstr(error.message, cases[i].says)) {
            fail_msg("%s: said \"%s\"", cases[i].spec, error.message);
        }
    }
}

static void test_names_that_cannot_be_derived_from_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } cases[] = {
        {"c", true},
        {"a-1", true},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", true},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyza", false},
        {"1a", false},
        {"a-", false},
        {"a.b", false},
        {"A", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct etcdcluster_spec spec;
        struct error error = {0};
        AUTO_JSON json_t *object = json_pack("{s:{s:s}}", "metadata", "name", cases[i].name);
        assert_int_equal(etcdcluster_decode(object, arena, &spec, &error),
                         cases[i].good ? 0 : -ERROR_INVALID);
        assert_true(cases[i].good || strstr(error.message, "metadata.name must be at most 52"));
    }
}

static void test_status_that_is_not_in_the_table_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *status, *says; /* NULL: it is good. */
    } cases[] = {
        {"{}", NULL},
        {"{\"phase\":\"Running\",\"members\":[{\"name\":\"c-0\",\"role\":\"\",\"dbSize\":1}],"
         "\"clientEndpoints\":[\"https://c-client.ns.svc:2379\"]}",
         NULL},
        {"{\"phase\":\"Idle\"}", "status.phase: Idle is not supported"},
        {"{\"unheard\":1}", "status.unheard is not in the table"},
        {"{\"members\":[{\"name\":\"c-0\"},{\"name\":\"c-1\",\"size\":1}]}",
         "status.members[1].size is not in the table"},
        {"{\"members\":[{}]}", "status.members[0].name is missing"},
        {"{\"readyReplicas\":\"3\"}", "status.readyReplicas has the wrong type"},
        {"{\"clientEndpoints\":[1]}", "status.clientEndpoints[0] has the wrong type"},
        {"{\"operation\":{\"kind\":\"scale\",\"steps\":1}}",
         "status.operation.steps is not in the table"},
        {"[]", "status is not an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_JSON json_t *status = json_loads(cases[i].status, 0, NULL);
        struct error error = {0};
        int result = api_check_known(etcdcluster_kind.status, status, "status", &error);
        assert_int_equal(result, cases[i].says ? -ERROR_INVALID : 0);
        if (cases[i].says && !strstr(error.message, cases[i].says)) {
            fail_msg("%s: said \"%s\"", cases[i].status, error.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_spec_has_every_default),
        cmocka_unit_test(test_given_values_arrive),
        cmocka_unit_test(test_defaults_given_as_values_are_valid),
        cmocka_unit_test(test_messages_say_path_value_and_what_is_right),
        cmocka_unit_test(test_names_that_cannot_be_derived_from_are_refused),
        cmocka_unit_test(test_status_that_is_not_in_the_table_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
