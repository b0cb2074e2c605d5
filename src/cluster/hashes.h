/* Whose data differs: HashKV of all voters at one revision, and what follows from it.  Pure.
 *
 * Etcd's alarm CORRUPT names a member that may be innocent: the leader compares, and blames the
 * others.  So does a member that ends at its start because its data differs from a peer's.  What
 * counts is the majority: more than half of all voters with one hash, at one revision and one
 * compact revision, seen twice (before 3.6 a member that compacts at that very moment answers for
 * another revision and does not say so).  A file's difference shows only at a revision newer than
 * the last compaction, for etcd remembers the hashes of those. */
#ifndef CLUSTER_HASHES_H
#define CLUSTER_HASHES_H 1

#include "cluster/world.h"

enum hashes {
    HASHES_UNKNOWN, /* Not compared, or not of enough voters. */
    HASHES_EQUAL,   /* Of all voters. */
    HASHES_DIFFER,  /* And a majority has one. */
    HASHES_SPLIT,   /* And no majority has one. */
};

/* What the last check says of the present voters. */
enum hashes hashes_judge(const struct world *world);
/* The data of this voter is proven to differ from the majority's: it must be replaced. */
bool hashes_prove(const struct world *world, int ordinal);
/* This voter ended at its start because its data differs from a peer's. */
bool hashes_blamed_itself(const struct world_member *member);

/* Which members to ask now, at which revision; false: a comparison is not due, or would say
 * nothing. `restarts`: members are about to be restarted, and one with healthy data would not
 * start while a peer's differs. */
bool hashes_due(const struct world *world, bool restarts, int64_t *revision);
bool hashes_may_ask(const struct world *world, int ordinal);

#endif
