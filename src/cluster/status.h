/* The status of an EtcdCluster as the planner writes it, and the part of it that is recorded: what
 * cannot be observed and was written down before it was acted upon. */
#ifndef CLUSTER_STATUS_H
#define CLUSTER_STATUS_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/conditions.h"
#include "api/etcdcluster.h"
#include "api/permit.h"
#include "base/arena.h"

/* A start permit that was issued: once for each ordinal of a generation. */
struct permit_record {
    int32_t ordinal;
    enum permit_mode mode;
    const char *pod_uid;
    const char *nonce;
    uint64_t member_id;
    const char *previous_cluster_uid; /* That the ordinal's volume came from, or NULL. */
};

/* The replacements of an ordinal's member, for spec.recovery (cluster/recovery.h). */
struct replacement {
    int32_t ordinal;
    uint64_t member_id; /* Of the one that was given up last. */
    int32_t attempts;   /* Since the cluster was last whole. */
    int32_t repeats;    /* In a row. */
    int64_t at_ms;      /* The last; wall clock, whole seconds. */
};

/* Written with the object's resourceVersion before it is acted upon. */
struct recorded {
    int32_t size;         /* How many members there should be; 0: nothing recorded yet. */
    int32_t initial_size; /* Of the initial cluster that permits of mode `new` name; 0: none was. */
    int64_t generation;   /* Grows with each bootstrap that starts anew; 0: nothing recorded yet. */
    struct permit_record permits[ETCDCLUSTER_MAX_SIZE]; /* Of this generation. */
    int n_permits;
    /* What the members' logs may still hold of an earlier minor version; minor 0: nothing. */
    int32_t log_minor;
    int64_t log_index; /* Where it ended; 0: some member still writes as it. */
    const char
        *version; /* That the template has or is about to get (targetVersion); NULL: unknown. */
    int64_t replaced_generation; /* The spec's, that `replacements` are counted under. */
    struct replacement replacements[ETCDCLUSTER_MAX_SIZE]; /* Each ordinal once. */
    int n_replacements;
    /* The EtcdRestore that brings the data, or NULL. Then `new` is never used. */
    const char *restore_name, *restore_uid;
    uint64_t cluster_id; /* 0 until the cluster has formed. Then `new` is never used again. */
};

struct member_status {
    const char *name;
    uint64_t id; /* 0: unknown */
    const char *peer_url, *client_url;
    const char *role; /* leader, follower, learner or "" */
    bool ready;
    const char *version;             /* "" if unknown */
    int64_t db_size, db_size_in_use; /* Bytes, rounded. */
    int64_t lag;                     /* Raft entries behind the leader's, rounded. */
};

enum condition_type {
    CONDITION_READY,
    CONDITION_AVAILABLE,
    CONDITION_PROGRESSING,
    CONDITION_DEGRADED,
    CONDITION_SPEC_APPLIED,
    CONDITION_QUORUM_LOST,
    N_CONDITIONS
};

struct cluster_status {
    struct recorded recorded;
    const char *phase;
    const char *message; /* One sentence on what is wrong or awaited; "" when all is well. */
    const char *operation_kind, *operation_step; /* NULL: none under way. */
    int32_t replicas, ready_replicas, size;      /* `size`: how many there should be. */
    struct member_status members[ETCDCLUSTER_MAX_SIZE];
    int n_members;
    uint64_t leader_id;
    const char *client_endpoints[ETCDCLUSTER_MAX_SIZE + 1];
    int n_client_endpoints;
    const char *current_version, *target_version; /* NULL: unknown */
    struct condition conditions[N_CONDITIONS];
    int64_t observed_generation;
    int64_t next_attempt_ms; /* Of a replacement that is waited for, wall clock; 0: none is. */
    const char *selector;
};

/* The recorded part of the object's status; what is missing or unreadable is left zero. */
void recorded_decode(const json_t *status, struct arena *arena, struct recorded *out);

/* The status as JSON. Conditions keep the lastTransitionTime that `old` (may be NULL) has where
 * their status is the same, so that a status that says nothing new is equal to the old one. */
json_t *cluster_status_encode(const struct cluster_status *status, const json_t *old,
                              int64_t now_wall_ms);

/* Rounding that keeps a steady cluster's status the same: sizes up to two significant digits of
 * mebibytes, lags to 0 below 1000 and then to one digit. */
int64_t status_round_size(int64_t bytes);
int64_t status_round_lag(int64_t entries);

#endif
