/* The door to etcd: the one table of functions through which a reconcile pass reaches it.  Behind
 * it stand the gRPC client (etcd/client.h) and the simulator.
 *
 * Ids are uint64_t here and hex strings in anything that people or JSON see.  Results live in the
 * caller's arena.  gRPC statuses map to kinds: UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED,
 * no grpc-status RETRYABLE; NOT_FOUND NOT_FOUND; FAILED_PRECONDITION CONFLICT; INVALID_ARGUMENT and
 * OUT_OF_RANGE INVALID; PERMISSION_DENIED and UNAUTHENTICATED DENIED; DATA_LOSS TERMINAL. The
 * message ends with etcd's own words. */
#ifndef ETCD_API_H
#define ETCD_API_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* How to reach one cluster: the identity and what to verify. All borrowed by each call. */
struct etcd_credentials {
    bool tls;
    const char *key;    /* Names this cluster's pool of connections: "namespace/name". */
    const char *ca_pem; /* Changing PEMs under one key replaces the pool. */
    const char *certificate_pem;
    const char *key_pem;
};

struct etcd_endpoint {
    const char *server_name; /* DNS name that the certificate covers: c-0.c-peer.ns.svc */
    const char *address;     /* IP address to connect to. */
    uint16_t port;
};

struct etcd_member {
    uint64_t id;
    const char *name; /* "" until it has started. */
    const char **peer_urls, **client_urls;
    size_t n_peer_urls, n_client_urls;
    bool is_learner;
};

enum etcd_alarm_type { ETCD_ALARM_NONE, ETCD_ALARM_NOSPACE, ETCD_ALARM_CORRUPT };

struct etcd_alarm {
    uint64_t member_id;
    enum etcd_alarm_type type;
};

struct etcd_status {
    uint64_t cluster_id, member_id, leader_id;
    int64_t revision;
    uint64_t raft_term, raft_index, raft_applied_index;
    int64_t db_size, db_size_in_use, db_size_quota; /* Bytes; quota 0 before 3.6. */
    const char *version, *storage_version;
    bool is_learner;
    const char **errors; /* etcd's words: each alarm, "etcdserver: no leader". */
    size_t n_errors;
};

/* What one endpoint said. */
struct etcd_look {
    struct error status_error; /* .kind ERROR_NONE: `status` is filled. */
    struct etcd_status status;
    /* .kind ERROR_NONE: a linearizable read succeeded there. A learner refuses it for good
     * ("rpc not supported for learner": UNAVAILABLE on 3.5, FAILED_PRECONDITION from 3.6), so look
     * at status.is_learner first. */
    struct error read_error;
};

struct etcd_member_list {
    uint64_t cluster_id;
    struct etcd_member *members;
    size_t n_members;
};

struct etcd_api {
    void *context;

    /* Status and a linearizable read (Range, count_only, of one key) at each of the endpoints, all
     * at once, within timeout_ms; looks[i] belongs to endpoints[i]. */
    void (*look)(void *context, const struct etcd_credentials *credentials,
                 const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                 struct arena *arena, struct etcd_look *looks);
    /* Linearizable, from the first endpoint that answers; one that is silent uses up only its share
     * of the time. When none answers, the error is of the first failure that is not RETRYABLE, else
     * of the first. A learner's answer is a failure, since it has no linearizable list. */
    int (*member_list)(void *context, const struct etcd_credentials *credentials,
                       const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                       struct arena *arena, struct etcd_member_list *out, struct error *error);
    /* Likewise. etcd puts even this question into the raft log, so each call costs an entry there
     * and a sync on every member; a member's status lists the alarms for nothing. */
    int (*alarms)(void *context, const struct etcd_credentials *credentials,
                  const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                  struct arena *arena, struct etcd_alarm **out, size_t *n_out, struct error *error);
    /* What stands on the members' metrics port (plain HTTP, path "/", port given by the endpoint)
     * while no etcd runs there: the start helper's report, as text in the arena; at most 64 KiB.
     * All endpoints at once; out[i] is NULL where nothing answered with status 200 and
     * content type application/json. */
    void (*reports)(void *context, const struct etcd_endpoint *endpoints, size_t n,
                    int64_t timeout_ms, struct arena *arena, const char **out);
    /* Drops the cluster's pooled connections. */
    void (*forget)(void *context, const char *key);
};

#endif
