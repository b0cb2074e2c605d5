#include <string.h>

#include "base/memory.h"
#include "store/gcs_internal.h"
#include "store/uri.h"

#define SILENCE_MS 60000 /* As with S3: silence of a minute is a broken connection. */
#define MAX_ANSWER (16 * 1024 * 1024)
#define MAX_WORDS  (64 * 1024) /* Of a refusal, where the answer goes elsewhere. */

char *gcs_target(const struct gcs *gcs, const char *api, const char *key, const char *const *query)
{
    struct buffer target = {0};

    buffer_printf(&target, "%s/storage/v1/b/", api);
    uri_encode(&target, gcs->bucket, false);
    buffer_printf(&target, key ? "/o/" : "/o");
    if (key) {
        uri_encode(&target, key, false); /* Its slashes, too. */
    }
    if (query) {
        buffer_printf(&target, "?");
        uri_query(&target, query);
    }
    return target.data;
}

static int send_with(struct gcs *gcs, const struct gcs_call *call, const char *token,
                     struct http_response *response, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *url = xasprintf("%s%s", gcs->origin, call->target);
    char *authorization = xasprintf("authorization: Bearer %s", token);
    size_t n = 0;

    while (call->headers && call->headers[n]) {
        n++;
    }
    const char **headers = arena_alloc(arena, (n + 2) * sizeof *headers);
    if (n) {
        memcpy(headers, call->headers, n * sizeof *headers);
    }
    headers[n++] = authorization;
    headers[n] = NULL;
    const struct http_request request = {.method = call->method,
                                         .url = url,
                                         .headers = headers,
                                         .body = call->body,
                                         .body_size = call->body_size,
                                         .timeout_ms = -1,
                                         .idle_timeout_ms = SILENCE_MS,
                                         .max_response = call->on_body ? MAX_WORDS : MAX_ANSWER,
                                         .on_body = call->on_body,
                                         .on_body_context = call->on_body_context,
                                         .cancelled =
                                             call->uncancelled ? NULL : gcs->base.cancelled,
                                         .cancelled_context = gcs->base.cancelled_context};
    int result = http_do(gcs->http, &request, response, error);
    memory_wipe_text(&authorization);
    return result;
}

int gcs_try(struct gcs *gcs, const struct gcs_call *call, struct http_response *response,
            struct error *error)
{
    const char *token;

    *response = (struct http_response){0};
    for (int renewed = 0; renewed < 2; renewed++) {
        http_response_fini(response);
        *response = (struct http_response){0};
        int result = gcs_tokens_get(&gcs->tokens, call->uncancelled, &token, error);
        if (!result) {
            result = send_with(gcs, call, token, response, error);
        }
        if (result) {
            return error_wrap(error, "%s in bucket %s", call->step, gcs->bucket);
        }
        if (response->status != 401) {
            break;
        }
        gcs_tokens_drop(&gcs->tokens);
    }
    if (response->status / 100 != 2 && !(call->of_upload && response->status == GCS_INCOMPLETE)) {
        return gcs_refused(gcs, call, response, error);
    }
    return 0;
}

int gcs_do(struct gcs *gcs, const struct gcs_call *call, struct http_response *response,
           struct error *error)
{
    struct store_retry retry = {0};
    int result;

    while ((result = gcs_try(gcs, call, response, error)) &&
           store_retry(&gcs->base, &retry, call->uncancelled, error)) {
        http_response_fini(response);
        *error = (struct error){0};
    }
    return result ? -(int)error->kind : 0;
}
