/* Errors, arenas, buffers, time, back-off, JSON. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/backoff.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"

static void test_a_cut_message_is_still_text(void **state)
{
    struct error error;
    char euros[ERROR_MESSAGE_SIZE];

    (void)state;
    for (size_t i = 0; i + 3 < sizeof euros; i += 3) {
        memcpy(euros + i, "\xe2\x82\xac", 4);
    }
    for (int lead = 0; lead < 3; lead++) {
        error_set(&error, ERROR_INVALID, "%.*s%s", lead, "aa", euros);
        error_wrap(&error, "%s", "context");
        json_t *json = json_string(error.message); /* NULL unless it is UTF-8. */
        assert_non_null(json);
        json_decref(json);
    }
}

static void test_error(void **state)
{
    struct error error = {.retry_after_ms = 5};

    (void)state;
    assert_int_equal(error_set(&error, ERROR_CONFLICT, "pod %s: %d", "c-0", 7), -ERROR_CONFLICT);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_int_equal(error.retry_after_ms, 0);
    assert_string_equal(error.message, "pod c-0: 7");
    error.retry_after_ms = 9;
    assert_int_equal(error_wrap(&error, "cluster %s", "ns/c"), -ERROR_CONFLICT);
    assert_string_equal(error.message, "cluster ns/c: pod c-0: 7");
    assert_int_equal(error.retry_after_ms, 9);
    assert_int_equal(error_set(NULL, ERROR_GONE, "nobody listens"), -ERROR_GONE);
    assert_true(error_wrap(NULL, "nobody listens") < 0);
}

static void test_error_is_cut(void **state)
{
    struct error error;
    char *text = xcalloc(1, 2 * ERROR_MESSAGE_SIZE);

    (void)state;
    memset(text, 'x', 2 * ERROR_MESSAGE_SIZE - 1);
    error_set(&error, ERROR_INVALID, "%s", text);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
    error_wrap(&error, "front");
    assert_memory_equal(error.message, "front: xxx", 10);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
    error_wrap(&error, "%s", text); /* A context that fills it alone. */
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
    free(text);
}

static void test_error_kinds_have_names(void **state)
{
    (void)state;
    for (int kind = ERROR_NONE; kind <= ERROR_TERMINAL; kind++) {
        assert_string_not_equal(error_kind_name((enum error_kind)kind), "unknown");
    }
    assert_string_equal(error_kind_name((enum error_kind)99), "unknown");
    assert_string_equal(error_kind_name((enum error_kind) - 1), "unknown");
}

static char order[8];

static void note(void *pointer)
{
    strncat(order, pointer, sizeof order - strlen(order) - 1);
}

static void test_arena(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    for (size_t size = 0; size < 5000; size += 7) {
        char *memory = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(memory[i], 0);
        }
        memset(memory, 0xee, size); /* Must not show in what comes next. */
    }
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_strdup(arena, "text"), "text");
    assert_string_equal(arena_strndup(arena, "text", 2), "te");
    assert_string_equal(arena_printf(arena, "%s-%d", "c", 12), "c-12");
    arena_defer(arena, note, (char[]){"1"});
    arena_defer(arena, note, (char[]){"2"});
    order[0] = '\0';
    arena_free(arena);
    assert_string_equal(order, "21"); /* Newest first. */
    arena_free(NULL);
}

static void test_arena_owns_json(void **state)
{
    struct arena *arena = arena_new();
    json_t *json = json_object();

    (void)state;
    json_incref(json);
    assert_ptr_equal(arena_json(arena, json), json);
    assert_null(arena_json(arena, NULL));
    arena_free(arena);
    assert_int_equal(json->refcount, 1);
    json_decref(json);
}

static void test_buffer(void **state)
{
    struct buffer buffer = {.limit = 10};

    (void)state;
    assert_true(buffer_append(&buffer, "12345", 5));
    assert_true(buffer_append(&buffer, "67890", 5));
    assert_false(buffer_append(&buffer, "x", 1));
    assert_false(buffer_append(&buffer, "x", (size_t)-1)); /* No overflow of the sum. */
    assert_int_equal(buffer.size, 10);
    assert_string_equal(buffer.data, "1234567890");
    buffer_consume(&buffer, 4);
    assert_string_equal(buffer.data, "567890");
    assert_true(buffer_append(&buffer, "ab", 2));
    assert_string_equal(buffer.data, "567890ab");
    buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_string_equal(buffer.data, "");
    buffer_fini(&buffer);
    assert_null(buffer.data);
    buffer_clear(&buffer);

    struct buffer text = {0};
    for (int i = 0; i < 1000; i++) {
        buffer_printf(&text, "%04d", i);
    }
    assert_int_equal(text.size, 4000);
    assert_int_equal(strlen(text.data), 4000);
    assert_string_equal(text.data + 3996, "0999");
    buffer_fini(&text);
}

static void test_dates(void **state)
{
    char text[CLOCK_RFC3339_SIZE];
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T16:40:04Z", INT64_C(1795452004000)},
        {"2026-11-23T16:40:04.5Z", INT64_C(1795452004500)},
        {"2026-11-23T16:40:04.123456789Z", INT64_C(1795452004123)},
        {"2026-11-23T17:40:04+01:00", INT64_C(1795452004000)},
        {"2026-11-23T11:10:04-05:30", INT64_C(1795452004000)},
        {"2026-11-23", -1},
        {"2026-11-23T16:40:04", -1},
        {"2026-11-23T16:40:04Zx", -1},
        {"2026-11-23T16:40:04+01", -1},
        {"2026-11-23T16:40:04+01:00x", -1},
        {"", -1},
        {NULL, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = clock_parse_rfc3339(cases[i].text);
        if (got != cases[i].ms) {
            fail_msg("%s: %lld", cases[i].text, (long long)got);
        }
    }
    assert_string_equal(clock_rfc3339(INT64_C(1795452004999), text, sizeof text),
                        "2026-11-23T16:40:04Z");
    assert_string_equal(clock_rfc3339_micro(INT64_C(1795452004009), text, sizeof text),
                        "2026-11-23T16:40:04.009000Z");
    assert_true(clock_boot_ms() > 0);
    assert_true(clock_boot_ms() <= clock_boot_ms());
}

static void test_backoff(void **state)
{
    struct backoff backoff = {.base_ms = 800, .max_ms = 30000, .factor = 2, .jitter = 1};
    static const int64_t delays[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};

    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        assert_int_equal(backoff_next_ms(&backoff, 0), delays[i]);
    }
    backoff.failures = UINT32_MAX;
    assert_int_equal(backoff_next_ms(&backoff, 0.5), 45000);
    assert_int_equal(backoff.failures, UINT32_MAX);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next_ms(&backoff, 0.25), 1000);
    backoff.jitter = 0;
    assert_int_equal(backoff_next_ms(&backoff, 0.9), 1600);
}

static void test_json(void **state)
{
    static const char text[] = "{\"b\":{\"n\":9007199254740993,\"s\":\"x\"},\"a\":[1]}";
    struct error error = {0};
    AUTO_JSON json_t *json = json_parse(text, strlen(text), "the pod", &error);

    (void)state;
    assert_non_null(json);
    assert_int_equal(json_path_integer(json, -1, "b", "n", NULL), INT64_C(9007199254740993));
    assert_int_equal(json_path_integer(json, -1, "b", "s", NULL), -1);
    assert_int_equal(json_path_integer(json, -1, "b", "missing", NULL), -1);
    assert_string_equal(json_path_string(json, "b", "s", NULL), "x");
    assert_null(json_path_string(json, "b", "n", NULL));
    assert_null(json_path(json, "a", "b", "c", NULL));
    assert_null(json_path(NULL, "a", NULL));
    AUTO_FREE char *canonical = json_canonical(json);
    assert_string_equal(canonical, "{\"a\":[1],\"b\":{\"n\":9007199254740993,\"s\":\"x\"}}");

    assert_null(json_parse("{\"a\":1,\"a\":2}", 13, "the pod", &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "the pod is not valid JSON: line 1"));
    assert_null(json_parse("{}x", 3, "the pod", &error));
}

static void test_random(void **state)
{
    char hex[33], other[33];

    (void)state;
    random_hex(hex, 16);
    random_hex(other, 16);
    assert_int_equal(strlen(hex), 32);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
    assert_string_not_equal(hex, other);
    for (int i = 0; i < 1000; i++) {
        double chance = random_chance();
        assert_true(chance >= 0 && chance < 1);
    }
}

static void test_memory(void **state)
{
    (void)state;
    char *text = xasprintf("%s:%d", "host", 80);
    assert_string_equal(text, "host:80");
    memory_wipe(text, 4);
    assert_memory_equal(text, "\0\0\0\0:80", 8);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_message_is_still_text),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_error_is_cut),
        cmocka_unit_test(test_error_kinds_have_names),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_owns_json),
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_memory),
    };
    mallopt(M_PERTURB, 0xaa); /* Fresh memory is not zero by chance. */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
