/* The signatures that Amazon's S3 API reference gives as examples, and what is percent-encoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/pki.h"
#include "store/sigv4.h"
#include "store/uri.h"

#define AT_MS INT64_C(1369353600000) /* 20130524T000000Z */

static const struct sigv4_keys keys = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                                       .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};

static const char *authorization(const char *const *headers)
{
    while (*headers && strncmp(*headers, "Authorization: ", 15) != 0) {
        headers++;
    }
    return *headers;
}

static void expect(const char *method, const char *path, const char *query, const char *body,
                   const char *const *headers, const char *signature)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char digest[PKI_SHA256_HEX_SIZE];

    pki_sha256_hex(body, strlen(body), digest);
    const struct sigv4_request request = {.method = method,
                                          .path = path,
                                          .query = query,
                                          .headers = headers,
                                          .payload_sha256 = digest,
                                          .region = "us-east-1",
                                          .service = "s3",
                                          .now_ms = AT_MS};
    const char *text = authorization(sigv4_sign(&keys, &request, arena));
    assert_non_null(text);
    assert_string_equal(strstr(text, "Signature=") + strlen("Signature="), signature);
}

static void test_amazons_examples(void **state)
{
    const char *const get[] = {"range: bytes=0-9", "host: examplebucket.s3.amazonaws.com", NULL};
    const char *const put[] = {"host: examplebucket.s3.amazonaws.com",
                               "date: Fri, 24 May 2013 00:00:00 GMT",
                               "x-amz-storage-class: REDUCED_REDUNDANCY", NULL};
    const char *const plain[] = {"host: examplebucket.s3.amazonaws.com", NULL};

    (void)state;
    expect("GET", "/test.txt", NULL, "", get,
           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    expect("PUT", "/test%24file.text", "", "Welcome to Amazon S3.", put,
           "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    expect("GET", "/", "lifecycle=", "", plain,
           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    expect("GET", "/", "max-keys=2&prefix=J", "", plain,
           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_a_session_token_is_sent_and_signed(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct sigv4_keys temporary = {
        .access_key = "a", .secret_key = "s", .session_token = "token"};
    const char *const given[] = {"host: h", NULL};
    const struct sigv4_request request = {.method = "GET",
                                          .path = "/",
                                          .headers = given,
                                          .payload_sha256 = "00",
                                          .region = "r",
                                          .service = "s3",
                                          .now_ms = AT_MS};
    const char *const *headers = sigv4_sign(&temporary, &request, arena);

    (void)state;
    assert_non_null(strstr(authorization(headers),
                           "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                           "x-amz-security-token,"));
    bool sent = false;
    for (; *headers; headers++) {
        sent |= !strcmp(*headers, "x-amz-security-token: token");
    }
    assert_true(sent);
}

static void test_encoding(void **state)
{
    const char *const pairs[] = {"a b", "x/y", "uploads", "", NULL};
    AUTO_BUFFER struct buffer path = {0}, query = {0};

    (void)state;
    uri_encode(&path, "a b/c+d=e&f~g-h_i.\xC3\xBC", true);
    assert_string_equal(path.data, "a%20b/c%2Bd%3De%26f~g-h_i.%C3%BC");
    uri_query(&query, pairs);
    assert_string_equal(query.data, "a%20b=x%2Fy&uploads=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_amazons_examples),
                                       cmocka_unit_test(test_a_session_token_is_sent_and_signed),
                                       cmocka_unit_test(test_encoding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
