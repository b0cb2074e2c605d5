/* The store: what is kept, what is refused, who is told. */
#include <pthread.h>
#include <stdlib.h>

#include "cmocka_test.h"
#include "store_fixture.h"

/* Some three of the objects here stay parsed, so that each case meets both kinds. */
#define A_FEW 4096

struct fixture {
    struct kube_recent *recent;
    struct kube_store *store;
    struct changes changes;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.recent = kube_recent_new(A_FEW);
    fixture.store = new_test_store(&fixture.changes, fixture.recent);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    kube_store_free(f->store);
    kube_recent_free(f->recent);
    return 0;
}

static void put_in(struct fixture *f, const char *namespace, const char *name, const char *uid,
                   int version, const char *owner)
{
    AUTO_JSON json_t *object = new_object(namespace, name, uid, version, owner);
    kube_store_put(f->store, object);
}

static void put(struct fixture *f, const char *name, const char *uid, int version)
{
    put_in(f, "ns", name, uid, version, "c");
}

static void written(struct fixture *f, const char *name, const char *uid, int version)
{
    AUTO_JSON json_t *object = new_object("ns", name, uid, version, "c");
    kube_store_put_written(f->store, object);
}

static void deleted(struct fixture *f, const char *name, const char *uid, int version)
{
    AUTO_JSON json_t *object = new_object("ns", name, uid, version, "c");
    kube_store_remove(f->store, object);
}

static void listed(struct fixture *f, int version)
{
    kube_store_relist_begin(f->store, NULL, (uint64_t)version);
    kube_store_relist_end(f->store, NULL, (uint64_t)version);
}

/* The stored version of ns/name, or 0. */
static uint64_t version_of(struct fixture *f, const char *name)
{
    AUTO_JSON json_t *object = kube_store_get(f->store, "ns", name);
    return object ? kube_resource_version(object) : 0;
}

static void expect_changes(struct fixture *f, const char *log)
{
    assert_string_equal(f->changes.log, log);
    f->changes = (struct changes){0};
}

static void test_put_and_get(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 10);
    AUTO_JSON json_t *object = kube_store_get(f->store, "ns", "a");
    assert_string_equal(json_path_string(object, "metadata", "uid", NULL), "u1");
    assert_null(json_path(object, "metadata", "managedFields", NULL));
    assert_null(kube_store_get(f->store, "other", "a"));
    assert_null(kube_store_get(f->store, "ns", "b"));
    expect_changes(f, "ns/c ");
}

static void test_cluster_scoped_objects(void **state)
{
    struct fixture *f = *state;

    put_in(f, NULL, "node", "u1", 10, NULL);
    AUTO_JSON json_t *by_null = kube_store_get(f->store, NULL, "node");
    AUTO_JSON json_t *by_empty = kube_store_get(f->store, "", "node");
    assert_non_null(by_null);
    assert_non_null(by_empty);
    expect_changes(f, ""); /* It has no owner. */
}

static void test_nothing_new_tells_nobody(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 10);
    expect_changes(f, "ns/c ");
    put(f, "a", "u1", 10);
    put(f, "a", "u1", 9);
    assert_int_equal(version_of(f, "a"), 10);
    deleted(f, "b", "u2", 12);
    expect_changes(f, "");
}

static void test_versions_are_numbers(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 99);
    put(f, "a", "u1", 100); /* Older as text. */
    assert_int_equal(version_of(f, "a"), 100);
    assert_int_equal(kube_resource_version_parse("18446744073709551615"), UINT64_MAX);
    assert_int_equal(kube_resource_version_parse("18446744073709551616"), 0);
    assert_int_equal(kube_resource_version_parse("12x"), 0);
    assert_int_equal(kube_resource_version_parse(""), 0);
    assert_int_equal(kube_resource_version_parse(NULL), 0);
}

static void test_owners(void **state)
{
    struct fixture *f = *state;

    put_in(f, "ns", "p-2", "u1", 10, "c");
    put_in(f, "ns", "p-1", "u2", 11, "c");
    put_in(f, "ns", "q", "u3", 12, "d");
    put_in(f, "other", "p-1", "u4", 13, "c");
    put_in(f, "ns", "free", "u5", 14, NULL);
    AUTO_JSON json_t *c = kube_store_list(f->store, "ns", "c");
    assert_int_equal(json_array_size(c), 2);
    assert_string_equal(json_path_string(json_array_get(c, 0), "metadata", "name", NULL), "p-1");
    assert_string_equal(json_path_string(json_array_get(c, 1), "metadata", "name", NULL), "p-2");
    AUTO_JSON json_t *in_ns = kube_store_list(f->store, "ns", NULL);
    assert_int_equal(json_array_size(in_ns), 4);
    AUTO_JSON json_t *all = kube_store_list(f->store, NULL, NULL);
    assert_int_equal(json_array_size(all), 5);
    AUTO_JSON json_t *nobody = kube_store_list(f->store, "ns", "nobody");
    assert_int_equal(json_array_size(nobody), 0);
}

static void test_a_change_of_owner_tells_both(void **state)
{
    struct fixture *f = *state;

    put_in(f, "ns", "p", "u1", 10, "c");
    expect_changes(f, "ns/c ");
    put_in(f, "ns", "p", "u1", 11, "d");
    expect_changes(f, "ns/c ns/d ");
    AUTO_JSON json_t *c = kube_store_list(f->store, "ns", "c");
    assert_int_equal(json_array_size(c), 0);
    put_in(f, "ns", "p", "u1", 12, NULL);
    expect_changes(f, "ns/d ");
}

/* Who writes a status knows what it changed. */
static void test_a_status_of_our_own_tells_nobody(void **state)
{
    struct fixture *f = *state;

    listed(f, 5);
    put(f, "a", "u1", 6);
    expect_changes(f, "ns/c ");
    AUTO_JSON json_t *answer = new_object("ns", "a", "u1", 7, "c");
    kube_store_put_status(f->store, answer);
    assert_int_equal(version_of(f, "a"), 7);
    put(f, "a", "u1", 7);
    expect_changes(f, "");
    put(f, "a", "u1", 8);
    expect_changes(f, "ns/c ");
}

/* --- Deletions --- */

static void test_deletion(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 10);
    expect_changes(f, "ns/c ");
    deleted(f, "a", "u1", 11);
    expect_changes(f, "ns/c ");
    assert_int_equal(kube_store_length(f->store), 0);
}

static void test_a_late_deletion_spares_the_next_object_of_the_name(void **state)
{
    struct fixture *f = *state;

    listed(f, 5);
    put(f, "a", "old", 6);
    written(f, "a", "new", 9); /* Created by us after the deletion, which we have not seen yet. */
    deleted(f, "a", "old", 8);
    assert_int_equal(version_of(f, "a"), 9);
    put(f, "a", "new", 9);
    deleted(f, "a", "new", 10);
    assert_int_equal(version_of(f, "a"), 0);
}

static void test_a_deletion_removes_whatever_we_wrote_of_that_object(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 12);
    deleted(f, "a", "u1", 12);
    assert_int_equal(version_of(f, "a"), 0);
    put(f, "a", "u1", 13);
    written(f, "a", "u1", 16);
    deleted(f, "a", "u1", 15); /* It left the selector, and our write took it back: */
    assert_int_equal(version_of(f, "a"), 0);
    put(f, "a", "u1", 16); /* then the watch says so. */
    assert_int_equal(version_of(f, "a"), 16);
}

static void test_a_deletion_of_an_unknown_successor_removes_the_old_object(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "old", 6);
    deleted(f, "a", "new", 9);
    assert_int_equal(version_of(f, "a"), 0);
}

/* --- Write-through --- */

static void test_our_write_is_seen_at_once(void **state)
{
    struct fixture *f = *state;

    listed(f, 5);
    put(f, "a", "u1", 6);
    expect_changes(f, "ns/c ");
    written(f, "a", "u1", 9);
    assert_int_equal(version_of(f, "a"), 9);
    expect_changes(f, "ns/c ");
    put(f, "a", "u1", 8); /* A change that came before ours. */
    assert_int_equal(version_of(f, "a"), 9);
    put(f, "a", "u1", 9); /* Ours. */
    expect_changes(f, "");
}

static void test_answers_that_overtake_each_other(void **state)
{
    struct fixture *f = *state;

    listed(f, 5);
    written(f, "a", "u1", 9);
    written(f, "a", "u1", 8);
    assert_int_equal(version_of(f, "a"), 9);
}

static void test_our_write_does_not_raise_the_dead(void **state)
{
    struct fixture *f = *state;

    listed(f, 5);
    put(f, "a", "u1", 6);
    deleted(f, "a", "u1", 8);
    written(f, "a", "u1", 7); /* Its answer was slow. */
    assert_int_equal(version_of(f, "a"), 0);
}

static void test_a_bookmark_passes_versions(void **state)
{
    struct fixture *f = *state;

    listed(f, 5);
    kube_store_bookmark(f->store, NULL, 20);
    written(f, "a", "u1", 20);
    assert_int_equal(version_of(f, "a"), 0);
    written(f, "a", "u1", 21);
    assert_int_equal(version_of(f, "a"), 21);
}

static void test_an_unwatched_namespace_takes_no_writes(void **state)
{
    struct fixture *f = *state;

    kube_store_relist_begin(f->store, "other", 5);
    kube_store_relist_end(f->store, "other", 5);
    written(f, "a", "u1", 9);
    assert_int_equal(kube_store_length(f->store), 0);
}

/* --- Relists --- */

static void test_relist_drops_what_is_gone(void **state)
{
    struct fixture *f = *state;

    put(f, "stays", "u1", 10);
    put(f, "goes", "u2", 11);
    put_in(f, "ns", "goes-too", "u3", 12, "d");
    f->changes = (struct changes){0};
    kube_store_relist_begin(f->store, NULL, 20);
    put(f, "stays", "u1", 10);
    put(f, "comes", "u4", 15);
    expect_changes(f, "ns/c ");
    kube_store_relist_end(f->store, NULL, 20);
    assert_int_equal(f->changes.count, 2);
    assert_non_null(strstr(f->changes.log, "ns/c "));
    assert_non_null(strstr(f->changes.log, "ns/d "));
    assert_int_equal(version_of(f, "stays"), 10);
    assert_int_equal(version_of(f, "comes"), 15);
    assert_int_equal(kube_store_length(f->store), 2);
}

static void test_relist_spares_what_was_written_after_it(void **state)
{
    struct fixture *f = *state;

    listed(f, 10);
    kube_store_relist_begin(f->store, NULL, 20);
    written(f, "before", "u1", 19); /* Not in the list, so it is gone again. */
    written(f, "after", "u2", 21);
    kube_store_relist_end(f->store, NULL, 20);
    assert_int_equal(version_of(f, "before"), 0);
    assert_int_equal(version_of(f, "after"), 21);
    listed(f, 30);
    assert_int_equal(version_of(f, "after"), 0);
}

static void test_the_pages_of_a_relist_pass_nothing(void **state)
{
    struct fixture *f = *state;

    listed(f, 10);
    kube_store_relist_begin(f->store, NULL, 20);
    put(f, "a", "u1", 19);
    written(f, "b", "u2", 18); /* On a page to come. */
    assert_int_equal(version_of(f, "b"), 18);
    put(f, "b", "u2", 18);
    kube_store_relist_end(f->store, NULL, 20);
    assert_int_equal(version_of(f, "b"), 18);
}

static void test_an_interrupted_relist_begins_again(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 10);
    kube_store_relist_begin(f->store, NULL, 20);
    put(f, "a", "u1", 10);
    kube_store_relist_begin(f->store, NULL, 25);
    kube_store_relist_end(f->store, NULL, 25);
    assert_int_equal(version_of(f, "a"), 0);
}

static void test_namespaces_are_relisted_by_themselves(void **state)
{
    struct fixture *f = *state;

    kube_store_add_scope(f->store, "ns");
    kube_store_add_scope(f->store, "other");
    assert_false(kube_store_synced(f->store));
    kube_store_relist_begin(f->store, "ns", 20);
    put_in(f, "ns", "a", "u1", 10, NULL);
    kube_store_relist_end(f->store, "ns", 20);
    assert_false(kube_store_synced(f->store));
    kube_store_relist_begin(f->store, "other", 21);
    put_in(f, "other", "b", "u2", 11, NULL);
    kube_store_relist_end(f->store, "other", 21);
    assert_true(kube_store_synced(f->store));

    kube_store_relist_begin(f->store, "ns", 30);
    kube_store_relist_end(f->store, "ns", 30);
    assert_int_equal(version_of(f, "a"), 0);
    AUTO_JSON json_t *b = kube_store_get(f->store, "other", "b");
    assert_non_null(b);
    /* What one watch has passed says nothing about the other namespace. */
    AUTO_JSON json_t *mine = new_object("other", "c", "u3", 25, NULL);
    kube_store_put_written(f->store, mine);
    assert_int_equal(kube_store_length(f->store), 2);
}

static void test_a_restored_api_server_wins(void **state)
{
    struct fixture *f = *state;

    listed(f, 100);
    put(f, "a", "u1", 120);
    put(f, "gone", "u2", 121);
    kube_store_relist_begin(f->store, NULL, 50); /* Its storage is older than what we have seen. */
    put(f, "a", "u1", 40);
    kube_store_relist_end(f->store, NULL, 50);
    assert_int_equal(version_of(f, "a"), 40);
    assert_int_equal(version_of(f, "gone"), 0);
    put(f, "a", "u1", 51);
    assert_int_equal(version_of(f, "a"), 51);
    written(f, "a", "u1", 52);
    assert_int_equal(version_of(f, "a"), 52);
}

static void test_objects_that_are_none(void **state)
{
    struct fixture *f = *state;
    AUTO_JSON json_t *empty = json_object();
    AUTO_JSON json_t *array = json_array();
    AUTO_JSON json_t *unversioned =
        json_pack("{s:{s:s, s:s}}", "metadata", "name", "a", "resourceVersion", "x");

    kube_store_put(f->store, empty);
    kube_store_put(f->store, array);
    kube_store_put(f->store, unversioned);
    kube_store_remove(f->store, empty);
    kube_store_put_written(f->store, unversioned);
    assert_int_equal(kube_store_length(f->store), 0);
}

static void count_key(void *context, const char *namespace, const char *name)
{
    size_t *count = context;
    assert_string_equal(namespace, "ns");
    assert_true(*name == 'p');
    ++*count;
}

static void test_thousands(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;
    char name[16], owner[16];

    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "p-%d", i);
        snprintf(owner, sizeof owner, "c-%d", i / 5);
        put_in(f, "ns", name, name, i + 1, owner);
    }
    assert_int_equal(kube_store_length(f->store), 5000);
    AUTO_JSON json_t *few = kube_store_list(f->store, "ns", "c-77");
    assert_int_equal(json_array_size(few), 5);
    kube_store_for_each(f->store, count_key, &count);
    assert_int_equal(count, 5000);
    listed(f, 6000);
    assert_int_equal(kube_store_length(f->store), 0);
}

/* --- What stays parsed --- */

static void test_recent_objects_are_not_parsed_again(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "u1", 10);
    AUTO_JSON json_t *first = kube_store_get(f->store, "ns", "a");
    AUTO_JSON json_t *second = kube_store_get(f->store, "ns", "a");
    assert_ptr_equal(first, second);
    put(f, "a", "u1", 11);
    assert_int_equal(version_of(f, "a"), 11);
    assert_int_equal(kube_resource_version(first), 10); /* Whoever has it may go on reading. */
}

/* Reads p-0 to p-99 into a new array, from the last to the first. */
static json_t *read_backwards(struct fixture *f)
{
    json_t *objects = json_array();
    char name[16];

    for (int i = 100; i-- > 0;) {
        snprintf(name, sizeof name, "p-%d", i);
        json_array_insert_new(objects, 0, kube_store_get(f->store, "ns", name));
    }
    return objects;
}

static void test_few_objects_stay_parsed(void **state)
{
    struct fixture *f = *state;
    char name[16];
    int kept = 0;

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "p-%d", i);
        put(f, name, name, i + 1);
    }
    AUTO_JSON json_t *before = read_backwards(f);
    for (int i = 0; i < 100; i++) { /* The other way round: those that stayed are met first. */
        snprintf(name, sizeof name, "p-%d", i);
        AUTO_JSON json_t *object = kube_store_get(f->store, "ns", name);
        kept += object == json_array_get(before, (size_t)i);
        assert_true(json_equal(object, json_array_get(before, (size_t)i)));
    }
    assert_in_range(kept, 1, A_FEW / 512); /* None of them takes less than half a kilobyte. */
}

static void test_nothing_fits(void **state)
{
    struct changes changes;
    struct kube_recent *recent = kube_recent_new(1);
    struct kube_store *store = new_test_store(&changes, recent);
    AUTO_JSON json_t *object = new_object("ns", "a", "u", 1, "c");

    (void)state;
    kube_store_put(store, object);
    AUTO_JSON json_t *kept = trim_fields(object);
    AUTO_JSON json_t *read = kube_store_get(store, "ns", "a");
    AUTO_JSON json_t *again = kube_store_get(store, "ns", "a");
    assert_ptr_not_equal(read, again); /* Each reader parses. */
    assert_true(json_equal(read, kept));
    kube_store_free(store);
    kube_recent_free(recent);
}

/* --- Threads --- */

static void *read_many(void *context)
{
    struct kube_store *store = context;

    for (int i = 0; i < 2000; i++) {
        AUTO_JSON json_t *object = kube_store_get(store, "ns", "a");
        AUTO_JSON json_t *list = kube_store_list(store, "ns", "c");
        if (json_array_size(list) > 1) {
            return context; /* One object, seen twice. */
        }
        if (object && !kube_resource_version(object)) {
            return context; /* It is not whole. */
        }
    }
    return NULL;
}

static void read_beside_a_writer(size_t recent_size)
{
    struct changes changes;
    struct kube_recent *recent = kube_recent_new(recent_size);
    struct kube_store *store = new_test_store(&changes, recent);
    pthread_t readers[3];

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_many, store), 0);
    }
    for (int i = 1; i < 2000; i++) {
        AUTO_JSON json_t *object = new_object("ns", "a", "u", i, "c");
        if (i % 10) {
            kube_store_put(store, object);
        } else {
            kube_store_remove(store, object);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        void *complaint;
        pthread_join(readers[i], &complaint);
        assert_null(complaint);
    }
    kube_store_free(store);
    kube_recent_free(recent);
}

static void test_readers_beside_a_writer(void **state)
{
    (void)state;
    read_beside_a_writer(A_FEW);
    read_beside_a_writer(1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_put_and_get),
        CASE(test_cluster_scoped_objects),
        CASE(test_nothing_new_tells_nobody),
        CASE(test_versions_are_numbers),
        CASE(test_owners),
        CASE(test_a_change_of_owner_tells_both),
        CASE(test_deletion),
        CASE(test_a_late_deletion_spares_the_next_object_of_the_name),
        CASE(test_a_deletion_removes_whatever_we_wrote_of_that_object),
        CASE(test_a_deletion_of_an_unknown_successor_removes_the_old_object),
        CASE(test_our_write_is_seen_at_once),
        CASE(test_answers_that_overtake_each_other),
        CASE(test_our_write_does_not_raise_the_dead),
        CASE(test_a_bookmark_passes_versions),
        CASE(test_an_unwatched_namespace_takes_no_writes),
        CASE(test_relist_drops_what_is_gone),
        CASE(test_a_status_of_our_own_tells_nobody),
        CASE(test_relist_spares_what_was_written_after_it),
        CASE(test_the_pages_of_a_relist_pass_nothing),
        CASE(test_an_interrupted_relist_begins_again),
        CASE(test_namespaces_are_relisted_by_themselves),
        CASE(test_a_restored_api_server_wins),
        CASE(test_objects_that_are_none),
        CASE(test_thousands),
        CASE(test_recent_objects_are_not_parsed_again),
        CASE(test_few_objects_stay_parsed),
        cmocka_unit_test(test_nothing_fits),
        cmocka_unit_test(test_readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
