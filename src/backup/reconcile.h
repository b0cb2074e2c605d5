/* One pass of one EtcdBackup: observe, plan, act. Synchronous; reaches the world only through the
 * API's table and the function that asks a pod how far it is. Any worker thread, one key at a
 * time. It keeps nothing between passes. */
#ifndef BACKUP_RECONCILE_H
#define BACKUP_RECONCILE_H 1

#include <stdint.h>

#include "backup/world.h"
#include "base/error.h"
#include "kube/api.h"
#include "kube/work_pool.h"

struct backup_options {
    const struct kube_api *kube;
    const char *operator_image; /* Of the Jobs' pods. */
    int64_t (*now_wall_ms)(void *context);
    /* GET /progress of a pod. 0 with the body's JSON in `*out`. */
    int (*progress)(void *context, const char *pod_ip, json_t **out, struct error *error);
    void *context;
    /* Called when a backup has failed, and in each pass of one that is good, with when it was done
     * (0: it is not). `schedule` is the name of the scheduled one that it is of, or "". NULL:
     * nobody counts. */
    void (*publish)(void *context, const char *namespace, const char *cluster, const char *schedule,
                    int64_t completed_ms, bool failed);
    void *publish_context;
};

/* One pass for "namespace/name"; the form of managed_kind.pass, with the options as context. */
int backup_pass(void *options, const char *key, struct work_result *result, struct error *error);

#endif
