#include "kube/elector_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "kube/elector.h"
#include "kube/reflector_thread.h"

/* jansson parses recursively and allows 2048 levels: measured, that takes up to 700 KiB. What is
 * not used of a stack costs no memory. */
#define STACK_SIZE ((size_t)1024 * 1024)

struct elector_thread {
    struct elector_thread_options options;
    struct elector elector; /* The thread's own, but for elector_may_change(). */
    struct kube_stop stop;
    atomic_bool leads;
    enum error_kind complained; /* The failure that was logged last; it is said once. */
    char *holder;               /* That was logged last. */
    pthread_t thread;
    bool running;
};

struct elector_thread *elector_thread_new(const struct elector_thread_options *options)
{
    struct elector_thread *thread = xcalloc(1, sizeof *thread);

    thread->options = *options;
    elector_init(&thread->elector, options->namespace, options->name, options->identity);
    kube_stop_init(&thread->stop);
    return thread;
}

void elector_thread_free(struct elector_thread *thread)
{
    if (!thread) {
        return;
    }
    elector_thread_stop(thread);
    elector_fini(&thread->elector);
    kube_stop_fini(&thread->stop);
    free(thread->holder);
    free(thread);
}

bool elector_thread_leads(const struct elector_thread *thread)
{
    return atomic_load(&thread->leads);
}

bool elector_thread_may_change(const struct elector_thread *thread)
{
    return elector_may_change(&thread->elector, clock_boot_ms());
}

/* --- What people read -------------------------------------------------------------------- */

static void log_failure(struct elector_thread *thread, enum error_kind kind,
                        const struct error *error)
{
    /* Who is late, and a Lease that is not there yet, are everyday. */
    bool everyday = kind == ERROR_NONE || kind == ERROR_CONFLICT || kind == ERROR_EXISTS ||
                    kind == ERROR_NOT_FOUND;

    if (!everyday && kind != thread->complained) {
        log_warning("lease not reached", "kind", error_kind_name(kind), "error", error->message,
                    NULL);
    }
    thread->complained = everyday ? ERROR_NONE : kind;
}

static void log_holder(struct elector_thread *thread)
{
    const char *holder = elector_holder(&thread->elector);

    if (elector_leads(&thread->elector) || !*holder || !strcmp(holder, thread->options.identity) ||
        (thread->holder && !strcmp(holder, thread->holder))) {
        return;
    }
    free(thread->holder);
    thread->holder = xstrdup(holder);
    log_info("standby", "leader", holder, NULL);
}

static void tell(struct elector_thread *thread)
{
    bool led = atomic_exchange(&thread->leads, elector_leads(&thread->elector));

    log_holder(thread);
    if (!led && elector_leads(&thread->elector)) {
        log_info("elected", "lease", thread->options.name, "namespace", thread->options.namespace,
                 "identity", thread->options.identity, NULL);
        thread->options.elected(thread->options.context);
    }
}

/* --- The loop ---------------------------------------------------------------------------- */

static int carry_out(const struct elector_thread *thread, const struct elector_request *request,
                     json_t **lease, struct error *error)
{
    const struct elector_thread_options *options = &thread->options;
    const struct kube_api *api = options->api;

    if (request->action == ELECTOR_DO_READ) {
        return api->get(api->context, &kube_leases, options->namespace, options->name, lease,
                        error);
    }
    return (request->action == ELECTOR_DO_CREATE ? api->create : api->replace)(
        api->context, &kube_leases, request->lease, lease, error);
}

static void step(struct elector_thread *thread, struct elector_request *request)
{
    AUTO_JSON json_t *lease = NULL;
    struct error error = {0};
    enum error_kind kind = (enum error_kind) - carry_out(thread, request, &lease, &error);

    json_decref(request->lease);
    elector_answered(&thread->elector, kind, lease, clock_boot_ms(), random_chance());
    log_failure(thread, kind, &error);
}

static void *run(void *context)
{
    struct elector_thread *thread = context;
    struct elector *elector = &thread->elector;
    bool released = false;

    for (;;) {
        struct elector_request request;
        if (!released && atomic_load(&thread->stop.stopping)) {
            elector_release(elector);
            released = true;
        }
        elector_next(elector, clock_boot_ms(), clock_wall_ms(), &request);
        if (request.action == ELECTOR_DO_END) {
            break;
        }
        if (request.action == ELECTOR_DO_WAIT) {
            kube_stop_wait(&thread->stop, request.wait_ms);
        } else {
            step(thread, &request);
            tell(thread);
        }
    }
    atomic_store(&thread->leads, false);
    if (elector->state == ELECTOR_LOST) {
        thread->options.lost(thread->options.context, elector->why_lost);
    }
    return NULL;
}

int elector_thread_start(struct elector_thread *thread, struct error *error)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int problem = pthread_create(&thread->thread, &attributes, run, thread);
    pthread_attr_destroy(&attributes);
    if (problem) {
        return error_set(error, ERROR_TERMINAL, "start the elector's thread: %s",
                         strerror(problem));
    }
    thread->running = true;
    return 0;
}

void elector_thread_stop(struct elector_thread *thread)
{
    if (thread->running) {
        kube_stop_now(&thread->stop);
        pthread_join(thread->thread, NULL);
        thread->running = false;
    }
}
