#include "cluster/act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutant.h"
#include "cluster/kill_point.h"

static int patch_cluster(const struct reconciler_options *options, const struct world *world,
                         json_t *finalizers, struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:o, s:s, s:s}}", "metadata", "finalizers", finalizers, "resourceVersion",
                  world->resource_version, "uid", world->uid);
    return kube->merge_patch(kube->context, &kube_etcd_clusters, world->names->namespace,
                             world->names->cluster, patch, NULL, error);
}

static int set_finalizer(const struct reconciler_options *options, const struct world *world,
                         bool wanted, struct error *error)
{
    json_t *finalizers = json_array(), *item;
    size_t i;

    json_array_foreach(json_path(world->object, "metadata", "finalizers", NULL), i, item)
    {
        if (strcmp(json_string_value(item), FINALIZER) != 0) {
            json_array_append(finalizers, item);
        }
    }
    if (wanted) {
        json_array_append_new(finalizers, json_string(FINALIZER));
    }
    return patch_cluster(options, world, finalizers, error);
}

static int annotate_pod(const struct reconciler_options *options, const struct world *world,
                        const struct world_pod *pod, json_t *annotations, struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:s, s:o}}", "metadata", "uid", pod->uid, "annotations", annotations);
    int result = kube->merge_patch(kube->context, &kube_pods, world->names->namespace, pod->name,
                                   patch, NULL, error);
    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

static const char *first_cluster(const struct world *world, const struct recorded *recorded,
                                 struct arena *arena)
{
    return names_initial_cluster(arena, world->names, recorded->initial_size,
                                 world->spec.security.tls.peer.enabled);
}

/* etcd that joins wants exactly the membership that it finds. */
static const char *present_cluster(const struct world *world, struct arena *arena)
{
    const char *list = "";

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (world->members[i].entry) {
            list = arena_printf(arena, "%s%s%s=%s", list, *list ? "," : "",
                                names_pod(arena, world->names, i),
                                world->members[i].entry->peer_urls[0]);
        }
    }
    return list;
}

static char *permit_text(const struct world *world, const struct recorded *recorded,
                         const struct permit_record *record, struct arena *arena)
{
    bool starts = record->mode != PERMIT_ADOPT;
    struct permit permit = {
        .mode = record->mode,
        .pod_uid = record->pod_uid,
        .nonce = record->nonce,
        .cluster_uid = world->uid,
        .previous_cluster_uid = record->previous_cluster_uid,
        .generation = recorded->generation,
        .ordinal = record->ordinal,
        .member_id = record->member_id,
        .initial_cluster = record->mode == PERMIT_ADOPT ? NULL
                           : record->mode == PERMIT_EXISTING
                               ? present_cluster(world, arena)
                               : first_cluster(world, recorded, arena),
        .token = starts ? names_token(arena, world->uid, recorded->generation) : NULL,
    };
    return permit_encode(&permit);
}

static int grant_permits(const struct reconciler_options *options, const struct world *world,
                         const struct plan *plan, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct recorded *recorded = &plan->status.recorded;
    char now[CLOCK_RFC3339_SIZE];

    clock_rfc3339_micro(world->now_ms, now, sizeof now);
    for (int i = 0; i < plan->action.n_pods; i++) {
        int ordinal = plan->action.pods[i];
        for (int r = 0; r < recorded->n_permits; r++) {
            if (recorded->permits[r].ordinal != ordinal) {
                continue;
            }
            AUTO_FREE char *text = permit_text(world, recorded, &recorded->permits[r], arena);
            int result = annotate_pod(
                options, world, &world->members[ordinal].pod,
                json_pack("{s:s, s:s}", PERMIT_ANNOTATION, text, PERMIT_SENT_ANNOTATION, now),
                error);
            if (result) {
                return error_wrap(error, "granting a permit");
            }
        }
        kill_point(world, i ? "permits-granted" : "first-permit-granted");
    }
    return 0;
}

/* Only the date: what stands in the permit was right when it was given. */
static int repeat_permits(const struct reconciler_options *options, const struct world *world,
                          const struct plan *plan, struct error *error)
{
    char now[CLOCK_RFC3339_SIZE];

    clock_rfc3339_micro(world->now_ms, now, sizeof now);
    for (int i = 0; i < plan->action.n_pods; i++) {
        int result = annotate_pod(options, world, &world->members[plan->action.pods[i]].pod,
                                  json_pack("{s:s}", PERMIT_SENT_ANNOTATION, now), error);
        if (result) {
            return error_wrap(error, "sending a permit again");
        }
    }
    return 0;
}

static int retire_permits(const struct reconciler_options *options, const struct world *world,
                          const struct plan *plan, struct error *error)
{
    for (int i = 0; i < plan->action.n_pods; i++) {
        int result =
            annotate_pod(options, world, &world->members[plan->action.pods[i]].pod,
                         json_pack("{s:n, s:n}", PERMIT_ANNOTATION, PERMIT_SENT_ANNOTATION), error);
        if (result) {
            return error_wrap(error, "removing a used permit");
        }
        kill_point(world, "permit-retired");
    }
    return 0;
}

static int delete_pods(const struct reconciler_options *options, const struct world *world,
                       const struct plan *plan, struct error *error)
{
    const struct kube_api *kube = options->kube;

    for (int i = 0; i < plan->action.n_pods; i++) {
        const struct world_pod *pod = &world->members[plan->action.pods[i]].pod;
        /* Of the pod as it was looked at: a store that lags behind deletes nobody. */
        const struct kube_delete_options preconditions = {
            .uid = pod->uid, .resource_version = pod->resource_version, .grace_period_seconds = -1};
        int result = kube->remove(kube->context, &kube_pods, world->names->namespace, pod->name,
                                  &preconditions, error);
        if (result) {
            return error_wrap(error, "deleting pod %s", pod->name);
        }
        kill_point(world, "pod-deleted");
    }
    return 0;
}

static int remove_objects(const struct reconciler_options *options, struct memo *memo,
                          const struct world *world, const struct plan *plan, struct error *error)
{
    const struct kube_api *kube = options->kube;

    for (int i = 0; i < plan->action.n_remove; i++) {
        const struct removal *removal = &plan->action.remove[i];
        struct kube_delete_options preconditions = {.uid = removal->uid,
                                                    .resource_version = removal->resource_version,
                                                    .grace_period_seconds = -1,
                                                    .propagation_policy = "Background"};
        int result = kube->remove(kube->context, removal->resource, world->names->namespace,
                                  removal->name, &preconditions, error);
        if (result) {
            return error_wrap(error, "removing %s %s", removal->resource->kind, removal->name);
        }
        if (removal->resource == &kube_secrets) {
            memo_forget_certificates(memo);
        }
        kill_point(world, "object-removed");
    }
    return 0;
}

static int stop_etcd(const struct reconciler_options *options, const struct world *world,
                     struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *patch = json_pack(
        "{s:{s:s}, s:{s:i}}", "metadata", "uid",
        json_path_string(world->stateful_set, "metadata", "uid", NULL), "spec", "replicas", 0);
    int result = kube->merge_patch(kube->context, &kube_stateful_sets, world->names->namespace,
                                   world->names->cluster, patch, NULL, error);
    kill_point(world, "etcd-stopped");
    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

/* Before an object is made: is there one of that name that is somebody else's? An apply would take
 * it over. 1: yes, and the memo says which. */
static int name_is_taken(const struct reconciler_options *options, struct memo *memo,
                         const struct world *world, const struct child *child, struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *there = NULL;
    int result = kube->get(kube->context, child->resource, world->names->namespace, child->name,
                           &there, error);

    if (result == -(int)ERROR_NOT_FOUND || MUTANT(NameTakenOver)) {
        return 0;
    }
    if (result || object_is_owned_by(there, world->uid)) {
        return result;
    }
    memo->taken_resource = child->resource;
    snprintf(memo->taken_name, sizeof memo->taken_name, "%s", child->name);
    return 1;
}

static void remember_settled(struct memo *memo, const struct child *child, const json_t *live)
{
    char name[sizeof memo->settled[0].child];
    const char *hash =
        json_path_string(child->object, "metadata", "annotations", ANNOTATION_APPLIED_HASH, NULL);
    const char *version = json_path_string(live, "metadata", "resourceVersion", NULL);
    struct settled *slot = NULL;

    snprintf(name, sizeof name, "%s/%s", child->resource->kind, child->name);
    for (int i = 0; i < MAX_SETTLED; i++) {
        struct settled *candidate = &memo->settled[i];
        if (!strcmp(candidate->child, name)) {
            slot = candidate;
            break;
        }
        slot = !slot && !candidate->child[0] ? candidate : slot;
    }
    slot = slot ? slot : &memo->settled[MAX_SETTLED - 1];
    snprintf(slot->child, sizeof slot->child, "%s", name);
    snprintf(slot->applied_hash, sizeof slot->applied_hash, "%s", hash);
    snprintf(slot->resource_version, sizeof slot->resource_version, "%s", version ? version : "");
}

/* A list entry's key in an apply is the port's number. If somebody changed that number, an apply
 * would leave both ports, under one name, and is refused: the list is then set as a whole. */
static int set_ports(const struct reconciler_options *options, const struct world *world,
                     const struct child *child, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const json_t *live = world_child(world, child->resource, child->name);
    AUTO_JSON json_t *patch = json_pack("{s:{s:s}, s:{s:O}}", "metadata", "uid",
                                        json_path_string(live, "metadata", "uid", NULL), "spec",
                                        "ports", json_path(child->object, "spec", "ports", NULL));
    return kube->merge_patch(kube->context, child->resource, world->names->namespace, child->name,
                             patch, NULL, error);
}

static int apply_child(const struct reconciler_options *options, struct memo *memo,
                       const struct world *world, const struct child *child, const char *why,
                       struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *live = NULL;

    if (!world_child(world, child->resource, child->name)) {
        int taken = name_is_taken(options, memo, world, child, error);
        if (taken) {
            return taken;
        }
    }
    int result = kube->apply(kube->context, child->resource, child->object, true, &live, error);
    if (result == -(int)ERROR_INVALID && child->resource == &kube_services &&
        world_child(world, child->resource, child->name) &&
        !set_ports(options, world, child, error)) {
        result = kube->apply(kube->context, child->resource, child->object, true, &live, error);
    }
    if (result) {
        return error_wrap(error, "applying %s %s", child->resource->kind, child->name);
    }
    remember_settled(memo, child, live);
    log_info("applied", "cluster", memo->key, "kind", child->resource->kind, "name", child->name,
             "difference", why, NULL);
    return 0;
}

static int apply_children(const struct reconciler_options *options, struct memo *memo,
                          const struct world *world, const struct plan *plan, struct error *error)
{
    for (int i = 0; i < plan->action.n_apply; i++) {
        const struct child *child = &plan->action.apply[i];
        int result = apply_child(options, memo, world, child, plan->action.apply_reason[i], error);
        if (result) {
            return result > 0 ? 0 : result;
        }
        kill_point(world, child->resource == &kube_stateful_sets ? "statefulset-applied"
                                                                 : "object-applied");
    }
    return 0;
}

static int issue_certificates(const struct reconciler_options *options, struct memo *memo,
                              const struct world *world, struct error *error)
{
    AUTO_JSON json_t *owner = owner_reference(world->object);
    int result = certificates_issue(options->kube, world->names, owner, &world->spec,
                                    &world->certificates, world->now_ms, error);

    memo_forget_certificates(memo);
    kill_point(world, "certificates-issued");
    return result;
}

int act(const struct reconciler_options *options, struct memo *memo, const struct world *world,
        const struct plan *plan, struct error *error)
{
    int result = 0;

    switch (plan->action.kind) {
    case ACTION_NONE:
        break;
    case ACTION_ADD_FINALIZER:
        result = set_finalizer(options, world, true, error);
        kill_point(world, "finalizer-added");
        break;
    case ACTION_REMOVE_FINALIZER:
        kill_point(world, "before-finalizer-removed");
        result = set_finalizer(options, world, false, error);
        if (result == -(int)ERROR_NOT_FOUND) { /* An earlier answer was lost: the work is done. */
            result = 0;
        }
        break;
    case ACTION_GRANT_PERMITS:
        result = grant_permits(options, world, plan, error);
        break;
    case ACTION_RETIRE_PERMITS:
        result = retire_permits(options, world, plan, error);
        break;
    case ACTION_REPEAT_PERMITS:
        result = repeat_permits(options, world, plan, error);
        break;
    case ACTION_ISSUE_CERTIFICATES:
        result = issue_certificates(options, memo, world, error);
        break;
    case ACTION_APPLY:
        result = apply_children(options, memo, world, plan, error);
        break;
    case ACTION_DELETE_PODS:
        result = delete_pods(options, world, plan, error);
        break;
    case ACTION_STOP_ETCD:
        result = stop_etcd(options, world, error);
        break;
    case ACTION_REMOVE:
        result = remove_objects(options, memo, world, plan, error);
        break;
    case ACTION_GROW_CLAIMS:
        result = act_grow_claims(options, world, &plan->action, error);
        break;
    case ACTION_ORPHAN_SET:
        result = act_orphan_set(options, world, error);
        break;
    case ACTION_ADD_MEMBER:
    case ACTION_PROMOTE_MEMBER:
    case ACTION_REMOVE_MEMBER:
    case ACTION_MOVE_LEADER:
    case ACTION_COMPACT:
    case ACTION_DEFRAGMENT:
    case ACTION_CHECK_HASHES:
    case ACTION_DISARM:
        result = act_on_etcd(options, memo, world, plan, error);
        break;
    }
    return result;
}
