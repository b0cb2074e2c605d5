/* What there is to see of a restore: the object, its EtcdCluster, the claims and its pods. */
#ifndef RESTORE_OBSERVE_H
#define RESTORE_OBSERVE_H 1

#include "cluster/reconcile.h"
#include "restore/world.h"

/* ERROR_NOT_FOUND: the restore is gone. */
int restore_observe(const struct reconciler_options *options, const char *namespace,
                    const char *name, struct arena *arena, struct restore_world *world,
                    struct error *error);

/* One pod, as the API server has it. */
void restore_observe_pod(const json_t *pod, struct arena *arena, struct restore_pod *out);

#endif
