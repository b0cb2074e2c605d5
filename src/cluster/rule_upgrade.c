/* What an upgrade leaves in the members' logs. A member that starts reads its log from its last
 * snapshot on, and etcd 3.7 cannot read what 3.5 wrote there (it ends with "unmarshal should never
 * fail"): so the version before the last is only left behind when every member has taken a snapshot
 * since, which etcd does after --snapshot-count entries. */
#include "cluster/membership.h"
#include "cluster/plan.h"
#include "cluster/version_guard.h"

/* Whatever it writes down is written before the action of a rule below is carried out. */
bool rule_record_upgrade(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;
    const char *lowest, *highest;

    world_versions(world, &lowest, &highest);
    if (!world_formed(world) || !lowest) {
        return false;
    }
    int oldest = version_minor(lowest);
    if (version_minor(planning->children.version) > oldest) {
        if (!recorded->log_minor || oldest < recorded->log_minor) {
            recorded->log_minor = oldest;
        }
        recorded->log_index = 0;
        planning->plan->reason = "the members' logs hold what the earlier version wrote";
    } else if (recorded->log_minor && !recorded->log_index && oldest > recorded->log_minor &&
               !gate_well(world, planning->arena)) {
        recorded->log_index = (int64_t)world_highest_index(world);
        planning->plan->reason = "no member writes as the earlier version any more";
    } else if (recorded->log_index && !version_log_in_the_way(world)) {
        recorded->log_minor = 0;
        recorded->log_index = 0;
        planning->plan->reason = "every member has taken a snapshot since the upgrade";
    }
    return false;
}
