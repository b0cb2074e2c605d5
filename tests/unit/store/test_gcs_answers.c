/* What Google answers, its refusals, and the files with its credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "store/gcs_credentials.h"
#include "store/gcs_internal.h"
#include "store/jwt.h"

static void test_an_object(void **state)
{
    static const char text[] =
        "{\"name\":\"p/a\",\"size\":\"9000000000\",\"updated\":\"2026-11-24T16:40:04.5Z\","
        "\"crc32c\":\"4waSgw==\",\"generation\":\"1764\",\"metadata\":{\"key-id\":\"k\",\"n\":1}}";
    AUTO_ARENA struct arena *arena = arena_new();
    struct gcs_object object;
    struct error error = {0};

    (void)state;
    assert_int_equal(gcs_json_object(text, strlen(text), arena, &object, &error), 0);
    assert_string_equal(object.key, "p/a");
    assert_int_equal(object.size, 9000000000);
    assert_int_equal(object.modified_ms, clock_parse_rfc3339("2026-11-24T16:40:04.5Z"));
    assert_string_equal(object.checksum, "crc32c:e3069283"); /* Of "123456789". */
    assert_string_equal(object.generation, "1764");
    assert_string_equal(object.metadata[0].name, "key-id");
    assert_null(object.metadata[1].name);
}

static void test_no_object(void **state)
{
    static const char *const texts[] = {"",
                                        "<html>",
                                        "[]",
                                        "{\"name\":\"a\"}",
                                        "{\"name\":\"a\",\"size\":\"-1\"}",
                                        "{\"name\":\"a\",\"size\":1}",
                                        "{\"size\":\"1\"}"};
    AUTO_ARENA struct arena *arena = arena_new();
    struct gcs_object object;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error error = {0};
        assert_int_equal(gcs_json_object(texts[i], strlen(texts[i]), arena, &object, &error),
                         -(int)ERROR_RETRYABLE);
    }
}

static int token_of(const char *text, char **token, int64_t *lifetime_ms)
{
    struct error error = {0};

    return gcs_json_token(text, strlen(text), token, lifetime_ms, &error);
}

static void test_tokens(void **state)
{
    char until[CLOCK_RFC3339_SIZE], *token;
    int64_t lifetime_ms;

    (void)state;
    assert_int_equal(
        token_of("{\"access_token\":\"a.b\",\"expires_in\":3599}", &token, &lifetime_ms), 0);
    assert_string_equal(token, "a.b");
    assert_int_equal(lifetime_ms, 3599000);
    memory_wipe_text(&token);
    clock_rfc3339(clock_wall_ms() + 100000, until, sizeof until);
    AUTO_FREE char *text = xasprintf("{\"accessToken\":\"c\",\"expireTime\":\"%s\"}", until);
    assert_int_equal(token_of(text, &token, &lifetime_ms), 0);
    assert_in_range(lifetime_ms, 90000, 100000);
    memory_wipe_text(&token);
    /* It would end the header. */
    assert_int_equal(token_of("{\"access_token\":\"a\\r\\nb: c\"}", &token, &lifetime_ms),
                     -(int)ERROR_RETRYABLE);
    assert_null(token);
}

static void expect_refusal(const struct gcs_call *call, long status, const char *body,
                           enum error_kind kind, const char *words)
{
    const struct gcs gcs = {.bucket = (char *)"b"};
    struct http_response response = {.status = status};
    struct error error = {0};

    response.body.data = (char *)body;
    response.body.size = strlen(body);
    assert_int_equal(gcs_refused(&gcs, call, &response, &error), -(int)kind);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' is not in: %s", words, error.message);
    }
}

static void test_refusals(void **state)
{
    static const struct gcs_call read = {.step = "read"},
                                 upload = {.step = "upload", .of_upload = true},
                                 list = {.step = "list", .of_bucket = true};

    (void)state;
    expect_refusal(&read, 404, "", ERROR_NOT_FOUND, "read in bucket b: there is no such object");
    expect_refusal(&list, 404, "", ERROR_INVALID, "there is no such bucket");
    expect_refusal(&read, 404, "{\"error\":{\"message\":\"The specified bucket does not exist.\"}}",
                   ERROR_INVALID, "there is no such bucket");
    expect_refusal(&upload, 404, "", ERROR_GONE, "expired or was aborted");
    expect_refusal(&upload, 499, "", ERROR_GONE, "aborted");
    expect_refusal(&read, 412, "", ERROR_CONFLICT, "replaced");
    expect_refusal(&read, 503, "<html>", ERROR_RETRYABLE, "HTTP 503");
    expect_refusal(&read, 429, "", ERROR_RETRYABLE, "HTTP 429");
    expect_refusal(&read, 408, "", ERROR_RETRYABLE, "HTTP 408");
    expect_refusal(&read, 403, "{\"error\":{\"errors\":[{\"reason\":\"forbidden\"}]}}",
                   ERROR_DENIED, "Storage Object User");
    expect_refusal(&read, 403, "{\"error\":{\"errors\":[{\"reason\":\"userRateLimitExceeded\"}]}}",
                   ERROR_RETRYABLE, "asked too much");
}

static void test_credentials(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"private", "it is not JSON"},
               {"{}", "its type is missing"},
               {"{\"type\":\"authorized_user\"}", "service_account and external_account work"},
               {"{\"type\":\"service_account\",\"client_email\":\"a\"}", "private_key is missing"},
               {"{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\","
                "\"token_uri\":\"ftp://x\"}",
                "token_uri is no URL"},
               {"{\"type\":\"external_account\",\"audience\":\"a\",\"subject_token_type\":\"t\","
                "\"token_url\":\"https://x\",\"credential_source\":{\"url\":\"http://y\"}}",
                "only those work whose token is in a file"}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gcs_credentials credentials;
        struct error error = {0};
        assert_int_equal(gcs_credentials_parse(bad[i].text, "f", &credentials, &error),
                         -(int)ERROR_INVALID);
        if (!strstr(error.message, bad[i].words)) {
            fail_msg("'%s' is not in: %s", bad[i].words, error.message);
        }
    }
}

static void test_what_is_no_key_does_not_sign(void **state)
{
    AUTO_JSON json_t *claims = json_object();
    struct error error = {0};
    char *token;

    (void)state;
    assert_int_equal(jwt_sign("-----BEGIN PRIVATE KEY-----\nAAAA\n", NULL, claims, &token, &error),
                     -(int)ERROR_INVALID);
    assert_null(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object),   cmocka_unit_test(test_no_object),
        cmocka_unit_test(test_tokens),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_credentials), cmocka_unit_test(test_what_is_no_key_does_not_sign)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
