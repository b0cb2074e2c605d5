/* Whether the operator works: /healthz asks (a restart helps a stuck worker), /readyz asks whether
 * it has seen the cluster's objects.  Both say in words why not.
 *
 * Any thread may call. Time comes as an argument. */
#ifndef MANAGER_HEALTH_H
#define MANAGER_HEALTH_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct health;

/* A pass that takes longer than this is stuck: every request in it has a time-out far below. */
#define HEALTH_STUCK_MS (5 * 60 * 1000)

struct health *health_new(size_t workers);
void health_free(struct health *health);

/* A worker begins a pass; the returned slot goes to health_pass_end(). */
size_t health_pass_begin(struct health *health, const char *key, int64_t now_ms);
void health_pass_end(struct health *health, size_t slot);

/* True if no worker is stuck. Appends "ok" or which worker is stuck, where and since when. */
bool health_live(struct health *health, int64_t now_ms, struct buffer *out);

#endif
