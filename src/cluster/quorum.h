/* Whether a formed cluster in which no linearizable read succeeds has lost its quorum, as far as
 * that can be proven: for the condition QuorumLost and its words.  Pure; nothing is done about it.
 *
 * Proven is what members and kubelets say themselves: a member that answers and sees no leader, a
 * start helper that waits, a volume that is gone, a container that does not run.  A member that is
 * silent may serve others, to whom the operator has no way: as long as the silent ones could be a
 * quorum, nothing is proven.  An election and a start take their time, so what may be one of them
 * counts only after a while; data that is gone counts at once. */
#ifndef CLUSTER_QUORUM_H
#define CLUSTER_QUORUM_H 1

#include "base/arena.h"
#include "cluster/world.h"

#define QUORUM_ELECTION_MS 3000  /* Or three election time-outs. */
#define QUORUM_STARTING_MS 30000 /* A pod comes up within that, image and all, or is told of. */

enum quorum { QUORUM_HOLDS, QUORUM_UNKNOWN, QUORUM_LOST };

struct quorum_verdict {
    enum quorum state;
    const char *reason; /* CamelCase; the table is in docs/operations.md. */
    const char *message;
    const char *summary; /* Of a loss, in one line. */
};

struct quorum_verdict quorum_judge(const struct world *world, struct arena *arena);

#endif
