/* One reconcile pass of one EtcdRestore: observe, plan, act, as cluster/reconcile.h has it for
 * EtcdCluster. Any worker thread, one key at a time. */
#ifndef RESTORE_RECONCILE_H
#define RESTORE_RECONCILE_H 1

#include "cluster/reconcile.h"

/* `options` are a struct reconciler_options. */
int restore_pass(void *options, const char *key, struct work_result *result, struct error *error);

#endif
