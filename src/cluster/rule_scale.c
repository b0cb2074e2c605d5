/* The size: what the spec asks for is written down, and everything else follows from that and from
 * what is observed, so a size that changes half-way is taken up from where things stand. */
#include "cluster/membership.h"
#include "cluster/plan.h"

/* What was given to members that have left since says nothing of those that come. */
static void forget_permits(const struct world *world, struct recorded *recorded)
{
    int kept = 0;

    for (int i = 0; i < recorded->n_permits; i++) {
        int ordinal = recorded->permits[i].ordinal;
        if (ordinal < recorded->size || world->members[ordinal].entry) {
            recorded->permits[kept++] = recorded->permits[i];
        }
    }
    recorded->n_permits = kept;
}

bool rule_scale(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;
    int from = recorded->size, to = world->spec.size;

    if (!world_formed(world) || from == to) {
        return false;
    }
    if (!world->member_list) {
        planning_hold_spec(planning,
                           arena_printf(planning->arena,
                                        "spec.size: %d is asked for and there are %d; etcd gives "
                                        "no linearizable member list, so nothing is changed",
                                        to, from));
        return false;
    }
    forget_permits(world, recorded);
    recorded->size = (int32_t)to;
    planning->plan->reason = arena_printf(planning->arena, "from %d to %d members", from, to);
    return true;
}
