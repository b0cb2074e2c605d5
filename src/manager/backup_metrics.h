/* What metrics tell of backups: one series for each cluster and schedule. Part of
 * manager/metrics.h; the caller holds its lock. */
#ifndef MANAGER_BACKUP_METRICS_H
#define MANAGER_BACKUP_METRICS_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct backup_metrics {
    struct backup_series *first; /* In the order of namespace, cluster and schedule. */
};

/* A good backup was done at `completed_ms` (0: none), or one has just failed. `schedule` is "" for
 * those that belong to none. */
void backup_metrics_count(struct backup_metrics *metrics, const char *namespace,
                          const char *cluster, const char *schedule, int64_t completed_ms,
                          bool failed);
/* The cluster is gone: its series vanish. With both NULL all do. */
void backup_metrics_forget(struct backup_metrics *metrics, const char *namespace,
                           const char *cluster);
void backup_metrics_render(const struct backup_metrics *metrics, struct buffer *out);

#endif
