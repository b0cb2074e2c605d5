#include "cluster/world.h"

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
