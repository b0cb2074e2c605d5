/* etcd's membership as this pass sees it, and the gates before anything that changes it or takes a
 * member away: each answers with NULL (it may be done now) or with what stands in the way, in
 * words.  Pure.
 *
 * Truth is the linearizable member list of this very pass, matched by peer URL (world.h). A live
 * voter is one that is in the list and that has just answered a linearizable read. */
#ifndef CLUSTER_MEMBERSHIP_H
#define CLUSTER_MEMBERSHIP_H 1

#include "cluster/world.h"

struct membership {
    int voters, live;  /* `live` are voters. */
    int unstarted;     /* The ordinal of one that was added and has not started, or -1. */
    int learner;       /* The ordinal of a learner, started or not, or -1. */
    int down;          /* The ordinal of a voter that is not live, or -1. */
    int last;          /* The highest ordinal with an entry, or -1. */
    uint64_t stranger; /* The id of an entry whose peer URL is no member's of ours, or 0. */
};

/* All zero and -1 when there is no member list. */
struct membership membership_of(const struct world *world);

bool member_is_voter(const struct world_member *member);
bool member_is_live(const struct world_member *member);
/* Its container waits for an image that the node cannot get. (diagnose.c) */
bool pod_lacks_image(const struct world_pod *pod);
/* The entry was added and nobody has started as it. */
bool member_is_unstarted(const struct world_member *member);

/* The ordinal has never been a member, as far as is recorded, and is to become one: it is no
 * illness that it does not serve. */
bool member_is_joining(const struct world *world, int ordinal);

/* How many pods there should be: one for each ordinal below the size, and for each that is still a
 * member. Never fewer than there are while the member list is not known. */
int world_replicas(const struct world *world);

const char *gate_add(const struct world *world, int ordinal, struct arena *arena);
const char *gate_promote(const struct world *world, int ordinal, struct arena *arena);
const char *gate_remove(const struct world *world, int ordinal, struct arena *arena);
/* All members are voters that serve and keep up, and nothing is under way: a change may begin. */
const char *gate_well(const struct world *world, struct arena *arena);
/* The serving member's pod may be deleted: as gate_well(), or it is the only member. */
const char *gate_restart(const struct world *world, int ordinal, struct arena *arena);

/* A person gives the member up, by its annotation. */
bool member_is_given_up(const struct world *world, int ordinal);

/* Why what is at this ordinal is proven to be no member any more that could serve with what it
 * acknowledged: its data is gone or cannot be read. NULL: there is no such proof, and silence is
 * none. */
const char *member_lost(const struct world *world, int ordinal);
/* The part of it that its own volume proves: also of a member that no list can be had of. */
const char *member_data_lost(const struct world *world, int ordinal);
/* A start permit that was issued for this member and may still be used. */
bool member_has_pending_permit(const struct world *world, int ordinal);

/* Some member may still read, when it starts, what the earlier minor version wrote that is
 * recorded: it has not taken a snapshot since, or may not have. */
bool version_log_in_the_way(const struct world *world);

const struct permit_record *find_permit_record(const struct recorded *recorded, int ordinal);

#endif
