#include "base/clock.h"
#include "etcd/call.h"
#include "etcd/client_internal.h"
#include "etcd/grpc_reader.h"

/* One attempt at one endpoint. */
struct attempt {
    const struct etcd_stream *stream;
    struct grpc_reader reader;
    int64_t begin_by_ms; /* The first message must have come by then. */
    bool begun, cancelled;
};

static int take_frame(void *context, const struct grpc_frame *frame, struct error *error)
{
    struct attempt *attempt = context;

    attempt->begun = true;
    return attempt->stream->on_frame(attempt->stream->context, frame, error);
}

static int take_body(void *context, const void *data, size_t size, struct error *error)
{
    struct attempt *attempt = context;

    return grpc_reader_take(&attempt->reader, data, size, take_frame, attempt, error);
}

static bool must_stop(void *context)
{
    struct attempt *attempt = context;
    const struct etcd_stream *stream = attempt->stream;

    attempt->cancelled = stream->cancelled && stream->cancelled(stream->cancelled_context);
    return attempt->cancelled || (!attempt->begun && clock_boot_ms() >= attempt->begin_by_ms);
}

/* How the stream ended, by the server's word. */
static int check_end(const struct attempt *attempt, const struct http_response *response,
                     const struct etcd_endpoint *endpoint, struct error *error)
{
    int result = grpc_check_status(response, error);

    if (!result && !grpc_reader_is_empty(&attempt->reader)) {
        result = error_set(error, ERROR_RETRYABLE, "the stream ends within a message");
    }
    return result ? error_wrap(error, "%s at %s:%u", attempt->stream->method, endpoint->server_name,
                               endpoint->port)
                  : 0;
}

static int run_one(struct http_client *http, const struct etcd_target *target, size_t index,
                   int64_t share_ms, const struct buffer *body, struct attempt *attempt,
                   struct error *error)
{
    const struct etcd_endpoint *endpoint = &target->endpoints[index];
    const char *method = attempt->stream->method;
    struct arena *scratch AUTO_ARENA = arena_new();
    struct http_response response AUTO_HTTP_RESPONSE = {0};
    struct http_request request = {
        .method = "POST",
        .url = etcd_method_url(scratch, target->credentials->tls, endpoint, method),
        .connect_to = endpoint->address,
        .body = body->data,
        .body_size = body->size,
        .connect_timeout_ms = share_ms,
        .timeout_ms = -1,
        .idle_timeout_ms = target->timeout_ms,
        .max_response = ETCD_MESSAGE_LIMIT,
        .on_body = take_body,
        .on_body_context = attempt,
        .cancelled = must_stop,
        .cancelled_context = attempt,
    };

    int result = etcd_headers(target->credentials, 0, scratch, &request.headers, error);
    if (result) {
        return result;
    }
    result = http_do(http, &request, &response, error);
    if (!result) {
        return check_end(attempt, &response, endpoint, error);
    }
    if (result == -(int)ERROR_CANCELLED && !attempt->begun && !attempt->cancelled &&
        response.sent) {
        return error_set(error, ERROR_RETRYABLE, "%s at %s:%u: silent for %lld ms", method,
                         endpoint->server_name, endpoint->port, (long long)share_ms);
    }
    return result;
}

static int run_each(struct http_client *http, const struct etcd_target *target,
                    const struct buffer *body, const struct etcd_stream *stream,
                    struct error *error)
{
    int64_t deadline_ms = clock_boot_ms() + target->timeout_ms;
    struct error kept = {0};

    for (size_t i = 0; i < target->n; i++) {
        int64_t now_ms = clock_boot_ms();
        int64_t share_ms = (deadline_ms - now_ms) / (int64_t)(target->n - i);
        share_ms = share_ms > 0 ? share_ms : 1;
        struct attempt attempt = {
            .stream = stream, .reader.limit = ETCD_DATA_LIMIT, .begin_by_ms = now_ms + share_ms};
        int result = run_one(http, target, i, share_ms, body, &attempt, error);
        grpc_reader_fini(&attempt.reader);
        if (!result || attempt.begun || error->kind == ERROR_CANCELLED) {
            return result;
        }
        etcd_keep_error(&kept, error);
    }
    if (!target->n) {
        return error_set(error, ERROR_RETRYABLE, "%s: no endpoint is known yet", stream->method);
    }
    return error_set(error, kept.kind, "%s", kept.message);
}

int etcd_stream_run(struct etcd_client *client, const struct etcd_target *target,
                    const struct etcd_stream *stream, struct error *error)
{
    struct buffer body AUTO_BUFFER = {0};
    struct etcd_pool_entry *entry;
    struct error unwanted;

    error = error ? error : &unwanted;
    int result =
        etcd_pool_get(client->pool, target->credentials, 1, clock_boot_ms(), &entry, error);
    if (result) {
        return result;
    }
    etcd_message_encode(stream->request, &body);
    result = run_each(etcd_pool_client(entry), target, &body, stream, error);
    etcd_pool_put(client->pool, entry, 1);
    return result;
}
