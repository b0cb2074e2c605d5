/* Proving a snapshot from its bytes: what is in it, in pieces of any size, and what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot/reader.h"
#include "unit/snapshot/snapshot_sample.h"

static int read_in_pieces(const void *bytes, size_t size, size_t piece,
                          struct snapshot_facts *facts, struct error *error)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot_sink sink = snapshot_reader_sink(reader);

    *error = (struct error){0};
    for (size_t at = 0; at < size; at += piece) {
        size_t some = size - at < piece ? size - at : piece;
        assert_int_equal(snapshot_sink_write(&sink, (const char *)bytes + at, some, error), 0);
    }
    int result = snapshot_reader_finish(reader, facts, error);
    snapshot_reader_free(reader);
    return result;
}

static void expect_wrong(const void *bytes, size_t size, const char *words)
{
    struct snapshot_facts facts;
    struct error error;

    assert_int_equal(read_in_pieces(bytes, size, 100, &facts, &error), -(int)ERROR_INVALID);
    if (!strstr(error.message, words)) {
        fail_msg("\"%s\" is not in: %s", words, error.message);
    }
}

static void expect_wrong_page(const struct sample *sample, const char *words)
{
    struct snapshot_sample snapshot = snapshot_sample_of(sample);

    expect_wrong(snapshot.bytes, SNAPSHOT_SIZE, words);
}

static void expect_good(const struct sample *sample, int64_t revision, uint64_t records)
{
    static const size_t pieces[] = {1, 7, 31, 32, 33, 1000, SAMPLE_PAGE, 3000, SNAPSHOT_SIZE};
    struct snapshot_sample snapshot = snapshot_sample_of(sample);
    struct snapshot_facts facts;
    struct error error;

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (read_in_pieces(snapshot.bytes, SNAPSHOT_SIZE, pieces[i], &facts, &error)) {
            fail_msg("in pieces of %zu: %s", pieces[i], error.message);
        }
        assert_int_equal(facts.contents.revision, revision);
        assert_int_equal(facts.contents.records, records);
        assert_int_equal(facts.size, SAMPLE_SIZE);
        assert_memory_equal(facts.sha256, snapshot.bytes + SAMPLE_SIZE, sizeof facts.sha256);
        assert_string_equal(facts.contents.storage_version, "3.6.0");
    }
}

static void test_what_is_in_it(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();

    expect_good(&sample, SNAPSHOT_REVISION, SNAPSHOT_RECORDS);
}

/* In each place around the end of a page. */
static void test_last_key_behind_a_large_value(void **state)
{
    (void)state;

    for (uint32_t position = SNAPSHOT_STRADDLE - 20; position < SNAPSHOT_STRADDLE + 20;
         position++) {
        struct sample sample = sample_of_etcd();
        sample_record(&sample, SAMPLE_LARGE, 1, position, 77);
        expect_good(&sample, 77, SNAPSHOT_RECORDS);
    }
}

/* A page's head in a value, and a freed page that once reached over what is now in use. */
static void test_old_pages_are_not_looked_at(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();

    sample_record(&sample, SAMPLE_LARGE, 1, SAMPLE_PAGE + 100, SNAPSHOT_REVISION);
    sample_page(&sample, SAMPLE_LARGE + 1, 0x02, 65535, 3);
    sample_page(&sample, SAMPLE_FREE, 0x01, 60, 65535);
    expect_good(&sample, SNAPSHOT_REVISION, SNAPSHOT_RECORDS);
}

static void test_the_newer_head_counts(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();

    sample_meta(&sample, 0, SAMPLE_FREE, 5);
    sample_meta(&sample, 1, SAMPLE_ROOT, 6);
    expect_good(&sample, SNAPSHOT_REVISION, SNAPSHOT_RECORDS);
    sample.bytes[20]++; /* Of the other one, which is then no longer valid. */
    expect_good(&sample, SNAPSHOT_REVISION, SNAPSHOT_RECORDS);
}

static void test_no_head(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();

    sample.bytes[20]++;
    sample.bytes[SAMPLE_PAGE + 20]++;
    expect_wrong_page(&sample, "valid head");
    expect_wrong("", 0, "valid head");
    expect_wrong("something else", 14, "valid head");
}

static void test_what_is_missing(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();
    struct snapshot_sample snapshot = snapshot_sample_of(&sample);

    for (size_t size = 200; size < SAMPLE_SIZE; size += 100) {
        expect_wrong(snapshot.bytes, size, "truncated");
    }
    expect_wrong(snapshot.bytes, SAMPLE_SIZE, "hash missing");
    expect_wrong(snapshot.bytes, SNAPSHOT_SIZE - 1, "truncated");
}

static void test_any_changed_bit_shows(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();

    for (size_t at = 2 * (size_t)SAMPLE_PAGE; at < SNAPSHOT_SIZE; at += 13) {
        struct snapshot_sample snapshot = snapshot_sample_of(&sample);
        snapshot.bytes[at] ^= 4;
        expect_wrong(snapshot.bytes, SNAPSHOT_SIZE, "hash differs");
    }
}

static void test_pages_that_do_not_fit(void **state)
{
    (void)state;
    struct sample sample = sample_of_etcd();

    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "m", SAMPLE_PAGES);
    expect_wrong_page(&sample, "page 8 of 8 is in use and out of range");
    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "m", UINT64_MAX);
    expect_wrong_page(&sample, "out of range");
    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "m", SAMPLE_LEAF);
    expect_wrong_page(&sample, "in two places");
    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "m", SAMPLE_BRANCH);
    expect_wrong_page(&sample, "in two places");
    sample = sample_of_etcd();
    sample_page(&sample, SAMPLE_LARGE, 0x02, 2, 3);
    expect_wrong_page(&sample, "page 5 of 8 is in use and out of range");
    sample = sample_of_etcd();
    sample_page(&sample, SAMPLE_LEAF, 0x10, 2, 0);
    expect_wrong_page(&sample, "page 4 of 8 is in use and is no branch or leaf");
    sample = sample_of_etcd();
    sample_u32(&sample, sample_element(SAMPLE_LARGE, 1) + 8, 5);
    expect_wrong_page(&sample, "without a revision");
    sample = sample_of_etcd();
    sample.bytes[sample_element(SAMPLE_ROOT, 0) + 100] = 'K';
    expect_wrong_page(&sample, "no bucket \"key\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_it),
        cmocka_unit_test(test_last_key_behind_a_large_value),
        cmocka_unit_test(test_old_pages_are_not_looked_at),
        cmocka_unit_test(test_the_newer_head_counts),
        cmocka_unit_test(test_no_head),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_any_changed_bit_shows),
        cmocka_unit_test(test_pages_that_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
