#include "manager/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "manager/backup_metrics.h"

/* Upper bounds in milliseconds: a pass without change takes a few, one that waits for etcd or for a
 * slow API server up to half a minute. */
static const int64_t pass_buckets_ms[] = {1, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30000};
#define N_BUCKETS (sizeof pass_buckets_ms / sizeof *pass_buckets_ms)

/* Verbs, kinds and status codes are few; this bounds what a strange server could make of them. */
#define MAX_API_SERIES 512

struct cluster {
    struct cluster *next;
    char *namespace, *name, *phase;
    int32_t size, ready_members;
    bool has_quorum, quorum_lost;
};

struct api_series {
    char *verb, *resource;
    long status;
    uint64_t count;
};

struct metrics {
    pthread_mutex_t lock;
    struct cluster *clusters;
    struct backup_metrics backups;
    uint64_t passes[ERROR_TERMINAL + 1];
    uint64_t looks;
    uint64_t pass_buckets[N_BUCKETS + 1]; /* The last one is for what is longer. */
    int64_t pass_total_ms;
    struct api_series *api;
    size_t n_api;
    bool leads;
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = xcalloc(1, sizeof *metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

static void cluster_free(struct cluster *cluster)
{
    free(cluster->namespace);
    free(cluster->name);
    free(cluster->phase);
    free(cluster);
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics) {
        return;
    }
    while (metrics->clusters) {
        struct cluster *next = metrics->clusters->next;
        cluster_free(metrics->clusters);
        metrics->clusters = next;
    }
    backup_metrics_forget(&metrics->backups, NULL, NULL);
    for (size_t i = 0; i < metrics->n_api; i++) {
        free(metrics->api[i].verb);
        free(metrics->api[i].resource);
    }
    free(metrics->api);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* Where the cluster is or belongs: the list is in the order of namespace and name, so that one
 * scrape looks like the next. */
static struct cluster **find_cluster(struct metrics *metrics, const char *namespace,
                                     const char *name, bool *found)
{
    struct cluster **link = &metrics->clusters;
    int order = 1;

    for (; *link; link = &(*link)->next) {
        order = strcmp((*link)->namespace, namespace);
        order = order ? order : strcmp((*link)->name, name);
        if (order >= 0) {
            break;
        }
    }
    *found = *link && order == 0;
    return link;
}

void metrics_publish_cluster(void *context, const char *namespace, const char *name,
                             const char *phase, int32_t size, int32_t ready_members,
                             bool has_quorum, bool quorum_lost)
{
    struct metrics *metrics = context;
    bool found;

    pthread_mutex_lock(&metrics->lock);
    struct cluster **link = find_cluster(metrics, namespace, name, &found);
    struct cluster *cluster = found ? *link : NULL;
    if (!phase) {
        backup_metrics_forget(&metrics->backups, namespace, name);
        if (cluster) {
            *link = cluster->next;
            cluster_free(cluster);
        }
    } else {
        if (!cluster) {
            cluster = xcalloc(1, sizeof *cluster);
            cluster->namespace = xstrdup(namespace);
            cluster->name = xstrdup(name);
            cluster->next = *link;
            *link = cluster;
        }
        if (!cluster->phase || strcmp(cluster->phase, phase) != 0) {
            free(cluster->phase);
            cluster->phase = xstrdup(phase);
        }
        cluster->size = size;
        cluster->ready_members = ready_members;
        cluster->has_quorum = has_quorum;
        cluster->quorum_lost = quorum_lost;
    }
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_publish_backup(void *context, const char *namespace, const char *cluster,
                            const char *schedule, int64_t completed_ms, bool failed)
{
    struct metrics *metrics = context;

    pthread_mutex_lock(&metrics->lock);
    backup_metrics_count(&metrics->backups, namespace, cluster, schedule, completed_ms, failed);
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_count_pass(struct metrics *metrics, enum error_kind result, int64_t milliseconds)
{
    size_t bucket = 0;

    while (bucket < N_BUCKETS && milliseconds > pass_buckets_ms[bucket]) {
        bucket++;
    }
    pthread_mutex_lock(&metrics->lock);
    metrics->passes[(unsigned)result <= ERROR_TERMINAL ? result : ERROR_TERMINAL]++;
    metrics->pass_buckets[bucket]++;
    metrics->pass_total_ms += milliseconds;
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_set_leader(struct metrics *metrics, bool leads)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->leads = leads;
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_count_look(struct metrics *metrics)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->looks++;
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_count_api_request(void *context, const char *verb, const char *resource, long status,
                               int64_t milliseconds)
{
    struct metrics *metrics = context;
    struct api_series *series = NULL;

    (void)milliseconds;
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < metrics->n_api && !series; i++) {
        struct api_series *candidate = &metrics->api[i];
        if (candidate->status == status && !strcmp(candidate->verb, verb) &&
            !strcmp(candidate->resource, resource)) {
            series = candidate;
        }
    }
    if (!series && metrics->n_api < MAX_API_SERIES) {
        metrics->api = xrealloc(metrics->api, (metrics->n_api + 1) * sizeof *metrics->api);
        series = &metrics->api[metrics->n_api++];
        *series = (struct api_series){xstrdup(verb), xstrdup(resource), status, 0};
    }
    if (series) {
        series->count++;
    }
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_append_label(struct buffer *out, const char *value)
{
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"') {
            buffer_printf(out, "\\%c", *c);
        } else if (*c == '\n') {
            buffer_printf(out, "\\n");
        } else {
            buffer_printf(out, "%c", *c);
        }
    }
}

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* `{namespace="...",name="..."`, still open. */
static void append_cluster_labels(struct buffer *out, const struct cluster *cluster)
{
    buffer_printf(out, "{namespace=\"");
    metrics_append_label(out, cluster->namespace);
    buffer_printf(out, "\",name=\"");
    metrics_append_label(out, cluster->name);
    buffer_printf(out, "\"");
}

static int32_t size_of(const struct cluster *cluster)
{
    return cluster->size;
}

static int32_t health_of(const struct cluster *cluster)
{
    return cluster->has_quorum;
}

static int32_t loss_of(const struct cluster *cluster)
{
    return cluster->quorum_lost;
}

static int32_t ready_of(const struct cluster *cluster)
{
    return cluster->ready_members;
}

static const struct cluster_gauge {
    const char *name, *help;
    int32_t (*value)(const struct cluster *cluster);
} cluster_gauges[] = {
    {"etcd_cluster_size", "Members that the cluster shall have.", size_of},
    {"etcd_cluster_health", "1 if the cluster answers linearizable reads, else 0.", health_of},
    {"etcd_cluster_quorum_lost", "1 if the cluster has provably lost its quorum, else 0.", loss_of},
    {"etcd_cluster_members_ready", "Members that are ready.", ready_of},
};

static void render_clusters(const struct metrics *metrics, struct buffer *out)
{
    for (size_t i = 0; i < sizeof cluster_gauges / sizeof *cluster_gauges; i++) {
        const struct cluster_gauge *gauge = &cluster_gauges[i];
        head(out, gauge->name, "gauge", gauge->help);
        for (const struct cluster *c = metrics->clusters; c; c = c->next) {
            buffer_printf(out, "%s", gauge->name);
            append_cluster_labels(out, c);
            buffer_printf(out, "} %" PRId32 "\n", gauge->value(c));
        }
    }
    head(out, "etcd_cluster_phase", "gauge", "1 for the phase that the cluster is in.");
    for (const struct cluster *c = metrics->clusters; c; c = c->next) {
        buffer_printf(out, "etcd_cluster_phase");
        append_cluster_labels(out, c);
        buffer_printf(out, ",phase=\"");
        metrics_append_label(out, c->phase);
        buffer_printf(out, "\"} 1\n");
    }
}

static void render_passes(const struct metrics *metrics, struct buffer *out)
{
    static const char duration[] = "etcd_operator_reconcile_duration_seconds";
    uint64_t count = 0;

    head(out, "etcd_operator_reconcile_total", "counter",
         "Passes by result: success, or the kind of the error.");
    for (size_t i = 0; i <= ERROR_TERMINAL; i++) {
        /* The first two from the start, so that a rate over them never lacks its beginning. */
        if (i <= ERROR_RETRYABLE || metrics->passes[i]) {
            buffer_printf(out, "etcd_operator_reconcile_total{result=\"%s\"} %" PRIu64 "\n",
                          i ? error_kind_name((enum error_kind)i) : "success", metrics->passes[i]);
        }
    }
    head(out, "etcd_operator_looks_total", "counter",
         "Cheap looks at a cluster at rest, in place of a pass.");
    buffer_printf(out, "etcd_operator_looks_total %" PRIu64 "\n", metrics->looks);
    head(out, duration, "histogram", "How long passes take.");
    for (size_t i = 0; i < N_BUCKETS; i++) {
        count += metrics->pass_buckets[i];
        buffer_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", duration,
                      (double)pass_buckets_ms[i] / 1000, count);
    }
    count += metrics->pass_buckets[N_BUCKETS];
    buffer_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", duration, count);
    buffer_printf(out, "%s_sum %.3f\n", duration, (double)metrics->pass_total_ms / 1000);
    buffer_printf(out, "%s_count %" PRIu64 "\n", duration, count);
}

static void render_api(const struct metrics *metrics, struct buffer *out)
{
    head(out, "etcd_operator_api_requests_total", "counter",
         "Requests to the Kubernetes API by verb, resource and HTTP status (0: no answer).");
    for (size_t i = 0; i < metrics->n_api; i++) {
        const struct api_series *series = &metrics->api[i];
        buffer_printf(out, "etcd_operator_api_requests_total{verb=\"");
        metrics_append_label(out, series->verb);
        buffer_printf(out, "\",resource=\"");
        metrics_append_label(out, series->resource);
        buffer_printf(out, "\",code=\"%ld\"} %" PRIu64 "\n", series->status, series->count);
    }
}

void metrics_render(struct metrics *metrics, size_t queue_depth, struct buffer *out)
{
    pthread_mutex_lock(&metrics->lock);
    render_clusters(metrics, out);
    backup_metrics_render(&metrics->backups, out);
    render_passes(metrics, out);
    render_api(metrics, out);
    head(out, "etcd_operator_leader", "gauge", "1 if this replica leads, 0 if it is a standby.");
    buffer_printf(out, "etcd_operator_leader %d\n", metrics->leads);
    pthread_mutex_unlock(&metrics->lock);
    head(out, "etcd_operator_queue_depth", "gauge", "Clusters that wait for a pass.");
    buffer_printf(out, "etcd_operator_queue_depth %zu\n", queue_depth);
    head(out, "etcd_operator_build_info", "gauge", "1, with the version of the operator.");
    buffer_printf(out, "etcd_operator_build_info{version=\"" VERSION "\"} 1\n");
    metrics_render_process(out);
}
