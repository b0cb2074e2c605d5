/* The StatefulSet controller: Parallel and OnDelete, which is all that the operator asks for
 * (kubernetes, pkg/controller/statefulset, decides the order of things). */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/selector.h"
#include "kube/table.h"
#include "sim/kube/controllers_internal.h"

#define MAX_PODS 64

/* One look at a set. */
struct sync {
    struct sim_controllers *controllers;
    const json_t *set;
    const char *namespace, *name;
    const char *current, *update; /* Revisions. */
    int replicas;
    const json_t *pods[MAX_PODS]; /* By ordinal; NULL: there is none. */
    int n_replicas, n_ready, n_current, n_updated;
};

/* --- What the caches show ------------------------------------------------------------------ */

static const json_t *cached(const struct sync *sync, enum sim_informer_kind kind, const char *name)
{
    char key[SIM_KEY_SIZE];

    snprintf(key, sizeof key, "%s/%s", sync->namespace, name);
    return json_object_get(sync->controllers->informers[kind].cache, key);
}

static bool is_terminating(const json_t *object)
{
    return json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

static const char *phase(const json_t *pod)
{
    const char *text = json_path_string(pod, "status", "phase", NULL);
    return text ? text : "";
}

static bool is_ready(const json_t *pod)
{
    size_t i;
    json_t *condition;

    json_array_foreach(json_path(pod, "status", "conditions", NULL), i, condition)
    {
        if (!strcmp(json_path_string(condition, "type", NULL), "Ready")) {
            return !strcmp(phase(pod), "Running") &&
                   !strcmp(json_path_string(condition, "status", NULL), "True");
        }
    }
    return false;
}

static bool selects(const json_t *set, const json_t *pod)
{
    json_t *labels = json_path(pod, "metadata", "labels", NULL), *value;
    const char *name;

    json_object_foreach(json_path(set, "spec", "selector", "matchLabels", NULL), name, value)
    {
        if (!json_equal(json_object_get(labels, name), value)) {
            return false;
        }
    }
    return true;
}

/* A pod that has no controller and looks like the set's becomes the set's. */
static bool adopt(const struct sync *sync, const json_t *pod)
{
    const struct kube_api *api = sync->controllers->api;
    struct error error;

    if (is_terminating(pod) || is_terminating(sync->set) || !selects(sync->set, pod)) {
        return false;
    }
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:O, s:[o]}}", "metadata", "uid", json_path(pod, "metadata", "uid", NULL),
                  "ownerReferences", sim_controller_reference(sync->set));
    return !api->merge_patch(api->context, &kube_pods, sync->namespace,
                             json_path_string(pod, "metadata", "name", NULL), patch, NULL, &error);
}

static void find_pods(struct sync *sync)
{
    json_t *uid = json_path(sync->set, "metadata", "uid", NULL), *pod;
    const char *key;

    json_object_foreach(sync->controllers->informers[INFORMER_PODS].cache, key, pod)
    {
        int ordinal = sim_stateful_ordinal(sync->set, pod);
        const json_t *owner = sim_controller_of(pod);
        if (ordinal < 0 || ordinal >= MAX_PODS ||
            strcmp(json_path_string(pod, "metadata", "namespace", NULL), sync->namespace) != 0) {
            continue;
        }
        if (owner ? json_equal(json_object_get(owner, "uid"), uid) : adopt(sync, pod)) {
            sync->pods[ordinal] = pod;
        }
    }
}

/* --- Revisions --------------------------------------------------------------------------- */

/* The revision of the template that the set has now: an earlier one if it has had it before. */
static const char *revision_of(struct sim_controllers *controllers, struct sim_set *state,
                               const json_t *template)
{
    for (size_t i = 0; i < state->n_revisions; i++) {
        if (json_equal(state->revisions[i].template, template)) {
            return state->revisions[i].hash;
        }
    }
    state->revisions =
        xrealloc(state->revisions, (state->n_revisions + 1) * sizeof *state->revisions);
    struct sim_revision *revision = &state->revisions[state->n_revisions++];
    revision->template = json_incref((json_t *)template);
    snprintf(revision->hash, sizeof revision->hash, "%09llu",
             (unsigned long long)sim_below(controllers->sim, SIM_STREAM_API, 1000000000));
    return revision->hash;
}

static bool has_revision(const json_t *pod, const char *hash)
{
    const char *label =
        json_path_string(pod, "metadata", "labels", "controller-revision-hash", NULL);
    return label && !strcmp(label, hash);
}

static void count(struct sync *sync, const json_t *pod)
{
    sync->n_replicas++;
    sync->n_ready += is_ready(pod);
    if (!is_terminating(pod)) {
        sync->n_current += has_revision(pod, sync->current);
        sync->n_updated += has_revision(pod, sync->update);
    }
}

/* --- Events ------------------------------------------------------------------------------ */

/* The server's own words in an error, without what the client put in front. */
static const char *words(const struct error *error)
{
    const char *http = strstr(error->message, "HTTP ");
    const char *colon = http ? strstr(http, ": ") : NULL;
    return colon ? colon + 2 : error->message;
}

static void count_event(const struct sync *sync, const char *name, const char *date)
{
    const struct kube_api *api = sync->controllers->api;
    const json_t *event =
        sim_api_server_peek(sync->controllers->server, &kube_events, sync->namespace, name);
    AUTO_JSON json_t *patch =
        json_pack("{s:I, s:s}", "count", json_path_integer(event, 0, "count", NULL) + 1,
                  "lastTimestamp", date);

    api->merge_patch(api->context, &kube_events, sync->namespace, name, patch, NULL, NULL);
}

static void record_failure(const struct sync *sync, const char *what, const struct error *error)
{
    const struct kube_api *api = sync->controllers->api;
    char message[ERROR_MESSAGE_SIZE + 300], name[300], date[CLOCK_RFC3339_SIZE];

    clock_rfc3339(sim_wall_ms(sync->controllers->sim), date, sizeof date);
    snprintf(message, sizeof message, "Create %s in StatefulSet %s failed error: %s", what,
             sync->name, words(error));
    snprintf(name, sizeof name, "%s.%016llx", sync->name,
             (unsigned long long)kube_hash(message, strlen(message)));
    AUTO_JSON json_t *event = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:O}, s:s, s:s, s:s, s:i, s:s, s:s, s:s, "
        "s:s}",
        "apiVersion", "v1", "kind", "Event", "metadata", "name", name, "namespace", sync->namespace,
        "involvedObject", "apiVersion", "apps/v1", "kind", "StatefulSet", "namespace",
        sync->namespace, "name", sync->name, "uid", json_path(sync->set, "metadata", "uid", NULL),
        "type", "Warning", "reason", "FailedCreate", "message", message, "count", 1,
        "firstTimestamp", date, "lastTimestamp", date, "reportingComponent",
        "statefulset-controller", "reportingInstance", "");
    if (api->create(api->context, &kube_events, event, NULL, NULL) == -(int)ERROR_EXISTS) {
        count_event(sync, name, date);
    }
}

/* --- Claims and pods --------------------------------------------------------------------- */

static int need_claim(const struct sync *sync, const json_t *template, const char *pod,
                      struct error *error)
{
    const struct kube_api *api = sync->controllers->api;
    AUTO_JSON json_t *claim = sim_stateful_claim(sync->set, template, pod);
    const char *name = json_path_string(claim, "metadata", "name", NULL);
    const json_t *there = cached(sync, INFORMER_CLAIMS, name);
    char what[600];

    if (there) {
        return is_terminating(there)
                   ? error_set(error, ERROR_RETRYABLE, "pvc %s is being deleted", name)
                   : 0;
    }
    int result = api->create(api->context, &kube_persistent_volume_claims, claim, NULL, error);
    if (!result || result == -(int)ERROR_EXISTS) {
        return 0;
    }
    snprintf(what, sizeof what, "Claim %s for Pod %s", name, pod);
    record_failure(sync, what, error);
    char text[ERROR_MESSAGE_SIZE];
    snprintf(text, sizeof text, "%s", words(error));
    return error_set(error, (enum error_kind) - result, "failed to create PVC %s: %s", name, text);
}

static int need_claims(const struct sync *sync, const char *pod, struct error *error)
{
    json_t *template;
    size_t i;

    json_array_foreach(json_path(sync->set, "spec", "volumeClaimTemplates", NULL), i, template)
    {
        int result = need_claim(sync, template, pod, error);
        if (result) {
            return result;
        }
    }
    return 0;
}

static int create_pod(struct sync *sync, int ordinal, struct error *error)
{
    const struct kube_api *api = sync->controllers->api;
    AUTO_JSON json_t *pod = sim_stateful_pod(sync->set, ordinal, sync->update);
    char what[320];

    snprintf(what, sizeof what, "Pod %s", json_path_string(pod, "metadata", "name", NULL));
    int result = need_claims(sync, what + 4, error);
    if (!result) {
        result = api->create(api->context, &kube_pods, pod, NULL, error);
    }
    if (result && result != -(int)ERROR_EXISTS) {
        record_failure(sync, what, error);
    }
    if (!result) {
        sync->n_replicas++;
        sync->n_current += !strcmp(sync->current, sync->update);
        sync->n_updated++;
    }
    return result;
}

static int delete_pod(const struct sync *sync, const json_t *pod, struct error *error)
{
    const struct kube_api *api = sync->controllers->api;
    return api->remove(api->context, &kube_pods, sync->namespace,
                       json_path_string(pod, "metadata", "name", NULL), NULL, error);
}

static int sync_replica(struct sync *sync, int ordinal, struct error *error)
{
    const json_t *pod = sync->pods[ordinal];

    if (!pod) {
        return create_pod(sync, ordinal, error);
    }
    if (!strcmp(phase(pod), "Failed") || !strcmp(phase(pod), "Succeeded")) {
        return is_terminating(pod) ? 0 : delete_pod(sync, pod, error);
    }
    if (!strcmp(phase(pod), "Pending")) { /* It may wait for a claim that somebody deleted. */
        return need_claims(sync, json_path_string(pod, "metadata", "name", NULL), error);
    }
    return 0;
}

/* In batches of 1, 2, 4...; a batch with a failure is the last. */
static int sync_replicas(struct sync *sync, struct error *error)
{
    int result = 0;

    for (int done = 0, batch = 1; done < sync->replicas && !result; done += batch, batch *= 2) {
        for (int i = done; i < done + batch && i < sync->replicas; i++) {
            struct error problem;
            int failed = sync_replica(sync, i, &problem);
            if (failed) {
                result = failed;
                *error = problem;
            }
        }
    }
    return result;
}

static int scale_in(struct sync *sync, struct error *error)
{
    for (int i = MAX_PODS - 1; i >= sync->replicas; i--) {
        const json_t *pod = sync->pods[i];
        if (!pod || is_terminating(pod)) {
            continue;
        }
        int result = delete_pod(sync, pod, error);
        if (result) {
            return result;
        }
        sync->n_current -= has_revision(pod, sync->current);
        sync->n_updated -= has_revision(pod, sync->update);
    }
    return 0;
}

/* --- Status ------------------------------------------------------------------------------ */

static int write_status(const struct sync *sync, struct error *error)
{
    const struct kube_api *api = sync->controllers->api;
    AUTO_JSON json_t *object = json_pack(
        "{s:{s:s, s:s, s:O}, s:{s:I, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:i}}", "metadata", "name",
        sync->name, "namespace", sync->namespace, "uid",
        json_path(sync->set, "metadata", "uid", NULL), "status", "observedGeneration",
        json_path_integer(sync->set, 0, "metadata", "generation", NULL), "replicas",
        sync->n_replicas, "readyReplicas", sync->n_ready, "availableReplicas", sync->n_ready,
        "currentReplicas", sync->n_current, "updatedReplicas", sync->n_updated, "currentRevision",
        json_sprintf("%s-%s", sync->name, sync->current), "updateRevision",
        json_sprintf("%s-%s", sync->name, sync->update), "collisionCount", 0);
    json_t *status = json_object_get(object, "status");
    static const char *const omitted[] = {"readyReplicas", "currentReplicas", "updatedReplicas"};

    for (size_t i = 0; i < sizeof omitted / sizeof *omitted; i++) {
        if (!json_path_integer(status, 0, omitted[i], NULL)) {
            json_object_del(status, omitted[i]);
        }
    }
    if (json_equal(status, json_object_get(sync->set, "status"))) {
        return 0;
    }
    int result = api->replace_status(api->context, &kube_stateful_sets, object, NULL, error);
    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

static void check_supported(const json_t *set)
{
    const char *policy = json_path_string(set, "spec", "podManagementPolicy", NULL);
    const char *strategy = json_path_string(set, "spec", "updateStrategy", "type", NULL);

    assert(!strcmp(policy, "Parallel") && !strcmp(strategy, "OnDelete"));
    (void)policy, (void)strategy;
}

/* With OnDelete the current revision stays the one that the set began with. */
static const char *current_revision(const struct sync *sync)
{
    const char *recorded = json_path_string(sync->set, "status", "currentRevision", NULL);
    return recorded ? recorded + strlen(sync->name) + 1 : sync->update;
}

int sim_stateful_set_sync(struct sim_controllers *controllers, struct sim_set *state,
                          struct error *error)
{
    json_t *set = json_object_get(controllers->informers[INFORMER_SETS].cache, state->key);

    if (!set) {
        return 0;
    }
    check_supported(set);
    AUTO_JSON json_t *hold = json_incref(set); /* The caches stay as they are, but to be sure. */
    struct sync sync = {
        .controllers = controllers,
        .set = set,
        .namespace = json_path_string(set, "metadata", "namespace", NULL),
        .name = json_path_string(set, "metadata", "name", NULL),
        .replicas = (int)json_path_integer(set, 1, "spec", "replicas", NULL),
    };
    assert(sync.replicas <= MAX_PODS);
    sync.update = revision_of(controllers, state, json_path(set, "spec", "template", NULL));
    sync.current = current_revision(&sync);
    find_pods(&sync);
    for (int i = 0; i < MAX_PODS; i++) {
        if (sync.pods[i]) {
            count(&sync, sync.pods[i]);
        }
    }
    if (is_terminating(set)) {
        return write_status(&sync, error);
    }
    int result = sync_replicas(&sync, error);
    if (!result) {
        result = scale_in(&sync, error);
    }
    struct error status_error;
    int written = write_status(&sync, &status_error);
    if (!result && written) {
        *error = status_error;
        result = written;
    }
    return result;
}
