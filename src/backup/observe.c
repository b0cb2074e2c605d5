#include "backup/observe.h"

#include <string.h>

#include "backup/names.h"
#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"

static bool has_finalizer(const json_t *object)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_path(object, "metadata", "finalizers", NULL), i, item)
    {
        if (!strcmp(json_string_value(item), FINALIZER)) {
            return true;
        }
    }
    return false;
}

static int64_t date_ms(const json_t *object, const char *outer, const char *name)
{
    const char *date = json_path_string(object, outer, name, NULL);
    return date ? clock_parse_rfc3339(date) : 0;
}

static void observe_object(json_t *object, struct arena *arena, struct backup_world *world)
{
    const char *phase = json_path_string(object, "status", "phase", NULL);
    struct error problem;

    world->object = arena_json(arena, object);
    world->uid = json_path_string(object, "metadata", "uid", NULL);
    world->resource_version = json_path_string(object, "metadata", "resourceVersion", NULL);
    world->generation = json_path_integer(object, 0, "metadata", "generation", NULL);
    world->created_ms = date_ms(object, "metadata", "creationTimestamp");
    world->deleting = json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
    world->has_finalizer = has_finalizer(object);
    world->started = json_path(object, "status", "startTime", NULL) != NULL;
    world->ended = json_path(object, "status", "completionTime", NULL) != NULL;
    world->completed = world->ended && phase && !strcmp(phase, "Completed");
    if (etcdbackup_decode(object, arena, &world->spec, &problem)) {
        world->spec_problem = arena_strdup(arena, problem.message);
    } else {
        world->object_name = backup_object_name(arena, object);
    }
}

static bool condition_holds(const json_t *status, const char *type)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(status, "conditions"), i, item)
    {
        const char *name = json_path_string(item, "type", NULL);
        const char *value = json_path_string(item, "status", NULL);
        if (name && value && !strcmp(name, type)) {
            return !strcmp(value, "True");
        }
    }
    return false;
}

/* A learner gives no snapshots. */
static const char *voters(const json_t *status, struct arena *arena)
{
    const char *list = "";
    size_t i;
    json_t *member;

    json_array_foreach(json_object_get(status, "members"), i, member)
    {
        const char *url = json_path_string(member, "clientURL", NULL);
        const char *role = json_path_string(member, "role", NULL);
        if (url && (!role || strcmp(role, "learner") != 0)) {
            list = arena_printf(arena, "%s%s%s", list, *list ? "," : "", url);
        }
    }
    return list;
}

static int observe_cluster(const struct backup_options *options, struct arena *arena,
                           struct backup_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    json_t *object = NULL;

    int result = kube->cached_get(kube->context, &kube_etcd_clusters, world->namespace,
                                  world->spec.cluster_name, &object, error);
    if (result == -(int)ERROR_NOT_FOUND) {
        return 0;
    }
    if (result) {
        return result;
    }
    const json_t *status = json_object_get(arena_json(arena, object), "status");
    const char *message = json_path_string(status, "message", NULL);
    world->cluster = (struct backup_cluster){
        .exists = !json_path(object, "metadata", "deletionTimestamp", NULL),
        .formed = json_path(status, "clusterID", NULL) != NULL,
        .serves = condition_holds(status, "Available"),
        .message = message && *message ? message : NULL,
        .endpoints = voters(status, arena),
    };
    world->cluster.tls = !strncmp(world->cluster.endpoints, "https://", 8);
    return 0;
}

/* That a pod does not tell is no failure: it may just be about to end. */
static void observe_progress(const struct backup_options *options, struct arena *arena,
                             struct backup_world *world)
{
    json_t *json = NULL;
    struct error error;

    if (!world->save.running || !world->save.pod_ip ||
        options->progress(options->context, world->save.pod_ip, &json, &error)) {
        return;
    }
    arena_json(arena, json);
    const char *step = json_path_string(json, "step", NULL);
    world->progress = (struct backup_progress){
        .known = step != NULL,
        .step = step,
        .bytes = json_path_integer(json, 0, "bytes", NULL),
        .total = json_path_integer(json, 0, "total", NULL),
    };
}

int backup_observe(const struct backup_options *options, const char *namespace, const char *name,
                   struct arena *arena, struct backup_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    json_t *object = NULL;

    *world = (struct backup_world){.namespace = namespace,
                                   .name = name,
                                   .now_ms = options->now_wall_ms(options->context),
                                   .operator_image = options->operator_image};
    int result =
        kube->cached_get(kube->context, &kube_etcd_backups, namespace, name, &object, error);
    if (result) {
        return result;
    }
    observe_object(object, arena, world);
    if (!world->spec_problem && world->spec.schedule) {
        return backup_observe_schedule(options, arena, world, error);
    }
    result = backup_observe_jobs(options, arena, world, error);
    if (!result && !world->spec_problem) {
        result = observe_cluster(options, arena, world, error);
    }
    if (!result && !world->spec_problem && !world->ended) {
        backup_observe_parent(options, arena, world);
        observe_progress(options, arena, world);
    }
    return result;
}
