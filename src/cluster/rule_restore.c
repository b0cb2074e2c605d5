/* A cluster that is founded on a backup: an EtcdRestore made it, and bears its name in an
 * annotation from birth.  What the restore brings is there before any member is, so members find
 * data that is theirs and need no permits.
 *
 * Which restore it waits for is recorded before the restore touches a volume, and from then on only
 * the record counts: with the annotation gone, members that start anew beside restored ones would
 * bear the same ids, and vote with empty logs. */
#include <string.h>

#include "cluster/plan.h"

static bool is_untouched(const struct world *world)
{
    const struct recorded *recorded = &world->recorded;

    return !world->stateful_set && !recorded->generation && !recorded->size &&
           !recorded->n_permits && !recorded->restore_uid;
}

/* What the restore wrote is of this very cluster object: the annotation may have been copied. */
static uint64_t restored_cluster_id(const struct world *world)
{
    const struct restored *restored = &world->restored;

    return restored->restore_uid && !strcmp(restored->restore_uid, world->recorded.restore_uid) &&
                   !strcmp(restored->cluster_uid, world->uid)
               ? restored->cluster_id
               : 0;
}

/* What a member needs to start, and what would block once the cluster counts as formed. */
static bool is_prepared(const struct world *world)
{
    return !world->certificates_problem && !certificates_due(&world->certificates);
}

bool rule_await_restore(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;

    if (world_formed(world)) {
        return false;
    }
    if (world->restore_uid && is_untouched(world)) {
        recorded->restore_name = world->restore_name;
        recorded->restore_uid = world->restore_uid;
        recorded->size = world->spec.size;
        recorded->generation = 1;
        planning->plan->reason =
            arena_printf(planning->arena, "EtcdRestore %s brings its data", world->restore_name);
        return true;
    }
    if (!recorded->restore_uid) {
        return false;
    }
    recorded->cluster_id = is_prepared(world) ? restored_cluster_id(world) : 0;
    if (recorded->cluster_id) {
        planning->plan->reason =
            arena_printf(planning->arena, "EtcdRestore %s has brought the data of all members",
                         recorded->restore_name);
        return true;
    }
    planning_wait(planning,
                  arena_printf(planning->arena,
                               "waiting for EtcdRestore %s to bring the data; if that has failed "
                               "or is gone, delete this EtcdCluster and restore again",
                               recorded->restore_name));
    planning->held |= HOLD_MEMBERSHIP | HOLD_PODS | HOLD_VOLUMES;
    planning->awaits_data = true;
    return false;
}
