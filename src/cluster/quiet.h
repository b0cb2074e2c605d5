/* The cheap look at a cluster at rest.
 *
 * A pass over a cluster in which nothing has changed reads its objects, asks every member twice and
 * finds nothing to do; that is most of what an operator does.  So a pass that finds a cluster at
 * rest notes whom it asked, and the next few times the key comes due merely by its interval, one
 * member is asked, over one connection: its Status and a linearizable read.  An answer that is not
 * as good as the one before leads to a whole pass at once.  So does any change that a watch shows,
 * a pod that is no longer ready above all: the kubelet's probe is a linearizable read at each
 * member, and costs us nothing.  It sees a member that hangs within QUIET_PROBE_MS; who asks for a
 * shorter interval asks for more, and gets whole passes.
 *
 * The interval grows with a fleet of more than QUIET_FLEET clusters, up to QUIET_STRETCH times. */
#ifndef CLUSTER_QUIET_H
#define CLUSTER_QUIET_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/certificates.h"
#include "cluster/plan.h"
#include "cluster/world.h"
#include "etcd/api.h"

/* Cheap looks between two whole passes, all at one member: another one would need a connection of
 * its own, which is what memory and processor time go into. */
#define QUIET_LOOKS 11
/* The readiness probe (pod_template.c) comes every 2 s, and two must fail after 2 s each. */
#define QUIET_PROBE_MS 6000
/* So many clusters keep their connections (etcd/pool.h); with more each look needs a fresh one. */
#define QUIET_FLEET   16
#define QUIET_STRETCH 12

struct quiet {
    char (*addresses)[INET6_ADDRSTRLEN]; /* By ordinal; NULL: not known to be at rest. */
    int n;
    int asked;      /* The ordinal of the member. */
    int looks_left; /* Before the next whole pass. */
    uint64_t leader_id;
    bool tls;
    int64_t interval_ms, timeout_ms;
};

/* Notes the cluster if this pass has found it at rest. */
void quiet_note(struct quiet *quiet, const struct world *world, const struct plan *plan);
void quiet_forget(struct quiet *quiet);

/* Asks the next member of the cluster "namespace/name". False: a whole pass is due. */
bool quiet_look(struct quiet *quiet, const struct etcd_api *etcd, const char *key,
                const struct certificates *certificates);

/* The interval for each of so many clusters. */
int64_t quiet_interval_ms(int64_t interval_ms, size_t clusters);

#endif
