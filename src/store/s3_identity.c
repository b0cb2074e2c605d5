#include "store/s3_identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "store/answer.h"
#include "store/s3_xml.h"
#include "store/uri.h"

#define TOKEN_LIMIT (64 * 1024)
#define MAX_ANSWER  (64 * 1024)
#define APART_MS    60000 /* Clocks that differ by more are worth a word. */

/* Keys are renewed this long before their end (the shortest ones last for 15 minutes), those of a
 * server that gives shorter ones when a tenth of their life is left. */
#define MARGIN_MS 300000

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

int s3_identity_init(struct s3_identity *identity, const struct store_destination *destination,
                     const char **region, struct error *error)
{
    const char *role = destination->role_arn, *file = destination->web_identity_token_file;

    *region = destination->region;
    if (!role && !file && !destination->credentials_file) {
        role = from_environment("AWS_ROLE_ARN");
        file = from_environment("AWS_WEB_IDENTITY_TOKEN_FILE");
        if (!role || !file) {
            return 0;
        }
        *region = *region ? *region : from_environment("AWS_REGION");
    }
    if (!role && !file) {
        return 0;
    }
    if (!role != !file) {
        return error_set(error, ERROR_INVALID,
                         "a role needs a file with a token, and the other way "
                         "round");
    }
    if (role && destination->credentials_file) {
        return error_set(error, ERROR_INVALID, "say either a credentials file or a role");
    }
    identity->role_arn = copy(role);
    identity->token_file = copy(file);
    identity->endpoint = destination->sts_endpoint ? xstrdup(destination->sts_endpoint)
                                                   : xasprintf("https://sts.%s.amazonaws.com",
                                                               *region ? *region : "us-east-1");
    return 0;
}

/* "Errors" of AssumeRoleWithWebIdentity, and those that all of STS's actions have. */
static const struct {
    const char *code;
    enum error_kind kind;
    const char *advice;
} meanings[] = {
    {"AccessDenied", ERROR_DENIED,
     "the role does not exist or does not trust this token: check its trust policy"},
    {"ExpiredTokenException", ERROR_DENIED, "the token has expired"},
    {"ExpiredToken", ERROR_DENIED, "the token has expired"},
    {"InvalidIdentityToken", ERROR_DENIED,
     "the token is not accepted: check that who issued it is an identity provider of the account, "
     "and the role's trust policy"},
    {"IDPCommunicationError", ERROR_RETRYABLE, "STS did not reach who issued the token"},
    {"Throttling", ERROR_RETRYABLE, "STS is asked too much"},
};

static int refused(const struct s3_identity *identity, const struct http_response *response,
                   const struct s3_answer *answer, struct error *error)
{
    long status = response->status;
    enum error_kind kind = status >= 500 || status == 429 || status == 408   ? ERROR_RETRYABLE
                           : status == 400 || status == 401 || status == 403 ? ERROR_DENIED
                                                                             : ERROR_INVALID;
    const char *advice = kind == ERROR_RETRYABLE ? "STS failed" : "STS refused it";
    char clocks[ANSWER_CLOCKS_SIZE];
    int64_t ahead_ms = answer_clocks(response, clocks);
    bool apart = ahead_ms > APART_MS || ahead_ms < -APART_MS;

    for (size_t i = 0; answer->code && i < sizeof meanings / sizeof *meanings; i++) {
        if (!strcmp(answer->code, meanings[i].code)) {
            kind = meanings[i].kind;
            advice = meanings[i].advice;
        }
    }
    error_set(error, kind, "take the role %s at %s: %s%s%s (HTTP %ld%s%s%s%.160s)",
              identity->role_arn, identity->endpoint, advice, apart ? "; the clocks differ: " : "",
              apart ? clocks : "", status, answer->code ? ", " : "",
              answer->code ? answer->code : "", answer->message ? ": " : "",
              answer->message ? answer->message : "");
    answer_take_retry_after(response, error);
    return -(int)error->kind;
}

static int keep(struct s3_identity *identity, const struct s3_answer *answer, struct error *error)
{
    const char *token = answer->session_token;

    if (!answer->access_key || !answer->secret_key || !token || !s3_credentials_plain(token) ||
        !s3_credentials_plain(answer->access_key)) {
        return error_set(error, ERROR_RETRYABLE, "the answer holds no keys");
    }
    int64_t left_ms = answer->expires_ms - clock_wall_ms(), margin_ms = left_ms / 10;
    identity->kept = (struct s3_credentials){.access_key = xstrdup(answer->access_key),
                                             .secret_key = xstrdup(answer->secret_key),
                                             .session_token = xstrdup(token)};
    identity->renew_ms =
        clock_boot_ms() + left_ms - (margin_ms < MARGIN_MS ? margin_ms : MARGIN_MS);
    return 0;
}

static int post(const struct s3_identity *identity, bool uncancelled, const char *token,
                struct http_response *response, struct error *error)
{
    static const char *const headers[] = {"content-type: application/x-www-form-urlencoded", NULL};
    const char *const pairs[] = {"Action",
                                 "AssumeRoleWithWebIdentity",
                                 "Version",
                                 "2011-06-15",
                                 "RoleArn",
                                 identity->role_arn,
                                 "RoleSessionName",
                                 "etcd-operator",
                                 "WebIdentityToken",
                                 token,
                                 NULL};
    AUTO_BUFFER struct buffer form = {0};
    AUTO_FREE char *url = xasprintf("%s/", identity->endpoint);

    uri_query(&form, pairs);
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .headers = headers,
                                         .body = form.data,
                                         .body_size = form.size,
                                         .max_response = MAX_ANSWER,
                                         .cancelled =
                                             uncancelled ? NULL : identity->store->cancelled,
                                         .cancelled_context = identity->store->cancelled_context};
    int result = http_do(identity->http, &request, response, error);
    memory_wipe(form.data, form.size);
    return result;
}

static int renew(struct s3_identity *identity, bool uncancelled, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct s3_answer answer = {0};
    char *token = text_file_read(identity->token_file, TOKEN_LIMIT, error);

    if (!token) {
        error->kind = ERROR_INVALID; /* It is not the object that was not found. */
        return error_wrap(error, "read the token for the role %s", identity->role_arn);
    }
    token[strcspn(token, " \t\r\n")] = '\0';
    int result = post(identity, uncancelled, token, &response, error);
    memory_wipe_text(&token);
    if (!result) {
        result = s3_xml_parse(response.body.data ? response.body.data : "", response.body.size,
                              arena, &answer, error);
        if (response.status != 200) {
            return refused(identity, &response, &answer, error);
        }
    }
    result = result ? result : keep(identity, &answer, error);
    return result
               ? error_wrap(error, "take the role %s at %s", identity->role_arn, identity->endpoint)
               : 0;
}

int s3_identity_keys(struct s3_identity *identity, bool uncancelled,
                     const struct s3_credentials **keys, struct error *error)
{
    if (!identity->kept.access_key || clock_boot_ms() >= identity->renew_ms) {
        s3_credentials_fini(&identity->kept);
        int result = renew(identity, uncancelled, error);
        if (result) {
            return result;
        }
    }
    *keys = &identity->kept;
    return 0;
}

void s3_identity_fini(struct s3_identity *identity)
{
    s3_credentials_fini(&identity->kept);
    free(identity->role_arn);
    free(identity->token_file);
    free(identity->endpoint);
}
