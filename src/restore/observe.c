#include "restore/observe.h"

#include <string.h>

#include "backup/names.h"
#include "base/clock.h"
#include "base/json.h"
#include "cluster/observe.h"
#include "restore/plan.h"
#include "restore/pod.h"

static const json_t *container_of(const json_t *pod, const char *list, const char *name)
{
    json_t *container;
    size_t i;

    json_array_foreach(json_path(pod, "status", list, NULL), i, container)
    {
        const char *its = json_path_string(container, "name", NULL);
        if (its && !strcmp(its, name)) {
            return container;
        }
    }
    return NULL;
}

/* What a step of ours left as its last words, or NULL. */
static json_t *result_of(const json_t *container, struct arena *arena)
{
    const char *text = json_path_string(container, "state", "terminated", "message", NULL);
    struct error error;
    json_t *json = text ? json_parse(text, strlen(text), "a result", &error) : NULL;

    return json ? arena_json(arena, json) : NULL;
}

static void observe_failure(const json_t *pod, struct arena *arena, struct restore_pod *out)
{
    static const char *const lists[] = {"initContainerStatuses", "containerStatuses"};
    const char *words = json_path_string(pod, "status", "message", NULL);
    json_t *container;
    size_t i;

    out->may_retry = true;
    out->error = words ? words : "the pod has ended, and nothing says why";
    for (size_t l = 0; l < 2; l++) {
        json_array_foreach(json_path(pod, "status", lists[l], NULL), i, container)
        {
            const json_t *ended = json_path(container, "state", "terminated", NULL);
            const char *message = json_path_string(ended, "message", NULL);
            const char *at = json_path_string(ended, "finishedAt", NULL);
            if (!ended || !json_path_integer(ended, 0, "exitCode", NULL)) {
                continue;
            }
            const json_t *result = result_of(container, arena);
            const char *said = json_path_string(result, "error", NULL);
            const char *reason = json_path_string(ended, "reason", NULL);
            out->error = arena_printf(arena, "%s: %s", json_path_string(container, "name", NULL),
                                      said      ? said
                                      : message ? message
                                      : reason  ? reason
                                                : "it failed");
            out->may_retry = !json_is_false(json_object_get(result, "retry"));
            out->failed_ms = at ? clock_parse_rfc3339(at) : 0;
        }
    }
}

static void observe_results(const json_t *pod, struct arena *arena, struct restore_pod *out)
{
    const json_t *fetched =
        result_of(container_of(pod, "initContainerStatuses", RESTORE_FETCH), arena);
    const json_t *committed =
        result_of(container_of(pod, "containerStatuses", RESTORE_COMMIT), arena);
    const char *id = json_path_string(committed, "clusterID", NULL);

    out->revision = json_path_integer(fetched, 0, "revision", NULL);
    out->records = json_path_integer(fetched, 0, "records", NULL);
    out->sha256 = json_path_string(fetched, "sha256", NULL);
    if (id && !id_parse(id, &out->cluster_id)) {
        out->cluster_id = 0;
    }
}

static const char *step_of(const json_t *pod)
{
    if (!json_path(container_of(pod, "initContainerStatuses", RESTORE_FETCH), "state", "terminated",
                   NULL)) {
        return "the backup is being fetched";
    }
    return "the data is being made of it";
}

void restore_observe_pod(const json_t *pod, struct arena *arena, struct restore_pod *out)
{
    const char *phase = json_path_string(pod, "status", "phase", NULL);
    struct world_pod seen = {0};

    observe_pod((json_t *)pod, arena, &seen);
    *out = (struct restore_pod){
        .state = POD_WORKING, .terminating = seen.terminating, .name = seen.name, .uid = seen.uid};
    if (phase && !strcmp(phase, "Succeeded")) {
        out->state = POD_DONE;
        observe_results(pod, arena, out);
    } else if (phase && !strcmp(phase, "Failed")) {
        out->state = POD_FAILED;
        observe_failure(pod, arena, out);
    } else if (seen.unschedulable) {
        out->doing =
            arena_printf(arena, "pod %s cannot be scheduled: %s", seen.name, seen.unschedulable);
    } else if (seen.waiting_message) { /* An image, a Secret or a volume that is not there. */
        out->doing = arena_printf(arena, "pod %s: %s: %s", seen.name, seen.waiting_reason,
                                  seen.waiting_message);
    } else {
        out->doing = step_of(pod);
    }
}

static int find_pods(const struct reconciler_options *options, struct arena *arena,
                     struct restore_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const char *owner = arena_printf(arena, "%s/%s", kube_etcd_restores.plural, world->name);
    const char *prefix = arena_printf(arena, "%s-restore", world->name);
    json_t *list = NULL, *pod;
    size_t i;

    if (kube->cached_list(kube->context, &kube_pods, world->namespace, owner, &list, error)) {
        return -(int)error->kind;
    }
    arena_json(arena, list);
    json_array_foreach(list, i, pod)
    {
        const char *name = json_path_string(pod, "metadata", "name", NULL);
        int ordinal = names_ordinal(name, prefix);
        if (ordinal >= 0 && ordinal < ETCDCLUSTER_MAX_SIZE && object_is_owned_by(pod, world->uid)) {
            restore_observe_pod(pod, arena, &world->pods[ordinal]);
        }
    }
    return 0;
}

static int find_claims(const struct reconciler_options *options, struct arena *arena,
                       struct restore_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const char *cluster = world->spec.cluster_name;
    const char *prefix = arena_printf(arena, "data-%s", cluster);
    json_t *list = NULL, *claim;
    size_t i;

    if (kube->cached_list(kube->context, &kube_persistent_volume_claims, world->namespace, cluster,
                          &list, error)) {
        return -(int)error->kind;
    }
    arena_json(arena, list);
    json_array_foreach(list, i, claim)
    {
        const char *name = json_path_string(claim, "metadata", "name", NULL);
        const char *creator =
            json_path_string(claim, "metadata", "annotations", ANNOTATION_CLUSTER_UID, NULL);
        int ordinal = names_ordinal(name, prefix);
        if (ordinal < 0) {
            continue;
        }
        bool ours = world->has_cluster && creator && !strcmp(creator, world->cluster.uid) &&
                    !json_path(claim, "metadata", "deletionTimestamp", NULL);
        if (!ours) {
            world->other_claim = name;
        } else if (ordinal < ETCDCLUSTER_MAX_SIZE) {
            world->has_claim[ordinal] = true;
        }
    }
    return 0;
}

/* An EtcdBackup that has come to its end says all that is to be known. */
static void read_backup(const json_t *object, const char *name, struct arena *arena,
                        struct restore_backup *out)
{
    const json_t *status = json_object_get(object, "status");
    const char *phase = json_path_string(status, "phase", NULL);
    struct etcdbackup_spec *spec = arena_alloc(arena, sizeof *spec);
    struct error error;

    if (!phase || strcmp(phase, "Completed") != 0) {
        out->may_come = !phase || strcmp(phase, "Failed") != 0;
        out->problem = arena_printf(arena, "EtcdBackup %s is not complete: its phase is %s", name,
                                    phase ? phase : "not known yet");
        return;
    }
    if (etcdbackup_decode((json_t *)object, arena, spec, &error)) {
        out->problem = arena_printf(arena, "EtcdBackup %s: %s", name, error.message);
        return;
    }
    out->place = spec;
    out->object = backup_object_name(arena, object);
    out->sha256 = json_path_string(status, "sha256", NULL);
    out->revision = json_path_integer(status, 0, "revision", NULL);
}

/* Of a volume the path is a part of the name (backup/names.h). */
static const char *named_object(const struct etcdrestore_spec *spec, struct arena *arena)
{
    const char *path = spec->source.place.local.path;

    return path && *path ? arena_printf(arena, "%s/%s", path, spec->source.name)
                         : spec->source.name;
}

static int find_backup(const struct reconciler_options *options, struct arena *arena,
                       struct restore_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const char *name = world->spec.backup_name;
    json_t *object = NULL;

    if (!name) {
        world->backup.place = &world->spec.source.place;
        world->backup.object = named_object(&world->spec, arena);
        return 0;
    }
    int result =
        kube->cached_get(kube->context, &kube_etcd_backups, world->namespace, name, &object, error);
    if (result == -(int)ERROR_NOT_FOUND) {
        world->backup.problem =
            arena_printf(arena,
                         "there is no EtcdBackup %s in this namespace: name another one, or say by "
                         "spec.source where the backup lies",
                         name);
        return 0;
    }
    if (!result) {
        read_backup(arena_json(arena, object), name, arena, &world->backup);
    }
    return result;
}

static int find_cluster(const struct reconciler_options *options, struct arena *arena,
                        struct restore_world *world, struct error *error)
{
    int result = observe_object(options, world->namespace, world->spec.cluster_name, arena,
                                &world->cluster, error);

    if (result == -(int)ERROR_NOT_FOUND) {
        return 0;
    }
    if (result) {
        return result;
    }
    const struct world *cluster = &world->cluster;
    world->has_cluster = true;
    world->cluster_is_ours =
        cluster->restore_uid && world->uid && !strcmp(cluster->restore_uid, world->uid);
    world->cluster_phase = json_path_string(cluster->object, "status", "phase", NULL);
    return 0;
}

int restore_observe(const struct reconciler_options *options, const char *namespace,
                    const char *name, struct arena *arena, struct restore_world *world,
                    struct error *error)
{
    const struct kube_api *kube = options->kube;
    struct error problem;
    json_t *object = NULL;

    *world = (struct restore_world){.namespace = namespace, .name = name};
    int result =
        kube->cached_get(kube->context, &kube_etcd_restores, namespace, name, &object, error);
    if (result) {
        return result;
    }
    world->object = arena_json(arena, object);
    world->now_ms = options->now_wall_ms(options->context);
    world->operator_image = options->operator_image;
    world->uid = json_path_string(object, "metadata", "uid", NULL);
    world->resource_version = json_path_string(object, "metadata", "resourceVersion", NULL);
    world->generation = json_path_integer(object, 0, "metadata", "generation", NULL);
    world->deleting = json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
    restore_record_decode(json_object_get(object, "status"), arena, &world->record);
    if (etcdrestore_decode(object, arena, &world->spec, &problem)) {
        world->spec_problem = arena_strdup(arena, problem.message);
        return 0;
    }
    result = find_backup(options, arena, world, error);
    if (!result) {
        result = find_cluster(options, arena, world, error);
    }
    if (!result) {
        result = find_claims(options, arena, world, error);
    }
    return result ? result : find_pods(options, arena, world, error);
}
