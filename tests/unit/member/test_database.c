/* Judging a database: what bbolt lives with passes, what it panics at is named. The real ones are
 * in tests/conformance/etcd/test_database.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "database_sample.h"
#include "member/database.h"
#include "scratch.h"

#define DB "/member/snap/db"

static struct database_facts judge(const void *bytes, size_t size, bool thorough)
{
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    struct database_memory memory = {0};

    scratch_write(&scratch, DB, bytes, size);
    return database_inspect(scratch.root, thorough, &memory);
}

static void expect(const struct sample *sample, const char *quick, const char *thorough)
{
    for (int i = 0; i < 2; i++) {
        struct database_facts facts = judge(sample->bytes, SAMPLE_SIZE, i);
        const char *words = i ? thorough : quick;
        assert_int_equal(facts.state, words ? DATABASE_BAD : DATABASE_OK);
        if (words && !strstr(facts.problem, words)) {
            fail_msg("\"%s\" is not in: %s", words, facts.problem);
        }
    }
}

static void test_an_intact_one(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    expect(&sample, NULL, NULL);
}

static void test_what_is_none(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    struct database_memory memory = {0};

    assert_int_equal(database_inspect(scratch.root, true, &memory).state, DATABASE_NONE);
    scratch_text(&scratch, DB, "");
    assert_int_equal(database_inspect(scratch.root, true, &memory).state, DATABASE_NONE);
}

/* A directory in its place or a file that may not be read says nothing about the data. */
static void test_what_cannot_be_read_is_not_bad(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    struct database_memory memory = {0};

    scratch_text(&scratch, DB "/file", "");
    assert_int_equal(database_inspect(scratch.root, true, &memory).state, DATABASE_OK);
    scratch_text(&scratch, "/2/member/snap", "");
    AUTO_FREE char *below = xasprintf("%s/2", scratch.root);
    assert_int_equal(database_inspect(below, true, &memory).state, DATABASE_OK);
}

/* After a power cut one of the two may be half written, or be the older one. */
static void test_one_meta_is_enough(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample.bytes[SAMPLE_PAGE + 20] ^= 1;
    expect(&sample, NULL, NULL);
    sample = sample_make();
    sample_meta(&sample, 1, SAMPLE_ROOT, 5);
    sample.bytes[20] ^= 1;
    expect(&sample, NULL, NULL);
    sample_meta(&sample, 1, SAMPLE_FREE, 7); /* The newer one counts. */
    expect(&sample, "page 7 says", "page 7 says");
    sample_meta(&sample, 1, SAMPLE_ROOT, 7);
    sample.bytes[SAMPLE_PAGE + 20] ^= 1;
    expect(&sample, "head of a database", "head of a database");
}

static void test_garbage(void **state)
{
    (void)state;
    struct sample sample;

    memset(&sample, 0x5a, sizeof sample);
    expect(&sample, "head of a database", "head of a database");
    for (size_t size = 1; size < SAMPLE_SIZE; size += 777) {
        assert_int_equal(judge(sample.bytes, size, true).state, DATABASE_BAD);
    }
}

static void test_the_root(void **state)
{
    (void)state;
    struct sample sample = sample_make();
    size_t root = (size_t)SAMPLE_ROOT * SAMPLE_PAGE;

    sample_u64(&sample, root, 3);
    expect(&sample, "page 2 says that it is page 3", "page 2 says that it is page 3");
    sample = sample_make();
    sample_u16(&sample, root + 8, 0x06);
    expect(&sample, "flags 0x06", "flags 0x06");
    sample_meta(&sample, 0, 1 << 20, 6);
    expect(&sample, "behind the end", "behind the end");
    sample_meta(&sample, 0, UINT64_MAX, 6);
    expect(&sample, "behind the end", "behind the end");
}

/* Then bbolt reads the list and does not walk. */
static void test_a_list_of_free_pages(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample_u64(&sample, 16 + 32, SAMPLE_FREE);
    sample_seal(&sample, 0);
    sample_page(&sample, SAMPLE_FREE, 0x10, 0, 0);
    sample_u64(&sample, (size_t)SAMPLE_LEAF * SAMPLE_PAGE, 99);
    expect(&sample, NULL, NULL);
    sample_page(&sample, SAMPLE_FREE, 0x02, 0, 0);
    expect(&sample, "no list of free pages", "no list of free pages");
}

/* A walk finds out whether what is cut off was in use. */
static void test_a_file_that_was_cut(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample_u64(&sample, 16 + 40, 20); /* The memory's pages are larger than these. */
    sample_seal(&sample, 0);
    expect(&sample, NULL, NULL);
    sample_u64(&sample, sample_element(SAMPLE_BRANCH, 1) + 8, 19);
    expect(&sample, "page 19 is behind the end", "page 19 is behind the end");
    assert_int_equal(judge(sample.bytes, 4096, true).state, DATABASE_BAD);
}

static void test_pages_below_the_root(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample_u64(&sample, (size_t)SAMPLE_LEAF * SAMPLE_PAGE, 5);
    expect(&sample, NULL, "page 4 says that it is page 5");
    sample = sample_make();
    sample_u16(&sample, (size_t)SAMPLE_LEAF * SAMPLE_PAGE + 8, 0x10);
    expect(&sample, NULL, "page 4 has flags 0x10");
    sample = sample_make();
    sample_u64(&sample, sample_element(SAMPLE_BRANCH, 1) + 8, SAMPLE_LEAF);
    expect(&sample, NULL, "page 4 is in two places");
    sample_u64(&sample, sample_element(SAMPLE_BRANCH, 1) + 8, SAMPLE_BRANCH); /* A circle. */
    expect(&sample, NULL, "page 3 is in two places");
    sample = sample_make();
    sample_u32(&sample, (size_t)SAMPLE_LEAF * SAMPLE_PAGE + 12, 1); /* Overflows into page 5. */
    expect(&sample, NULL, "page 5 is in two places");
    sample = sample_make();
    sample_u32(&sample, (size_t)SAMPLE_LARGE * SAMPLE_PAGE + 12, UINT32_MAX); /* bbolt lives. */
    expect(&sample, NULL, NULL);
    sample_u64(&sample, 16 + 40, 4);
    sample_seal(&sample, 0);
    expect(&sample, NULL, "page 5 is in use, but only 4 pages are");
}

static void test_keys(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample_leaf(&sample, SAMPLE_LEAF, 0, 0, 100, "c", "1", 1);
    expect(&sample, NULL, "key 1 of page 4 is not in order");
    sample_leaf(&sample, SAMPLE_LEAF, 0, 0, 100, "b", "1", 1); /* The same twice. */
    expect(&sample, NULL, "key 1 of page 4 is not in order");
    sample = sample_make();
    sample_leaf(&sample, SAMPLE_LEAF, 1, 0, 100, "x", "2", 1);
    expect(&sample, NULL, "key 1 of page 4 belongs behind");
    sample = sample_make();
    sample_leaf(&sample, SAMPLE_LARGE, 0, 0, 100, "k", "3", 1);
    expect(&sample, NULL, "key 0 of page 5 is not in order");
    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "a", SAMPLE_LARGE);
    expect(&sample, NULL, "key 0 of page 4 belongs behind");
    sample = sample_make();
    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "B", SAMPLE_LARGE);
    expect(&sample, NULL, "belongs behind");
    sample = sample_make();
    sample_u16(&sample, (size_t)SAMPLE_LEAF * SAMPLE_PAGE + 10, 0); /* An empty leaf. */
    expect(&sample, NULL, NULL);
}

static void test_elements_that_reach_too_far(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample_u32(&sample, sample_element(SAMPLE_LARGE, 1) + 12, 0x7fffffff);
    expect(&sample, NULL, "element 1 of page 5 is larger");
    sample_u32(&sample, sample_element(SAMPLE_LARGE, 1) + 12, 0x7000000); /* bbolt does not look. */
    expect(&sample, NULL, NULL);
    sample_u32(&sample, sample_element(SAMPLE_LARGE, 1) + 4,
               0x7000000); /* Nor is this key known. */
    expect(&sample, NULL, NULL);
    sample = sample_make();
    sample_u32(&sample, sample_element(SAMPLE_BRANCH, 1) + 4, UINT32_MAX);
    expect(&sample, NULL, "element 1 of page 3 is larger");
    sample = sample_make();
    sample_u16(&sample, (size_t)SAMPLE_LARGE * SAMPLE_PAGE + 10, UINT16_MAX);
    expect(&sample, NULL, "page 5"); /* Its elements are bytes of other pages. */
}

static void test_buckets(void **state)
{
    (void)state;
    struct sample sample = sample_make();

    sample_u32(&sample, sample_element(SAMPLE_ROOT, 1) + 12, 0);
    expect(&sample, NULL, "element 1 of page 2 is a bucket without a value");
    sample_u32(&sample, sample_element(SAMPLE_ROOT, 1) + 12, 16);
    expect(&sample, NULL, "element 1 of page 2 is a bucket without a page");
    sample = sample_make();
    sample_u32(&sample, sample_element(SAMPLE_LEAF, 0), 1); /* The flag alone. */
    sample_u32(&sample, sample_element(SAMPLE_LEAF, 0) + 12, 8);
    expect(&sample, NULL, NULL);
    sample_u32(&sample, sample_element(SAMPLE_LEAF, 0) + 12, 40);
    memset(sample.bytes + sample_element(SAMPLE_LEAF, 0) + 101, 0xee, 40);
    expect(&sample, NULL, "behind the end");
}

/* One who waits asks every two seconds. */
static void test_a_judgement_is_kept(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    struct sample sample = sample_make();
    struct database_memory memory = {0};

    scratch_write(&scratch, DB, sample.bytes, SAMPLE_SIZE);
    assert_int_equal(database_inspect(scratch.root, true, &memory).state, DATABASE_OK);
    memory.facts.state = DATABASE_BAD; /* As if it had been that. */
    assert_int_equal(database_inspect(scratch.root, true, &memory).state, DATABASE_BAD);
    assert_int_equal(database_inspect(scratch.root, false, &memory).state, DATABASE_OK);
    memory.facts.state = DATABASE_BAD;
    scratch_write(&scratch, DB, sample.bytes, SAMPLE_SIZE - 1);
    assert_int_equal(database_inspect(scratch.root, false, &memory).state, DATABASE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_intact_one),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_what_cannot_be_read_is_not_bad),
        cmocka_unit_test(test_one_meta_is_enough),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_the_root),
        cmocka_unit_test(test_a_list_of_free_pages),
        cmocka_unit_test(test_a_file_that_was_cut),
        cmocka_unit_test(test_pages_below_the_root),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_elements_that_reach_too_far),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_a_judgement_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
