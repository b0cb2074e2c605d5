/* Answers of the API server as typed errors. */
#include <string.h>

#include "cmocka_test.h"
#include "kube/status.h"

static void test_kinds(void **state)
{
    static const struct {
        long status;
        const char *reason;
        enum error_kind kind;
    } rows[] = {
        {400, "BadRequest", ERROR_INVALID},
        {401, "Unauthorized", ERROR_DENIED},
        {403, "Forbidden", ERROR_DENIED},
        {404, "NotFound", ERROR_NOT_FOUND},
        {405, "MethodNotAllowed", ERROR_INVALID},
        {408, NULL, ERROR_RETRYABLE},
        {409, "AlreadyExists", ERROR_EXISTS},
        {409, "Conflict", ERROR_CONFLICT},
        {409, NULL, ERROR_CONFLICT},
        {410, "Expired", ERROR_GONE},
        {410, "Gone", ERROR_GONE},
        {413, "RequestEntityTooLarge", ERROR_INVALID},
        {415, "UnsupportedMediaType", ERROR_INVALID},
        {422, "Invalid", ERROR_INVALID},
        {429, "TooManyRequests", ERROR_RETRYABLE},
        {500, "InternalError", ERROR_RETRYABLE},
        {503, "ServiceUnavailable", ERROR_RETRYABLE},
        {504, "Timeout", ERROR_RETRYABLE},
        {302, NULL, ERROR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(kube_status_kind(rows[i].status, rows[i].reason), rows[i].kind);
    }
}

static int from(long http_status, const char *body, const char *retry_after, struct error *error)
{
    *error = (struct error){0};
    return kube_status_error("get pods ns/p", http_status, body, strlen(body), retry_after, error);
}

static void test_the_message_quotes_the_server(void **state)
{
    struct error error;

    (void)state;
    int result = from(403,
                      "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\","
                      "\"message\":\"exceeded quota: pods\",\"code\":403}",
                      NULL, &error);
    assert_int_equal(result, -ERROR_DENIED);
    assert_int_equal(error.kind, ERROR_DENIED);
    assert_string_equal(error.message, "get pods ns/p: HTTP 403 Forbidden: exceeded quota: pods");
}

static void test_another_uid_is_a_conflict(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(from(422,
                          "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"details\":{\"causes\":"
                          "[{\"field\":\"metadata.uid\"}]}}",
                          NULL, &error),
                     -ERROR_CONFLICT);
    assert_int_equal(from(422,
                          "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"details\":{\"causes\":"
                          "[{\"field\":\"metadata.name\"}]}}",
                          NULL, &error),
                     -ERROR_INVALID);
}

static void test_answers_without_a_status(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(from(502, "<html>\r\nBad\x01 Gateway", NULL, &error), -ERROR_RETRYABLE);
    assert_string_equal(error.message,
                        "get pods ns/p: HTTP 502 without a Status: <html>  Bad  Gateway");
    assert_int_equal(from(404, "", NULL, &error), -ERROR_NOT_FOUND);
    assert_int_equal(from(409, "{\"kind\":\"Pod\"}", NULL, &error), -ERROR_CONFLICT);
    assert_int_equal(from(422, "[]", NULL, &error), -ERROR_INVALID);
}

static void test_retry_after(void **state)
{
    static const char in_body[] = "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\","
                                  "\"details\":{\"retryAfterSeconds\":7}}";
    struct error error;

    (void)state;
    from(429, in_body, NULL, &error);
    assert_int_equal(error.retry_after_ms, 7000);
    from(503, "", "3", &error);
    assert_int_equal(error.retry_after_ms, 3000);
    from(503, "", "Wed, 21 Oct 2026 07:28:00 GMT", &error);
    assert_int_equal(error.retry_after_ms, 0);
    from(503, "", "99999999999999999999", &error);
    assert_int_equal(error.retry_after_ms, 3600 * 1000);
    from(503, "", "-5", &error);
    assert_int_equal(error.retry_after_ms, 0);
    from(404, in_body, "3", &error);
    assert_int_equal(error.retry_after_ms, 0);
}

static void test_the_error_event_of_a_watch(void **state)
{
    struct error error = {0};
    json_t *expired = json_pack("{s:s, s:s, s:i}", "reason", "Expired", "message",
                                "too old resource version", "code", 410);
    json_t *other = json_pack("{s:s}", "message", "boom");

    (void)state;
    assert_int_equal(kube_status_object_error("watch", expired, &error), -ERROR_GONE);
    assert_non_null(strstr(error.message, "too old resource version"));
    json_object_del(expired, "code");
    assert_int_equal(kube_status_object_error("watch", expired, &error), -ERROR_GONE);
    assert_int_equal(kube_status_object_error("watch", other, &error), -ERROR_RETRYABLE);
    json_decref(expired);
    json_decref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_the_message_quotes_the_server),
        cmocka_unit_test(test_another_uid_is_a_conflict),
        cmocka_unit_test(test_answers_without_a_status),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_the_error_event_of_a_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
