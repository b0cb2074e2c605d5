#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "store/answer.h"
#include "store/gcs_credentials.h"
#include "store/gcs_json.h"
#include "store/gcs_token.h"
#include "store/jwt.h"
#include "store/uri.h"

#define SCOPE           "https://www.googleapis.com/auth/devstorage.read_write"
#define ASSERTION_LIFE  3600 /* Seconds: the most that Google allows. */
#define MAX_ANSWER      (64 * 1024)
#define TOKEN_FILE_SIZE (64 * 1024)
#define APART_MS        60000 /* Clocks that differ by more are worth a word. */

/* Google's own libraries take the address of the metadata server from this variable, too. */
#define METADATA_VARIABLE "GCE_METADATA_HOST"
#define METADATA_HOST     "metadata.google.internal"
#define METADATA_PATH     "/computeMetadata/v1/instance/service-accounts/default/token"
#define HOST_CHARACTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]"

static int refused(const char *from, const struct http_response *response, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char clocks[ANSWER_CLOCKS_SIZE];
    struct gcs_refusal refusal;
    long status = response->status;
    int64_t ahead_ms = answer_clocks(response, clocks);
    bool apart = ahead_ms > APART_MS || ahead_ms < -APART_MS;
    enum error_kind kind = status >= 500 || status == 429 || status == 408 ? ERROR_RETRYABLE
                           : status == 400 || status == 401 || status == 403 || status == 404
                               ? ERROR_DENIED
                               : ERROR_INVALID;

    gcs_json_refusal(response->body.data, response->body.size, arena, &refusal);
    error_set(error, kind, "get an access token from %s: %s%s%s (HTTP %ld%s%s%s%.160s)", from,
              kind == ERROR_RETRYABLE ? "the server failed"
              : apart                 ? "the credentials were refused, and the clocks differ: "
                      : "the credentials were refused: the key may be deleted, or the account may "
                        "not do this",
              apart && kind != ERROR_RETRYABLE ? clocks : "",
              apart && kind != ERROR_RETRYABLE ? "; correct this machine's clock" : "", status,
              refusal.reason ? ", " : "", refusal.reason ? refusal.reason : "",
              refusal.message ? ": " : "", refusal.message ? refusal.message : "");
    answer_take_retry_after(response, error);
    return -(int)error->kind;
}

static int ask(const struct gcs_tokens *tokens, bool uncancelled, const char *from,
               struct http_request *request, char **token, int64_t *lifetime_ms,
               struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};

    request->max_response = MAX_ANSWER;
    request->cancelled = uncancelled ? NULL : tokens->store->cancelled;
    request->cancelled_context = tokens->store->cancelled_context;
    int result = http_do(tokens->http, request, &response, error);
    if (result) {
        return error_wrap(error, "get an access token from %s", from);
    }
    if (response.status != 200) {
        return refused(from, &response, error);
    }
    result = gcs_json_token(response.body.data, response.body.size, token, lifetime_ms, error);
    return result ? error_wrap(error, "get an access token from %s", from) : 0;
}

/* `pairs` as of uri_query(); the body is wiped, as there is a secret in it. */
static int post_form(const struct gcs_tokens *tokens, bool uncancelled, const char *url,
                     const char *const *pairs, char **token, int64_t *lifetime_ms,
                     struct error *error)
{
    static const char *const headers[] = {"content-type: application/x-www-form-urlencoded", NULL};
    AUTO_BUFFER struct buffer form = {0};

    uri_query(&form, pairs);
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .body = form.data,
                                   .body_size = form.size};
    int result = ask(tokens, uncancelled, url, &request, token, lifetime_ms, error);
    memory_wipe(form.data, form.size);
    return result;
}

/* RFC 7523, section 2.1. */
static int for_service_account(const struct gcs_tokens *tokens,
                               const struct gcs_credentials *credentials, bool uncancelled,
                               char **token, int64_t *lifetime_ms, struct error *error)
{
    json_int_t now = (json_int_t)(clock_wall_ms() / 1000);
    AUTO_JSON json_t *claims =
        json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", credentials->email, "scope", SCOPE, "aud",
                  credentials->token_url, "iat", now, "exp", now + ASSERTION_LIFE);
    char *assertion;

    if (!claims) { /* A text that is not UTF-8 does not come out of JSON. */
        memory_exhausted();
    }
    int result = jwt_sign(credentials->key_pem, credentials->key_id, claims, &assertion, error);
    if (result) {
        return error_wrap(error, "sign for %s with the key of %s", credentials->email,
                          tokens->credentials_file);
    }
    const char *const pairs[] = {"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                                 "assertion", assertion, NULL};
    result =
        post_form(tokens, uncancelled, credentials->token_url, pairs, token, lifetime_ms, error);
    memory_wipe_text(&assertion);
    return result;
}

/* The token that stands for us elsewhere: the file's text or a field of its JSON. malloc'ed. */
static int read_subject_token(const struct gcs_credentials *credentials, char **out,
                              struct error *error)
{
    char *text = text_file_read(credentials->token_file, TOKEN_FILE_SIZE, error);

    *out = NULL;
    if (!text) {
        error->kind = ERROR_INVALID; /* It is not the object that was not found. */
        return error_wrap(error, "read the token to exchange");
    }
    if (credentials->token_field) {
        AUTO_JSON json_t *json = json_loads(text, 0, NULL);
        const char *field = json_string_value(json_object_get(json, credentials->token_field));
        *out = field ? xstrdup(field) : NULL;
        json_wipe(json);
    } else {
        *out = xasprintf("%.*s", (int)strcspn(text, " \t\r\n"), text);
    }
    memory_wipe_text(&text);
    return *out && **out ? 0
                         : error_set(error, ERROR_INVALID, "%s holds no token to exchange",
                                     credentials->token_file);
}

/* IAM's generateAccessToken: the federated token becomes a service account's. */
static int impersonate(const struct gcs_tokens *tokens, const struct gcs_credentials *credentials,
                       bool uncancelled, char **token, int64_t *lifetime_ms, struct error *error)
{
    char *authorization = xasprintf("authorization: Bearer %s", *token);
    const char *const headers[] = {"content-type: application/json", authorization, NULL};
    static const char body[] = "{\"scope\":[\"" SCOPE "\"]}";
    struct http_request request = {.method = "POST",
                                   .url = credentials->impersonation_url,
                                   .headers = headers,
                                   .body = body,
                                   .body_size = strlen(body)};

    memory_wipe_text(token);
    int result = ask(tokens, uncancelled, credentials->impersonation_url, &request, token,
                     lifetime_ms, error);
    memory_wipe_text(&authorization);
    return result;
}

/* RFC 8693. */
static int for_external_account(const struct gcs_tokens *tokens,
                                const struct gcs_credentials *credentials, bool uncancelled,
                                char **token, int64_t *lifetime_ms, struct error *error)
{
    char *subject_token;
    int result = read_subject_token(credentials, &subject_token, error);

    if (!result) {
        const char *const pairs[] = {"grant_type",
                                     "urn:ietf:params:oauth:grant-type:token-exchange",
                                     "audience",
                                     credentials->audience,
                                     "scope",
                                     credentials->impersonation_url
                                         ? "https://www.googleapis.com/auth/cloud-platform"
                                         : SCOPE,
                                     "requested_token_type",
                                     "urn:ietf:params:oauth:token-type:access_token",
                                     "subject_token",
                                     subject_token,
                                     "subject_token_type",
                                     credentials->subject_token_type,
                                     NULL};
        result = post_form(tokens, uncancelled, credentials->token_url, pairs, token, lifetime_ms,
                           error);
    }
    memory_wipe_text(&subject_token);
    return result || !credentials->impersonation_url
               ? result
               : impersonate(tokens, credentials, uncancelled, token, lifetime_ms, error);
}

static int from_metadata_server(const struct gcs_tokens *tokens, bool uncancelled, char **token,
                                int64_t *lifetime_ms, struct error *error)
{
    static const char *const headers[] = {"Metadata-Flavor: Google", NULL};
    const char *host = getenv(METADATA_VARIABLE);

    host = host && *host ? host : METADATA_HOST;
    if (host[strspn(host, HOST_CHARACTERS)]) {
        return error_set(error, ERROR_INVALID, METADATA_VARIABLE " is no HOST or HOST:PORT: %s",
                         host);
    }
    AUTO_FREE char *url = xasprintf("http://%s" METADATA_PATH, host);
    struct http_request request = {.method = "GET", .url = url, .headers = headers};
    int result = ask(tokens, uncancelled, url, &request, token, lifetime_ms, error);
    return result ? error_wrap(error, "no credentials file is given") : 0;
}

int gcs_token_request(const struct gcs_tokens *tokens, bool uncancelled, char **token,
                      int64_t *lifetime_ms, struct error *error)
{
    AUTO_GCS_CREDENTIALS struct gcs_credentials credentials = {0};

    *token = NULL;
    if (!tokens->credentials_file) {
        return from_metadata_server(tokens, uncancelled, token, lifetime_ms, error);
    }
    int result = gcs_credentials_read(tokens->credentials_file, &credentials, error);
    if (result) {
        return result;
    }
    return credentials.key_pem
               ? for_service_account(tokens, &credentials, uncancelled, token, lifetime_ms, error)
               : for_external_account(tokens, &credentials, uncancelled, token, lifetime_ms, error);
}
