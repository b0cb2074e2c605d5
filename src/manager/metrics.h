/* What the operator counts, and its rendering as Prometheus' text format (version 0.0.4).
 *
 * The set of metrics is small and fixed, so each has a function of its own; any thread may call. */
#ifndef MANAGER_METRICS_H
#define MANAGER_METRICS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* What a pass found of one cluster. A NULL phase means that the cluster is gone: its series vanish.
 * The form of reconciler_options.publish, with the metrics as its context. */
void metrics_publish_cluster(void *metrics, const char *namespace, const char *name,
                             const char *phase, int32_t size, int32_t ready_members,
                             bool has_quorum, bool quorum_lost);

/* A good backup of the cluster was done at `completed_ms` (0: none), or one has just failed.
 * `schedule` is the scheduled EtcdBackup's name, or "". The form of backup_options.publish. */
void metrics_publish_backup(void *metrics, const char *namespace, const char *cluster,
                            const char *schedule, int64_t completed_ms, bool failed);

/* A pass has ended, with ERROR_NONE if it went well. */
void metrics_count_pass(struct metrics *metrics, enum error_kind result, int64_t milliseconds);

/* Whether this replica leads; false at first. */
void metrics_set_leader(struct metrics *metrics, bool leads);

/* A cheap look (cluster/quiet.h) has taken the place of a pass. */
void metrics_count_look(struct metrics *metrics);

/* The form of kube_client_options.observe, with the metrics as its context. */
void metrics_count_api_request(void *metrics, const char *verb, const char *resource, long status,
                               int64_t milliseconds);

/* Appends everything; `queue_depth` is read now by the caller. */
void metrics_render(struct metrics *metrics, size_t queue_depth, struct buffer *out);

/* Appends process_*: memory, CPU, start time and descriptors, from /proc/self. */
void metrics_render_process(struct buffer *out);

/* Appends `value` as the inside of a label's quotes: backslash, quote and newline escaped. */
void metrics_append_label(struct buffer *out, const char *value);

#endif
