/* act() carries one planned action out.  Every change is idempotent or bears a precondition, for it
 * may arrive twice; the next pass starts again from observe(). */
#ifndef CLUSTER_ACT_H
#define CLUSTER_ACT_H 1

#include "cluster/memo.h"
#include "cluster/plan.h"
#include "cluster/reconcile.h"

int act(const struct reconciler_options *options, struct memo *memo, const struct world *world,
        const struct plan *plan, struct error *error);

/* Of act(): what is asked of etcd. (act_etcd.c) */
int act_on_membership(const struct reconciler_options *options, struct memo *memo,
                      const struct world *world, const struct plan *plan, struct error *error);

#endif
