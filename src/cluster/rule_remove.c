/* How a member leaves: etcd is told first, then its pod goes, then its volume. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/membership.h"
#include "cluster/plan.h"
#include "cluster/recovery.h"

/* A live voter that stays and whose data is good, to lead when the one that goes does not any more.
 * While the alarm CORRUPT is raised the kubelet calls nobody ready. */
static int successor(const struct world *world, int leaving)
{
    bool alarmed = world_alarmed(world, ETCD_ALARM_CORRUPT);

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (i != leaving && member_is_live(member) && (member->pod.ready || alarmed) &&
            !member_lost(world, i)) {
            return i;
        }
    }
    return -1;
}

bool planning_move_leader(struct planning *planning, int leaving, const char *why)
{
    const struct world *world = planning->world;
    int to = successor(world, leaving);

    if (to < 0 || strcmp(member_role(&world->members[leaving]), "leader") != 0 ||
        MUTANT(LeaderNotMoved)) {
        return false;
    }
    planning_call_etcd(planning, ACTION_MOVE_LEADER, leaving, why);
    planning->plan->action.successor = to;
    return true;
}

/* A learner that was added, and whose pod has gone or cannot run since, must not keep another
 * member from being replaced: it is taken back, and joins again later. */
static bool give_way(struct planning *planning, int ordinal)
{
    const struct world *world = planning->world;
    int unstarted = membership_of(world).unstarted;

    if (unstarted < 0 || unstarted == ordinal || member_is_voter(&world->members[unstarted]) ||
        world->members[unstarted].pod.started) {
        return false;
    }
    planning_call_etcd(planning, ACTION_REMOVE_MEMBER, unstarted,
                       arena_printf(planning->arena, "%s cannot start yet and gives way to %s",
                                    names_pod(planning->arena, world->names, unstarted),
                                    names_pod(planning->arena, world->names, ordinal)));
    return true;
}

/* By spec.recovery. */
static bool is_held_back(struct planning *planning, int ordinal, const char *proof)
{
    const struct world *world = planning->world;
    struct cluster_status *status = &planning->plan->status;
    char date[CLOCK_RFC3339_SIZE], id[ID_HEX_SIZE];
    const char *name = names_pod(planning->arena, world->names, ordinal);
    int64_t due_ms;
    int attempts;

    switch (recovery_ask(world, ordinal, &due_ms, &attempts)) {
    case RECOVERY_NOW:
        return false;
    case RECOVERY_LATER:
        if (!status->next_attempt_ms || due_ms < status->next_attempt_ms) {
            status->next_attempt_ms = due_ms;
        }
        planning_wait(planning,
                      arena_printf(planning->arena,
                                   "%s is to be replaced again (%s), but not before %s: "
                                   "spec.recovery",
                                   name, proof, clock_rfc3339(due_ms, date, sizeof date)));
        return true;
    case RECOVERY_STOPPED:
        break;
    }
    planning_block(
        planning,
        arena_printf(planning->arena,
                     "%s is not replaced (%s): it was %d times since the cluster was last whole, "
                     "and spec.recovery.maxRetries is %d. Look at its node and volume; then change "
                     "the spec, or set the annotation " ANNOTATION_REPLACE "=%s to try again",
                     name, proof, attempts, world->spec.recovery.max_retries,
                     id_format(world->members[ordinal].entry->id, id)));
    return true;
}

/* On proof only: the first half of a repair. What is left of the data goes aside when the ordinal
 * joins again. */
bool rule_remove_lost_member(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const char *proof = member_lost(world, i);
        const struct world_member *member = &world->members[i];
        bool guessed = MUTANT(ReplaceOnSilence) && member->entry && member->pod.started &&
                       !member_answers(member);
        if (!proof && !guessed) {
            continue;
        }
        const char *name = names_pod(planning->arena, world->names, i);
        const char *why = gate_remove(world, i, planning->arena);
        if (why && give_way(planning, i)) {
            return true;
        }
        if (why) {
            planning_wait(planning,
                          arena_printf(planning->arena, "%s cannot be replaced yet (%s): %s", name,
                                       proof ? proof : "mutant", why));
            continue;
        }
        if (proof && is_held_back(planning, i, proof)) {
            continue;
        }
        const char *reason =
            arena_printf(planning->arena, "%s is replaced: %s", name, proof ? proof : "mutant");
        if (!planning_move_leader(planning, i, reason)) {
            if (proof && !member_is_given_up(world, i)) {
                recovery_note(world, i, &planning->plan->status.recorded);
            }
            planning_call_etcd(planning, ACTION_REMOVE_MEMBER, i, reason);
        }
        return true;
    }
    return false;
}

/* The highest ordinal first, as a number; but before it one that was added and has not started, for
 * that bars everything else. */
static int next_to_leave(const struct world *world)
{
    struct membership now = membership_of(world);

    if (now.last < world_size(world)) {
        return -1;
    }
    if (MUTANT(WrongVictim)) {
        return 0;
    }
    return now.unstarted >= world_size(world) ? now.unstarted : now.last;
}

bool rule_remove_member(struct planning *planning)
{
    const struct world *world = planning->world;
    int leaving = world_formed(world) && world->member_list ? next_to_leave(world) : -1;

    if (leaving < 0) {
        return false;
    }
    const char *name = names_pod(planning->arena, world->names, leaving);
    const char *why = gate_remove(world, leaving, planning->arena);
    if (!why && member_is_voter(&world->members[leaving]) &&
        world_alarmed(world, ETCD_ALARM_CORRUPT)) {
        why = "an alarm CORRUPT is raised, and whose data is good must be known first";
    }
    if (why) {
        planning_wait(planning, arena_printf(planning->arena, "%s is to leave: %s", name, why));
        return false;
    }
    if (planning_move_leader(planning, leaving,
                             arena_printf(planning->arena, "%s leads and is to leave", name))) {
        return true;
    }
    planning_call_etcd(
        planning, ACTION_REMOVE_MEMBER, leaving,
        arena_printf(planning->arena, "%s leaves: the size is %d now", name, world_size(world)));
    return true;
}

/* Etcd does not know the member, or no member has been allowed to start yet. */
static bool may_be_released(const struct world *world, const struct world_member *member)
{
    const char *creator = member->claim.creator_uid;

    if (world_formed(world)) {
        return world->member_list && !member->entry;
    }
    return !world->recorded.n_permits && creator && !strcmp(creator, world->uid);
}

/* After its member was removed: a volume that is gone keeps the pod from ever being scheduled. A
 * new pod comes with a new claim. */
bool rule_release_volume(struct planning *planning)
{
    const struct world *world = planning->world;
    struct action *action = &planning->plan->action;

    for (int i = 0; i < world_size(world); i++) {
        const struct world_member *member = &world->members[i];
        if (!member->claim.gone || !member->pod.exists || !may_be_released(world, member)) {
            continue;
        }
        action->remove = arena_alloc(planning->arena, 2 * sizeof *action->remove);
        action->remove[0] =
            (struct removal){&kube_persistent_volume_claims, member->claim.name, member->claim.uid};
        action->remove[1] = (struct removal){&kube_pods, member->pod.name, member->pod.uid};
        action->n_remove = 2;
        action->kind = ACTION_REMOVE;
        planning->plan->reason =
            arena_printf(planning->arena, "%s can never run on claim %s: %s", member->pod.name,
                         member->claim.name, member->claim.gone);
        return true;
    }
    return false;
}

/* The claim of an ordinal that has left: neither etcd nor Kubernetes knows of its member any more.
 * Kept, its data would meet the ordinal's next member. */
static bool claim_is_left_over(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct world_claim *claim = &member->claim;
    int64_t asked =
        json_path_integer(world->stateful_set, ETCDCLUSTER_MAX_SIZE, "spec", "replicas", NULL);

    return claim->exists && !claim->terminating && claim->creator_uid &&
           !strcmp(claim->creator_uid, world->uid) && !member->entry && !member->pod.exists &&
           asked <= ordinal;
}

bool rule_remove_claims(struct planning *planning)
{
    const struct world *world = planning->world;
    struct action *action = &planning->plan->action;

    if (!world_formed(world) || !world->member_list || !planning_set_is_current(planning) ||
        strcmp(world->spec.storage.retention.when_scaled, "Delete") != 0) {
        return false;
    }
    action->remove = arena_alloc(planning->arena, ETCDCLUSTER_MAX_SIZE * sizeof *action->remove);
    for (int i = world_replicas(world); i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (claim_is_left_over(world, i)) {
            action->remove[action->n_remove++] =
                (struct removal){&kube_persistent_volume_claims, world->members[i].claim.name,
                                 world->members[i].claim.uid};
        }
    }
    if (!action->n_remove) {
        return false;
    }
    action->kind = ACTION_REMOVE;
    planning->plan->reason = "their members have left the cluster";
    return true;
}
