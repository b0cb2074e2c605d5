/* Deletion, in the order that loses nothing early: stop etcd, StatefulSet, Services and budget,
 * ConfigMaps, Secrets, claims when the user asked, finalizer last. */
#include <string.h>

#include "base/json.h"
#include "base/mutant.h"
#include "cluster/plan.h"

static void remove_object(struct planning *planning, const struct kube_resource *resource,
                          const char *name, const char *uid)
{
    struct action *action = &planning->plan->action;

    if (!action->remove) {
        action->remove = arena_alloc(planning->arena, 64 * sizeof *action->remove);
    }
    if (action->n_remove < 64) {
        action->remove[action->n_remove++] = (struct removal){resource, name, uid};
    }
    action->kind = ACTION_REMOVE;
}

static bool remove_children(struct planning *planning, const struct kube_resource *resource,
                            const char *why)
{
    size_t i;
    json_t *child;

    json_array_foreach(planning->world->children, i, child)
    {
        const char *kind = json_path_string(child, "kind", NULL);
        if (kind && !strcmp(kind, resource->kind) &&
            !json_path(child, "metadata", "deletionTimestamp", NULL)) {
            remove_object(planning, resource, json_path_string(child, "metadata", "name", NULL),
                          json_path_string(child, "metadata", "uid", NULL));
        }
    }
    planning->plan->reason = why;
    return planning->plan->action.kind != ACTION_NONE;
}

/* A StatefulSet that was deleted with --cascade=orphan left its pods behind: no scaling ends them.
 */
static bool remove_orphans(struct planning *planning)
{
    const struct world *world = planning->world;

    if (world->stateful_set) {
        return false; /* Its controller adopts them. */
    }
    for (int i = 0; i < world->n_orphans; i++) {
        remove_object(planning, &kube_pods, world->orphans[i].name, world->orphans[i].uid);
    }
    planning->plan->reason = "removing the pods that a deleted StatefulSet left behind";
    return world->n_orphans > 0;
}

static bool stop_etcd(struct planning *planning)
{
    const struct world *world = planning->world;

    if (world->stateful_set &&
        json_path_integer(world->stateful_set, 0, "spec", "replicas", NULL)) {
        planning->plan->action.kind = ACTION_STOP_ETCD;
        planning->plan->reason = "stopping the members";
        return true;
    }
    return false;
}

/* A pod that does not end keeps the claims and the rest; which one, and what to do, is said. */
static const char *pods_that_end(const struct planning *planning)
{
    const char *list = "";
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_pod *pod = &planning->world->members[i].pod;
        if (pod->exists) {
            list = arena_printf(planning->arena, "%s%s%s on node %s", list, *list ? ", " : "",
                                pod->name, pod->node ? pod->node : "(none)");
        }
    }
    return arena_printf(planning->arena,
                        "waiting for pods to end%s%s; a pod on a dead node ends when the Node is "
                        "removed or tainted node.kubernetes.io/out-of-service",
                        *list ? ": " : "", list);
}

static bool remove_secrets(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; i < N_SECRETS; i++) {
        if (world->certificates.exists[i]) {
            remove_object(planning, &kube_secrets,
                          certificates_secret_name(world->names, (enum certificate_secret)i), NULL);
        }
    }
    planning->plan->reason = "removing the TLS Secrets";
    return planning->plan->action.kind != ACTION_NONE;
}

/* Made for this cluster, or taken over by it. An earlier cluster's that were refused are not ours
 * to remove: its owner asked to keep them. */
static bool owns_claim(const struct world *world, int ordinal)
{
    const char *creator = world->members[ordinal].claim.creator_uid;

    for (int i = 0; i < world->recorded.n_permits; i++) {
        if (world->recorded.permits[i].ordinal == ordinal) {
            return true;
        }
    }
    return creator && !strcmp(creator, world->uid);
}

static bool remove_claims(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!world->spec_valid || (strcmp(world->spec.storage.retention.when_deleted, "Delete") != 0 &&
                               !MUTANT(ClaimsDeleted))) {
        return false;
    }
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_claim *claim = &world->members[i].claim;
        if (claim->exists && !claim->terminating && owns_claim(world, i)) {
            remove_object(planning, &kube_persistent_volume_claims, claim->name, claim->uid);
        }
    }
    planning->plan->reason = "removing the volume claims, as whenDeleted: Delete asks";
    return planning->plan->action.kind != ACTION_NONE;
}

bool rule_delete_cluster(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!world->deleting) {
        return false;
    }
    planning->held = HOLD_ALL;
    if (!world->has_finalizer) {
        planning_wait(planning, "another finalizer holds the object");
        return true;
    }
    if (stop_etcd(planning)) {
        return true;
    }
    /* Or it makes a pod and its claim yet, after we have seen none. */
    if (world->stateful_set && !planning_set_is_current(planning) &&
        !json_path(world->stateful_set, "metadata", "deletionTimestamp", NULL)) {
        planning_wait(planning, "waiting for the StatefulSet controller to take notice");
        return true;
    }
    if (remove_orphans(planning)) {
        return true;
    }
    if (world->pods_left && !MUTANT(FinalizerEarly)) {
        planning_wait(planning, pods_that_end(planning));
        return true;
    }
    if (remove_children(planning, &kube_stateful_sets, "removing the StatefulSet")) {
        return true;
    }
    if (world->stateful_set) { /* With --cascade=orphan its end takes a moment. */
        planning_wait(planning, "waiting for the StatefulSet to be gone");
        return true;
    }
    if (remove_children(planning, &kube_services, "removing the Services") ||
        remove_children(planning, &kube_pod_disruption_budgets, "removing the disruption budget") ||
        remove_children(planning, &kube_config_maps, "removing the ConfigMaps") ||
        remove_secrets(planning) || remove_claims(planning)) {
        return true;
    }
    planning->plan->action.kind = ACTION_REMOVE_FINALIZER;
    planning->plan->reason = "all is removed but what the policy keeps";
    return true;
}
