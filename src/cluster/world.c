#include "cluster/world.h"

#include "base/json.h"
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

static struct known_member member_of_status(const struct world *world, int ordinal)
{
    struct known_member known = {0};
    json_t *item;
    size_t i;

    json_array_foreach(json_path(world->object, "status", "members", NULL), i, item)
    {
        const char *name = json_path_string(item, "name", NULL);
        const char *id = json_path_string(item, "id", NULL);
        const char *role = json_path_string(item, "role", NULL);
        if (name && names_ordinal(name, world->names->cluster) == ordinal && id &&
            id_parse(id, &known.id)) {
            known.is_learner = role && !strcmp(role, "learner");
        }
    }
    return known;
}

struct known_member world_known_member(const struct world *world, int ordinal)
{
    const struct etcd_member *entry = world->members[ordinal].entry;

    if (entry) {
        return (struct known_member){entry->id, entry->is_learner};
    }
    return world->member_list ? (struct known_member){0} : member_of_status(world, ordinal);
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
