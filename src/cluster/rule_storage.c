/* Volumes that are to be larger, or of another class. A bound volume is only ever grown: claims are
 * replaced while they have none, and the StatefulSet, whose claim templates cannot be changed, is
 * made anew around pods that do not notice. */
#include <string.h>

#include "base/json.h"
#include "base/mutant.h"
#include "cluster/membership.h"
#include "cluster/plan.h"
#include "cluster/volumes.h"

static const struct world_claim *claim_of(const struct planning *planning, int ordinal)
{
    return &planning->world->members[ordinal].claim;
}

/* Kubernetes takes a request back as far as the driver has not carried it out. */
static bool is_to_ask(const struct world_claim *claim, const char *size)
{
    return (claim_wants_more(claim, size) && !claim->cannot_grow) ||
           (claim_is_bound(claim) && !claim->terminating && claim->requested && claim->capacity &&
            api_quantity_compare(claim->requested, size) > 0 &&
            api_quantity_compare(claim->capacity, size) < 0);
}

static void hold(struct planning *planning, const struct world_claim *claim, const char *why)
{
    planning_hold_spec(planning,
                       arena_printf(planning->arena,
                                    "spec.storage.size: %s is asked for and %s has %s: %s",
                                    planning->world->spec.storage.size, claim->name,
                                    claim->capacity ? claim->capacity : claim->requested, why));
}

/* Why this volume does not become what is asked for; false: it is on its way. */
static bool hold_growth(struct planning *planning, const struct world_claim *claim)
{
    const char *size = planning->world->spec.storage.size;
    const char *why = claim->cannot_grow;

    if (claim_wants_less(claim, size) && claim->capacity &&
        api_quantity_compare(claim->requested, claim->capacity) > 0) {
        why = arena_printf(planning->arena,
                           "it was asked to grow to %s, which Kubernetes takes back only to more "
                           "than it has: set a size above %s",
                           claim->requested, claim->capacity);
    } else if (claim_wants_less(claim, size)) {
        why = arena_printf(planning->arena,
                           "a volume cannot shrink: set the size back to %s, or move the data into "
                           "a cluster with smaller volumes",
                           claim->requested);
    } else if (claim->growth_infeasible) {
        why = arena_printf(planning->arena,
                           "its driver says that this can never be (%s): set a size that it can "
                           "give, which must be more than the volume has",
                           claim->growth_problem);
    }
    if (why) {
        hold(planning, claim, why);
    }
    return why != NULL;
}

/* How far the growth is, in words. */
static void say_progress(struct planning *planning)
{
    const struct world *world = planning->world;
    const char *size = world->spec.storage.size;
    const struct world_claim *next = NULL;
    int bound = 0, grown = 0;
    bool held = false;

    for (int i = 0; i < world_replicas(world); i++) {
        const struct world_claim *claim = claim_of(planning, i);
        if (!claim_is_bound(claim) || !claim->requested) {
            continue;
        }
        bound++;
        grown += claim_has(claim, size);
        if (!claim_has(claim, size) && !held) {
            held = hold_growth(planning, claim);
            next = next && (next->growth_problem || !claim->growth_problem) ? next : claim;
        }
    }
    if (!next || held) {
        return;
    }
    planning->growing = true;
    planning_wait(planning,
                  arena_printf(planning->arena, "%d of %d volumes have grown to %s; %s has %s%s%s",
                               grown, bound, size, next->name,
                               next->capacity ? next->capacity : next->requested,
                               next->growth_problem    ? ": "
                               : next->mount_wanted_ms ? " until it is mounted anew"
                                                       : "",
                               next->growth_problem ? next->growth_problem : ""));
}

/* All at once: it is the driver that decides whether a volume grows while it is used. */
bool rule_grow_volumes(struct planning *planning)
{
    const struct world *world = planning->world;
    const char *size = world->spec.storage.size;

    for (int i = 0; i < world_replicas(world); i++) {
        if (is_to_ask(claim_of(planning, i), size)) {
            planning_add_pod(planning, i);
        }
    }
    if (!planning->plan->action.n_pods) {
        say_progress(planning);
        return false;
    }
    planning->plan->action.kind = ACTION_GROW_CLAIMS;
    planning->growing = true;
    planning->plan->reason = arena_printf(planning->arena, "%d volumes are asked to grow to %s",
                                          planning->plan->action.n_pods, size);
    return true;
}

bool rule_hold_class(struct planning *planning)
{
    const struct world *world = planning->world;
    const char *class = world->spec.storage.storage_class_name;

    for (int i = 0; class && i < world_replicas(world); i++) {
        const struct world_claim *claim = claim_of(planning, i);
        if (claim_is_bound(claim) && claim->storage_class && strcmp(claim->storage_class, class)) {
            planning_hold_spec(
                planning,
                arena_printf(planning->arena,
                             "spec.storage.storageClassName: %s is asked for and the volume of %s "
                             "is of %s: a volume keeps its class; set it back, or move the data "
                             "into a cluster of the other class",
                             class, claim->name, claim->storage_class));
            return false;
        }
    }
    return false;
}

/* The pods run on without it; ApplyObjects makes it again as soon as it is gone. */
bool rule_remake_set(struct planning *planning)
{
    const struct world *world = planning->world;
    const json_t *set = world->stateful_set;
    struct storage want = storage_wanted(world);

    if (!set || storage_is_same(storage_of_set(set), want)) {
        return false;
    }
    if (json_path(set, "metadata", "deletionTimestamp", NULL) ||
        !planning_template_is_current(planning)) {
        planning_wait(planning, "the StatefulSet is to be made anew for other volumes");
        return false;
    }
    planning->plan->action.kind = ACTION_ORPHAN_SET;
    planning->plan->reason = arena_printf(
        planning->arena,
        "the StatefulSet is made anew, for new volumes of %s%s%s: its claim templates cannot be "
        "changed; its pods run on",
        want.size, want.class ? " and of class " : "", want.class ? want.class : "");
    return true;
}

static void add_removal(struct planning *planning, struct removal removal)
{
    struct action *action = &planning->plan->action;

    action->remove[action->n_remove++] = removal;
}

/* Nobody can have written anything: the claim has no volume, and its pod is on no node. */
bool rule_replace_claims(struct planning *planning)
{
    const struct world *world = planning->world;
    struct action *action = &planning->plan->action;

    if (!world->stateful_set || !planning_template_is_current(planning) ||
        !storage_is_same(storage_of_set(world->stateful_set), storage_wanted(world))) {
        return false;
    }
    action->remove =
        arena_alloc(planning->arena, 2 * ETCDCLUSTER_MAX_SIZE * sizeof *action->remove);
    for (int i = 0; i < world_replicas(world); i++) {
        const struct world_member *member = &world->members[i];
        if (!claim_is_wrong(world, &member->claim) || member->pod.node) {
            continue;
        }
        add_removal(
            planning,
            (struct removal){&kube_persistent_volume_claims, member->claim.name, member->claim.uid,
                             MUTANT(ClaimMayBeBound) ? NULL : member->claim.resource_version});
        if (member->pod.exists) {
            add_removal(planning,
                        (struct removal){&kube_pods, member->pod.name, member->pod.uid, NULL});
        }
    }
    if (!action->n_remove) {
        return false;
    }
    action->kind = ACTION_REMOVE;
    planning->plan->reason =
        "claims that have no volume yet ask for another one than new ones would";
    return true;
}
