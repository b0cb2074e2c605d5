/* The documents between the operator and the helper: what is encoded decodes to the same, and
 * nothing that is out of bounds decodes at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/permit.h"
#include "base/memory.h"

static const struct permit new_permit = {
    .mode = PERMIT_NEW,
    .pod_uid = "pod-uid",
    .nonce = "0123456789abcdef0123456789abcdef",
    .cluster_uid = "cluster-uid",
    .generation = 2,
    .ordinal = 1,
    .member_id = UINT64_C(0x8e9e05c52164694d),
    .initial_cluster = "c-0=https://c-0.c-peer.ns.svc:2380,c-1=https://c-1.c-peer.ns.svc:2380",
    .token = "cluster-uid-2",
};

static void test_permit_round_trip(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *text = permit_encode(&new_permit);
    struct permit out;
    struct error error = {0};

    assert_int_equal(permit_decode(text, strlen(text), arena, &out, &error), 0);
    assert_int_equal(out.mode, PERMIT_NEW);
    assert_string_equal(out.pod_uid, new_permit.pod_uid);
    assert_string_equal(out.nonce, new_permit.nonce);
    assert_string_equal(out.cluster_uid, new_permit.cluster_uid);
    assert_null(out.previous_cluster_uid);
    assert_int_equal(out.generation, 2);
    assert_int_equal(out.ordinal, 1);
    assert_true(out.member_id == new_permit.member_id);
    assert_string_equal(out.initial_cluster, new_permit.initial_cluster);
    assert_string_equal(out.token, new_permit.token);
    assert_non_null(strstr(text, "\"memberID\":\"8e9e05c52164694d\""));
}

static void test_adopt_needs_previous_uid_only(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct permit permit = new_permit, out;
    struct error error = {0};

    permit.mode = PERMIT_ADOPT;
    permit.initial_cluster = permit.token = NULL;
    AUTO_FREE char *without = permit_encode(&permit);
    assert_int_equal(permit_decode(without, strlen(without), arena, &out, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "previousClusterUID is missing"));
    permit.previous_cluster_uid = "old-uid";
    AUTO_FREE char *with = permit_encode(&permit);
    assert_int_equal(permit_decode(with, strlen(with), arena, &out, &error), 0);
    assert_string_equal(out.previous_cluster_uid, "old-uid");
    assert_null(out.token);
}

static void test_bad_permits_are_refused(void **state)
{
    (void)state;
#define REST                                                                                       \
    "\"podUID\":\"p\",\"nonce\":\"n\",\"clusterUID\":\"c\",\"initialCluster\":\"a=b\","            \
    "\"token\":\"t\","
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "not valid JSON"},
        {"[]", "not a JSON object"},
        {"{}", "v is missing"},
        {"{\"v\":2}", "v: 2 is not within 1 and 1"},
        {"{\"v\":1}", "mode is missing"},
        {"{\"v\":1,\"mode\":\"old\"}", "none of new, existing, adopt"},
        {"{\"v\":1,\"mode\":\"new\",\"podUID\":7}", "podUID is not a string"},
        {"{\"v\":1,\"mode\":\"new\",\"podUID\":\"\"}", "podUID is empty"},
        {"{\"v\":1,\"mode\":\"new\",\"podUID\":\"a b\"}", "not printable ASCII"},
        {"{\"v\":1,\"mode\":\"new\"," REST "\"generation\":0,\"ordinal\":0,\"memberID\":\"1\"}",
         "generation: 0 is not within"},
        {"{\"v\":1,\"mode\":\"new\"," REST "\"generation\":1,\"ordinal\":-1,\"memberID\":\"1\"}",
         "ordinal: -1 is not within"},
        {"{\"v\":1,\"mode\":\"new\"," REST "\"generation\":1,\"ordinal\":0,\"memberID\":\"0\"}",
         "memberID must not be 0"},
        {"{\"v\":1,\"mode\":\"new\"," REST "\"generation\":1,\"ordinal\":0,\"memberID\":\"xyz\"}",
         "not an id of 1 to 16 hex digits"},
        {"{\"v\":1,\"v\":1}", "duplicate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct permit out;
        struct error error = {0};
        assert_int_equal(permit_decode(cases[i].text, strlen(cases[i].text), arena, &out, &error),
                         -ERROR_INVALID);
        if (!strstr(error.message, cases[i].says)) {
            fail_msg("%s: said \"%s\"", cases[i].text, error.message);
        }
    }
}

static void test_oversized_documents_are_refused_unread(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *text = xmalloc(PERMIT_MAX_SIZE + 1);
    struct permit out;
    struct error error = {0};

    memset(text, '[', PERMIT_MAX_SIZE + 1);
    assert_int_equal(permit_decode(text, PERMIT_MAX_SIZE + 1, arena, &out, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "more than the 16384"));
    assert_int_equal(permit_decode(text, PERMIT_MAX_SIZE, arena, &out, &error), -ERROR_INVALID);
}

static void test_marker_round_trip(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct marker marker = {"uid", 3, 2, UINT64_C(0xffffffffffffffff)};
    AUTO_FREE char *text = marker_encode(&marker);
    struct marker out;
    struct error error = {0};

    assert_int_equal(marker_decode(text, strlen(text), arena, &out, &error), 0);
    assert_string_equal(out.cluster_uid, "uid");
    assert_int_equal(out.generation, 3);
    assert_int_equal(out.ordinal, 2);
    assert_true(out.member_id == UINT64_MAX);
    assert_int_equal(marker_decode(text, strlen(text) - 1, arena, &out, &error), -ERROR_INVALID);
}

static void test_config_round_trip_and_bounds(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const char *args[] = {"--name={name}", "--data-dir=/var/lib/etcd/data"};
    const struct member_config config = {.cluster_uid = "uid", .args = args, .n_args = 2};
    AUTO_FREE char *text = member_config_encode(&config);
    struct member_config out;
    struct error error = {0};
    const char *not_a_flag = "{\"v\":1,\"clusterUID\":\"u\",\"args\":[\"/bin/sh\"]}";
    const char *no_args = "{\"v\":1,\"clusterUID\":\"u\"}";

    assert_int_equal(member_config_decode(text, strlen(text), arena, &out, &error), 0);
    assert_int_equal(out.n_args, 2);
    assert_string_equal(out.args[0], "--name={name}");
    assert_null(out.args[2]);
    assert_int_equal(out.generation, 0);
    assert_int_equal(member_config_decode(not_a_flag, strlen(not_a_flag), arena, &out, &error),
                     -ERROR_INVALID);
    assert_int_equal(member_config_decode(no_args, strlen(no_args), arena, &out, &error),
                     -ERROR_INVALID);
    assert_non_null(strstr(error.message, "args is not a list"));
}

static void test_report_round_trip(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct report report = {
        .waiting = true,
        .reason = REPORT_FOREIGN_DATA,
        .message = "the data is another cluster's",
        .pod = "c-0",
        .pod_uid = "pod",
        .cluster_uid = "uid",
        .ordinal = 0,
        .has_wal = true,
        .wal_member_id = 7,
        .wal_cluster_id = UINT64_C(0x8000000000000000),
        .has_marker = true,
        .marker = {"other", 1, 0, 7},
    };
    AUTO_FREE char *text = report_encode(&report);
    struct report out;
    struct error error = {0};

    assert_int_equal(report_decode(text, strlen(text), arena, &out, &error), 0);
    assert_true(out.waiting && out.has_wal && out.has_marker);
    assert_int_equal(out.reason, REPORT_FOREIGN_DATA);
    assert_string_equal(out.message, report.message);
    assert_null(out.used_nonce);
    assert_true(out.wal_cluster_id == report.wal_cluster_id);
    assert_string_equal(out.marker.cluster_uid, "other");
}

static void test_report_without_what_is_unknown(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const char *text = "{\"v\":1,\"waiting\":true,\"reason\":\"NoData\",\"new\":[1]}";
    const char *bad = "{\"v\":1,\"reason\":\"NoData\",\"marker\":{\"generation\":1}}";
    struct report out;
    struct error error = {0};

    assert_int_equal(report_decode(text, strlen(text), arena, &out, &error), 0);
    assert_int_equal(out.ordinal, -1);
    assert_null(out.pod_uid);
    assert_false(out.has_marker);
    assert_int_equal(report_decode(bad, strlen(bad), arena, &out, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "the report's marker: clusterUID is missing"));
}

static void test_every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= REPORT_VOLUME_UNWRITABLE; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        const struct report report = {.reason = (enum report_reason)i, .ordinal = -1};
        AUTO_FREE char *text = report_encode(&report);
        struct report out;
        assert_int_equal(report_decode(text, strlen(text), arena, &out, NULL), 0);
        assert_int_equal(out.reason, i);
    }
    assert_string_equal(report_reason_name((enum report_reason)99), "Unknown");
}

static void test_ids(void **state)
{
    (void)state;
    char text[ID_HEX_SIZE];
    uint64_t id;

    assert_string_equal(id_format(0xabc, text), "0000000000000abc");
    assert_true(id_parse("ABC", &id) && id == 0xabc);
    assert_true(id_parse("ffffffffffffffff", &id) && id == UINT64_MAX);
    assert_false(id_parse("", &id));
    assert_false(id_parse("11112222333344445", &id));
    assert_false(id_parse("0x1", &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permit_round_trip),
        cmocka_unit_test(test_adopt_needs_previous_uid_only),
        cmocka_unit_test(test_bad_permits_are_refused),
        cmocka_unit_test(test_oversized_documents_are_refused_unread),
        cmocka_unit_test(test_marker_round_trip),
        cmocka_unit_test(test_config_round_trip_and_bounds),
        cmocka_unit_test(test_report_round_trip),
        cmocka_unit_test(test_report_without_what_is_unknown),
        cmocka_unit_test(test_every_reason_has_a_name_of_its_own),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
