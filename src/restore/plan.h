/* plan() for an EtcdRestore, pure: the world in, one next action and the whole status out.  What is
 * new in the status is written before the action; a new step is taken by the next pass.
 *
 *     CreateCluster   the EtcdCluster is made, bearing the restore's name (ANNOTATION_RESTORE), and
 *                     records that it waits for it (cluster/rule_restore.c)
 *     PrepareVolumes  the members' claims are made, as the StatefulSet would make them
 *     RestoreData     a pod for each member brings the data onto its volume
 *     StartCluster    those pods are gone; then the cluster is told (ANNOTATION_RESTORED), starts
 *                     its members and serves
 *
 * Nothing is ever taken back: what fails before StartCluster leaves a cluster that never starts. */
#ifndef RESTORE_PLAN_H
#define RESTORE_PLAN_H 1

#include "restore/world.h"

enum restore_action_kind {
    RESTORE_NOTHING,
    RESTORE_CREATE_CLUSTER,
    RESTORE_CREATE_CLAIMS, /* Of the ordinals. */
    RESTORE_CREATE_PODS,
    RESTORE_DELETE_PODS,
    RESTORE_TELL_CLUSTER,
};

struct restore_plan {
    enum restore_action_kind action;
    int ordinals[ETCDCLUSTER_MAX_SIZE];
    int n_ordinals;
    struct restore_record record;
    const char *message;
    int64_t requeue_ms; /* -1: only when something changes. */
};

#define RESTORE_MAX_RETRIES 6

void restore_plan_make(const struct restore_world *world, struct arena *arena,
                       struct restore_plan *plan);

/* The status as JSON, new; equal to the object's when it says nothing new. */
json_t *restore_status_encode(const struct restore_world *world, const struct restore_plan *plan);
void restore_record_decode(const json_t *status, struct arena *arena, struct restore_record *out);

#endif
