/* The operator put together: the API client with its watches and stores, etcd's client, the
 * reconciler, the workers, and the endpoints that tell how they are. */
#ifndef MANAGER_MANAGER_H
#define MANAGER_MANAGER_H 1

#include <stdint.h>

#include "base/error.h"
#include "manager/options.h"

/* Process-wide settings for a small memory: allocator, huge pages, stacks; signals. Before any
 * other thread starts. */
void manager_prepare_process(void);

/* Runs until SIGTERM or SIGINT, then lets the passes under way end: 0. Negative when it cannot
 * start. `started_ms` is when the process began, on clock_boot_ms()'s clock. */
int manager_run(const struct manager_options *options, int64_t started_ms, struct error *error);

#endif
