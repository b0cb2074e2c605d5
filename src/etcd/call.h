/* Unary calls: requests of etcd's services over a pool entry's HTTP client. Any thread. */
#ifndef ETCD_CALL_H
#define ETCD_CALL_H 1

#include "base/arena.h"
#include "etcd/api.h"
#include "etcd/grpc.h"
#include "net/http.h"

struct etcd_call {
    const char *method; /* "Maintenance/Status", of the package etcdserverpb. */
    const struct etcd_endpoint *endpoint;
    const struct buffer *body; /* One frame. */

    /* The answer: `frame` (borrowed from `response`) is set when `error.kind` is ERROR_NONE. */
    struct http_response response;
    struct grpc_frame frame;
    struct error error;
};

/* Runs the calls at once, none longer than timeout_ms (at least 1). etcd_calls_fini() must follow.
 */
void etcd_calls_run(struct http_client *http, bool tls, int64_t timeout_ms, struct etcd_call *calls,
                    size_t n);
void etcd_calls_fini(struct etcd_call *calls, size_t n);

/* "https://name:port", with brackets around an IPv6 address. */
char *etcd_endpoint_url(struct arena *arena, bool tls, const struct etcd_endpoint *endpoint);

#endif
