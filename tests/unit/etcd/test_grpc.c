#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "etcd/grpc.h"

#define LIMIT 16

static void test_frame_round_trip(void **state)
{
    struct buffer out AUTO_BUFFER = {0};
    struct grpc_frame frame;

    (void)state;
    assert_true(grpc_frame_append(&out, "hello", 5));
    assert_true(grpc_frame_append(&out, NULL, 0));
    assert_true(grpc_frame_append(&out, "you", 3));
    assert_int_equal(out.size, 3 * GRPC_PREFIX_SIZE + 8);

    const char *at = out.data;
    size_t left = out.size;
    static const char *const expected[] = {"hello", "", "you"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(grpc_frame_scan(at, left, LIMIT, &frame, NULL), 1);
        assert_int_equal(frame.size, strlen(expected[i]));
        assert_memory_equal(frame.data, expected[i], frame.size);
        at += GRPC_PREFIX_SIZE + frame.size;
        left -= GRPC_PREFIX_SIZE + frame.size;
    }
    assert_int_equal(left, 0);
    assert_int_equal(grpc_frame_scan(NULL, 0, LIMIT, &frame, NULL), 0);
}

static void test_frame_respects_the_buffers_limit(void **state)
{
    struct buffer out AUTO_BUFFER = {.limit = 8};

    (void)state;
    assert_false(grpc_frame_append(&out, "hello", 5));
}

/* Every cut of a frame is "not yet", whatever is missing. */
static void test_truncated_frame_waits(void **state)
{
    static const char bytes[] = "\0\0\0\0\5hello";
    struct grpc_frame frame;

    (void)state;
    for (size_t size = 0; size < sizeof bytes - 1; size++) {
        assert_int_equal(grpc_frame_scan(bytes, size, LIMIT, &frame, NULL), 0);
    }
    assert_int_equal(grpc_frame_scan(bytes, sizeof bytes - 1, LIMIT, &frame, NULL), 1);
}

static void test_refused_frames(void **state)
{
    struct grpc_frame frame;
    struct error error = {0};

    (void)state;
    assert_int_equal(grpc_frame_scan("\0\0\0\0\x11", 5, LIMIT, &frame, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "17 bytes"));
    assert_int_equal(grpc_frame_scan("\0\xff\xff\xff\xff", 5, LIMIT, &frame, &error),
                     -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "4294967295 bytes"));
    assert_int_equal(grpc_frame_scan("\1\0\0\0\0", 5, LIMIT, &frame, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "compressed"));
    assert_int_equal(grpc_frame_scan("<html>", 6, LIMIT, &frame, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "not gRPC"));
}

static void test_message_decoding(void **state)
{
    const struct {
        const char *in, *out;
    } cases[] = {
        {"etcdserver: no leader", "etcdserver: no leader"},
        {"100%25 of %C3%A9%c3%A9", "100% of \xc3\xa9\xc3\xa9"},
        {"%", "%"},
        {"%4", "%4"},
        {"%zz%4x%", "%zz%4x%"},
        {"a%00b", "a?b"}, /* Or the text would end there. */
        {"%0A%1b[31m", "??[31m"},
        {"%ff%C3(%C0%80%ED%A0%80%F5%80%80%80", "??"
                                               "(?????????"},
        {"\xe2\x82", "??"},
        {"%E2%82%AC%F0%9F%98%80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].in);
        grpc_decode_message(text);
        assert_string_equal(text, cases[i].out);
    }
}

static struct http_response response_of(long status, const char *headers, const char *body,
                                        size_t body_size)
{
    struct http_response response = {.status = status};

    assert_true(buffer_append(&response.headers, headers, strlen(headers)));
    assert_true(buffer_append(&response.body, body, body_size));
    return response;
}

static void check(long status, const char *headers, const char *body, size_t body_size,
                  enum error_kind kind, const char *words)
{
    struct http_response response AUTO_HTTP_RESPONSE =
        response_of(status, headers, body, body_size);
    struct grpc_frame frame = {0};
    struct error error = {0};

    assert_int_equal(grpc_unary_answer(&response, LIMIT, &frame, &error), -(int)kind);
    if (kind && !strstr(error.message, words)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    if (!kind) {
        assert_int_equal(frame.size, strlen(words));
        assert_memory_equal(frame.data, words, frame.size);
    }
}

static void test_unary_answers(void **state)
{
    static const char ok[] = "content-type: application/grpc\r\ngrpc-status: 0\r\n";
    static const char lower[] = "Content-Type: application/grpc\r\nGrpc-Status: 0\r\n"
                                "Grpc-Message: \r\n";

    (void)state;
    check(200, ok, "\0\0\0\0\2hi", 7, ERROR_NONE, "hi");
    check(200, lower, "\0\0\0\0\0", 5, ERROR_NONE, "");
    check(200, ok, "\0\0\0\0\2h", 6, ERROR_RETRYABLE, "ends within");
    check(200, ok, "", 0, ERROR_RETRYABLE, "ends within");
    check(200, ok, "\0\0\0\0\2hi\0\0\0\0\0", 12, ERROR_RETRYABLE, "more than one");
    check(200, ok, "\0\0\0\0\2hi!", 8, ERROR_RETRYABLE, "more than one");
    check(200, ok, "\1\0\0\0\2hi", 7, ERROR_RETRYABLE, "compressed");
    check(200, ok, "\0\0\1\0\0", 5, ERROR_RETRYABLE, "limit");
}

/* A whole message without its status may be a part of the truth. */
static void test_missing_status_is_a_failure(void **state)
{
    (void)state;
    check(200, "content-type: application/grpc\r\n", "\0\0\0\0\2hi", 7, ERROR_RETRYABLE,
          "without grpc-status");
    check(502, "content-type: text/html\r\n", "<html>", 6, ERROR_RETRYABLE, "502");
    check(403, "", "", 0, ERROR_DENIED, "403");
    check(500, "grpc-status: 0\r\n", "\0\0\0\0\0", 5, ERROR_RETRYABLE, "500");
}

static void test_status_kinds(void **state)
{
    static const enum error_kind kinds[] = {
        ERROR_NONE,      ERROR_RETRYABLE, ERROR_RETRYABLE, ERROR_INVALID,   ERROR_RETRYABLE,
        ERROR_NOT_FOUND, ERROR_EXISTS,    ERROR_DENIED,    ERROR_RETRYABLE, ERROR_CONFLICT,
        ERROR_CONFLICT,  ERROR_INVALID,   ERROR_TERMINAL,  ERROR_RETRYABLE, ERROR_RETRYABLE,
        ERROR_TERMINAL,  ERROR_DENIED,    ERROR_RETRYABLE, /* 17 is no status. */
    };

    (void)state;
    for (size_t i = 1; i < sizeof kinds / sizeof *kinds; i++) {
        char headers[128];
        snprintf(headers, sizeof headers,
                 "grpc-status: %zu\r\ngrpc-message: etcdserver: it%%27s so\r\n", i);
        check(200, headers, "", 0, kinds[i], ": etcdserver: it's so");
    }
    check(200, "grpc-status: x\r\n", "", 0, ERROR_RETRYABLE, "UNKNOWN: the server gave no reason");
    check(200, "grpc-status: 000\r\n", "", 0, ERROR_RETRYABLE, "UNKNOWN");
    check(200, "grpc-status: 14\r\ngrpc-message: etcdserver: no leader\r\n", "", 0, ERROR_RETRYABLE,
          "UNAVAILABLE: etcdserver: no leader");
}

/* The last one counts: a proxy may have put one in front. */
static void test_last_status_counts(void **state)
{
    (void)state;
    check(200, "grpc-status: 0\r\ngrpc-status: 5\r\ngrpc-message: gone\r\n", "\0\0\0\0\0", 5,
          ERROR_NOT_FOUND, "NOT_FOUND: gone");
}

static void test_long_message_is_cut_at_a_character(void **state)
{
    char headers[512] = "grpc-status: 14\r\ngrpc-message: x", words[512] = "UNAVAILABLE: x";
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < 150; i++) {
        strcat(headers, "\xc3\xa9");
        strcat(words, i < 99 ? "\xc3\xa9" : "");
    }
    strcat(headers, "\r\n");
    struct http_response response AUTO_HTTP_RESPONSE = response_of(200, headers, "", 0);
    assert_int_equal(grpc_check_status(&response, &error), -ERROR_RETRYABLE);
    assert_string_equal(error.message, words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_round_trip),
        cmocka_unit_test(test_frame_respects_the_buffers_limit),
        cmocka_unit_test(test_truncated_frame_waits),
        cmocka_unit_test(test_refused_frames),
        cmocka_unit_test(test_message_decoding),
        cmocka_unit_test(test_unary_answers),
        cmocka_unit_test(test_missing_status_is_a_failure),
        cmocka_unit_test(test_status_kinds),
        cmocka_unit_test(test_last_status_counts),
        cmocka_unit_test(test_long_message_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
