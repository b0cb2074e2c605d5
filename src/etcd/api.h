/* The door to etcd: the one table of functions through which a reconcile pass reaches it.  Behind
 * it stand the gRPC client (etcd/client.h) and the simulator.
 *
 * Ids are uint64_t here and hex strings in anything that people or JSON see.  Results live in the
 * caller's arena.  gRPC statuses map to kinds: UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED,
 * no grpc-status RETRYABLE; NOT_FOUND NOT_FOUND; FAILED_PRECONDITION CONFLICT; INVALID_ARGUMENT and
 * OUT_OF_RANGE INVALID; PERMISSION_DENIED and UNAUTHENTICATED DENIED; DATA_LOSS TERMINAL. The
 * message ends with etcd's own words, by which etcd_error_of() (etcd/errors.h) knows them.
 *
 * Two more doors to the same client have tables of their own: etcd/auth.h and etcd/stream.h.  What
 * no reconcile pass calls yet is there for backups and for the tests of the simulator, which answer
 * through the same tables. */
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
    /* What authenticate() gave (etcd/auth.h), or NULL. To etcd it says more than the certificate's
     * common name. It belongs to each call and not to a connection. */
    const char *token;
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

/* Where a call goes: to the first endpoint that answers, in this order. One that is silent uses up
 * only its share of the time. When none answers, the error is of the first failure that is not
 * RETRYABLE, else of the first. A change goes on to the next endpoint only when nothing of it was
 * done: it was not sent, or the member could not take it ("etcdserver: no leader"). One that may
 * have been carried out although its answer was lost fails with RETRYABLE, in words that say so; it
 * may use up all of the time. */
struct etcd_target {
    const struct etcd_credentials *credentials;
    const struct etcd_endpoint *endpoints;
    size_t n;
    int64_t timeout_ms; /* For all of it. */
};

struct etcd_bytes {
    const void *data;
    size_t size;
};

struct etcd_hash {
    uint32_t hash;
    int64_t compact_revision;
    int64_t revision; /* That the hash is of; 0 before 3.6, which answers for the one asked. */
};

enum etcd_downgrade_action {
    ETCD_DOWNGRADE_VALIDATE,
    ETCD_DOWNGRADE_ENABLE,
    ETCD_DOWNGRADE_CANCEL
};

struct etcd_range_request {
    struct etcd_bytes key, range_end; /* range_end empty: this key alone. */
    int64_t limit, revision;          /* 0: none; the newest. */
    bool serializable, keys_only, count_only;
};

struct etcd_key_value {
    struct etcd_bytes key, value;
    int64_t create_revision, mod_revision, version;
};

/* At most 16 MiB arrive in one answer: more is asked for by `limit`, in pages. */
struct etcd_range {
    int64_t revision; /* The store's. */
    struct etcd_key_value *items;
    size_t n;
    int64_t count; /* Of all that match. */
    bool more;
};

enum etcd_compare_target {
    ETCD_COMPARE_VERSION, /* 0: the key does not exist. */
    ETCD_COMPARE_CREATE_REVISION,
    ETCD_COMPARE_MOD_REVISION,
    ETCD_COMPARE_VALUE
};

enum etcd_compare_result {
    ETCD_COMPARE_EQUAL,
    ETCD_COMPARE_GREATER,
    ETCD_COMPARE_LESS,
    ETCD_COMPARE_NOT_EQUAL
};

/* Holds if what the key has is (equal to, greater than, ...) what is given. */
struct etcd_compare {
    struct etcd_bytes key;
    enum etcd_compare_target target;
    enum etcd_compare_result result;
    int64_t number;          /* For a version or a revision. */
    struct etcd_bytes value; /* For VALUE. */
};

enum etcd_op_type { ETCD_OP_RANGE, ETCD_OP_PUT, ETCD_OP_DELETE_RANGE };

struct etcd_op {
    enum etcd_op_type type;
    struct etcd_range_request range; /* RANGE; of DELETE_RANGE key and range_end. */
    struct etcd_bytes key, value;    /* PUT */
};

/* All of `compares` hold: the operations of `success` are carried out, else those of `failure`. */
struct etcd_txn {
    const struct etcd_compare *compares;
    const struct etcd_op *success, *failure;
    size_t n_compares, n_success, n_failure;
};

struct etcd_op_result {
    enum etcd_op_type type;
    struct etcd_range range; /* RANGE */
    int64_t deleted;         /* DELETE_RANGE: how many keys. */
};

struct etcd_txn_result {
    bool succeeded;
    int64_t revision;
    struct etcd_op_result *results; /* Of the branch that was taken, in its order. */
    size_t n_results;
};

struct etcd_api {
    void *context;

    /* Status at each of the endpoints, all at once, within timeout_ms; then, where it answered, a
     * linearizable read (Range, count_only, of one key) over the same connections, within
     * timeout_ms again. looks[i] belongs to endpoints[i]. */
    void (*look)(void *context, const struct etcd_credentials *credentials,
                 const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                 struct arena *arena, struct etcd_look *looks);
    /* The calls below go to a struct etcd_target. Answers live in the arena. */

    /* Linearizable. A learner's answer is a failure, since it has no linearizable list. */
    int (*member_list)(void *context, const struct etcd_target *target, struct arena *arena,
                       struct etcd_member_list *out, struct error *error);
    /* etcd puts even this question into the raft log, so each call costs an entry there and a sync
     * on every member; a member's status lists the alarms for nothing. */
    int (*alarms)(void *context, const struct etcd_target *target, struct arena *arena,
                  struct etcd_alarm **out, size_t *n_out, struct error *error);
    /* Switches an alarm of one member on or off. */
    int (*alarm_set)(void *context, const struct etcd_target *target, uint64_t member_id,
                     enum etcd_alarm_type type, bool active, struct error *error);

    /* Membership. What etcd refuses is CONFLICT or NOT_FOUND, and etcd_error_of() says which it is.
     * `list` is what it became. */
    int (*member_add)(void *context, const struct etcd_target *target, const char *peer_url,
                      bool learner, struct arena *arena, uint64_t *id,
                      struct etcd_member_list *list, struct error *error);
    int (*member_promote)(void *context, const struct etcd_target *target, uint64_t id,
                          struct error *error);
    int (*member_remove)(void *context, const struct etcd_target *target, uint64_t id,
                         struct error *error);
    int (*member_update)(void *context, const struct etcd_target *target, uint64_t id,
                         const char *peer_url, struct error *error);
    /* The target is the leader's endpoint alone, and the transferee a voter. */
    int (*move_leader)(void *context, const struct etcd_target *target, uint64_t transferee_id,
                       struct error *error);

    /* Of one member: the target has one endpoint. `revision` 0: the newest. */
    int (*hash_kv)(void *context, const struct etcd_target *target, int64_t revision,
                   struct etcd_hash *out, struct error *error);
    /* Of one member, which serves nothing meanwhile. */
    int (*defragment)(void *context, const struct etcd_target *target, struct error *error);
    /* Physical: answers when the space is free for use again. */
    int (*compact)(void *context, const struct etcd_target *target, int64_t revision, bool physical,
                   struct error *error);
    /* One minor down: VALIDATE, ENABLE, CANCEL. `version` is "3.5"; NULL for CANCEL. */
    int (*downgrade)(void *context, const struct etcd_target *target,
                     enum etcd_downgrade_action action, const char *version, struct error *error);

    int (*range)(void *context, const struct etcd_target *target,
                 const struct etcd_range_request *request, struct arena *arena,
                 struct etcd_range *out, struct error *error);
    /* `revision` may be NULL. */
    int (*put)(void *context, const struct etcd_target *target, struct etcd_bytes key,
               struct etcd_bytes value, int64_t *revision, struct error *error);
    /* `range_end` empty: this key alone. `deleted` may be NULL. */
    int (*delete_range)(void *context, const struct etcd_target *target, struct etcd_bytes key,
                        struct etcd_bytes range_end, int64_t *deleted, struct error *error);
    int (*txn)(void *context, const struct etcd_target *target, const struct etcd_txn *txn,
               struct arena *arena, struct etcd_txn_result *out, struct error *error);

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
