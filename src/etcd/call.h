/* Unary calls: requests of etcd's services over a pool entry's HTTP client. Any thread. */
#ifndef ETCD_CALL_H
#define ETCD_CALL_H 1

#include "base/arena.h"
#include "etcd/api.h"
#include "etcd/errors.h"
#include "etcd/grpc.h"
#include "net/http.h"

struct etcd_call {
    const char *method; /* "Maintenance/Status", of the package etcdserverpb. */
    const struct etcd_endpoint *endpoint;
    const struct buffer *body; /* One frame. */
    size_t limit;              /* Most bytes of the answer's message; 0: ETCD_MESSAGE_LIMIT. */

    /* The answer: `frame` (borrowed from `response`) is set when `error.kind` is ERROR_NONE. */
    struct http_response response;
    struct grpc_frame frame;
    struct error error;
};

/* Runs the calls at once, none longer than timeout_ms, each of which may use connect_ms to reach
 * its endpoint (both at least 1). etcd_calls_fini() must follow. */
void etcd_calls_run(struct http_client *http, const struct etcd_credentials *credentials,
                    int64_t connect_ms, int64_t timeout_ms, struct etcd_call *calls, size_t n);
void etcd_calls_fini(struct etcd_call *calls, size_t n);

/* What the failure of a call says about the change that it asked for. */
enum etcd_verdict etcd_call_verdict(const struct etcd_call *call);

/* "https://name:port", with brackets around an IPv6 address. */
char *etcd_endpoint_url(struct arena *arena, bool tls, const struct etcd_endpoint *endpoint);

/* The URL of a method there. */
char *etcd_method_url(struct arena *arena, bool tls, const struct etcd_endpoint *endpoint,
                      const char *method);

/* The headers of a gRPC request with a deadline (0: none), ended by NULL; in the arena, with which
 * the token is wiped. ERROR_INVALID if the token cannot stand in a header. */
int etcd_headers(const struct etcd_credentials *credentials, int64_t timeout_ms,
                 struct arena *arena, const char *const **out, struct error *error);

#endif
