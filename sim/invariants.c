/* What must never be, seen from outside of the operator: by what reaches the API server, and by
 * what is in it after each change. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cluster/names.h"
#include "sim/run.h"

static bool same_text(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

/* --- Requests that arrive */

/* Only the holder of the lease may change anything: another's request that arrives now was sent
 * without looking. */
static void check_holder(struct sim_run *run, const struct sim_operator *operator,
                         const char * what)
{
    const json_t *lease =
        sim_api_server_peek(run->server, &kube_leases, "etcd-operator-system", "etcd-operator");
    const char *holder = json_path_string(lease, "spec", "holderIdentity", NULL);

    if (holder && *holder && strcmp(holder, operator->identity) != 0) {
        sim_violate(run->sim, "ChangedWithoutLease",
                    "%s: %s, but %s holds the lease", operator->address, what, holder);
    }
}

void sim_invariants_called(struct sim_run *run, const struct sim_operator *operator,
                           const char * what)
{
    run->changes++;
    sim_trace(run->sim, "%s: calls %s", operator->address, what);
    check_holder(run, operator, what);
    if (!strncmp(what, "Defragment ", strlen("Defragment "))) {
        sim_invariants_defragments(run, what + strlen("Defragment "));
    }
}

/* Of a cluster that is to stay it goes without its pods. */
static void check_set_removed(struct sim_run *run, const struct sim_request *request)
{
    const json_t *cluster = sim_cluster(run);
    const char *policy = request->options ? request->options->propagation_policy : NULL;

    if (cluster && !json_path(cluster, "metadata", "deletionTimestamp", NULL) &&
        !same_text(policy, "Orphan")) {
        sim_violate(run->sim, "SetTakesPods", "StatefulSet %s is removed with its pods",
                    request->name);
    }
}

void sim_invariants_arrived(void *context, struct sim_operator *operator,
                            const struct sim_request * request)
{
    struct sim_run *run = context;

    run->changes++;
    sim_trace(run->sim, "%s: %s %s %s", operator->address,
              request->verb == SIM_CREATE    ? "creates"
              : request->verb == SIM_APPLY   ? "applies"
              : request->verb == SIM_PATCH   ? "patches"
              : request->verb == SIM_STATUS  ? "writes the status of"
              : request->verb == SIM_REPLACE ? "replaces"
                                             : "removes",
              request->resource->kind, request->name);
    if (request->resource != &kube_leases) {
        check_holder(run, operator, request->name);
    }
    if (request->verb == SIM_REMOVE && request->resource == &kube_persistent_volume_claims) {
        sim_invariants_claim_removed(run, request);
    }
    if (request->verb == SIM_REMOVE && request->resource == &kube_stateful_sets) {
        check_set_removed(run, request);
    }
    if (request->verb == SIM_REMOVE && request->resource == &kube_pods) {
        sim_invariants_pod_removed(run, request);
    }
}

/* --- Changes of objects */

/* `new` once for each ordinal of a generation, and none that is new once the cluster has formed. */
static void check_new_permit(struct sim_run *run, const char *cluster_uid, int64_t generation,
                             int ordinal, const char *nonce, bool formed)
{
    for (int i = 0; i < run->n_permits; i++) {
        const struct sim_new_permit *seen = &run->permits[i];
        if (strcmp(seen->cluster_uid, cluster_uid) != 0 || seen->generation != generation ||
            seen->ordinal != ordinal) {
            continue;
        }
        if (strcmp(seen->nonce, nonce) != 0) {
            sim_violate(run->sim, "NewPermitTwice",
                        "ordinal %d gets a second permit of mode new in generation %lld", ordinal,
                        (long long)generation);
        }
        return;
    }
    if (formed) {
        sim_violate(run->sim, "NewAfterFormed",
                    "ordinal %d gets a permit of mode new after the cluster has formed", ordinal);
    }
    if (run->n_permits < SIM_MAX_NEW) {
        struct sim_new_permit *permit = &run->permits[run->n_permits++];
        snprintf(permit->cluster_uid, sizeof permit->cluster_uid, "%s", cluster_uid);
        snprintf(permit->nonce, sizeof permit->nonce, "%s", nonce);
        permit->generation = generation;
        permit->ordinal = ordinal;
    }
}

static void check_records(struct sim_run *run, const json_t *cluster)
{
    const char *uid = json_path_string(cluster, "metadata", "uid", NULL);
    const json_t *bootstrap = json_path(cluster, "status", "bootstrap", NULL);
    bool formed = json_path_string(cluster, "status", "clusterID", NULL) != NULL;
    json_t *record;
    size_t i;

    json_array_foreach(json_object_get(bootstrap, "permits"), i, record)
    {
        const char *mode = json_path_string(record, "mode", NULL);
        const char *nonce = json_path_string(record, "nonce", NULL);
        if (nonce && (!mode || same_text(mode, "new"))) {
            check_new_permit(run, uid, json_path_integer(bootstrap, 0, "generation", NULL),
                             (int)json_path_integer(record, 0, "ordinal", NULL), nonce, formed);
        }
        const char *id = json_path_string(record, "memberID", NULL);
        uint64_t member_id;
        if (nonce && same_text(mode, "existing") && id && id_parse(id, &member_id)) {
            sim_invariants_existing_permit(run, uid, member_id, nonce);
        }
    }
}

static bool is_recorded(const json_t *cluster, const struct permit *permit)
{
    json_t *record;
    size_t i;

    json_array_foreach(json_path(cluster, "status", "bootstrap", "permits", NULL), i, record)
    {
        if (same_text(json_path_string(record, "nonce", NULL), permit->nonce)) {
            return true;
        }
    }
    return false;
}

/* A pod may bear for a while what was given to a member that has left since. */
static bool was_recorded(const struct sim_run *run, const struct permit *permit)
{
    for (int i = 0; i < run->n_existing; i++) {
        if (!strcmp(run->existing[i].nonce, permit->nonce)) {
            return true;
        }
    }
    return false;
}

/* A permit on a pod must stand in the status first: a crash in between would issue another. */
static void check_annotation(struct sim_run *run, const json_t *pod)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *text = json_path_string(pod, "metadata", "annotations", PERMIT_ANNOTATION, NULL);
    const json_t *cluster = sim_cluster(run);
    const char *uid = json_path_string(cluster, "metadata", "uid", NULL);
    struct permit permit;
    struct error error;

    if (!text || permit_decode(text, strlen(text), arena, &permit, &error) ||
        !same_text(permit.cluster_uid, uid) || !strcmp(permit.nonce, SIM_FORGED_NONCE)) {
        return;
    }
    if (permit.generation ==
            json_path_integer(cluster, 0, "status", "bootstrap", "generation", NULL) &&
        !is_recorded(cluster, &permit) && !was_recorded(run, &permit)) {
        sim_violate(run->sim, "ActedBeforeRecorded",
                    "pod %s bears a permit that the status does not have",
                    json_path_string(pod, "metadata", "name", NULL));
    }
}

/* The finalizer may go only when etcd runs no more and the operator's own objects are gone. */
static void check_gone(struct sim_run *run, const json_t *cluster)
{
    const char *uid = json_path_string(cluster, "metadata", "uid", NULL);
    const json_t *set =
        sim_api_server_peek(run->server, &kube_stateful_sets, SIM_NAMESPACE, SIM_CLUSTER);

    if (set && object_is_owned_by(set, uid)) {
        sim_violate(run->sim, "FinalizerDroppedEarly",
                    "the cluster is gone before its StatefulSet");
    }
    for (int i = 0; i < SIM_PODS; i++) {
        if (run->site->pods[i].process && !run->site->pods[i].orphan) {
            sim_violate(run->sim, "FinalizerDroppedEarly", "the cluster is gone while %s runs",
                        run->site->pods[i].name);
        }
    }
}

/* Somebody else's object stays theirs. */
static void check_foreign(struct sim_run *run, const json_t *service, bool deleted)
{
    const char *name = json_path_string(service, "metadata", "name", NULL);

    if (!run->foreign_service || !same_text(name, SIM_CLUSTER "-client")) {
        return;
    }
    if (deleted) {
        run->foreign_service = false;
    } else if (json_path(service, "metadata", "labels", LABEL_CLUSTER, NULL)) {
        sim_violate(run->sim, "ForeignObjectTaken", "Service %s was not the operator's to change",
                    name);
    }
}

void sim_invariants_changed(struct sim_run *run, const struct kube_resource *resource,
                            const json_t *object, bool deleted)
{
    if (resource == &kube_etcd_clusters) {
        if (deleted) {
            check_gone(run, object);
        } else {
            check_records(run, object);
            sim_invariants_quorum_told(run, object);
            sim_invariants_recovery_told(run, object);
        }
    } else if (resource == &kube_stateful_sets) {
        sim_invariants_set_changed(run, object, deleted);
    } else if (resource == &kube_services) {
        check_foreign(run, object, deleted);
    } else if (resource == &kube_pods && !deleted) {
        check_annotation(run, object);
    }
}
