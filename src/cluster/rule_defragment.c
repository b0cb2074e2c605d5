/* A database file never shrinks by itself: etcd uses its free pages again and keeps the file. When
 * much of it has become free, and nothing else is to be done, the file is written anew: a member at
 * a time, the leader after it has handed over, each at most once a day. */
#include <string.h>

#include "cluster/membership.h"
#include "cluster/plan.h"

#define AGAIN_MS (24 * 60 * INT64_C(60000)) /* What fills and empties every hour is left alone. */

bool planning_was_defragmented(const struct planning *planning, int ordinal, int64_t within_ms)
{
    const struct world *world = planning->world;

    return world->upkeep->defragmented[ordinal].member_id == world->members[ordinal].entry->id &&
           world->boot_ms - world->upkeep->defragmented[ordinal].at_ms < within_ms;
}

bool planning_defragment(struct planning *planning, const bool *wanted, const char *because)
{
    const struct world *world = planning->world;
    struct arena *arena = planning->arena;
    int next = -1;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        bool leads = !strcmp(member_role(&world->members[i]), "leader");
        next = wanted[i] && (next < 0 || !leads) ? i : next;
    }
    if (next < 0) {
        return false;
    }
    const char *name = names_pod(arena, world->names, next);
    const char *why = gate_restart(world, next, arena);
    if (why) {
        planning_wait(planning, arena_printf(arena, "%s is to be defragmented: %s", name, why));
        return false;
    }
    const char *reason =
        arena_printf(arena, "%s, and much of the database of %s is free", because, name);
    if (!planning_move_leader(planning, next, reason)) {
        planning_call_etcd(planning, ACTION_DEFRAGMENT, next, reason);
    }
    return true;
}

static bool is_mostly_free(const struct world *world, const struct world_member *member)
{
    int64_t size = member->look.status.db_size, free = size - member->look.status.db_size_in_use;
    int64_t milli = 0, percent = world->spec.maintenance.defragmentation.free_percent;

    api_quantity_parse(world->spec.maintenance.defragmentation.minimum_free, &milli);
    return percent && free >= milli / 1000 && free > 0 && free / percent >= size / 100;
}

bool rule_defragment(struct planning *planning)
{
    const struct world *world = planning->world;
    bool wanted[ETCDCLUSTER_MAX_SIZE] = {false};

    if (!world_formed(world) || planning->waiting || planning->blocked || world->n_alarms ||
        gate_restart(world, 0, planning->arena)) {
        return false;
    }
    for (int i = 0; i < world_size(world); i++) {
        wanted[i] = is_mostly_free(world, &world->members[i]) &&
                    !planning_was_defragmented(planning, i, AGAIN_MS);
    }
    return planning_defragment(planning, wanted, "nothing else is to be done");
}
