/* Keys for a token: a small STS, whose keys are short-lived and which can refuse. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/server.h"
#include "store/s3_identity.h"

static struct {
    struct http_server *server;
    unsigned status;
    const char *refusal; /* An error code, or NULL. */
    int64_t lifetime_ms;
    int requests;
    char last[4096]; /* Body. */
} sts;

static void answer(void *context, const struct http_server_request *request,
                   struct http_server_answer *out)
{
    char until[CLOCK_RFC3339_SIZE];

    (void)context;
    sts.requests++;
    snprintf(sts.last, sizeof sts.last, "%.*s", (int)request->body_size, request->body);
    out->status = sts.status;
    out->content_type = "text/xml";
    if (sts.refusal) {
        buffer_printf(&out->body,
                      "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
                      "<Type>Sender</Type><Code>%s</Code><Message>said STS</Message></Error>"
                      "<RequestId>1</RequestId></ErrorResponse>",
                      sts.refusal);
        return;
    }
    clock_rfc3339_micro(clock_wall_ms() + sts.lifetime_ms, until, sizeof until);
    buffer_printf(&out->body,
                  "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
                  "<Audience>sts.amazonaws.com</Audience><AssumedRoleUser><Arn>a</Arn>"
                  "</AssumedRoleUser><Credentials><SessionToken>token-%d</SessionToken>"
                  "<SecretAccessKey>secret</SecretAccessKey><Expiration>%s</Expiration>"
                  "<AccessKeyId>ASIA%d</AccessKeyId></Credentials>"
                  "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
                  sts.requests, until, sts.requests);
}

static int start_sts(void **state)
{
    const struct http_server_options options = {.address = "127.0.0.1", .handle = answer};
    struct error error = {0};

    (void)state;
    return http_server_start(&options, &sts.server, &error);
}

static int stop_sts(void **state)
{
    (void)state;
    http_server_stop(sts.server);
    return 0;
}

static void write_token(const char *path, const char *token)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fprintf(file, "%s\n", token);
    fclose(file);
}

struct fixture {
    struct s3_identity identity;
    struct store store;
    char path[64];
    char *endpoint;
};

static void begin(struct fixture *fixture)
{
    const struct http_options options = {0};
    struct error error = {0};
    const char *region;

    *fixture = (struct fixture){.path = "/tmp/test_s3_identity.XXXXXX"};
    close(mkstemp(fixture->path));
    fixture->endpoint = xasprintf("http://127.0.0.1:%d", http_server_port(sts.server));
    const struct store_destination destination = {.role_arn = "arn:aws:iam::1:role/r",
                                                  .web_identity_token_file = fixture->path,
                                                  .sts_endpoint = fixture->endpoint};
    assert_int_equal(s3_identity_init(&fixture->identity, &destination, &region, &error), 0);
    assert_int_equal(http_client_new(&options, &fixture->identity.http, &error), 0);
    fixture->identity.store = &fixture->store;
    write_token(fixture->path, "first");
    sts.status = 200;
    sts.refusal = NULL;
    sts.lifetime_ms = 3600000;
    sts.requests = 0;
}

static void end(struct fixture *fixture)
{
    unlink(fixture->path);
    http_client_free(fixture->identity.http);
    s3_identity_fini(&fixture->identity);
    free(fixture->endpoint);
}

static void test_keys_are_kept_and_renewed(void **state)
{
    const struct s3_credentials *keys;
    struct fixture fixture;
    struct error error = {0};

    (void)state;
    begin(&fixture);
    sts.lifetime_ms = 500;
    assert_int_equal(s3_identity_keys(&fixture.identity, false, &keys, &error), 0);
    assert_string_equal(keys->session_token, "token-1");
    assert_string_equal(keys->secret_key, "secret");
    assert_non_null(strstr(sts.last, "Action=AssumeRoleWithWebIdentity&"));
    assert_non_null(strstr(sts.last, "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"));
    assert_non_null(strstr(sts.last, "WebIdentityToken=first"));
    assert_int_equal(s3_identity_keys(&fixture.identity, false, &keys, &error), 0);
    assert_int_equal(sts.requests, 1);
    write_token(fixture.path, "second");
    int64_t until_ms = clock_boot_ms() + 500;
    while (clock_boot_ms() < until_ms) {
        poll(NULL, 0, 10);
    }
    assert_int_equal(s3_identity_keys(&fixture.identity, false, &keys, &error), 0);
    assert_string_equal(keys->access_key, "ASIA2");
    assert_non_null(strstr(sts.last, "WebIdentityToken=second"));
    end(&fixture);
}

static void expect_refusal(unsigned status, const char *code, enum error_kind kind,
                           const char *words)
{
    const struct s3_credentials *keys;
    struct fixture fixture;
    struct error error = {0};

    begin(&fixture);
    sts.status = status;
    sts.refusal = code;
    assert_int_equal(s3_identity_keys(&fixture.identity, false, &keys, &error), -(int)kind);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' is not in: %s", words, error.message);
    }
    end(&fixture);
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refusal(403, "AccessDenied", ERROR_DENIED, "does not trust this token");
    expect_refusal(400, "ExpiredTokenException", ERROR_DENIED, "the token has expired");
    expect_refusal(400, "InvalidIdentityToken", ERROR_DENIED, "the token is not accepted");
    expect_refusal(400, "IDPCommunicationError", ERROR_RETRYABLE, "who issued the token");
    expect_refusal(400, "Throttling", ERROR_RETRYABLE, "asked too much");
    expect_refusal(500, "InternalFailure", ERROR_RETRYABLE, "said STS");
}

static void expect_no_identity(const struct store_destination *destination, const char *words)
{
    struct s3_identity identity = {0};
    struct error error = {0};
    const char *region;

    assert_int_equal(s3_identity_init(&identity, destination, &region, &error),
                     -(int)ERROR_INVALID);
    assert_non_null(strstr(error.message, words));
}

static void test_what_is_asked_for_must_be_whole(void **state)
{
    const struct store_destination half = {.role_arn = "r"}, both = {.role_arn = "r",
                                                                     .web_identity_token_file = "f",
                                                                     .credentials_file = "c"};

    (void)state;
    expect_no_identity(&half, "needs a file with a token");
    expect_no_identity(&both, "either a credentials file or a role");
}

static void test_the_environment_counts_when_nothing_else_is_said(void **state)
{
    const struct store_destination nothing = {0}, keys = {.credentials_file = "c"};
    struct s3_identity identity = {0};
    struct error error = {0};
    const char *region;

    (void)state;
    setenv("AWS_ROLE_ARN", "role", 1);
    assert_int_equal(s3_identity_init(&identity, &nothing, &region, &error), 0);
    assert_null(identity.role_arn); /* Half of it. */
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "file", 1);
    setenv("AWS_REGION", "eu-west-1", 1);
    assert_int_equal(s3_identity_init(&identity, &keys, &region, &error), 0);
    assert_null(identity.role_arn);
    assert_null(region);
    assert_int_equal(s3_identity_init(&identity, &nothing, &region, &error), 0);
    assert_string_equal(identity.role_arn, "role");
    assert_string_equal(identity.endpoint, "https://sts.eu-west-1.amazonaws.com");
    assert_string_equal(region, "eu-west-1");
    s3_identity_fini(&identity);
    unsetenv("AWS_ROLE_ARN");
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    unsetenv("AWS_REGION");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_kept_and_renewed), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_is_asked_for_must_be_whole),
        cmocka_unit_test(test_the_environment_counts_when_nothing_else_is_said)};

    return cmocka_run_group_tests(tests, start_sts, stop_sts);
}
