/* All that the planner of restores knows, in one plain struct; pointers live in the pass's arena.
 */
#ifndef RESTORE_WORLD_H
#define RESTORE_WORLD_H 1

#include "api/etcdrestore.h"
#include "cluster/world.h"

enum restore_phase { RESTORE_PENDING, RESTORE_RUNNING, RESTORE_COMPLETED, RESTORE_FAILED };

/* In the order in which they are taken; each stands in the status before it is. */
enum restore_step {
    STEP_NONE,
    STEP_CREATE_CLUSTER,
    STEP_PREPARE_VOLUMES,
    STEP_RESTORE_DATA,
    STEP_START_CLUSTER,
    N_STEPS
};

/* What cannot be observed, and was written down before it was acted upon. */
struct restore_record {
    enum restore_phase phase;
    enum restore_step step;
    const char *start_time, *completion_time; /* RFC 3339, or NULL. */
    const char *cluster_uid;                  /* Of the EtcdCluster that was made, or NULL. */
    int32_t size, retries;
    /* Of what was restored: */
    int64_t revision, records;
    const char *sha256;  /* NULL: not known yet. */
    uint64_t cluster_id; /* 0: not known yet. */
};

enum restore_pod_state { POD_ABSENT, POD_WORKING, POD_DONE, POD_FAILED };

/* The one-shot pod of one member. */
struct restore_pod {
    enum restore_pod_state state;
    bool terminating;
    const char *name, *uid;
    const char *doing; /* POD_WORKING: what it waits for or does, in words. */
    /* POD_DONE: what its steps found. */
    int64_t revision, records;
    const char *sha256;
    uint64_t cluster_id;
    /* POD_FAILED */
    const char *error;
    bool may_retry;
    int64_t failed_ms; /* Wall clock; 0: unknown. */
};

/* The backup that is restored. */
struct restore_backup {
    const struct etcdbackup_spec *place; /* Where it lies; NULL: it cannot be had, `problem`. */
    const char *object;                  /* The name of what is stored there. */
    const char *sha256;                  /* As its EtcdBackup says, or NULL. */
    int64_t revision;
    const char *problem; /* In words. */
    bool may_come;       /* It is still being taken. */
};

struct restore_world {
    int64_t now_ms; /* Wall clock. */
    json_t *object; /* The EtcdRestore. */
    const char *namespace, *name, *uid, *resource_version;
    int64_t generation;
    bool deleting;
    const char *spec_problem; /* NULL: the spec is valid. */
    struct etcdrestore_spec spec;
    struct restore_record record;
    const char *operator_image;

    struct restore_backup backup;
    bool has_cluster;     /* An EtcdCluster of that name exists: */
    struct world cluster; /* as cluster/observe.h reads it from its object, no more. */
    bool cluster_is_ours; /* And was made by this restore. */
    const char *cluster_phase;
    bool has_claim[ETCDCLUSTER_MAX_SIZE]; /* Made for that very EtcdCluster. */
    const char *other_claim;              /* One of such a name that was not; or NULL. */
    struct restore_pod pods[ETCDCLUSTER_MAX_SIZE];
};

const char *restore_step_name(enum restore_step step);
const char *restore_pod_name(const struct restore_world *world, int ordinal, struct arena *arena);

#endif
