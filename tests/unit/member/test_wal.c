/* Reading whose a write-ahead log is: segments that etcd 3.5, 3.6 and 3.7 wrote (their first
 * kilobyte is in tests/fuzz/corpus/wal), and every way in which they can be cut or damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "member/wal.h"
#include "scratch.h"

#define SEGMENT    "/member/wal/0000000000000000-0000000000000000.wal"
#define SEGMENT_1  "/member/wal/0000000000000001-0000000000001000.wal"
#define MEMBER_ID  UINT64_C(15587145470751260116)
#define CLUSTER_ID UINT64_C(15729951582191983248)

static const char *corpus; /* The directory, from the command line. */

static size_t read_sample(const char *name, uint8_t out[1024])
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", corpus, name);
    AUTO_FILE FILE *file = fopen(path, "rb");
    assert_non_null(file);
    return fread(out, 1, 1024, file);
}

static void test_segments_of_real_etcds(void **state)
{
    (void)state;
    static const char *const names[] = {"etcd-3.5-first-segment", "etcd-3.6-first-segment",
                                        "etcd-3.7-first-segment"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint8_t head[1024];
        struct wal_facts facts = wal_parse(head, read_sample(names[i], head));
        assert_int_equal(facts.state, WAL_OK);
        assert_true(facts.member_id == MEMBER_ID);
        assert_true(facts.cluster_id == CLUSTER_ID);
    }
}

/* The crc record and the metadata record end at byte 64; every shorter beginning is refused. */
static void test_every_cut_is_noticed(void **state)
{
    (void)state;
    uint8_t head[1024];
    size_t size = read_sample("etcd-3.6-first-segment", head);

    assert_true(size > 64);
    for (size_t length = 0; length < 56; length++) {
        uint8_t *exact = malloc(length + 1); /* So that a sanitizer sees a read beyond. */
        memcpy(exact, head, length);
        assert_int_equal(wal_parse(exact, length).state, WAL_UNREADABLE);
        free(exact);
    }
    assert_int_equal(wal_parse(head, 64).state, WAL_OK);
}

static void test_every_changed_bit_of_the_metadata_is_noticed(void **state)
{
    (void)state;
    uint8_t head[1024];
    size_t size = read_sample("etcd-3.6-first-segment", head);

    for (size_t bit = 34 * 8; bit < 56 * 8; bit++) { /* Bytes 34 to 55: the metadata's data. */
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(wal_parse(head, size).state, WAL_UNREADABLE);
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(wal_parse(head, size).state, WAL_OK);
}

static void test_zeros_are_unreadable(void **state)
{
    (void)state;
    static const uint8_t zeros[4096];
    struct wal_facts facts = wal_parse(zeros, sizeof zeros);

    assert_int_equal(facts.state, WAL_UNREADABLE);
    assert_non_null(strstr(facts.problem, "zeros"));
}

static void test_huge_lengths_are_refused(void **state)
{
    (void)state;
    uint8_t head[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x87};

    assert_int_equal(wal_parse(head, sizeof head).state, WAL_UNREADABLE);
}

static void test_what_is_no_log(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();

    assert_int_equal(wal_inspect("/nonexistent").state, WAL_NONE);
    assert_int_equal(wal_inspect(scratch.root).state, WAL_NONE);
    scratch_text(&scratch, "/member/snap/db", "database");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_NONE);
    /* What etcd leaves when it is killed while it makes its first log. */
    scratch_text(&scratch, "/member/wal.tmp/0000000000000000-0000000000000000.wal", "");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_NONE);
    /* The next segment, prepared in advance. */
    scratch_text(&scratch, "/member/wal/0.tmp", "");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_NONE);
}

static void test_the_first_segment_counts(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    uint8_t head[1024];
    size_t size = read_sample("etcd-3.7-first-segment", head);

    scratch_write(&scratch, SEGMENT_1, head, size);
    scratch_write(&scratch, "/member/wal/1.tmp", head, 1);
    struct wal_facts facts = wal_inspect(scratch.root);
    assert_int_equal(facts.state, WAL_OK);
    assert_true(facts.member_id == MEMBER_ID);
    scratch_text(&scratch, SEGMENT, "");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_UNREADABLE);
}

/* Killed right after the log was made: crc, metadata and snapshot record (80 bytes), then zeros. */
static void test_a_log_in_which_nothing_was_saved_is_none(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    uint8_t head[1024];
    size_t size = read_sample("etcd-3.6-first-segment", head);

    scratch_write(&scratch, SEGMENT, head, size);
    assert_int_equal(wal_inspect(scratch.root).state, WAL_OK);
    memset(head + 80, 0, size - 80);
    scratch_write(&scratch, SEGMENT, head, size);
    assert_int_equal(wal_inspect(scratch.root).state, WAL_NONE);
    head[size - 1] = 1; /* Not newborn but damaged. */
    scratch_write(&scratch, SEGMENT, head, size);
    assert_int_equal(wal_inspect(scratch.root).state, WAL_OK);
    head[size - 1] = 0;
    scratch_write(&scratch, SEGMENT, head, size);
    scratch_text(&scratch, SEGMENT_1, "");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_OK);
}

static void test_odd_names_are_unreadable(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();

    scratch_text(&scratch, "/member/wal/log.wal", "");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_UNREADABLE);
}

static void test_a_log_that_is_a_file_is_unreadable(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();

    scratch_text(&scratch, "/member/wal", "");
    assert_int_equal(wal_inspect(scratch.root).state, WAL_UNREADABLE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_of_real_etcds),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_every_changed_bit_of_the_metadata_is_noticed),
        cmocka_unit_test(test_zeros_are_unreadable),
        cmocka_unit_test(test_huge_lengths_are_refused),
        cmocka_unit_test(test_what_is_no_log),
        cmocka_unit_test(test_the_first_segment_counts),
        cmocka_unit_test(test_a_log_in_which_nothing_was_saved_is_none),
        cmocka_unit_test(test_odd_names_are_unreadable),
        cmocka_unit_test(test_a_log_that_is_a_file_is_unreadable),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
        return 2;
    }
    corpus = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
