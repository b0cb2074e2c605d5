/* Named points where a test build of the operator can be made to end without a word, as by kill -9,
 * or to wait there until it is stopped (SIGSTOP).  The cluster's annotation test.etcd.etcd.io/kill
 * or .../stop is "POINT@POD": it holds only for the operator's pod of that name, so the next one
 * goes on. Compiled in only with -Dtest_hooks=true. */
#ifndef CLUSTER_KILL_POINT_H
#define CLUSTER_KILL_POINT_H 1

#include "cluster/world.h"

#ifdef TEST_HOOKS
void kill_point(const struct world *world, const char *point);
#else
static inline void kill_point(const struct world *world, const char *point)
{
    (void)world;
    (void)point;
}
#endif

#endif
