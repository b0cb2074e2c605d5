#include "restore/reconcile.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cluster/objects.h"
#include "restore/observe.h"
#include "restore/plan.h"
#include "restore/pod.h"

#define AFTER_DELETE_MS 200 /* Until the watch shows it. */

static int write_status(const struct kube_api *kube, const struct restore_world *world,
                        json_t *status, struct error *error)
{
    AUTO_JSON json_t *object = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:O}", "apiVersion", ETCDCLUSTER_API_VERSION, "kind",
        "EtcdRestore", "metadata", "name", world->name, "namespace", world->namespace, "uid",
        world->uid, "resourceVersion", world->resource_version, "status", status);
    int result = kube->replace_status(kube->context, &kube_etcd_restores, object, NULL, error);

    return result ? error_wrap(error, "writing the status") : 0;
}

/* What changed for a person. */
static void tell(const struct kube_api *kube, const struct restore_world *world,
                 const json_t *status)
{
    const json_t *old = json_object_get(world->object, "status");
    const char *phase = json_path_string(status, "phase", NULL);
    const char *step = json_path_string(status, "step", NULL);
    const char *message = json_path_string(status, "message", NULL);
    const char *old_phase = json_path_string(old, "phase", NULL);
    const char *old_step = json_path_string(old, "step", NULL);

    if (!old_phase || strcmp(old_phase, phase) != 0) {
        bool failed = !strcmp(phase, "Failed");
        kube->event(kube->context, world->object, failed ? "Warning" : "Normal", phase,
                    *message ? message : "the phase changed");
    }
    if (step && (!old_step || strcmp(old_step, step) != 0)) {
        kube->event(kube->context, world->object, "Normal", step, "the next step begins");
    }
}

/* The spec is passed on as it is: its defaults are the EtcdCluster's own. */
static int create_cluster(const struct kube_api *kube, const struct restore_world *world,
                          struct error *error)
{
    AUTO_JSON json_t *cluster = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:{s:o}}, s:O}", "apiVersion", ETCDCLUSTER_API_VERSION, "kind",
        "EtcdCluster", "metadata", "name", world->spec.cluster_name, "namespace", world->namespace,
        "annotations", ANNOTATION_RESTORE, json_sprintf("%s/%s", world->name, world->uid), "spec",
        json_path(world->object, "spec", "clusterTemplate", NULL));

    return kube->create(kube->context, &kube_etcd_clusters, cluster, NULL, error);
}

static int create_claim(const struct kube_api *kube, const struct restore_world *world, int ordinal,
                        struct arena *arena, struct error *error)
{
    AUTO_JSON json_t *claim = claim_desired(&world->cluster, ordinal, arena);

    return kube->create(kube->context, &kube_persistent_volume_claims, claim, NULL, error);
}

static int create_pod(const struct kube_api *kube, const struct restore_world *world, int ordinal,
                      struct arena *arena, struct error *error)
{
    AUTO_JSON json_t *pod = restore_pod(world, ordinal, arena);

    return kube->create(kube->context, &kube_pods, pod, NULL, error);
}

static int delete_pod(const struct kube_api *kube, const struct restore_world *world, int ordinal,
                      struct error *error)
{
    const struct kube_delete_options options = {.uid = world->pods[ordinal].uid,
                                                .grace_period_seconds = -1};

    return kube->remove(kube->context, &kube_pods, world->namespace, world->pods[ordinal].name,
                        &options, error);
}

static int tell_cluster(const struct kube_api *kube, const struct restore_world *world,
                        struct error *error)
{
    const struct world *cluster = &world->cluster;
    char id[ID_HEX_SIZE];
    AUTO_JSON json_t *patch = json_pack("{s:{s:s, s:{s:o}}}", "metadata", "uid", cluster->uid,
                                        "annotations", ANNOTATION_RESTORED,
                                        json_sprintf("%s/%s/%s", world->uid, cluster->uid,
                                                     id_format(world->record.cluster_id, id)));

    return kube->merge_patch(kube->context, &kube_etcd_clusters, world->namespace,
                             world->spec.cluster_name, patch, NULL, error);
}

static int act_on(const struct kube_api *kube, const struct restore_world *world,
                  enum restore_action_kind action, int ordinal, struct arena *arena,
                  struct error *error)
{
    switch (action) {
    case RESTORE_NOTHING:
        break;
    case RESTORE_CREATE_CLUSTER:
        return create_cluster(kube, world, error);
    case RESTORE_CREATE_CLAIMS:
        return create_claim(kube, world, ordinal, arena, error);
    case RESTORE_CREATE_PODS:
        return create_pod(kube, world, ordinal, arena, error);
    case RESTORE_DELETE_PODS:
        return delete_pod(kube, world, ordinal, error);
    case RESTORE_TELL_CLUSTER:
        return tell_cluster(kube, world, error);
    }
    return 0;
}

/* What exists already was made by an earlier pass, or is seen to be somebody else's by the next. */
static int act(const struct kube_api *kube, const struct restore_world *world,
               const struct restore_plan *plan, struct arena *arena, struct error *error)
{
    int n = plan->n_ordinals || plan->action == RESTORE_NOTHING ? plan->n_ordinals : 1;

    for (int i = 0; i < n; i++) {
        int result = act_on(kube, world, plan->action, plan->ordinals[i], arena, error);
        if (result && result != -(int)ERROR_EXISTS) {
            return result;
        }
    }
    return 0;
}

int restore_pass(void *context, const char *key, struct work_result *result, struct error *error)
{
    const struct reconciler_options *options = context;
    const struct kube_api *kube = options->kube;
    AUTO_ARENA struct arena *arena = arena_new();
    const char *slash = strchr(key, '/');
    struct restore_world world;
    struct restore_plan plan;

    const char *namespace = arena_strndup(arena, key, (size_t)(slash - key));
    result->requeue_after_ms = -1;
    int r = restore_observe(options, namespace, slash + 1, arena, &world, error);
    if (r) {
        return r == -(int)ERROR_NOT_FOUND ? 0 : r;
    }
    restore_plan_make(&world, arena, &plan);
    json_t *status = arena_json(arena, restore_status_encode(&world, &plan));
    bool news = !json_equal(status, json_object_get(world.object, "status"));
    if (news) {
        r = write_status(kube, &world, status, error);
        if (r) {
            return r == -(int)ERROR_NOT_FOUND ? 0 : r;
        }
        tell(kube, &world, status);
    }
    if (plan.action != RESTORE_NOTHING) {
        log_info("acting", "restore", key, "step", restore_step_name(world.record.step), NULL);
        r = act(kube, &world, &plan, arena, error);
    }
    result->requeue_after_ms = plan.action == RESTORE_DELETE_PODS       ? AFTER_DELETE_MS
                               : news || plan.action != RESTORE_NOTHING ? 0
                                                                        : plan.requeue_ms;
    return r;
}
