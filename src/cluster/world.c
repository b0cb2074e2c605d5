#include "cluster/world.h"

#include "cluster/version_guard.h"

bool world_has_quorum(const struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (member_reads(&world->members[i])) {
            return true;
        }
    }
    return false;
}

const char *member_role(const struct world_member *member)
{
    if (!member_answers(member)) {
        return "";
    }
    if (member->look.status.is_learner) {
        return "learner";
    }
    return member->look.status.leader_id == member->look.status.member_id ? "leader" : "follower";
}

int64_t world_revision(const struct world *world)
{
    int64_t newest = 0;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (member_answers(member) && member->look.status.revision > newest) {
            newest = member->look.status.revision;
        }
    }
    return newest;
}

bool world_alarmed(const struct world *world, enum etcd_alarm_type type)
{
    for (size_t i = 0; i < world->n_alarms; i++) {
        if (world->alarms[i].type == type) {
            return true;
        }
    }
    return false;
}

void world_versions(const struct world *world, const char **lowest, const char **highest)
{
    *lowest = *highest = NULL;
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (!member_answers(member)) {
            continue;
        }
        const char *version = member->look.status.version;
        *lowest = !*lowest || version_compare(version, *lowest) < 0 ? version : *lowest;
        *highest = !*highest || version_compare(version, *highest) > 0 ? version : *highest;
    }
}

uint64_t world_highest_index(const struct world *world)
{
    uint64_t highest = 0;
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (member_answers(member) && member->look.status.raft_index > highest) {
            highest = member->look.status.raft_index;
        }
    }
    return highest;
}
