#include "etcd/call.h"

#include <string.h>

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

static const char *const *headers_for(struct arena *arena, int64_t timeout_ms)
{
    const char **headers = arena_alloc(arena, 4 * sizeof *headers);
    /* At most eight digits (PROTOCOL-HTTP2.md). */
    int64_t limited_ms = timeout_ms < 99999999 ? timeout_ms : 99999999;

    headers[0] = "content-type: application/grpc";
    headers[1] = "te: trailers";
    headers[2] =
        arena_printf(arena, "grpc-timeout: %lldm", (long long)server_timeout_ms(limited_ms));
    return headers;
}

static struct http_request request_for(const struct etcd_call *call, bool tls, int64_t timeout_ms,
                                       const char *const *headers, struct arena *arena)
{
    const char *base = etcd_endpoint_url(arena, tls, call->endpoint);

    return (struct http_request){
        .method = "POST",
        .url = arena_printf(arena, "%s/etcdserverpb.%s", base, call->method),
        .connect_to = call->endpoint->address,
        .headers = headers,
        .body = call->body->data,
        .body_size = call->body->size,
        .connect_timeout_ms = timeout_ms,
        .timeout_ms = timeout_ms,
        .max_response = ETCD_MESSAGE_LIMIT + GRPC_PREFIX_SIZE,
    };
}

/* libcurl's errors name the URL already. */
static void finish(struct etcd_call *call, int result)
{
    if (result) {
        return;
    }
    if (grpc_unary_answer(&call->response, ETCD_MESSAGE_LIMIT, &call->frame, &call->error)) {
        error_wrap(&call->error, "%s at %s:%u", call->method, call->endpoint->server_name,
                   call->endpoint->port);
    }
}

void etcd_calls_run(struct http_client *http, bool tls, int64_t timeout_ms, struct etcd_call *calls,
                    size_t n)
{
    struct arena *arena AUTO_ARENA = arena_new();
    struct http_client **clients = arena_alloc(arena, n * sizeof *clients);
    struct http_request *requests = arena_alloc(arena, n * sizeof *requests);
    struct http_response *responses = arena_alloc(arena, n * sizeof *responses);
    struct error *errors = arena_alloc(arena, n * sizeof *errors);
    int *results = arena_alloc(arena, n * sizeof *results);

    timeout_ms = timeout_ms > 0 ? timeout_ms : 1; /* 0 has a meaning of its own below. */
    const char *const *headers = headers_for(arena, timeout_ms);
    for (size_t i = 0; i < n; i++) {
        clients[i] = http;
        requests[i] = request_for(&calls[i], tls, timeout_ms, headers, arena);
    }
    http_do_many(clients, requests, responses, results, errors, n);
    for (size_t i = 0; i < n; i++) {
        calls[i].response = responses[i];
        calls[i].error = results[i] ? errors[i] : (struct error){0};
        finish(&calls[i], results[i]);
    }
}

void etcd_calls_fini(struct etcd_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        http_response_fini(&calls[i].response);
    }
}
