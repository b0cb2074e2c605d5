/* How patient healing is (spec.recovery): when the member of an ordinal may be replaced, once it is
 * proven that its data is lost.  Pure.
 *
 * The first replacement comes on proof, at once: a proof gets no truer by waiting, and meanwhile
 * one more loss costs more.  After that the same ordinal has to wait: retryInterval, and
 * backoffFactor times as long for each further one in a row, up to maxBackoff; a member that has
 * lasted for twice maxBackoff ends the row, as the kubelet does it with containers.  After
 * maxRetries replacements of one ordinal without the cluster having been whole in between a person
 * is called.
 *
 * What has been is recorded in the status before it is acted upon.  A changed spec begins anew; a
 * person's annotation waits for nothing and is not counted. */
#ifndef CLUSTER_RECOVERY_H
#define CLUSTER_RECOVERY_H 1

#include "cluster/world.h"

enum recovery_answer { RECOVERY_NOW, RECOVERY_LATER, RECOVERY_STOPPED };

/* `due_ms` (wall clock) is set with RECOVERY_LATER, `attempts` always. */
enum recovery_answer recovery_ask(const struct world *world, int ordinal, int64_t *due_ms,
                                  int *attempts);

/* The ordinal's member is to be removed: counts it, once for each member id. */
void recovery_note(const struct world *world, int ordinal, struct recorded *recorded);

/* The cluster is whole. */
void recovery_forget(struct recorded *recorded);

#endif
