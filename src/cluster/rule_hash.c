/* Data that differs between members: compared on an interval, before members are restarted, and at
 * once when etcd raises the alarm CORRUPT.  The member that differs from the majority is replaced
 * (rule_remove.c, by member_lost()); then all that are left are equal, and the alarm is taken back.
 * Without a majority nothing is touched. */
#include "cluster/hashes.h"
#include "cluster/membership.h"
#include "cluster/plan.h"

static bool restarts_are_to_come(const struct planning *planning)
{
    for (int i = 0; i < world_size(planning->world); i++) {
        const struct world_pod *pod = &planning->world->members[i].pod;
        if (pod->exists && planning_pod_is_outdated(planning, pod)) {
            return true;
        }
    }
    return false;
}

bool rule_check_hashes(struct planning *planning)
{
    const struct world *world = planning->world;
    int64_t revision;

    if (!world_formed(world) || !world->member_list ||
        !hashes_due(world, restarts_are_to_come(planning), &revision)) {
        return false;
    }
    planning->plan->action.kind = ACTION_CHECK_HASHES;
    planning->plan->action.revision = revision;
    planning->plan->reason = arena_printf(
        planning->arena, "the members' data is compared at revision %lld", (long long)revision);
    return true;
}

/* "c-0 1f00aa01, c-1 9c11bb02" */
static const char *hashes_text(const struct planning *planning)
{
    const struct world *world = planning->world;
    const char *text = NULL;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct hash_answer *answer = &world->upkeep->checks[0].answers[i];
        if (answer->member_id) {
            text = arena_printf(planning->arena, "%s%s%s %08x", text ? text : "", text ? ", " : "",
                                names_pod(planning->arena, world->names, i), answer->hash);
        }
    }
    return text ? text : "none";
}

static bool runs_two_versions(const struct world *world)
{
    const char *lowest, *highest;

    world_versions(world, &lowest, &highest);
    return lowest && strcmp(lowest, highest) != 0;
}

bool rule_heal_corruption(struct planning *planning)
{
    const struct world *world = planning->world;
    bool alarmed = world_alarmed(world, ETCD_ALARM_CORRUPT);
    enum hashes hashes = hashes_judge(world);

    if (!world_formed(world) || !world->member_list) {
        return false;
    }
    if (hashes == HASHES_SPLIT) {
        planning_block(
            planning,
            arena_printf(planning->arena,
                         "the members' data differs and no majority agrees (hashes at "
                         "revision %lld: %s): nothing is touched; take a snapshot of "
                         "each member, decide which one is right, and give up the others "
                         "with the annotation " ANNOTATION_REPLACE ", or restore",
                         (long long)world->upkeep->checks[0].revision, hashes_text(planning)));
    } else if (alarmed && hashes == HASHES_EQUAL && world->upkeep->checks[0].alarmed) {
        planning->plan->action.alarm = ETCD_ALARM_CORRUPT;
        planning_call_etcd(planning, ACTION_DISARM, -1, "the data of all members is the same");
        return true;
    } else if (alarmed && membership_of(world).voters == 1) {
        planning_block(planning, "an alarm CORRUPT is raised, and there is no other member whose "
                                 "data could be compared: look at the data, and take the alarm "
                                 "back with etcdctl alarm disarm, or restore");
    } else if (alarmed && runs_two_versions(world)) {
        planning_block(planning,
                       "an alarm CORRUPT is raised in the middle of an upgrade, and the hashes of "
                       "members of different versions are not compared: take a snapshot of each "
                       "member, decide which one is right, and give up the others with the "
                       "annotation " ANNOTATION_REPLACE);
    } else if (alarmed || hashes == HASHES_DIFFER) {
        planning_wait(planning, "the members' data is compared to tell whose is corrupt");
    }
    return false;
}
