/* What every store must do, whatever it stands on; for the unit tests of the directory and the
 * conformance tests of the others. Include after cmocka.h. */
#ifndef TESTS_STORE_SCENARIOS_H
#define TESTS_STORE_SCENARIOS_H 1

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/store.h"

/* Bytes that differ from place to place. */
static inline char *scenario_bytes(size_t size)
{
    char *data = xmalloc(size + 1);
    uint32_t state = 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (char)(state >> 24);
    }
    return data;
}

struct scenario_sink {
    char *data;
    size_t size, room;
};

static inline int scenario_take(void *context, const void *data, size_t size, struct error *error)
{
    struct scenario_sink *sink = context;

    (void)error;
    assert_true(sink->size + size <= sink->room);
    memcpy(sink->data + sink->size, data, size);
    sink->size += size;
    return 0;
}

/* In uneven pieces. 0, or what went wrong. */
static inline int scenario_put(struct store *store, const char *name, const char *data, size_t size,
                               struct arena *arena, struct store_object *stored,
                               struct error *error)
{
    static const struct store_pair metadata[] = {{"key-id", "k 1"}, {"format", "etcd"}, {0}};
    AUTO_STORE_PUT struct store_put *put = NULL;
    int result = store_put_begin(store, name, metadata, &put, error);

    for (size_t at = 0; !result && at < size;) {
        size_t piece = size - at < 99991 ? size - at : 99991;
        result = store_put_write(put, data + at, piece, error);
        at += piece;
    }
    return result ? result : store_put_finish(put, arena, stored, error);
}

static inline void scenario_expect(struct store *store, const char *name, const char *data,
                                   size_t size)
{
    struct scenario_sink sink = {.data = xmalloc(size + 1), .room = size};
    struct error error = {0};

    if (store_get(store, name, NULL, scenario_take, &sink, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(sink.size, size);
    assert_memory_equal(sink.data, data, size);
    free(sink.data);
}

static inline int scenario_count(void *context, const struct store_object *object,
                                 struct error *error)
{
    (void)object, (void)error;
    ++*(size_t *)context;
    return 0;
}

static inline int scenario_count_uploads(void *context, const struct store_leftover *leftover,
                                         struct error *error)
{
    (void)leftover, (void)error;
    ++*(size_t *)context;
    return 0;
}

/* For a store that cannot say it. */
static size_t (*scenario_count_unfinished)(void);

static inline size_t scenario_uploads(struct store *store)
{
    struct error error = {0};
    size_t count = 0;

    if (scenario_count_unfinished) {
        return scenario_count_unfinished();
    }
    if (store_list_uploads(store, "", scenario_count_uploads, &count, &error)) {
        fail_msg("%s", error.message);
    }
    return count;
}

static inline void scenario_sizes(struct store *store)
{
    static const size_t sizes[] = {0, 1, STORE_PART_SIZE, STORE_PART_SIZE + 1,
                                   2 * STORE_PART_SIZE + 12345};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        AUTO_FREE char *data = scenario_bytes(sizes[i]);
        struct store_object stored, seen;
        struct error error = {0};
        if (scenario_put(store, "a/size", data, sizes[i], arena, &stored, &error) ||
            store_stat(store, "a/size", arena, &seen, &error)) {
            fail_msg("%zu bytes: %s", sizes[i], error.message);
        }
        assert_int_equal(seen.size, sizes[i]);
        assert_non_null(seen.checksum);
        assert_string_equal(seen.checksum, stored.checksum);
        size_t pairs = 0;
        for (const struct store_pair *pair = seen.metadata; pair->name; pair++) {
            pairs += !strcmp(pair->name, "key-id") && !strcmp(pair->value, "k 1");
        }
        assert_int_equal(pairs, 1);
        scenario_expect(store, "a/size", data, sizes[i]);
    }
    assert_int_equal(scenario_uploads(store), 0);
}

static inline void scenario_range(struct store *store)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char out[16];
    struct scenario_sink sink = {.data = out, .room = sizeof out};
    const struct store_range range = {.offset = 3, .size = 4};
    struct store_object stored;
    struct error error = {0};

    assert_int_equal(scenario_put(store, "range", "0123456789", 10, arena, &stored, &error), 0);
    assert_int_equal(store_get(store, "range", &range, scenario_take, &sink, &error), 0);
    assert_int_equal(sink.size, 4);
    assert_memory_equal(out, "3456", 4);
}

static inline void scenario_names(struct store *store)
{
    static const char *const good[] = {"n/a b", "n/\xC3\xBC\xE2\x82\xAC", "n/+&=%?#;,@!*'()$~",
                                       "n/deep/er/and/so/on", "n/<\"quoted\">"};
    static const char *const bad[] = {"",     "/a",   "a/",   "a//b",    "../a",
                                      "a/.b", "a\nb", "\xFF", "\xC0\x80"};
    struct error error = {0};
    size_t count = 0;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct store_object stored;
        if (scenario_put(store, good[i], good[i], strlen(good[i]), arena, &stored, &error)) {
            fail_msg("%s: %s", good[i], error.message);
        }
        scenario_expect(store, good[i], good[i], strlen(good[i]));
    }
    assert_int_equal(store_list(store, "n/", scenario_count, &count, &error), 0);
    assert_int_equal(count, sizeof good / sizeof *good);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(store_remove(store, good[i], &error), 0);
        assert_int_equal(store_remove(store, good[i], &error), 0);
    }
    count = 0;
    assert_int_equal(store_list(store, "n/", scenario_count, &count, &error), 0);
    assert_int_equal(count, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct store_put *put;
        assert_int_equal(store_put_begin(store, bad[i], NULL, &put, &error), -(int)ERROR_INVALID);
    }
}

/* Aborted, forgotten, and left by a process that was killed. */
static inline void scenario_abort(struct store *store)
{
    AUTO_FREE char *data = scenario_bytes(STORE_PART_SIZE + 1);
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object object;
    struct error error = {0};
    struct store_put *put;
    size_t aborted;

    assert_int_equal(store_put_begin(store, "gone", NULL, &put, &error), 0);
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE + 1, &error), 0);
    assert_int_equal(scenario_uploads(store), 1);
    assert_int_equal(store_put_abort(put, &error), 0);
    assert_int_equal(scenario_uploads(store), 0);
    store_put_free(put);
    assert_int_equal(store_put_begin(store, "gone", NULL, &put, &error), 0);
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE + 1, &error), 0);
    store_put_free(put);
    assert_int_equal(scenario_uploads(store), 0);
    assert_int_equal(store_put_begin(store, "stale", NULL, &put, &error), 0);
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE + 1, &error), 0);
    assert_int_equal(store_abort_stale(store, "", 1000, &aborted, &error), 0);
    assert_int_equal(aborted, 0);
    assert_int_equal(store_abort_stale(store, "", INT64_MAX, &aborted, &error), 0);
    assert_int_equal(aborted, 1);
    assert_int_equal(scenario_uploads(store), 0);
    store_put_free(put);
    assert_int_equal(store_stat(store, "gone", arena, &object, &error), -(int)ERROR_NOT_FOUND);
}

#endif
