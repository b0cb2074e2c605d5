/* Serving members whose pod is of an earlier template: one at a time, followers first, the leader
 * last and after it has handed over, and only while all the others serve. So a change that breaks
 * members stops after the first one. */
#include "cluster/membership.h"
#include "cluster/plan.h"
#include "cluster/volumes.h"

#include <string.h>

/* Why the pod is to be made anew, or NULL. */
static const char *wants_restart(const struct planning *planning, int ordinal)
{
    const struct world *world = planning->world;

    if (planning_pod_is_outdated(planning, &world->members[ordinal].pod)) {
        return "was made from an earlier template";
    }
    return volume_wants_restart(world, ordinal) ? "has a volume that grows only when mounted anew"
                                                : NULL;
}

/* The next to go, or -1: the highest ordinal that does not lead. */
static int next_to_roll(const struct planning *planning)
{
    const struct world *world = planning->world;
    int leader = -1;

    for (int i = world_size(world) - 1; i >= 0; i--) {
        const struct world_member *member = &world->members[i];
        if (!member->pod.exists || !wants_restart(planning, i)) {
            continue;
        }
        if (strcmp(member_role(member), "leader") != 0) {
            return i;
        }
        leader = i;
    }
    return leader;
}

bool rule_roll_pod(struct planning *planning)
{
    const struct world *world = planning->world;
    int ordinal = world_formed(world) ? next_to_roll(planning) : -1;

    if (ordinal < 0) {
        return false;
    }
    const char *name = world->members[ordinal].pod.name;
    const char *why = planning_template_is_current(planning)
                          ? gate_restart(world, ordinal, planning->arena)
                          : "the StatefulSet has not got its new template yet";
    if (why && !MUTANT(TwoPodsRolled)) {
        planning_wait(planning, arena_printf(planning->arena, "%s %s and is to be restarted: %s",
                                             name, wants_restart(planning, ordinal), why));
        return false;
    }
    const char *reason =
        arena_printf(planning->arena, "%s %s", name, wants_restart(planning, ordinal));
    if (planning_move_leader(planning, ordinal, reason)) {
        return true;
    }
    planning_add_pod(planning, ordinal);
    planning->plan->action.kind = ACTION_DELETE_PODS;
    planning->plan->reason = reason;
    return true;
}
