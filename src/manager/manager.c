#include "manager/manager.h"

#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/progress.h"
#include "backup/reconcile.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "cluster/reconcile.h"
#include "etcd/client.h"
#include "kube/client.h"
#include "kube/work_pool.h"
#include "manager/endpoints.h"
#include "manager/leadership.h"
#include "manager/managed.h"
#include "manager/resync.h"
#include "manager/watched.h"
#include "net/server.h"
#include "restore/reconcile.h"

/* Kubernetes' patience is 40 s (the Deployment says so), ours for the passes under way less. */
#define STOP_TIMEOUT_MS 25000

/* How often the start looks whether all stores are filled: often while it counts, then seldom (an
 * API server that is away). */
#define SYNC_POLL_MS      5
#define SYNC_SLOW_POLL_MS 200
#define SYNC_SLOW_MS      2000

/* A standby has nothing to do but to be woken. */
#define STANDBY_MS (60 * 60 * 1000)

/* The kinds that get passes (build()). */
#define N_MANAGED 3

struct manager {
    const struct manager_options *options;
    struct kube_store *stores[N_WATCHED]; /* In the order of watched_kinds. */
    struct kube_recent *recent;           /* Of the stores. */
    struct kube_client *kube;
    struct etcd_client *etcd;
    struct leadership leadership;
    struct reconciler_options passes; /* What passes reach the world through. */
    struct reconciler *reconciler;
    struct http_client *pods; /* Plain HTTP to the backups' pods. */
    struct backup_options backups;
    struct managed_kind kinds[N_MANAGED];
    struct work_pool *pool;
    struct metrics *metrics;
    struct health *health;
    struct endpoint_sources sources;
    struct endpoints endpoints[2];
    struct http_server *servers[2];
    struct resync resync;
};

/* Keys and passes */

static void add_key(void *context, const char *namespace, const char *owner)
{
    struct manager *manager = context;
    AUTO_FREE char *key = managed_key(namespace, owner);

    reconciler_changed(manager->reconciler, key);
    work_pool_add(manager->pool, key);
}

struct slice {
    struct manager *manager;
    const struct kube_resource *resource;
};

static void add_key_of_slice(void *context, const char *namespace, const char *name)
{
    const struct slice *slice = context;
    char owner[NAME_MAX + 1];

    if (resync_wants(&slice->manager->resync, namespace, name) &&
        managed_owner(slice->resource, name, owner, sizeof owner)) {
        add_key(slice->manager, namespace, owner);
    }
}

static void add_slice(struct manager *manager)
{
    for (size_t i = 0; i < N_WATCHED; i++) {
        struct slice slice = {manager, watched_kinds[i].resource};
        for (size_t j = 0; j < N_MANAGED; j++) {
            if (manager->kinds[j].resource == slice.resource) {
                kube_store_for_each(manager->stores[i], add_key_of_slice, &slice);
            }
        }
    }
}

/* A cheap look where that will do. */
static int pass_cluster(void *context, const char *key, struct work_result *result,
                        struct error *error)
{
    struct manager *manager = context;

    if (reconciler_look(manager->reconciler, key, result)) {
        metrics_count_look(manager->metrics);
        return 0;
    }
    int64_t started_ms = clock_boot_ms();
    int r = reconciler_pass(manager->reconciler, key, result, error);
    metrics_count_pass(manager->metrics, (enum error_kind) - r, clock_boot_ms() - started_ms);
    return r;
}

static int pass_backup(void *context, const char *key, struct work_result *result,
                       struct error *error)
{
    struct manager *manager = context;
    int64_t started_ms = clock_boot_ms();

    int r = backup_pass(&manager->backups, key, result, error);
    metrics_count_pass(manager->metrics, (enum error_kind) - r, clock_boot_ms() - started_ms);
    return r;
}

static int work(void *context, const char *key, struct work_result *result, struct error *error)
{
    struct manager *manager = context;
    const char *rest;
    const struct managed_kind *kind = managed_find(manager->kinds, N_MANAGED, key, &rest);

    if (!kind) {
        return 0;
    }
    size_t slot = health_pass_begin(manager->health, key, clock_boot_ms());
    int r = kind->pass(kind->context, rest, result, error);
    health_pass_end(manager->health, slot);
    return r;
}

/* Endpoints */

static size_t queue_depth(void *context)
{
    struct manager *manager = context;
    return work_pool_depth(manager->pool);
}

static bool ready(void *context, struct buffer *out)
{
    struct manager *manager = context;
    size_t waiting = 0;

    for (size_t i = 0; i < N_WATCHED; i++) {
        if (!kube_store_synced(manager->stores[i])) {
            buffer_printf(out, "%s%s", waiting++ ? ", " : "waiting for the first list of: ",
                          watched_kinds[i].resource->plural);
        }
    }
    /* A standby is as ready as it can be; a rollout that waited for more would wait for ever. */
    bool leads = leadership_leads(&manager->leadership);
    buffer_printf(out, waiting ? "\n" : leads ? "ok\n" : "standby\n");
    return !waiting;
}

static bool same_address(const struct net_address *a, const struct net_address *b)
{
    return a->port && a->port == b->port && !strcmp(a->host ? a->host : "", b->host ? b->host : "");
}

/* `option` is where the address comes from, for messages. */
static int serve(struct manager *manager, size_t index, const struct net_address *address,
                 const char *option, unsigned groups, struct error *error)
{
    manager->endpoints[index] = (struct endpoints){.sources = &manager->sources, .groups = groups};
    const struct http_server_options options = {
        .address = address->host,
        .port = address->port,
        .max_body = 1,
        .handle = endpoints_handle,
        .context = &manager->endpoints[index],
    };
    int r = http_server_start(&options, &manager->servers[index], error);
    return r < 0 ? error_wrap(error, "%s", option) : 0;
}

static int start_servers(struct manager *manager, struct error *error)
{
    const struct manager_options *options = manager->options;

    manager->sources = (struct endpoint_sources){
        .metrics = manager->metrics,
        .health = manager->health,
        .queue_depth = queue_depth,
        .ready = ready,
        .now_ms = clock_boot_ms,
        .context = manager,
    };
    if (same_address(&options->metrics_address, &options->health_address)) {
        return serve(manager, 0, &options->metrics_address, "--metrics-address",
                     ENDPOINTS_METRICS | ENDPOINTS_HEALTH, error);
    }
    int r =
        serve(manager, 0, &options->health_address, "--health-address", ENDPOINTS_HEALTH, error);
    return r < 0 ? r
                 : serve(manager, 1, &options->metrics_address, "--metrics-address",
                         ENDPOINTS_METRICS, error);
}

/* Parts */

static int64_t now_boot_ms(void *context)
{
    (void)context;
    return clock_boot_ms();
}

static int64_t now_wall_ms(void *context)
{
    (void)context;
    return clock_wall_ms();
}

static void get_random(void *context, void *out, size_t size)
{
    (void)context;
    random_bytes(out, size);
}

static int get_progress(void *context, const char *pod_ip, json_t **out, struct error *error)
{
    struct manager *manager = context;
    return backup_progress_get(manager->pods, pod_ip, out, error);
}

static int build_backups(struct manager *manager, struct error *error)
{
    manager->backups = (struct backup_options){
        .kube = kube_client_api(manager->kube),
        .operator_image = manager->options->operator_image,
        .now_wall_ms = now_wall_ms,
        .progress = get_progress,
        .context = manager,
        .publish = metrics_publish_backup,
        .publish_context = manager->metrics,
    };
    return http_client_new(&(struct http_options){0}, &manager->pods, error);
}

static void watch(struct manager *manager)
{
    const struct manager_options *options = manager->options;

    manager->recent = kube_recent_new(KUBE_RECENT_SIZE);
    for (size_t i = 0; i < N_WATCHED; i++) {
        const struct watched_kind *kind = &watched_kinds[i];
        const struct kube_store_options store = {.trim = kind->trim,
                                                 .owner = kind->owner,
                                                 .changed = add_key,
                                                 .context = manager,
                                                 .recent = manager->recent};
        manager->stores[i] = kube_store_new(&store);
        for (size_t j = 0; j < options->n_namespaces; j++) {
            kube_client_watch(manager->kube, kind->resource, options->namespaces[j],
                              kind->label_selector, manager->stores[i]);
        }
        if (!options->n_namespaces) {
            kube_client_watch(manager->kube, kind->resource, NULL, kind->label_selector,
                              manager->stores[i]);
        }
    }
}

static int build(struct manager *manager, struct error *error)
{
    const struct manager_options *options = manager->options;
    const struct work_pool_options pool = {
        .workers = options->workers, .work = work, .context = manager};
    uint64_t seed;

    manager->metrics = metrics_new();
    manager->health = health_new(options->workers);
    manager->pool = work_pool_new(&pool);
    random_bytes(&seed, sizeof seed);
    resync_init(&manager->resync, options->resync_ms, seed, clock_boot_ms());

    const struct kube_client_options kube = {
        .kubeconfig = options->kubeconfig,
        .context = options->context,
        .field_manager = "etcd-operator",
        .event_source = "etcd-operator",
        .observe = metrics_count_api_request,
        .observe_context = manager->metrics,
        .allow_change = leadership_may_change,
        .allow_change_context = &manager->leadership,
        .per_second = options->api_per_second,
        .burst = options->api_burst,
    };
    int r = kube_client_new(&kube, &manager->kube, error);
    if (r == 0) {
        r = leadership_init(&manager->leadership, options, kube_client_api(manager->kube),
                            manager->metrics, error);
    }
    if (r < 0) {
        return r;
    }
    watch(manager);
    manager->etcd = etcd_client_new();
    etcd_client_guard(manager->etcd, leadership_may_change, &manager->leadership);
    manager->passes = (struct reconciler_options){
        .kube = kube_client_api(manager->kube),
        .etcd = etcd_client_api(manager->etcd),
        .operator_image = options->operator_image,
        .helper_image_volume = options->helper_image_volume,
        .now_boot_ms = now_boot_ms,
        .now_wall_ms = now_wall_ms,
        .random = get_random,
        .publish = metrics_publish_cluster,
        .publish_context = manager->metrics,
    };
    manager->reconciler = reconciler_new(&manager->passes);
    manager->kinds[0] = (struct managed_kind){&kube_etcd_clusters, pass_cluster, manager};
    manager->kinds[1] = (struct managed_kind){&kube_etcd_backups, pass_backup, manager};
    manager->kinds[2] = (struct managed_kind){&kube_etcd_restores, restore_pass, &manager->passes};
    return build_backups(manager, error);
}

/* In the order in which each part is no longer used by another. */
static void tear_down(struct manager *manager)
{
    leadership_fini(&manager->leadership); /* First of all: another one may begin. */
    if (manager->kube) {
        kube_client_stop(manager->kube);
    }
    http_server_stop(manager->servers[0]);
    http_server_stop(manager->servers[1]);
    work_pool_free(manager->pool);
    reconciler_free(manager->reconciler);
    etcd_client_free(manager->etcd);
    http_client_free(manager->pods);
    kube_client_free(manager->kube);
    for (size_t i = 0; i < N_WATCHED; i++) {
        kube_store_free(manager->stores[i]);
    }
    kube_recent_free(manager->recent);
    health_free(manager->health);
    metrics_free(manager->metrics);
}

/* Running */

/* The signal that ends the process; 0 when elected, or after `timeout_ms`. */
static int wait_signal(int64_t timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, LEADERSHIP_SIGNAL);
    int number = sigtimedwait(&signals, NULL, &timeout);
    return number > 0 && number != LEADERSHIP_SIGNAL ? number : 0;
}

static void log_ready(struct manager *manager, int64_t started_ms)
{
    char milliseconds[24], clusters[24];

    snprintf(milliseconds, sizeof milliseconds, "%lld", (long long)(clock_boot_ms() - started_ms));
    snprintf(clusters, sizeof clusters, "%zu", kube_store_length(manager->stores[0]));
    log_info("ready", "milliseconds", milliseconds, "clusters", clusters, NULL);
}

/* True when all stores are filled; false when a signal came first. */
static bool wait_synced(struct manager *manager, int *signal_number)
{
    int64_t began_ms = clock_boot_ms(), poll_ms = SYNC_POLL_MS;

    while (!kube_client_wait_synced(manager->kube, poll_ms)) {
        poll_ms = clock_boot_ms() - began_ms < SYNC_SLOW_MS ? SYNC_POLL_MS : SYNC_SLOW_POLL_MS;
        *signal_number = wait_signal(0);
        if (*signal_number) {
            return false;
        }
    }
    return true;
}

/* True when this replica leads; false when a signal came first. */
static bool wait_elected(struct manager *manager, int *signal_number)
{
    while (!leadership_leads(&manager->leadership)) {
        *signal_number = wait_signal(STANDBY_MS);
        if (*signal_number) {
            return false;
        }
    }
    return true;
}

/* Resyncs until a signal comes. */
static int wait_for_end(struct manager *manager)
{
    for (;;) {
        int64_t wait_ms = manager->resync.next_ms - clock_boot_ms();
        int number = wait_signal(wait_ms > 0 ? wait_ms : 0);
        if (number) {
            return number;
        }
        if (resync_due(&manager->resync, clock_boot_ms())) {
            add_slice(manager);
            malloc_trim(0); /* Pages that a burst of clusters or of failures left free. */
        }
    }
}

static void log_start(const struct manager_options *options)
{
    AUTO_BUFFER struct buffer namespaces = {0};

    for (size_t i = 0; i < options->n_namespaces; i++) {
        buffer_printf(&namespaces, "%s%s", i ? "," : "", options->namespaces[i]);
    }
    log_info("starting", "version", VERSION, "namespaces",
             namespaces.size ? namespaces.data : "all", "image", options->operator_image, NULL);
}

/* With filled stores. Not before: a pass over half-filled ones would create what exists, and a
 * replica that cannot read must not keep others from leading. */
static int stand_by_and_lead(struct manager *manager, int *signal_number, struct error *error)
{
    int r = leadership_start(&manager->leadership, error);

    if (r < 0 || !wait_elected(manager, signal_number)) {
        return r;
    }
    r = work_pool_start(manager->pool, error);
    if (r == 0) {
        *signal_number = wait_for_end(manager);
    }
    return r;
}

static int start_and_wait(struct manager *manager, int64_t started_ms, struct error *error)
{
    int signal_number = 0;

    int r = start_servers(manager, error);
    if (r == 0) {
        r = kube_client_start(manager->kube, error);
    }
    if (r == 0 && wait_synced(manager, &signal_number)) {
        log_ready(manager, started_ms);
        malloc_trim(0); /* The lists' peak. */
        r = stand_by_and_lead(manager, &signal_number, error);
    }
    if (r == 0) {
        log_info("stopping", "signal", strsignal(signal_number), NULL);
    }
    return r;
}

int manager_run(const struct manager_options *options, int64_t started_ms, struct error *error)
{
    struct manager manager = {.options = options};

    log_start(options);
    int r = build(&manager, error);
    if (r == 0) {
        r = start_and_wait(&manager, started_ms, error);
    }
    if (!work_pool_stop(manager.pool, STOP_TIMEOUT_MS)) {
        /* The pass still uses the parts; the process's end frees them, and a restart goes on from
         * what is recorded. */
        log_warning("a pass did not end in time", NULL);
        fflush(NULL);
        _exit(r < 0 ? 1 : 0);
    }
    tear_down(&manager);
    return r;
}
