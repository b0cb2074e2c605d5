/* observe() reads the world into one plain struct: the object and its children from the local
 * store, the certificates by name, and what etcd and the start helpers say. */
#ifndef CLUSTER_OBSERVE_H
#define CLUSTER_OBSERVE_H 1

#include "cluster/memo.h"
#include "cluster/reconcile.h"
#include "cluster/world.h"

/* Fills `world`; everything lives in the arena (or in the memo). ERROR_NOT_FOUND when the
 * EtcdCluster does not exist. What cannot be read of etcd is an observation, not an error. */
int observe_object(const struct reconciler_options *options, const char *namespace,
                   const char *name, struct arena *arena, struct world *world, struct error *error);
int observe_cluster(const struct reconciler_options *options, struct memo *memo,
                    struct arena *arena, struct world *world, struct error *error);

/* The parts (observe_claim.c, observe_pod.c, observe_etcd.c). */
void observe_claim(const json_t *object, struct world_claim *out);
void observe_claim_problem(const struct reconciler_options *options, struct arena *arena,
                           struct world_claim *claim);
void observe_claim_growth(const struct reconciler_options *options, const struct world *world,
                          struct arena *arena, struct world_claim *claim);
bool claim_node_is_gone(const struct reconciler_options *options, const struct world_claim *claim);
void observe_pod(json_t *pod, struct arena *arena, struct world_pod *out);
void observe_etcd(const struct reconciler_options *options, struct arena *arena,
                  struct world *world);

#endif
