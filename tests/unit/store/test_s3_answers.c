/* S3's answers, its refusals, and the file with its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/s3_internal.h"
#include "store/s3_xml.h"

static int parse(const char *text, struct arena *arena, struct s3_answer *answer)
{
    struct error error;

    return s3_xml_parse(text, strlen(text), arena, answer, &error);
}

static void test_a_page_of_objects(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct s3_answer answer;

    (void)state;
    assert_int_equal(
        parse(
            "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/\">"
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>"
            "<Contents><Key>a b</Key><Size>9000000000</Size>"
            "<LastModified>2026-11-24T16:40:04.000Z</LastModified>"
            "<Owner><ID>x</ID><Key>not this</Key></Owner></Contents>"
            "<Contents><Key>\xC3\xBC</Key></Contents></ListBucketResult>",
            arena, &answer),
        0);
    assert_true(answer.truncated);
    assert_string_equal(answer.next_token, "t&1");
    assert_int_equal(answer.n_rows, 2);
    assert_string_equal(answer.rows[0].key, "a b");
    assert_int_equal(answer.rows[0].size, 9000000000);
    assert_int_equal(answer.rows[0].time_ms, clock_parse_rfc3339("2026-11-24T16:40:04Z"));
    assert_string_equal(answer.rows[1].key, "\xC3\xBC");
}

static void test_uploads(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct s3_answer answer;

    (void)state;
    assert_int_equal(parse("<ListMultipartUploadsResult><NextKeyMarker>k</NextKeyMarker>"
                           "<NextUploadIdMarker>u</NextUploadIdMarker><Upload><Key>k</Key>"
                           "<UploadId>u</UploadId></Upload></ListMultipartUploadsResult>",
                           arena, &answer),
                     0);
    assert_string_equal(answer.rows[0].upload_id, "u");
    assert_null(answer.upload_id); /* That would be the one of an upload that begins. */
    assert_string_equal(answer.next_upload_marker, "u");
}

static void test_what_is_no_answer(void **state)
{
    static const char *const texts[] = {
        "",
        "<html><p>502</html>",
        "<a><b>",
        "no",
        "<!DOCTYPE x [<!ENTITY a \"aa\">]><x>&a;</x>",
        "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>"};
    AUTO_ARENA struct arena *arena = arena_new();
    struct s3_answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(parse(texts[i], arena, &answer), -(int)ERROR_RETRYABLE);
    }
}

static void expect_refusal(long status, const char *headers, const char *body, enum error_kind kind,
                           const char *words)
{
    char bucket[] = "b", region[] = "us-east-1";
    const struct s3 s3 = {.bucket = bucket, .region = region};
    const struct s3_call call = {.step = "upload part 3"};
    AUTO_HTTP_RESPONSE struct http_response response = {.status = status};
    struct error error = {0};

    buffer_printf(&response.headers, "%s", headers);
    buffer_printf(&response.body, "%s", body);
    assert_int_equal(s3_refused(&s3, &call, &response, &error), -(int)kind);
    assert_int_equal(strncmp(error.message, "upload part 3 in bucket b: ", 27), 0);
    if (!strstr(error.message, words)) {
        fail_msg("%s is not in: %s", words, error.message);
    }
}

static void test_refusals_say_what_to_do(void **state)
{
    (void)state;
    expect_refusal(503, "Retry-After: 2\r\n", "<Error><Code>SlowDown</Code></Error>",
                   ERROR_RETRYABLE, "asked too much");
    expect_refusal(502, "", "<html>bad gateway", ERROR_RETRYABLE, "HTTP 502");
    expect_refusal(403, "", "<Error><Code>SignatureDoesNotMatch</Code></Error>", ERROR_DENIED,
                   "signature was refused");
    expect_refusal(404, "", "<Error><Code>NoSuchBucket</Code></Error>", ERROR_INVALID,
                   "no such bucket");
    expect_refusal(404, "", "", ERROR_NOT_FOUND, "no such object");
    expect_refusal(301, "x-amz-bucket-region: eu-west-1\r\n", "", ERROR_INVALID,
                   "in region eu-west-1, and we asked in us-east-1");
    expect_refusal(400, "", "<Error><Code>RequestTimeout</Code></Error>", ERROR_RETRYABLE,
                   "waited");
    /* An answer that began well. */
    expect_refusal(200, "", "<Error><Code>SomethingNew</Code></Error>", ERROR_RETRYABLE,
                   "SomethingNew");
    expect_refusal(403, "Date: Fri, 24 May 2013 00:00:00 GMT\r\n",
                   "<Error><Code>RequestTimeTooSkewed</Code></Error>", ERROR_DENIED,
                   "there 2013-05-24T00:00:00Z");
}

static void test_credentials(void **state)
{
    AUTO_S3_CREDENTIALS struct s3_credentials keys = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(s3_credentials_parse("[other]\naws_access_key_id = no\n[default]\n# words\n"
                                          "aws_access_key_id=A\r\naws_secret_access_key = s=/+ \n"
                                          "  AWS_SESSION_TOKEN = t\n[third]\n"
                                          "aws_access_key_id = no\n",
                                          "file", &keys, &error),
                     0);
    assert_string_equal(keys.access_key, "A");
    assert_string_equal(keys.secret_key, "s=/+");
    assert_string_equal(keys.session_token, "t");
    s3_credentials_fini(&keys);
    assert_int_equal(s3_credentials_parse("aws_access_key_id = A\n", "file", &keys, &error),
                     -(int)ERROR_INVALID);
    assert_non_null(strstr(error.message, "aws_secret_access_key"));
}

static int open_url(const char *url, const char *endpoint, struct error *error)
{
    const struct store_destination destination = {.url = url, .endpoint = endpoint};
    AUTO_STORE struct store *store = NULL;

    return store_open(&destination, &store, error);
}

static void test_destinations(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(open_url("s3://bucket/a/b/", NULL, &error), 0);
    assert_int_equal(open_url("s3://bucket", "http://[::1]:9000/", &error), 0);
    assert_int_equal(open_url("s3://", NULL, &error), -(int)ERROR_INVALID);
    assert_int_equal(open_url("s3://Upper/x", NULL, &error), -(int)ERROR_INVALID);
    assert_int_equal(open_url("s3://bucket/../x", NULL, &error), -(int)ERROR_INVALID);
    assert_int_equal(open_url("s3://bucket", "minio:9000", &error), -(int)ERROR_INVALID);
    assert_int_equal(open_url("ftp://bucket", NULL, &error), -(int)ERROR_INVALID);
    assert_non_null(strstr(error.message, "s3://BUCKET/PREFIX"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_of_objects), cmocka_unit_test(test_uploads),
        cmocka_unit_test(test_what_is_no_answer), cmocka_unit_test(test_refusals_say_what_to_do),
        cmocka_unit_test(test_credentials),       cmocka_unit_test(test_destinations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
