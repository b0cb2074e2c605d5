/* One reconcile pass of one EtcdCluster: observe, plan, act. Synchronous; reaches the world only
 * through the two tables. Any worker thread, one key at a time. */
#ifndef CLUSTER_RECONCILE_H
#define CLUSTER_RECONCILE_H 1

#include "base/error.h"
#include "etcd/api.h"
#include "kube/api.h"
#include "kube/work_pool.h"

struct world;
struct plan;

struct reconciler_options {
    const struct kube_api *kube;
    const struct etcd_api *etcd;
    const char *operator_image; /* Holds /etcd-member, the helper in the members' pods. */
    bool helper_image_volume; /* It is mounted from that image; else an init container copies it. */
    /* Time, so that a simulator can own it. */
    int64_t (*now_boot_ms)(void *context);
    int64_t (*now_wall_ms)(void *context);
    void (*random)(void *context, void *out, size_t size);
    void *context;
    /* Called at the end of each pass with what metrics tell (phase NULL: the cluster is gone). */
    void (*publish)(void *context, const char *namespace, const char *name, const char *phase,
                    int32_t size, int32_t ready_members, bool has_quorum, bool quorum_lost);
    void *publish_context;
    /* Called in each pass between plan and act, with what was seen and what will be done. May be
     * NULL. */
    void (*planned)(void *context, const struct world *world, const struct plan *plan);
    void *planned_context;
};

struct reconciler;

struct reconciler *reconciler_new(const struct reconciler_options *options);
void reconciler_free(struct reconciler *reconciler);

/* One pass for "namespace/name"; the form that work_pool_options.work wants, with the reconciler as
 * its context. */
int reconciler_pass(void *reconciler, const char *key, struct work_result *result,
                    struct error *error);

/* Something of "namespace/name" has changed: the next pass must be a whole one. Any thread. */
void reconciler_changed(struct reconciler *reconciler, const char *key);
/* The cheap look (cluster/quiet.h) in place of a pass: true if the last pass found the cluster at
 * rest, nothing has changed since, and the member that was asked answers as before. False: the
 * caller makes a pass. */
bool reconciler_look(struct reconciler *reconciler, const char *key, struct work_result *result);

#endif
