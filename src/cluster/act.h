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
int act_on_etcd(const struct reconciler_options *options, struct memo *memo,
                const struct world *world, const struct plan *plan, struct error *error);
/* One member, and the live voters, of which `last` (-1: none) is asked only when it is alone. */
struct etcd_endpoint act_endpoint(const struct world *world, int ordinal, struct arena *arena);
struct etcd_target act_target(const struct world *world, int last, struct arena *arena);

/* Of act(): what volumes there are. (act_storage.c) */
int act_grow_claims(const struct reconciler_options *options, const struct world *world,
                    const struct action *action, struct error *error);
int act_orphan_set(const struct reconciler_options *options, const struct world *world,
                   struct error *error);

/* Of those of etcd, the ones that put a cluster in order. (act_upkeep.c) */
int act_compact(const struct reconciler_options *options, struct memo *memo,
                const struct world *world, const struct action *action, struct arena *arena,
                struct error *error);
int act_defragment(const struct reconciler_options *options, struct memo *memo,
                   const struct world *world, const struct action *action, struct arena *arena,
                   struct error *error);
int act_check_hashes(const struct reconciler_options *options, struct memo *memo,
                     const struct world *world, const struct action *action, struct arena *arena);
int act_disarm(const struct reconciler_options *options, const struct world *world,
               const struct action *action, struct arena *arena, struct error *error);

#endif
