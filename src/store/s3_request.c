#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pki/pki.h"
#include "store/s3_internal.h"
#include "store/s3_xml.h"
#include "store/sigv4.h"
#include "store/uri.h"

/* A store may think for long before it answers to the end of an upload; silence of a minute is a
 * broken connection. */
#define SILENCE_MS    60000
#define MAX_ANSWER    (16 * 1024 * 1024)
#define MAX_ERROR_XML (64 * 1024)

static char *path_of(const struct s3 *s3, const char *key)
{
    struct buffer path = {0};

    buffer_printf(&path, "%s", s3->root);
    if (key || !*s3->root) {
        buffer_printf(&path, "/");
    }
    if (key) {
        uri_encode(&path, key, true);
    }
    return path.data;
}

/* The headers that go out, in the arena. */
static int headers_of(struct s3 *s3, const struct s3_call *call, const char *path,
                      const char *query, struct arena *arena, const char *const **headers,
                      struct error *error)
{
    char digest[PKI_SHA256_HEX_SIZE];
    size_t n = 0;

    while (call->headers && call->headers[n]) {
        n++;
    }
    const char **given = arena_alloc(arena, (n + 2) * sizeof *given);
    if (n) {
        memcpy(given, call->headers, n * sizeof *given);
    }
    given[n] = arena_printf(arena, "host: %s", strstr(s3->origin, "://") + strlen("://"));
    AUTO_S3_CREDENTIALS struct s3_credentials read = {0};
    const struct s3_credentials *credentials = &read;
    int result = s3->credentials_file ? s3_credentials_read(s3->credentials_file, &read, error)
                 : s3->identity.role_arn
                     ? s3_identity_keys(&s3->identity, call->uncancelled, &credentials, error)
                     : 0;
    if (result) {
        return result;
    }
    if (!credentials->access_key) {
        *headers = given; /* Anonymous. */
        return 0;
    }
    const struct sigv4_keys keys = {.access_key = credentials->access_key,
                                    .secret_key = credentials->secret_key,
                                    .session_token = credentials->session_token};
    if (call->body_sha256) {
        pki_sha256_text(call->body_sha256, digest);
    } else {
        pki_sha256_hex(call->body, call->body_size, digest);
    }
    const struct sigv4_request request = {.method = call->method,
                                          .path = path,
                                          .query = query,
                                          .headers = given,
                                          .payload_sha256 = digest,
                                          .region = s3->region,
                                          .service = "s3",
                                          .now_ms = clock_wall_ms()};
    *headers = sigv4_sign(&keys, &request, arena);
    return 0;
}

/* Some requests are answered with 200 before it is known how they end. */
static bool holds_error(const struct http_response *response)
{
    static const char *const heads[] = {"<Error", "<?xml"};
    const char *text = response->body.data;

    if (!text) {
        return false;
    }
    text += strspn(text, " \t\r\n");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (!strncmp(text, heads[i], strlen(heads[i]))) {
            return strstr(text, "<Error") && strstr(text, "<Code>");
        }
    }
    return false;
}

int s3_try(struct s3 *s3, const struct s3_call *call, struct http_response *response,
           struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_BUFFER struct buffer query = {0};
    AUTO_FREE char *path = path_of(s3, call->key);
    const char *const *headers = NULL;

    *response = (struct http_response){0};
    uri_query(&query, call->query);
    int result = headers_of(s3, call, path, query.data, arena, &headers, error);
    if (result) {
        return result;
    }
    AUTO_FREE char *url = xasprintf("%s%s%s%s", s3->origin, path, query.size ? "?" : "",
                                    query.size ? query.data : "");
    const struct http_request request = {.method = call->method,
                                         .url = url,
                                         .headers = headers,
                                         .body = call->body,
                                         .body_size = call->body_size,
                                         .timeout_ms = -1,
                                         .idle_timeout_ms = SILENCE_MS,
                                         .max_response = call->on_body ? MAX_ERROR_XML : MAX_ANSWER,
                                         .on_body = call->on_body,
                                         .on_body_context = call->on_body_context,
                                         .cancelled = call->uncancelled ? NULL : s3->base.cancelled,
                                         .cancelled_context = s3->base.cancelled_context,
                                         .unbroken = call->unbroken};
    result = http_do(s3->http, &request, response, error);
    if (result) {
        return error_wrap(error, "%s in bucket %s", call->step, s3->bucket);
    }
    if (response->status / 100 != 2 || holds_error(response)) {
        return s3_refused(s3, call, response, error);
    }
    return 0;
}

static bool is_cancelled(const struct s3 *s3)
{
    return s3->base.cancelled && s3->base.cancelled(s3->base.cancelled_context);
}

int s3_do(struct s3 *s3, const struct s3_call *call, struct http_response *response,
          unsigned *tries, struct error *error)
{
    struct store_retry retry = {0};
    int result;

    if (tries) {
        *tries = 0;
    }
    if (call->unbroken && is_cancelled(s3)) {
        return error_set(error, ERROR_CANCELLED, "%s in bucket %s: cancelled", call->step,
                         s3->bucket);
    }
    while ((result = s3_try(s3, call, response, error)) &&
           store_retry(&s3->base, &retry, call->uncancelled, error)) {
        http_response_fini(response);
        *error = (struct error){0};
    }
    if (tries) {
        *tries = retry.tries;
    }
    return result ? -(int)error->kind : 0;
}
