/* The manifest there and back, and what is no manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "snapshot/manifest.h"

static const struct snapshot_manifest full = {
    .name = "nightly/a\"b \xc3\xa9",
    .size = 123,
    .checksum = "sha256-parts:abc=-2",
    .database_size = 4096000000,
    .sha256 = "00ff",
    .revision = 7,
    .records = 8,
    .storage_version = "3.6.0",
    .compressed = true,
    .encryption_key = "0123456789abcdef",
    .etcd_version = "3.6.16",
    .cluster_id = "00000000000000cc",
    .member = "00000000000000aa",
    .role = "follower",
    .has_hash = true,
    .hash = UINT32_MAX,
    .hash_revision = 7,
    .hash_compact_revision = -1,
    .taken_at_ms = 1795514404000,
    .cluster = "ns/c",
    .uid = "u-1",
    .schedule = "s-1",
};

static char *text_of(const struct snapshot_manifest *manifest)
{
    AUTO_JSON json_t *json = snapshot_manifest_json(manifest);

    return json_dumps(json, JSON_COMPACT);
}

static int parse(const char *text, struct arena *arena, struct snapshot_manifest *manifest,
                 struct error *error)
{
    *error = (struct error){0};
    return snapshot_manifest_parse(text, strlen(text), arena, manifest, error);
}

static void test_there_and_back(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *text = text_of(&full);
    struct snapshot_manifest manifest;
    struct error error;

    (void)state;
    assert_int_equal(parse(text, arena, &manifest, &error), 0);
    AUTO_FREE char *again = text_of(&manifest);
    assert_string_equal(again, text);
    assert_string_equal(manifest.name, full.name);
    assert_string_equal(manifest.schedule, full.schedule);
    assert_int_equal(manifest.size, full.size);
    assert_int_equal(manifest.database_size, full.database_size);
    assert_true(manifest.compressed && manifest.has_hash);
    assert_int_equal(manifest.hash, full.hash);
    assert_int_equal(manifest.hash_compact_revision, -1);
    assert_int_equal(manifest.taken_at_ms, full.taken_at_ms);
}

static void test_what_is_unknown_is_left_out(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct snapshot_manifest least = {.name = "n", .sha256 = "0f", .taken_at_ms = 1000};
    AUTO_FREE char *text = text_of(&least);
    struct snapshot_manifest manifest;
    struct error error;

    (void)state;
    assert_string_equal(text,
                        "{\"v\":1,\"name\":\"n\",\"size\":0,\"databaseSize\":0,\"sha256\":\"0f\","
                        "\"revision\":0,\"records\":0,\"compressed\":false,"
                        "\"takenAt\":\"1970-01-01T00:00:01Z\"}");
    assert_int_equal(parse(text, arena, &manifest, &error), 0);
    assert_null(manifest.uid);
    assert_null(manifest.encryption_key);
    assert_false(manifest.has_hash);
}

#define HEAD                                                                                       \
    "{\"v\":1,\"name\":\"n\",\"size\":1,\"databaseSize\":1,\"sha256\":\"0f\",\"revision\":1,"
#define TAIL "\"records\":1,\"compressed\":false,\"takenAt\":\"2026-11-24T00:00:00Z\"}"

static void test_a_later_field_is_no_fault(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest manifest;
    struct error error;

    (void)state;
    assert_int_equal(parse(HEAD "\"more\":{\"a\":[1]}," TAIL, arena, &manifest, &error), 0);
}

static void test_refusals(void **state)
{
    static const char *const texts[][2] = {
        {"", "JSON"},
        {"[]", "v"},
        {"{}", "v"},
        {"{\"v\":2}", "later version"},
        {"{\"v\":1}", "name is missing"},
        {"{\"v\":1,\"name\":\"\"}", "name is no text"},
        {"{\"v\":1,\"name\":\"n\",\"size\":-1}", "size is no number"},
        {"{\"v\":1,\"name\":\"n\",\"size\":1.5}", "size is no number"},
        {"{\"v\":1,\"name\":\"n\",\"size\":1,\"checksum\":1}", "checksum is no text"},
        {"{\"v\":1,\"name\":\"n\",\"size\":1,\"databaseSize\":1,\"sha256\":\"XY\"}", "not in hex"},
        {HEAD "\"records\":1,\"compressed\":1}", "neither true nor false"},
        {HEAD "\"records\":1,\"compressed\":true}", "takenAt is no time"},
        {HEAD "\"records\":1,\"compressed\":true,\"takenAt\":\"yesterday\"}", "takenAt is no time"},
        {HEAD "\"hashKV\":{}," TAIL, "no hash"},
        {HEAD "\"hashKV\":{\"hash\":4294967296,\"revision\":1,\"compactRevision\":0}," TAIL,
         "no hash"},
        {HEAD "\"hashKV\":{\"hash\":1,\"revision\":1}," TAIL, "no hash"},
    };
    AUTO_ARENA struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct snapshot_manifest manifest;
        struct error error;
        assert_int_equal(parse(texts[i][0], arena, &manifest, &error), -(int)ERROR_INVALID);
        if (!strstr(error.message, texts[i][1])) {
            fail_msg("'%s' is not in: %s", texts[i][1], error.message);
        }
    }
}

static void test_too_large(void **state)
{
    static char text[SNAPSHOT_MANIFEST_LIMIT + 1];
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest manifest;
    struct error error;

    (void)state;
    memset(text, ' ', sizeof text);
    assert_int_equal(snapshot_manifest_parse(text, sizeof text, arena, &manifest, &error),
                     -(int)ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_is_unknown_is_left_out),
        cmocka_unit_test(test_a_later_field_is_no_fault),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
