#include "manager/backup_metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "manager/metrics.h"

struct backup_series {
    struct backup_series *next;
    char *namespace, *cluster, *schedule;
    int64_t last_success_ms;
    uint64_t failures;
};

static int compare(const struct backup_series *series, const char *namespace, const char *cluster,
                   const char *schedule)
{
    int order = strcmp(series->namespace, namespace);

    order = order ? order : strcmp(series->cluster, cluster);
    return order ? order : strcmp(series->schedule, schedule);
}

void backup_metrics_count(struct backup_metrics *metrics, const char *namespace,
                          const char *cluster, const char *schedule, int64_t completed_ms,
                          bool failed)
{
    struct backup_series **link = &metrics->first;

    while (*link && compare(*link, namespace, cluster, schedule) < 0) {
        link = &(*link)->next;
    }
    struct backup_series *series = *link;
    if (!series || compare(series, namespace, cluster, schedule) != 0) {
        series = xcalloc(1, sizeof *series);
        series->namespace = xstrdup(namespace);
        series->cluster = xstrdup(cluster);
        series->schedule = xstrdup(schedule);
        series->next = *link;
        *link = series;
    }
    if (completed_ms > series->last_success_ms) {
        series->last_success_ms = completed_ms;
    }
    series->failures += failed;
}

void backup_metrics_forget(struct backup_metrics *metrics, const char *namespace,
                           const char *cluster)
{
    for (struct backup_series **link = &metrics->first, *series; (series = *link);) {
        if (namespace &&
            (strcmp(series->namespace, namespace) != 0 || strcmp(series->cluster, cluster) != 0)) {
            link = &series->next;
            continue;
        }
        *link = series->next;
        free(series->namespace);
        free(series->cluster);
        free(series->schedule);
        free(series);
    }
}

static void begin(const struct backup_series *series, const char *name, struct buffer *out)
{
    buffer_printf(out, "%s{namespace=\"", name);
    metrics_append_label(out, series->namespace);
    buffer_printf(out, "\",cluster=\"");
    metrics_append_label(out, series->cluster);
    buffer_printf(out, "\",schedule=\"");
    metrics_append_label(out, series->schedule);
    buffer_printf(out, "\"} ");
}

void backup_metrics_render(const struct backup_metrics *metrics, struct buffer *out)
{
    static const char success[] = "etcd_backup_last_success_timestamp_seconds";
    static const char failures[] = "etcd_backup_failures_total";

    buffer_printf(out,
                  "# HELP %s When the newest good backup was done; 0: there is none.\n"
                  "# TYPE %s gauge\n",
                  success, success);
    for (const struct backup_series *series = metrics->first; series; series = series->next) {
        begin(series, success, out);
        buffer_printf(out, "%" PRId64 "\n", series->last_success_ms / 1000);
    }
    buffer_printf(out, "# HELP %s Backups that have failed.\n# TYPE %s counter\n", failures,
                  failures);
    for (const struct backup_series *series = metrics->first; series; series = series->next) {
        begin(series, failures, out);
        buffer_printf(out, "%" PRIu64 "\n", series->failures);
    }
}
