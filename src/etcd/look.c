#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "etcd/call.h"
#include "etcd/client_internal.h"
#include "rpc.pb-c.h"

#define REPORT_LIMIT ((size_t)64 * 1024)

/* A key of its own, so that reading it finds nothing even in a full store. Any key will do: the
 * read is answered by the leader's commit index, not by the key. */
#define READ_KEY "etcd-operator/read"

static void fail_looks(struct etcd_look *looks, size_t n, const struct error *error)
{
    for (size_t i = 0; i < n; i++) {
        looks[i] = (struct etcd_look){.status_error = *error, .read_error = *error};
    }
}

/* The same call at each of the endpoints that `looks` do not yet show to be silent. */
static void call_each(struct http_client *http, const struct etcd_credentials *credentials,
                      const char *method, const struct buffer *body, int64_t timeout_ms,
                      const struct etcd_endpoint *endpoints, size_t n, struct etcd_look *looks,
                      struct etcd_call *calls)
{
    struct etcd_call *asked AUTO_FREE = xcalloc(n + 1, sizeof *asked);
    size_t n_asked = 0;

    for (size_t i = 0; i < n; i++) {
        if (!looks[i].status_error.kind) {
            asked[n_asked++] =
                (struct etcd_call){.method = method, .endpoint = &endpoints[i], .body = body};
        }
    }
    etcd_calls_run(http, credentials, timeout_ms, timeout_ms, asked, n_asked);
    for (size_t i = n; i-- > 0;) {
        calls[i] = looks[i].status_error.kind ? (struct etcd_call){.error = looks[i].status_error}
                                              : asked[--n_asked];
    }
}

static void client_look(void *context, const struct etcd_credentials *credentials,
                        const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                        struct arena *arena, struct etcd_look *looks)
{
    struct etcd_client *client = context;
    Etcdserverpb__Empty status_request = ETCDSERVERPB__EMPTY__INIT;
    Etcdserverpb__RangeRequest read_request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    char key[] = READ_KEY;
    struct buffer status_body AUTO_BUFFER = {0}, read_body AUTO_BUFFER = {0};
    struct etcd_call *calls AUTO_FREE = xcalloc(n + 1, sizeof *calls);
    struct etcd_pool_entry *entry;
    struct error error = {0};

    if (etcd_pool_get(client->pool, credentials, n, clock_boot_ms(), &entry, &error)) {
        fail_looks(looks, n, &error);
        return;
    }
    struct http_client *http = etcd_pool_client(entry);
    memset(looks, 0, n * sizeof *looks);
    etcd_message_encode(&status_request.base, &status_body);
    call_each(http, credentials, "Maintenance/Status", &status_body, timeout_ms, endpoints, n,
              looks, calls);
    for (size_t i = 0; i < n; i++) {
        looks[i].status_error = calls[i].error;
        if (!looks[i].status_error.kind) {
            etcd_status_decode(&calls[i].frame, arena, &looks[i].status, &looks[i].status_error);
        }
    }
    etcd_calls_fini(calls, n);
    read_request.key = (ProtobufCBinaryData){sizeof key - 1, (uint8_t *)key};
    read_request.count_only = true;
    etcd_message_encode(&read_request.base, &read_body);
    call_each(http, credentials, "KV/Range", &read_body, timeout_ms, endpoints, n, looks, calls);
    for (size_t i = 0; i < n; i++) {
        looks[i].read_error = calls[i].error;
        if (!looks[i].read_error.kind) {
            etcd_header_decode(&calls[i].frame, arena, NULL, &looks[i].read_error);
        }
    }
    etcd_calls_fini(calls, n);
    etcd_pool_put(client->pool, entry, n);
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

void etcd_look_fill(struct etcd_api *api)
{
    api->look = client_look;
    api->reports = client_reports;
}
