/* /metrics, /healthz and /readyz: what is answered, from where.  One server may serve all of them,
 * or one the metrics and another the health. */
#ifndef MANAGER_ENDPOINTS_H
#define MANAGER_ENDPOINTS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manager/health.h"
#include "manager/metrics.h"
#include "net/server.h"

/* Where the answers come from; the functions are called from the server's thread. */
struct endpoint_sources {
    struct metrics *metrics;
    struct health *health;
    size_t (*queue_depth)(void *context);
    /* True when the operator can work; appends "ok" or what it waits for. */
    bool (*ready)(void *context, struct buffer *out);
    int64_t (*now_ms)(void);
    void *context;
};

enum endpoint_group { ENDPOINTS_METRICS = 1, ENDPOINTS_HEALTH = 2 };

struct endpoints {
    const struct endpoint_sources *sources;
    unsigned groups; /* Which of them this server serves. */
};

/* The form of http_server_options.handle, with a `struct endpoints` as its context. */
void endpoints_handle(void *endpoints, const struct http_server_request *request,
                      struct http_server_answer *answer);

#endif
