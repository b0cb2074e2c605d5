/* Worker threads around a work queue. Any thread may add keys, also from within a pass. */
#ifndef KUBE_WORK_POOL_H
#define KUBE_WORK_POOL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct work_pool;

/* What a pass wants afterwards. */
struct work_result {
    int64_t requeue_after_ms; /* -1: only when something changes; 0: at once; else in this long. */
};

struct work_pool_options {
    size_t workers;
    /* One pass for the key "namespace/name". A negative return (kind) is logged and retried with
     * the key's back-off (or after the server's retry_after_ms in `error`, when that is longer).
     * `result` says -1 when it comes in. */
    int (*work)(void *context, const char *key, struct work_result *result, struct error *error);
    void *context;
};

struct work_pool *work_pool_new(const struct work_pool_options *options);
int work_pool_start(struct work_pool *pool, struct error *error);
void work_pool_add(struct work_pool *pool, const char *key);
size_t work_pool_depth(struct work_pool *pool);
/* Lets passes under way end (at most `timeout_ms`), starts no other. False if some did not end:
 * then it may be called again, or the process may end. */
bool work_pool_stop(struct work_pool *pool, int64_t timeout_ms);
/* Stops first. A pool whose passes do not end keeps its memory. */
void work_pool_free(struct work_pool *pool);

#endif
