/* Etcd takes no writes because a database has reached its quota (the alarm NOSPACE, which stays
 * until somebody takes it back).  What the file holds is live keys, history and free pages: history
 * that is minutes old is compacted, which makes pages free; defragmenting gives them back, member
 * by member; and when every database is well below its quota the alarm is disarmed.  If the live
 * keys alone need the room, only a person can help, and is told what quota would do.
 *
 * After a compaction only the member that carried it out says truly how much of its database is in
 * use; the others do at their next write.  As all hold the same data, the least that any says is
 * what counts. */
#include <string.h>

#include "cluster/membership.h"
#include "cluster/plan.h"

#define ROOM_PERCENT        80 /* Below this much of the quota a database has room again. */
#define SUGGEST_TIMES       2  /* A quota of so many times what is in use, up to a power of two. */
#define COMPACTED_SHOWS_MS  5000
#define DEFRAGMENT_AGAIN_MS (10 * INT64_C(60000)) /* It has helped as much as it can. */
#define MEBIBYTE            (INT64_C(1) << 20)

static int64_t spec_quota(const struct world *world)
{
    int64_t milli = 0;
    api_quantity_parse(world->spec.etcd.quota_backend_bytes, &milli);
    return milli / 1000;
}

/* 0: not known. Before 3.6 a member does not tell; it has the spec's once it runs with it. */
static int64_t quota_of(const struct planning *planning, const struct world_member *member)
{
    if (member->look.status.db_size_quota) {
        return member->look.status.db_size_quota;
    }
    return planning_pod_is_outdated(planning, &member->pod) ? 0 : spec_quota(planning->world);
}

static bool is_below(int64_t size, int64_t quota)
{
    return size < quota / 100 * ROOM_PERCENT;
}

/* What the members say of their databases. */
struct room {
    int64_t in_use;      /* The least. */
    int64_t quota;       /* The smallest that is known, else the spec's. */
    const char *unknown; /* A member that does not say how large its database is, or NULL. */
    bool full[ETCDCLUSTER_MAX_SIZE];
    int n_full;
};

static struct room look_around(const struct planning *planning)
{
    const struct world *world = planning->world;
    struct room room = {.in_use = INT64_MAX, .quota = INT64_MAX};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (!member->entry) {
            continue;
        }
        if (!member_answers(member)) {
            room.unknown = names_pod(planning->arena, world->names, i);
            continue;
        }
        int64_t quota = quota_of(planning, member);
        room.full[i] = !is_below(member->look.status.db_size, quota);
        room.n_full += room.full[i];
        room.quota = quota && quota < room.quota ? quota : room.quota;
        room.in_use = member->look.status.db_size_in_use < room.in_use
                          ? member->look.status.db_size_in_use
                          : room.in_use;
    }
    room.quota = room.quota == INT64_MAX ? spec_quota(world) : room.quota;
    return room;
}

static bool act(struct planning *planning, enum action_kind kind, int ordinal, const char *why)
{
    planning_call_etcd(planning, kind, ordinal, why);
    return true;
}

/* Each only once, as history grows old. */
static int64_t revision_to_compact(const struct world *world)
{
    int64_t revision = upkeep_old_revision(world->upkeep, world->boot_ms);

    return revision > world->upkeep->compacted.revision ? revision : 0;
}

/* Whether there is history that is to grow old first, or that has just been compacted. */
static bool history_ages(const struct world *world)
{
    const struct upkeep *upkeep = world->upkeep;

    return world_revision(world) > upkeep->compacted.revision ||
           world->boot_ms - upkeep->compacted.at_ms < COMPACTED_SHOWS_MS;
}

/* The members that still run with less than the spec gives. */
static bool quota_is_to_come(const struct planning *planning, const struct room *room)
{
    const struct world *world = planning->world;

    for (int i = 0; i < world_size(world); i++) {
        if (room->full[i] && planning_pod_is_outdated(planning, &world->members[i].pod)) {
            return true;
        }
    }
    return false;
}

/* The status says the same as long as nothing much changes: sizes are rounded. */
static void ask_for_quota(struct planning *planning, const struct room *room)
{
    char in_use[32], quota[32], better[32];
    int64_t suggested = MEBIBYTE;

    while (suggested < room->in_use * SUGGEST_TIMES || suggested <= room->quota) {
        suggested *= 2;
    }
    planning_block(
        planning,
        arena_printf(planning->arena,
                     "etcd takes no writes (NOSPACE): its keys need %s, and of the quota of %s at "
                     "most %d %% may be in use to take the alarm back; set "
                     "spec.etcd.quotaBackendBytes to %s, or delete keys",
                     api_quantity_format(status_round_size(room->in_use), in_use, sizeof in_use),
                     api_quantity_format(room->quota, quota, sizeof quota), ROOM_PERCENT,
                     api_quantity_format(suggested, better, sizeof better)));
}

bool rule_make_room(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!world_formed(world) || !world->member_list || !world_alarmed(world, ETCD_ALARM_NOSPACE) ||
        world_alarmed(world, ETCD_ALARM_CORRUPT)) {
        return false;
    }
    const struct room room = look_around(planning);
    if (!room.n_full && !room.unknown) {
        planning->plan->action.alarm = ETCD_ALARM_NOSPACE;
        return act(planning, ACTION_DISARM, -1, "all databases are well below their quota");
    }
    planning->plan->action.revision = revision_to_compact(world);
    if (planning->plan->action.revision) {
        return act(planning, ACTION_COMPACT, -1,
                   "etcd takes no writes; history of more than two minutes is compacted");
    }
    if (is_below(room.in_use, room.quota)) {
        bool wanted[ETCDCLUSTER_MAX_SIZE];
        for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
            wanted[i] =
                room.full[i] && !planning_was_defragmented(planning, i, DEFRAGMENT_AGAIN_MS);
        }
        if (planning_defragment(planning, wanted, "etcd takes no writes")) {
            return true;
        }
    }
    if (quota_is_to_come(planning, &room)) {
        planning_wait(planning, "etcd takes no writes (NOSPACE) until its members have been "
                                "restarted with the new quota");
    } else if (room.unknown || is_below(room.in_use, room.quota)) {
        planning_wait(planning,
                      arena_printf(planning->arena,
                                   "etcd takes no writes (NOSPACE): waiting for %s to say "
                                   "that its database is smaller",
                                   room.unknown ? room.unknown : "the members"));
    } else if (history_ages(world)) {
        planning_wait(planning, "etcd takes no writes (NOSPACE): the last two minutes of history "
                                "are kept and will be compacted then");
    } else {
        ask_for_quota(planning, &room);
    }
    return false;
}
