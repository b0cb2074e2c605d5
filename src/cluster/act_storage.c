/* The actions that change what volumes there are. */
#include "base/json.h"
#include "base/mutant.h"
#include "cluster/act.h"
#include "cluster/kill_point.h"

int act_grow_claims(const struct reconciler_options *options, const struct world *world,
                    const struct action *action, struct error *error)
{
    const struct kube_api *kube = options->kube;

    for (int i = 0; i < action->n_pods; i++) {
        const struct world_claim *claim = &world->members[action->pods[i]].claim;
        AUTO_JSON json_t *patch =
            json_pack("{s:{s:s, s:s}, s:{s:{s:{s:s}}}}", "metadata", "uid", claim->uid,
                      "resourceVersion", claim->resource_version, "spec", "resources", "requests",
                      "storage", world->spec.storage.size);
        int result = kube->merge_patch(kube->context, &kube_persistent_volume_claims,
                                       world->names->namespace, claim->name, patch, NULL, error);
        if (result) {
            return error_wrap(error, "growing claim %s", claim->name);
        }
        kill_point(world, "claim-grown");
    }
    return 0;
}

int act_orphan_set(const struct reconciler_options *options, const struct world *world,
                   struct error *error)
{
    const struct kube_api *kube = options->kube;
    const struct kube_delete_options asked = {
        .uid = json_path_string(world->stateful_set, "metadata", "uid", NULL),
        .resource_version =
            json_path_string(world->stateful_set, "metadata", "resourceVersion", NULL),
        .grace_period_seconds = -1,
        .propagation_policy = MUTANT(SetNotOrphaned) ? "Background" : "Orphan"};
    int result = kube->remove(kube->context, &kube_stateful_sets, world->names->namespace,
                              world->names->cluster, &asked, error);

    kill_point(world, "statefulset-orphaned");
    return result ? error_wrap(error, "removing the StatefulSet without its pods") : 0;
}
