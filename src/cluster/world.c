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
