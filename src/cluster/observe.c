#include "cluster/observe.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/objects.h"
#include "kube/table.h"

/* A lost or changed Secret is seen at the next of these. */
#define CERTIFICATES_READ_EVERY_MS 600000
#define PODS_EXPECTED_WITHIN_MS    2000
#define FAILURE_TOLD_FOR_MS        1200000 /* The StatefulSet controller retries within 17 min. */

static bool has_finalizer(const json_t *object)
{
    size_t i;
    json_t *finalizer;

    json_array_foreach(json_path(object, "metadata", "finalizers", NULL), i, finalizer)
    {
        if (!strcmp(json_string_value(finalizer), FINALIZER)) {
            return true;
        }
    }
    return false;
}

/* ANNOTATION_RESTORE and ANNOTATION_RESTORED; what does not parse is none. */
static void observe_restore(const json_t *object, struct arena *arena, struct world *world)
{
    const json_t *annotations = json_path(object, "metadata", "annotations", NULL);
    const char *by = json_path_string(annotations, ANNOTATION_RESTORE, NULL);
    const char *done = json_path_string(annotations, ANNOTATION_RESTORED, NULL);
    const char *slash = by ? strchr(by, '/') : NULL, *id = done ? strrchr(done, '/') : NULL;
    struct restored *restored = &world->restored;

    if (slash && slash > by && slash[1]) {
        world->restore_name = arena_strndup(arena, by, (size_t)(slash - by));
        world->restore_uid = arena_strdup(arena, slash + 1);
    }
    slash = done ? strchr(done, '/') : NULL;
    if (slash && slash < id && id_parse(id + 1, &restored->cluster_id)) {
        restored->restore_uid = arena_strndup(arena, done, (size_t)(slash - done));
        restored->cluster_uid = arena_strndup(arena, slash + 1, (size_t)(id - slash - 1));
    }
}

int observe_object(const struct reconciler_options *options, const char *namespace,
                   const char *name, struct arena *arena, struct world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    struct error problem;
    json_t *object = NULL;

    memset(world, 0, sizeof *world);
    int result =
        kube->cached_get(kube->context, &kube_etcd_clusters, namespace, name, &object, error);
    if (result) {
        return result;
    }
    world->object = arena_json(arena, object);
    world->now_ms = options->now_wall_ms(options->context);
    world->names = names_new(arena, namespace, name);
    world->operator_image = options->operator_image;
    world->helper_image_volume = options->helper_image_volume;
    world->uid = json_path_string(object, "metadata", "uid", NULL);
    world->resource_version = json_path_string(object, "metadata", "resourceVersion", NULL);
    world->generation = json_path_integer(object, 0, "metadata", "generation", NULL);
    world->deleting = json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
    world->has_finalizer = has_finalizer(object);
    if (etcdcluster_decode(object, arena, &world->spec, &problem)) {
        world->spec_problem = arena_strdup(arena, problem.message);
    } else {
        world->spec_valid = true;
    }
    world->replace = json_path_string(object, "metadata", "annotations", ANNOTATION_REPLACE, NULL);
    observe_restore(object, arena, world);
    recorded_decode(json_object_get(object, "status"), arena, &world->recorded);
    return 0;
}

static int cached_list(const struct reconciler_options *options, const struct world *world,
                       const struct kube_resource *resource, struct arena *arena, json_t **out,
                       struct error *error)
{
    const struct kube_api *kube = options->kube;
    int result = kube->cached_list(kube->context, resource, world->names->namespace,
                                   world->names->cluster, out, error);
    if (!result) {
        arena_json(arena, *out);
    }
    return result;
}

/* From the API server itself: what a watch that lags has not told would stay for ever when the
 * cluster goes. */
static int fresh_list(const struct reconciler_options *options, const struct world *world,
                      const struct kube_resource *resource, struct arena *arena, json_t **out,
                      struct error *error)
{
    const struct kube_api *kube = options->kube;
    const char *selector = arena_printf(arena, LABEL_CLUSTER "=%s", world->names->cluster);
    int result =
        kube->list(kube->context, resource, world->names->namespace, selector, NULL, out, error);
    if (!result) {
        arena_json(arena, *out);
    }
    return result;
}

/* The children that are ours; what an earlier object of this name left is not. */
static int observe_children(const struct reconciler_options *options, struct arena *arena,
                            struct world *world, struct error *error)
{
    static const struct kube_resource *const kinds[] = {
        &kube_services, &kube_config_maps, &kube_pod_disruption_budgets, &kube_stateful_sets};

    world->children = arena_json(arena, json_array());
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        json_t *list, *child;
        size_t i;
        if (cached_list(options, world, kinds[k], arena, &list, error)) {
            return -(int)error->kind;
        }
        json_array_foreach(list, i, child)
        {
            if (!object_is_owned_by(child, world->uid)) {
                continue;
            }
            if (json_object_get(child, "kind")) {
                json_array_append(world->children, child);
                continue;
            }
            /* Items of a list come without it; the store's own object is not to be changed. */
            json_t *named = json_copy(child);
            json_object_set_new(named, "kind", json_string(kinds[k]->kind));
            json_array_append_new(world->children, named);
        }
    }
    world->stateful_set = world_child(world, &kube_stateful_sets, world->names->cluster);
    return 0;
}

static bool has_no_owner(const json_t *pod)
{
    return !json_array_size(json_path(pod, "metadata", "ownerReferences", NULL));
}

/* It runs with flags of this very cluster. What an earlier object of the name left does not. */
static bool is_this_clusters(const struct world *world, const json_t *pod)
{
    const char *config = json_path_string(pod, "metadata", "annotations", ANNOTATION_CONFIG, NULL);

    return config && world_child(world, &kube_config_maps, config);
}

/* A member's pod whose StatefulSet was deleted without it: nobody will end it. */
static void observe_orphan(const json_t *pod, struct world *world)
{
    if (world->n_orphans < ETCDCLUSTER_MAX_SIZE && has_no_owner(pod) &&
        !json_path(pod, "metadata", "deletionTimestamp", NULL)) {
        world->orphans[world->n_orphans++] =
            (struct world_orphan){json_path_string(pod, "metadata", "name", NULL),
                                  json_path_string(pod, "metadata", "uid", NULL)};
    }
}

static int observe_pods(const struct reconciler_options *options, struct arena *arena,
                        struct world *world, struct error *error)
{
    const char *set_uid = json_path_string(world->stateful_set, "metadata", "uid", NULL);
    json_t *list, *pod;
    size_t i;

    if (cached_list(options, world, &kube_pods, arena, &list, error)) {
        return -(int)error->kind;
    }
    world->pods_left = json_array_size(list) > 0;
    json_array_foreach(list, i, pod)
    {
        const char *name = json_path_string(pod, "metadata", "name", NULL);
        int ordinal = names_ordinal(name, world->names->cluster);
        if (ordinal < 0 || ordinal >= ETCDCLUSTER_MAX_SIZE) {
            continue;
        }
        bool owned = object_is_owned_by(pod, set_uid);
        if (owned || is_this_clusters(world, pod)) {
            observe_pod(pod, arena, &world->members[ordinal].pod);
            /* Without an owner it is taken by the StatefulSet that is made anew; one of a set that
             * is gone runs until garbage collection gets to it. */
            world->members[ordinal].pod.terminating |= !owned && !has_no_owner(pod);
        }
        if (!owned) {
            observe_orphan(pod, world);
        }
    }
    return 0;
}

static int observe_claims(const struct reconciler_options *options, struct arena *arena,
                          struct world *world, struct error *error)
{
    const char *prefix = arena_printf(arena, "data-%s", world->names->cluster);
    json_t *list, *object;
    size_t i;

    bool last_look = world->deleting && !world->stateful_set && !world->pods_left;
    if (last_look
            ? fresh_list(options, world, &kube_persistent_volume_claims, arena, &list, error)
            : cached_list(options, world, &kube_persistent_volume_claims, arena, &list, error)) {
        return -(int)error->kind;
    }
    world->foreign_claims = arena_alloc(arena, (json_array_size(list) + 1) * sizeof(char *));
    json_array_foreach(list, i, object)
    {
        struct world_claim claim = {0};
        observe_claim(object, &claim);
        int ordinal = names_ordinal(claim.name, prefix);
        if (ordinal >= 0 && ordinal < ETCDCLUSTER_MAX_SIZE) {
            world->members[ordinal].claim = claim;
        }
        if (ordinal >= world_size(world) &&
            (!claim.creator_uid || strcmp(claim.creator_uid, world->uid) != 0)) {
            world->foreign_claims[world->n_foreign_claims++] = claim.name;
        }
    }
    for (int m = 0; m < ETCDCLUSTER_MAX_SIZE; m++) {
        struct world_member *member = &world->members[m];
        if (member->claim.exists && !member->claim.bound && !member->claim.gone &&
            member->pod.unschedulable) {
            observe_claim_problem(options, arena, &member->claim);
        }
        if (world->spec_valid) {
            observe_claim_growth(options, world, arena, &member->claim);
        }
        if (member->pod.unschedulable && claim_node_is_gone(options, &member->claim)) {
            member->claim.gone = arena_printf(
                arena, "its volume was on disks of node %s, which does not exist any more",
                member->claim.selected_node);
        }
    }
    return 0;
}

/* The newest event of the StatefulSet that tells why it cannot make pods (a quota, an admission
 * webhook), asked for only while pods are missing. */
static void observe_create_failure(const struct reconciler_options *options, struct arena *arena,
                                   struct world *world)
{
    const struct kube_api *kube = options->kube;
    const char *uid = json_path_string(world->stateful_set, "metadata", "uid", NULL);
    const char *created =
        json_path_string(world->stateful_set, "metadata", "creationTimestamp", NULL);
    json_t *events = NULL, *event;
    int64_t newest = world->now_ms - FAILURE_TOLD_FOR_MS;
    bool missing = false;
    struct error error;
    size_t i;

    for (int m = 0; m < world_size(world); m++) {
        missing = missing || !world->members[m].pod.exists;
    }
    if (!uid || !missing || !created ||
        world->now_ms - clock_parse_rfc3339(created) < PODS_EXPECTED_WITHIN_MS) {
        return;
    }
    const char *selector = arena_printf(arena, "involvedObject.uid=%s,reason=FailedCreate", uid);
    if (kube->list(kube->context, &kube_events, world->names->namespace, NULL, selector, &events,
                   &error)) {
        return;
    }
    arena_json(arena, events);
    json_array_foreach(events, i, event)
    {
        const char *date = json_path_string(event, "lastTimestamp", NULL);
        int64_t at = date ? clock_parse_rfc3339(date) : 0;
        if (at > newest) {
            newest = at;
            world->create_failure = json_path_string(event, "message", NULL);
        }
    }
}

static void observe_certificates(const struct reconciler_options *options, struct memo *memo,
                                 struct arena *arena, struct world *world)
{
    int64_t now_ms = options->now_boot_ms(options->context);
    struct error error;

    if (!memo->certificates.known || certificates_due(&memo->certificates) ||
        memo->certificates.foreign || memo->certificates_generation != world->generation ||
        now_ms - memo->certificates_read_ms > CERTIFICATES_READ_EVERY_MS) {
        struct arena *fresh_arena = arena_new();
        struct certificates fresh;
        if (certificates_read(options->kube, world->names, world->uid, &world->spec, world->now_ms,
                              fresh_arena, &fresh, &error)) {
            /* Those of before still serve to look at etcd: a hiccup of the API server is no lost
             * quorum. The next pass reads again. */
            world->certificates_problem = arena_strdup(arena, error.message);
            arena_free(fresh_arena);
        } else {
            memo_forget_certificates(memo);
            memo->certificates_arena = fresh_arena;
            memo->certificates = fresh;
            memo->certificates_read_ms = now_ms;
            memo->certificates_generation = world->generation;
        }
    }
    world->certificates = memo->certificates;
}

static void observe_taken_name(const struct reconciler_options *options, struct memo *memo,
                               struct arena *arena, struct world *world)
{
    const struct kube_api *kube = options->kube;
    struct error error;
    json_t *object = NULL;

    if (!memo->taken_resource) {
        return;
    }
    int result = kube->get(kube->context, memo->taken_resource, world->names->namespace,
                           memo->taken_name, &object, &error);
    arena_json(arena, object);
    if (result == -(int)ERROR_NOT_FOUND || (!result && object_is_owned_by(object, world->uid))) {
        memo->taken_resource = NULL;
        return;
    }
    world->name_taken = arena_printf(arena, "%s %s", memo->taken_resource->kind, memo->taken_name);
}

static void draw_nonces(const struct reconciler_options *options, struct arena *arena,
                        struct world *world)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        unsigned char bytes[(PERMIT_NONCE_SIZE - 1) / 2];
        char *nonce = arena_alloc(arena, PERMIT_NONCE_SIZE);
        options->random(options->context, bytes, sizeof bytes);
        for (size_t b = 0; b < sizeof bytes; b++) {
            nonce[2 * b] = digits[bytes[b] >> 4];
            nonce[2 * b + 1] = digits[bytes[b] & 15];
        }
        world->members[i].nonce = nonce;
    }
}

/* When the status, which outlives this process, says that reads began to fail; 0: it does not. */
static int64_t told_unread_since_ms(const struct world *world)
{
    json_t *condition;
    size_t i;

    json_array_foreach(json_path(world->object, "status", "conditions", NULL), i, condition)
    {
        const char *type = json_path_string(condition, "type", NULL);
        const char *status = json_path_string(condition, "status", NULL);
        const char *since = json_path_string(condition, "lastTransitionTime", NULL);
        if (type && status && since && !strcmp(type, "Available") && !strcmp(status, "False")) {
            return clock_parse_rfc3339(since);
        }
    }
    return 0;
}

/* What members told last, and for how long they have not been read: as this process has seen it, or
 * as the status says. */
static void observe_reads(struct memo *memo, struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        struct world_member *member = &world->members[i];
        if (member_answers(member)) {
            memo->traces[i] = (struct member_trace){member->look.status.revision, world->now_ms,
                                                    member->look.status.raft_applied_index};
        }
        member->last = memo->traces[i];
    }
    if (world_has_quorum(world)) {
        memo->unread_since_ms = 0;
        return;
    }
    if (!memo->unread_since_ms) {
        memo->unread_since_ms = world->boot_ms;
    }
    int64_t told_ms = told_unread_since_ms(world);
    told_ms = told_ms ? world->now_ms - told_ms : 0;
    world->unread_here_ms = world->unread_ms = world->boot_ms - memo->unread_since_ms;
    world->unread_ms = told_ms > world->unread_ms ? told_ms : world->unread_ms;
}

/* For how long each member's container runs: as this process has seen it, or as the clocks say. */
static void observe_running(struct memo *memo, int64_t now_boot_ms, struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        struct world_pod *pod = &world->members[i].pod;
        uint64_t identity =
            pod->started ? kube_hash(pod->uid, strlen(pod->uid)) + (uint64_t)pod->restarts : 0;
        if (memo->running[i].pod != identity) {
            memo->running[i].pod = identity;
            memo->running[i].since_ms = now_boot_ms;
        }
        if (pod->started) {
            int64_t seen_ms = now_boot_ms - memo->running[i].since_ms;
            int64_t told_ms = pod->started_ms ? world->now_ms - pod->started_ms : 0;
            pod->runs_ms = seen_ms > told_ms ? seen_ms : told_ms;
        }
    }
}

/* The same of volumes whose growth waits for a mount. */
static void observe_mounts(struct memo *memo, int64_t now_boot_ms, struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        struct world_claim *claim = &world->members[i].claim;
        if (memo->mounts[i].wanted_ms != claim->mount_wanted_ms) {
            memo->mounts[i].wanted_ms = claim->mount_wanted_ms;
            memo->mounts[i].since_ms = now_boot_ms;
        }
        if (claim->mount_wanted_ms) {
            int64_t seen_ms = now_boot_ms - memo->mounts[i].since_ms;
            int64_t told_ms = world->now_ms - claim->mount_wanted_ms;
            claim->mount_waits_ms = seen_ms > told_ms ? seen_ms : told_ms;
        }
    }
}

int observe_cluster(const struct reconciler_options *options, struct memo *memo,
                    struct arena *arena, struct world *world, struct error *error)
{
    world->settled = memo->settled;
    world->upkeep = &memo->upkeep;
    world->boot_ms = options->now_boot_ms(options->context);
    if (!memo->upkeep.since_ms) {
        memo->upkeep.since_ms = world->boot_ms;
    }
    world->etcd_says = memo->etcd_says[0] ? arena_strdup(arena, memo->etcd_says) : NULL;
    world->refusal = memo->refusal[0] ? arena_strdup(arena, memo->refusal) : NULL;
    if (observe_children(options, arena, world, error) ||
        observe_pods(options, arena, world, error) ||
        observe_claims(options, arena, world, error)) {
        return error_wrap(error, "observing %s/%s", world->names->namespace, world->names->cluster);
    }
    observe_running(memo, world->boot_ms, world);
    observe_mounts(memo, world->boot_ms, world);
    if (!world->spec_valid) {
        return 0;
    }
    observe_certificates(options, memo, arena, world);
    observe_taken_name(options, memo, arena, world);
    draw_nonces(options, arena, world);
    if (!world->deleting) {
        observe_create_failure(options, arena, world);
        observe_etcd(options, arena, world);
        observe_reads(memo, world);
        if (world_revision(world)) {
            upkeep_note_revision(&memo->upkeep, world_revision(world), world->boot_ms);
        }
    }
    return 0;
}
