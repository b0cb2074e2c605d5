#include "etcd/client.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "etcd/call.h"
#include "etcd/message.h"
#include "etcd/pool.h"
#include "pki/pki.h"

#define REPORT_LIMIT ((size_t)64 * 1024)

struct etcd_client {
    struct etcd_api api;
    struct etcd_pool *pool;
    struct http_client *plain; /* HTTP/1.1 without TLS, for the reports. */
};

static void fail_looks(struct etcd_look *looks, size_t n, const struct error *error)
{
    for (size_t i = 0; i < n; i++) {
        looks[i] = (struct etcd_look){.status_error = *error, .read_error = *error};
    }
}

/* Takes what the two calls to one endpoint said. */
static void fill_look(struct etcd_call *status, struct etcd_call *read, struct arena *arena,
                      struct etcd_look *look)
{
    *look = (struct etcd_look){.status_error = status->error, .read_error = read->error};
    if (!look->status_error.kind) {
        etcd_status_decode(&status->frame, arena, &look->status, &look->status_error);
    }
    if (!look->read_error.kind) {
        etcd_read_decode(&read->frame, &look->read_error);
    }
}

static void client_look(void *context, const struct etcd_credentials *credentials,
                        const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                        struct arena *arena, struct etcd_look *looks)
{
    struct etcd_client *client = context;
    struct buffer status_body AUTO_BUFFER = {0}, read_body AUTO_BUFFER = {0};
    struct etcd_call *calls AUTO_FREE = xcalloc(2 * n + 1, sizeof *calls);
    struct etcd_pool_entry *entry;
    struct error error = {0};

    if (etcd_pool_get(client->pool, credentials, clock_boot_ms(), &entry, &error)) {
        fail_looks(looks, n, &error);
        return;
    }
    etcd_status_request(&status_body);
    etcd_read_request(&read_body);
    for (size_t i = 0; i < n; i++) {
        calls[2 * i] = (struct etcd_call){
            .method = "Maintenance/Status", .endpoint = &endpoints[i], .body = &status_body};
        calls[2 * i + 1] =
            (struct etcd_call){.method = "KV/Range", .endpoint = &endpoints[i], .body = &read_body};
    }
    etcd_calls_run(etcd_pool_client(entry), credentials->tls, timeout_ms, calls, 2 * n);
    for (size_t i = 0; i < n; i++) {
        fill_look(&calls[2 * i], &calls[2 * i + 1], arena, &looks[i]);
    }
    etcd_calls_fini(calls, 2 * n);
    etcd_pool_put(client->pool, entry);
}

typedef int decode_function(const struct grpc_frame *frame, struct arena *arena, void *out,
                            struct error *error);

/* Of several endpoints' failures the first one that will not pass by itself says most (a refused
 * certificate rather than a dead pod); else the first. */
static void keep_error(struct error *kept, const struct error *error)
{
    if (!kept->kind || (kept->kind == ERROR_RETRYABLE && error->kind != ERROR_RETRYABLE)) {
        *kept = *error;
    }
}

static int first_answer(struct http_client *http, struct etcd_call *call,
                        const struct etcd_target *target, decode_function *decode,
                        struct arena *arena, void *out, struct error *error)
{
    int64_t deadline_ms = clock_boot_ms() + target->timeout_ms;
    struct error kept = {0};

    for (size_t i = 0; i < target->n; i++) {
        /* One member that is silent must leave time for the others. */
        int64_t share_ms = (deadline_ms - clock_boot_ms()) / (int64_t)(target->n - i);
        call->endpoint = &target->endpoints[i];
        etcd_calls_run(http, target->credentials->tls, share_ms, call, 1);
        int failed = call->error.kind ? -(int)call->error.kind
                                      : decode(&call->frame, arena, out, &call->error);
        etcd_calls_fini(call, 1);
        if (!failed) {
            return 0;
        }
        keep_error(&kept, &call->error);
    }
    if (!target->n) {
        return error_set(error, ERROR_RETRYABLE, "%s: no endpoint is known yet", call->method);
    }
    return error_set(error, kept.kind, "%s", kept.message);
}

static int call_any(struct etcd_client *client, const struct etcd_target *target,
                    struct etcd_call *call, decode_function *decode, struct arena *arena, void *out,
                    struct error *error)
{
    struct etcd_pool_entry *entry;
    int result = etcd_pool_get(client->pool, target->credentials, clock_boot_ms(), &entry, error);

    if (result) {
        return result;
    }
    result = first_answer(etcd_pool_client(entry), call, target, decode, arena, out, error);
    etcd_pool_put(client->pool, entry);
    return result;
}

static int decode_members(const struct grpc_frame *frame, struct arena *arena, void *out,
                          struct error *error)
{
    return etcd_member_list_decode(frame, arena, out, error);
}

static int client_member_list(void *context, const struct etcd_target *target, struct arena *arena,
                              struct etcd_member_list *out, struct error *error)
{
    struct buffer body AUTO_BUFFER = {0};
    struct etcd_call call = {.method = "Cluster/MemberList", .body = &body};

    etcd_member_list_request(&body);
    return call_any(context, target, &call, decode_members, arena, out, error);
}

struct alarms {
    struct etcd_alarm *items;
    size_t length;
};

static int decode_alarms(const struct grpc_frame *frame, struct arena *arena, void *out,
                         struct error *error)
{
    struct alarms *alarms = out;

    return etcd_alarms_decode(frame, arena, &alarms->items, &alarms->length, error);
}

static int client_alarms(void *context, const struct etcd_target *target, struct arena *arena,
                         struct etcd_alarm **out, size_t *n_out, struct error *error)
{
    struct buffer body AUTO_BUFFER = {0};
    struct etcd_call call = {.method = "Maintenance/Alarm", .body = &body};
    struct alarms alarms = {0};

    etcd_alarms_request(&body);
    int result = call_any(context, target, &call, decode_alarms, arena, &alarms, error);
    if (!result) {
        *out = alarms.items;
        *n_out = alarms.length;
    }
    return result;
}

/* The text if it is a report: JSON by its own word, and nothing that a C string would cut. */
static const char *report_of(const struct http_response *response, struct arena *arena)
{
    static const char json[] = "application/json";
    char type[128];

    if (response->status != 200 || !response->body.size ||
        !http_response_header(response, "content-type", type, sizeof type) ||
        strncasecmp(type, json, strlen(json)) != 0 || !strchr("; ", type[strlen(json)]) ||
        memchr(response->body.data, '\0', response->body.size)) {
        return NULL;
    }
    return arena_strndup(arena, response->body.data, response->body.size);
}

static void client_reports(void *context, const struct etcd_endpoint *endpoints, size_t n,
                           int64_t timeout_ms, struct arena *arena, const char **out)
{
    struct etcd_client *client = context;
    struct arena *scratch AUTO_ARENA = arena_new();
    struct http_client **clients = arena_alloc(scratch, n * sizeof *clients);
    struct http_request *requests = arena_alloc(scratch, n * sizeof *requests);
    struct http_response *responses = arena_alloc(scratch, n * sizeof *responses);
    struct error *errors = arena_alloc(scratch, n * sizeof *errors);
    int *results = arena_alloc(scratch, n * sizeof *results);

    for (size_t i = 0; i < n; i++) {
        const char *base = etcd_endpoint_url(scratch, false, &endpoints[i]);
        clients[i] = client->plain;
        requests[i] = (struct http_request){
            .method = "GET",
            .url = arena_printf(scratch, "%s/", base),
            .connect_to = endpoints[i].address,
            .connect_timeout_ms = timeout_ms > 0 ? timeout_ms : 1,
            .timeout_ms = timeout_ms > 0 ? timeout_ms : 1,
            .max_response = REPORT_LIMIT,
        };
    }
    http_do_many(clients, requests, responses, results, errors, n);
    for (size_t i = 0; i < n; i++) {
        out[i] = results[i] ? NULL : report_of(&responses[i], arena);
        http_response_fini(&responses[i]);
    }
}

static void client_forget(void *context, const char *key)
{
    struct etcd_client *client = context;

    etcd_pool_forget(client->pool, key);
}

struct etcd_client *etcd_client_new(void)
{
    struct etcd_client *client = xcalloc(1, sizeof *client);
    struct error error = {0};

    client->api = (struct etcd_api){
        .context = client,
        .look = client_look,
        .member_list = client_member_list,
        .alarms = client_alarms,
        .reports = client_reports,
        .forget = client_forget,
    };
    client->pool = etcd_pool_new();
    if (http_client_new(&(struct http_options){0}, &client->plain, &error)) {
        /* It can only refuse certificates, and none are given. */
        log_error("cannot make a plain HTTP client", "error", error.message, NULL);
        abort();
    }
    return client;
}

void etcd_client_guard(struct etcd_client *client, bool (*allow)(void *context), void *context)
{
    etcd_pool_guard(client->pool, allow, context);
}

void etcd_client_free(struct etcd_client *client)
{
    if (client) {
        etcd_pool_free(client->pool);
        http_client_free(client->plain);
        free(client);
    }
}

const struct etcd_api *etcd_client_api(struct etcd_client *client)
{
    return &client->api;
}

uint64_t etcd_static_member_id(const char *peer_url, const char *token)
{
    char *text AUTO_FREE = xasprintf("%s%s", peer_url, token);

    return pki_sha1_prefix64(text, strlen(text));
}
