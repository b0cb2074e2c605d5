#include "etcd/call.h"

#include <string.h>

#include "base/memory.h"
#include "etcd/message.h"

/* The server gives up this much earlier than we do, so that it is the server's words (no leader,
 * deadline exceeded) that arrive and not a mere time-out. */
static int64_t server_timeout_ms(int64_t timeout_ms)
{
    int64_t margin_ms = timeout_ms / 10 < 200 ? timeout_ms / 10 : 200;

    return timeout_ms - margin_ms;
}

char *etcd_endpoint_url(struct arena *arena, bool tls, const struct etcd_endpoint *endpoint)
{
    const char *scheme = tls ? "https" : "http";

    return arena_printf(arena, strchr(endpoint->server_name, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
                        scheme, endpoint->server_name, endpoint->port);
}

char *etcd_method_url(struct arena *arena, bool tls, const struct etcd_endpoint *endpoint,
                      const char *method)
{
    const char *base = etcd_endpoint_url(arena, tls, endpoint);

    return arena_printf(arena, "%s/etcdserverpb.%s", base, method);
}

static void wipe_text(void *text)
{
    memory_wipe(text, strlen(text));
}

/* A line break would begin a header of its own. */
static bool fits_header(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

int etcd_headers(const struct etcd_credentials *credentials, int64_t timeout_ms,
                 struct arena *arena, const char *const **out, struct error *error)
{
    const char **headers = arena_alloc(arena, 5 * sizeof *headers);
    /* At most eight digits (PROTOCOL-HTTP2.md). */
    int64_t limited_ms = timeout_ms < 99999999 ? timeout_ms : 99999999;
    size_t n = 0;

    headers[n++] = "content-type: application/grpc";
    headers[n++] = "te: trailers";
    if (timeout_ms) {
        headers[n++] =
            arena_printf(arena, "grpc-timeout: %lldm", (long long)server_timeout_ms(limited_ms));
    }
    if (credentials->token) {
        if (!fits_header(credentials->token)) {
            return error_set(error, ERROR_INVALID,
                             "the token for etcd \"%s\" holds what no header can",
                             credentials->key);
        }
        char *line = arena_printf(arena, "token: %s", credentials->token);
        arena_defer(arena, wipe_text, line);
        headers[n++] = line;
    }
    *out = headers;
    return 0;
}

/* libcurl's errors name the URL already. */
static void finish(struct etcd_call *call, int result)
{
    if (result) {
        return;
    }
    size_t limit = call->limit ? call->limit : ETCD_MESSAGE_LIMIT;
    if (grpc_unary_answer(&call->response, limit, &call->frame, &call->error)) {
        error_wrap(&call->error, "%s at %s:%u", call->method, call->endpoint->server_name,
                   call->endpoint->port);
    }
}

static void run(struct http_client *http, const struct http_request *common, bool tls,
                struct arena *arena, struct etcd_call *calls, size_t n)
{
    struct http_client **clients = arena_alloc(arena, n * sizeof *clients);
    struct http_request *requests = arena_alloc(arena, n * sizeof *requests);
    struct http_response *responses = arena_alloc(arena, n * sizeof *responses);
    struct error *errors = arena_alloc(arena, n * sizeof *errors);
    int *results = arena_alloc(arena, n * sizeof *results);

    for (size_t i = 0; i < n; i++) {
        const struct etcd_call *call = &calls[i];
        clients[i] = http;
        requests[i] = *common;
        requests[i].url = etcd_method_url(arena, tls, call->endpoint, call->method);
        requests[i].connect_to = call->endpoint->address;
        requests[i].body = call->body->data;
        requests[i].body_size = call->body->size;
        requests[i].max_response =
            (call->limit ? call->limit : ETCD_MESSAGE_LIMIT) + GRPC_PREFIX_SIZE;
    }
    http_do_many(clients, requests, responses, results, errors, n);
    for (size_t i = 0; i < n; i++) {
        calls[i].response = responses[i];
        calls[i].error = results[i] ? errors[i] : (struct error){0};
        finish(&calls[i], results[i]);
    }
}

void etcd_calls_run(struct http_client *http, const struct etcd_credentials *credentials,
                    int64_t connect_ms, int64_t timeout_ms, struct etcd_call *calls, size_t n)
{
    struct arena *arena AUTO_ARENA = arena_new();
    /* 0 has a meaning of its own. */
    struct http_request common = {.method = "POST",
                                  .connect_timeout_ms = connect_ms > 0 ? connect_ms : 1,
                                  .timeout_ms = timeout_ms > 0 ? timeout_ms : 1};
    struct error error = {0};

    if (!etcd_headers(credentials, common.timeout_ms, arena, &common.headers, &error)) {
        run(http, &common, credentials->tls, arena, calls, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        calls[i].response = (struct http_response){0};
        calls[i].error = error;
    }
}

void etcd_calls_fini(struct etcd_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        http_response_fini(&calls[i].response);
    }
}

enum etcd_verdict etcd_call_verdict(const struct etcd_call *call)
{
    enum error_kind kind = call->error.kind;

    if (!call->response.sent) {
        return kind == ERROR_CANCELLED || kind == ERROR_INVALID ? ETCD_VERDICT_REFUSED
                                                                : ETCD_VERDICT_ELSEWHERE;
    }
    if (!grpc_has_status(&call->response)) {
        /* A TLS alert comes before a server looks at what was sent. */
        return kind == ERROR_DENIED ? ETCD_VERDICT_ELSEWHERE : ETCD_VERDICT_UNKNOWN;
    }
    enum etcd_error code = etcd_error_of(&call->error);
    if (code) {
        return etcd_error_verdict(code);
    }
    return kind == ERROR_RETRYABLE ? ETCD_VERDICT_UNKNOWN : ETCD_VERDICT_REFUSED;
}
