#include "kube/reflector_thread.h"

#include <malloc.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "kube/path.h"
#include "kube/reflector.h"
#include "kube/watch_lines.h"

/* REFLECTOR_PAGE_LENGTH objects of the largest size that etcd stores by default. */
#define MAX_PAGE_SIZE   ((size_t)80 * 1024 * 1024)
#define LIST_TIMEOUT_MS 60000

/* --- Stopping ---------------------------------------------------------------------------- */

void kube_stop_init(struct kube_stop *stop)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&stop->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&stop->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_init(&stop->stopping, false);
}

void kube_stop_fini(struct kube_stop *stop)
{
    pthread_cond_destroy(&stop->changed);
    pthread_mutex_destroy(&stop->lock);
}

void kube_stop_notify(struct kube_stop *stop)
{
    pthread_mutex_lock(&stop->lock);
    pthread_cond_broadcast(&stop->changed);
    pthread_mutex_unlock(&stop->lock);
}

void kube_stop_now(struct kube_stop *stop)
{
    atomic_store(&stop->stopping, true);
    kube_stop_notify(stop);
}

void kube_stop_wait(struct kube_stop *stop, int64_t wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&stop->lock);
    if (!atomic_load(&stop->stopping)) {
        pthread_cond_timedwait(&stop->changed, &stop->lock, &until);
    }
    pthread_mutex_unlock(&stop->lock);
}

static bool stopping(void *context)
{
    struct kube_stop *stop = context;
    return atomic_load(&stop->stopping);
}

/* --- List -------------------------------------------------------------------------------- */

static int list_page(struct kube_watch *watch, struct reflector *reflector, const char *token,
                     struct error *error)
{
    AUTO_BUFFER struct buffer target = {0};
    AUTO_HTTP_RESPONSE struct http_response response = {0};

    kube_path_append(&target, watch->resource, watch->namespace, NULL, NULL);
    kube_path_query(&target, "labelSelector", watch->label_selector);
    kube_path_query_number(&target, "limit", REFLECTOR_PAGE_LENGTH);
    kube_path_query(&target, "continue", token);
    const struct kube_call call = {.verb = "list",
                                   .resource = watch->resource,
                                   .namespace = watch->namespace,
                                   .method = "GET",
                                   .target = target.data,
                                   .timeout_ms = LIST_TIMEOUT_MS,
                                   .max_response = MAX_PAGE_SIZE,
                                   .cancelled = stopping,
                                   .cancelled_context = watch->stop};
    int result = kube_transport_do(watch->transport, &call, &response, error);
    if (result) {
        return result;
    }
    AUTO_JSON json_t *list = json_parse(response.body.data, response.body.size, "a list", error);
    if (!list) {
        return error_wrap(error, "list %s", watch->resource->plural);
    }
    buffer_fini(&response.body); /* The text and its parsed form need not live together. */
    return reflector_listed(reflector, list, error);
}

/* --- Watch ------------------------------------------------------------------------------- */

static int take_line(void *context, const char *line, size_t size, struct error *error)
{
    AUTO_JSON json_t *event = json_parse(line, size, "an event of the watch", error);
    return event ? reflector_watched(context, event, error) : -(int)error->kind;
}

static int take_body(void *context, const void *data, size_t size, struct error *error)
{
    return kube_watch_lines_feed(context, data, size, error);
}

static int watch_once(struct kube_watch *watch, struct reflector *reflector,
                      const struct reflector_request *request, struct error *error)
{
    AUTO_BUFFER struct buffer target = {0};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct kube_watch_lines lines = {
        .limit = KUBE_WATCH_LINE_LIMIT, .on_line = take_line, .context = reflector};

    kube_path_append(&target, watch->resource, watch->namespace, NULL, NULL);
    kube_path_query(&target, "watch", "true");
    kube_path_query(&target, "allowWatchBookmarks", "true");
    kube_path_query(&target, "labelSelector", watch->label_selector);
    kube_path_query(&target, "resourceVersion", request->resource_version);
    kube_path_query_number(&target, "timeoutSeconds", request->watch_timeout_seconds);
    const struct kube_call call = {.verb = "watch",
                                   .resource = watch->resource,
                                   .namespace = watch->namespace,
                                   .method = "GET",
                                   .target = target.data,
                                   .timeout_ms = -1,
                                   .idle_timeout_ms = KUBE_WATCH_IDLE_MS,
                                   .on_body = take_body,
                                   .on_body_context = &lines,
                                   .cancelled = stopping,
                                   .cancelled_context = watch->stop};
    int result = kube_transport_do(watch->transport, &call, &response, error);
    kube_watch_lines_fini(&lines);
    return result;
}

/* --- The loop ---------------------------------------------------------------------------- */

static void log_end(const struct kube_watch *watch, const char *verb, const struct error *error)
{
    /* A cut watch is taken up again, and an expired one reads the list: both are everyday. */
    bool everyday =
        error->kind == ERROR_GONE || (error->kind == ERROR_RETRYABLE && !strcmp(verb, "watch"));

    log_write(everyday ? LOG_INFO : LOG_WARNING, "reflector interrupted", "resource",
              watch->resource->plural, "verb", verb, "kind", error_kind_name(error->kind), "error",
              error->message, NULL);
}

static void step(struct kube_watch *watch, struct reflector *reflector)
{
    struct reflector_request request;
    struct error error = {0};
    bool listing;
    int result;

    reflector_next(reflector, clock_boot_ms(), random_chance(), &request);
    if (request.action == REFLECTOR_DO_WAIT) {
        kube_stop_wait(watch->stop, request.wait_ms);
        return;
    }
    listing = request.action == REFLECTOR_DO_LIST;
    result = listing ? list_page(watch, reflector, request.continue_token, &error)
                     : watch_once(watch, reflector, &request, &error);
    if (stopping(watch->stop)) {
        return;
    }
    if (result) {
        log_end(watch, listing ? "list" : "watch", &error);
    }
    if (result || !listing) {
        reflector_ended(reflector, (enum error_kind) - result, error.retry_after_ms,
                        clock_boot_ms(), random_chance());
    } else if (reflector->state == REFLECTOR_WATCH) {
        /* Parsing the pages took several times what is kept of them: give it back. */
        malloc_trim(0);
        kube_stop_notify(watch->stop);
    }
}

void *kube_watch_run(void *context)
{
    struct kube_watch *watch = context;
    struct reflector reflector;

    reflector_init(&reflector, watch->store, watch->namespace);
    while (!stopping(watch->stop)) {
        step(watch, &reflector);
    }
    reflector_fini(&reflector);
    return NULL;
}
