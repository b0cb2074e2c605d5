/* When the controllers act. */
#include "sim/kube/controllers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "sim/kube/controllers_internal.h"

/* The work queue's back-off (client-go, util/workqueue/default_rate_limiters.go). */
#define RETRY_FIRST_MS 5
#define RETRY_MAX_MS   1000000

/* Mostly a controller is quick; now and then its watch or its queue is not. */
static int64_t draw_delay(struct sim *sim)
{
    uint64_t draw = sim_below(sim, SIM_STREAM_API, 100);

    return sim_between(sim, SIM_STREAM_API, 1, draw < 80 ? 50 : draw < 98 ? 1000 : 6000);
}

/* --- StatefulSets ------------------------------------------------------------------------ */

static struct sim_set *need_set(struct sim_controllers *controllers, const char *key)
{
    for (size_t i = 0; i < controllers->n_sets; i++) {
        if (!strcmp(controllers->sets[i].key, key)) {
            return &controllers->sets[i];
        }
    }
    controllers->sets =
        xrealloc(controllers->sets, (controllers->n_sets + 1) * sizeof *controllers->sets);
    struct sim_set *set = &controllers->sets[controllers->n_sets++];
    *set = (struct sim_set){.key = xstrdup(key)};
    return set;
}

static void retry(void *context, uint64_t argument);

static void sync_set(struct sim_controllers *controllers, struct sim_set *set)
{
    struct error error;
    size_t index = (size_t)(set - controllers->sets);

    if (!sim_stateful_set_sync(controllers, set, &error)) {
        set->failures = 0;
        return;
    }
    sim_trace(controllers->sim, "statefulset %s: %s", set->key, error.message);
    int64_t delay_ms = set->failures < 18 ? (int64_t)RETRY_FIRST_MS << set->failures : RETRY_MAX_MS;
    set->failures++;
    if (!set->retry_planned) {
        set->retry_planned = true;
        sim_after(controllers->sim, delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS, retry,
                  controllers, index);
    }
}

static void retry(void *context, uint64_t argument)
{
    struct sim_controllers *controllers = context;
    struct sim_set *set = &controllers->sets[argument];

    set->retry_planned = false;
    if (!controllers->stopped) {
        sync_set(controllers, set);
    }
}

/* --- Informers --------------------------------------------------------------------------- */

static const char *key_of(const json_t *object, const char *name, char key[SIM_KEY_SIZE])
{
    const char *namespace = json_path_string(object, "metadata", "namespace", NULL);

    snprintf(key, SIM_KEY_SIZE, "%s/%s", namespace ? namespace : "", name);
    return key;
}

/* The StatefulSet that a change of this object is about: itself, or the controller. */
static const char *set_of(const struct sim_informer *informer, const json_t *object)
{
    if (informer->resource == &kube_stateful_sets) {
        return json_path_string(object, "metadata", "name", NULL);
    }
    const json_t *owner = sim_controller_of(object);
    const char *kind = json_path_string(owner, "kind", NULL);
    return kind && !strcmp(kind, "StatefulSet") ? json_path_string(owner, "name", NULL) : NULL;
}

static void put_in_cache(struct sim_informer *informer, const struct sim_notice *notice)
{
    char key[SIM_KEY_SIZE];

    key_of(notice->object, json_path_string(notice->object, "metadata", "name", NULL), key);
    if (notice->deleted) {
        json_object_del(informer->cache, key);
    } else {
        json_object_set(informer->cache, key, notice->object);
    }
}

static void deliver(void *context, uint64_t argument)
{
    struct sim_controllers *controllers = context;
    struct sim_informer *informer = &controllers->informers[argument];
    size_t length = informer->length;
    struct sim_notice *notices = informer->queue;
    char key[SIM_KEY_SIZE];

    informer->planned = false;
    if (controllers->stopped) {
        return;
    }
    if (argument == INFORMER_PODS) {
        /* A pod that waits for a claim which is seen to be gone only later waits for ever: nothing
         * wakes the controller then. The two watches are as good as never so far apart. */
        deliver(controllers, INFORMER_CLAIMS);
    }
    /* What the controller does now is news for later. */
    informer->queue = NULL;
    informer->length = informer->capacity = 0;
    for (size_t i = 0; i < length; i++) {
        put_in_cache(informer, &notices[i]);
    }
    for (size_t i = 0; i < length; i++) {
        const char *set = set_of(informer, notices[i].object);
        const char *last = i ? set_of(informer, notices[i - 1].object) : NULL;
        if (set && (!last || strcmp(set, last) != 0)) {
            sync_set(controllers, need_set(controllers, key_of(notices[i].object, set, key)));
        }
    }
    for (size_t i = 0; i < length; i++) {
        json_decref(notices[i].object);
    }
    free(notices);
}

static void plan_delivery(struct sim_controllers *controllers, struct sim_informer *informer)
{
    if (!informer->planned && informer->length && !controllers->stopped) {
        informer->planned = true;
        sim_after(controllers->sim, draw_delay(controllers->sim), deliver, controllers,
                  (uint64_t)(informer - controllers->informers));
    }
}

static void notify(struct sim_controllers *controllers, struct sim_informer *informer,
                   const json_t *object, bool deleted)
{
    if (informer->length == informer->capacity) {
        informer->capacity = informer->capacity ? 2 * informer->capacity : 16;
        informer->queue = xrealloc(informer->queue, informer->capacity * sizeof *informer->queue);
    }
    informer->queue[informer->length++] =
        (struct sim_notice){json_incref((json_t *)object), deleted};
    plan_delivery(controllers, informer);
}

/* --- Owners and claims ------------------------------------------------------------------- */

static void collect(void *context, uint64_t argument)
{
    struct sim_controllers *controllers = context;

    (void)argument;
    controllers->collection_planned = false;
    if (!controllers->stopped) {
        sim_collect_garbage(controllers);
    }
}

static void plan_collection(struct sim_controllers *controllers)
{
    if (!controllers->collection_planned && !controllers->stopped) {
        controllers->collection_planned = true;
        sim_after(controllers->sim, draw_delay(controllers->sim), collect, controllers, 0);
    }
}

static void protect(void *context, uint64_t argument)
{
    struct sim_controllers *controllers = context;

    (void)argument;
    controllers->protection_planned = false;
    if (!controllers->stopped) {
        sim_release_claims(controllers);
    }
}

static void plan_protection(struct sim_controllers *controllers)
{
    if (!controllers->protection_planned && !controllers->stopped) {
        controllers->protection_planned = true;
        sim_after(controllers->sim, draw_delay(controllers->sim), protect, controllers, 0);
    }
}

static bool is_terminating(const json_t *object)
{
    return json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

/* --- All of them ------------------------------------------------------------------------- */

static void changed(void *context, const struct kube_resource *resource, const json_t *object,
                    bool deleted)
{
    struct sim_controllers *controllers = context;

    for (int i = 0; i < N_INFORMERS; i++) {
        if (controllers->informers[i].resource == resource) {
            notify(controllers, &controllers->informers[i], object, deleted);
        }
    }
    /* An owner is gone or wants to go, or somebody came too late to see its owner. */
    if (deleted || is_terminating(object) ||
        json_path(object, "metadata", "ownerReferences", NULL)) {
        plan_collection(controllers);
    }
    if ((resource == &kube_pods && deleted) ||
        (resource == &kube_persistent_volume_claims && is_terminating(object))) {
        plan_protection(controllers);
    }
}

struct sim_controllers *sim_controllers_new(struct sim *sim, struct sim_api_server *server)
{
    static const struct kube_resource *const resources[N_INFORMERS] = {
        &kube_stateful_sets, &kube_pods, &kube_persistent_volume_claims};
    struct sim_controllers *controllers = xcalloc(1, sizeof *controllers);

    controllers->sim = sim;
    controllers->server = server;
    controllers->api = sim_api_server_client(server, "kube-controller-manager");
    for (int i = 0; i < N_INFORMERS; i++) {
        controllers->informers[i] =
            (struct sim_informer){.resource = resources[i], .cache = json_object()};
    }
    sim_api_server_subscribe(server, changed, controllers);
    return controllers;
}

static void free_set(struct sim_set *set)
{
    for (size_t r = 0; r < set->n_revisions; r++) {
        json_decref(set->revisions[r].template);
    }
    free(set->revisions);
    free(set->key);
}

void sim_controllers_free(struct sim_controllers *controllers)
{
    if (!controllers) {
        return;
    }
    sim_cancel(controllers->sim, controllers);
    for (int i = 0; i < N_INFORMERS; i++) {
        struct sim_informer *informer = &controllers->informers[i];
        for (size_t n = 0; n < informer->length; n++) {
            json_decref(informer->queue[n].object);
        }
        free(informer->queue);
        json_decref(informer->cache);
    }
    for (size_t i = 0; i < controllers->n_sets; i++) {
        free_set(&controllers->sets[i]);
    }
    free(controllers->sets);
    free(controllers);
}

void sim_controllers_set_stopped(struct sim_controllers *controllers, bool stopped)
{
    controllers->stopped = stopped;
    if (stopped) {
        return;
    }
    /* As after a start: all there is is looked at. */
    for (int i = 0; i < N_INFORMERS; i++) {
        plan_delivery(controllers, &controllers->informers[i]);
    }
    for (size_t i = 0; i < controllers->n_sets; i++) {
        controllers->sets[i].failures = 0;
        if (!controllers->sets[i].retry_planned) {
            controllers->sets[i].retry_planned = true;
            sim_after(controllers->sim, draw_delay(controllers->sim), retry, controllers, i);
        }
    }
    plan_collection(controllers);
    plan_protection(controllers);
}
