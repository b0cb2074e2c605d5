/* The one-shot pod that brings one member's data onto its volume: fetch and etcdutl as init
 * containers, then commit (restore/command.h). Pure. */
#ifndef RESTORE_POD_H
#define RESTORE_POD_H 1

#include "restore/world.h"

#define LABEL_RESTORE "etcd.etcd.io/restore" /* On the pods: the EtcdRestore's name. */

#define RESTORE_FETCH   "fetch" /* Its containers. */
#define RESTORE_ETCDUTL "etcdutl"
#define RESTORE_COMMIT  "commit"
#define RESTORE_BUMP    "1000000000" /* What no client has seen yet lies far behind. */

/* New. The world's backup can be had, and its cluster is there with a valid spec. */
json_t *restore_pod(const struct restore_world *world, int ordinal, struct arena *arena);

#endif
