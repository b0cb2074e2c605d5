/* What a restore fetches from a store, and what it refuses before the volume is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/json.h"
#include "base/memory.h"
#include "restore/fetch.h"
#include "restore/stage.h"
#include "restore/version.h"
#include "snapshot/reader.h"
#include "unit/member/scratch.h"
#include "unit/snapshot/snapshot_sample.h"

#define MEBIBYTE UINT64_C(1048576)

struct site {
    struct scratch scratch;
    char url[128];
    struct restore_fetch fetch;
    struct snapshot_sample snapshot;
};

static void write_manifest(const struct site *site, uint64_t stored, int64_t revision)
{
    char sha256[2 * SNAPSHOT_SHA256_SIZE + 1];

    sodium_bin2hex(sha256, sizeof sha256, site->snapshot.bytes + SAMPLE_SIZE, SNAPSHOT_SHA256_SIZE);
    AUTO_ARENA struct arena *arena = arena_new();
    const struct snapshot_manifest manifest = {.name = "b",
                                               .size = stored,
                                               .checksum = NULL,
                                               .database_size = SAMPLE_SIZE,
                                               .sha256 = sha256,
                                               .revision = revision,
                                               .records = SNAPSHOT_RECORDS,
                                               .storage_version = "3.6.0",
                                               .etcd_version = "3.6.16",
                                               .taken_at_ms = 1000};
    json_t *json = arena_json(arena, snapshot_manifest_json(&manifest));
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
    scratch_text(&site->scratch, "/store/b.json", text);
}

static int set_up(void **state)
{
    static struct site site;
    const struct sample database = sample_of_etcd();
    char volume[128];

    site = (struct site){.scratch = scratch_make(), .snapshot = snapshot_sample_of(&database)};
    snprintf(site.url, sizeof site.url, "file://%s/store", site.scratch.root);
    scratch_write(&site.scratch, "/store/b", site.snapshot.bytes, SNAPSHOT_SIZE);
    write_manifest(&site, SNAPSHOT_SIZE, SNAPSHOT_REVISION);
    scratch_text(&site.scratch, MEMBER_VOLUME_DIR "/lost+found", "");
    snprintf(volume, sizeof volume, "%s" MEMBER_VOLUME_DIR, site.scratch.root);
    site.fetch = (struct restore_fetch){
        .root = site.scratch.root, .store.url = site.url, .name = "b", .etcd_version = "3.6.16"};
    *state = &site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;

    scratch_remove(&site->scratch);
    return 0;
}

static void fetches(struct site *site)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest found;
    struct error error = {0};

    if (restore_fetch(&site->fetch, arena, &found, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(found.revision, SNAPSHOT_REVISION);
    assert_int_equal(found.records, SNAPSHOT_RECORDS);
    assert_true(scratch_has(&site->scratch, RESTORE_SNAPSHOT));
}

static void refuses(struct site *site, enum error_kind kind, const char *words)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest found;
    struct error error = {0};

    assert_int_equal(restore_fetch(&site->fetch, arena, &found, &error), -(int)kind);
    if (!strstr(error.message, words)) {
        fail_msg("%s", error.message);
    }
    assert_false(scratch_has(&site->scratch, RESTORE_SNAPSHOT));
}

/* Also that nothing on the volume was touched. */
static void refuses_before(struct site *site, enum error_kind kind, const char *words)
{
    refuses(site, kind, words);
    assert_false(scratch_has(&site->scratch, RESTORE_STAGE_DIR));
}

static void test_fetches_what_was_saved(void **state)
{
    struct site *site = *state;

    scratch_text(&site->scratch, RESTORE_STAGED_DATA "/half", "of an earlier attempt");
    fetches(site);
    assert_false(scratch_has(&site->scratch, RESTORE_STAGED_DATA));
    site->fetch.revision = SNAPSHOT_REVISION;
    fetches(site);
}

static void test_refuses_another_snapshot(void **state)
{
    struct site *site = *state;

    site->fetch.revision = SNAPSHOT_REVISION + 1;
    refuses_before(site, ERROR_INVALID, "another snapshot under the name b");
    site->fetch.revision = 0;
    site->fetch.sha256 = "00";
    refuses_before(site, ERROR_INVALID, "another snapshot under the name b");
    site->fetch.sha256 = NULL;
    write_manifest(site, SNAPSHOT_SIZE, SNAPSHOT_REVISION + 1);
    refuses(site, ERROR_INVALID, "not the one of its manifest");
}

static void test_refuses_what_was_cut_or_changed(void **state)
{
    struct site *site = *state;

    scratch_write(&site->scratch, "/store/b", site->snapshot.bytes, SAMPLE_SIZE);
    refuses_before(site, ERROR_INVALID, "not what its manifest says");
    write_manifest(site, SAMPLE_SIZE, SNAPSHOT_REVISION);
    refuses(site, ERROR_INVALID, "hash");
    write_manifest(site, SNAPSHOT_SIZE, SNAPSHOT_REVISION);
    site->snapshot.bytes[SAMPLE_SIZE / 2] ^= 1;
    scratch_write(&site->scratch, "/store/b", site->snapshot.bytes, SNAPSHOT_SIZE);
    refuses(site, ERROR_INVALID, "");
}

static void test_refuses_without_a_manifest(void **state)
{
    struct site *site = *state;

    site->fetch.name = "c";
    scratch_write(&site->scratch, "/store/c", site->snapshot.bytes, SNAPSHOT_SIZE);
    refuses_before(site, ERROR_NOT_FOUND, "c.json is not there");
    scratch_text(&site->scratch, "/store/c.json", "{\"v\":2}");
    refuses_before(site, ERROR_EXISTS, "c.json: the manifest's v");
    scratch_text(&site->scratch, "/store/c.json", "[");
    refuses_before(site, ERROR_EXISTS, "c.json");
}

static void test_refuses_an_earlier_version(void **state)
{
    struct site *site = *state;

    site->fetch.etcd_version = "3.5.35";
    refuses_before(site, ERROR_EXISTS, "restore into 3.6 or later");
    site->fetch.etcd_version = "3.7.3";
    fetches(site);
}

static void expect_version(const char *taken_with, const char *storage, const char *target,
                           bool allowed)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *refusal = restore_version_refusal(taken_with, storage, target, arena);

    if (allowed == (refusal != NULL)) {
        fail_msg("%s, %s into %s: %s", taken_with, storage, target, refusal ? refusal : "allowed");
    }
}

static void test_versions(void **state)
{
    (void)state;
    expect_version("3.5.35", "", "3.5.26", true);
    expect_version("3.5.35", NULL, "3.7.3", true);
    expect_version("3.6.16", "3.6.0", "3.6.11", true);
    expect_version("3.6.16", "3.6.0", "3.5.35", false);
    expect_version("3.6.16", "", "3.5.35", false);
    expect_version("", "3.7.0", "3.6.16", false);
    expect_version("", "", "3.6.16", true);
    expect_version("3.6.16", "", "3.4.30", false);
    expect_version("3.8.0", "", "3.8.0", false);
    expect_version("", "", "latest", false);
}

static void test_room(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();

    (void)state;
    assert_null(restore_room_problem(2128 * MEBIBYTE, 1000 * MEBIBYTE, arena));
    const char *problem = restore_room_problem(2127 * MEBIBYTE, 1000 * MEBIBYTE, arena);
    assert_non_null(problem);
    assert_non_null(strstr(problem, "2127 MiB free"));
    assert_non_null(strstr(problem, "takes 2128 MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fetches_what_was_saved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_another_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_what_was_cut_or_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_without_a_manifest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_an_earlier_version, set_up, tear_down),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
