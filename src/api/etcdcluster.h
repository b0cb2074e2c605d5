/* EtcdCluster as C: what its table (etcdcluster.c) decodes into. Fields as in the API reference. */
#ifndef API_ETCDCLUSTER_H
#define API_ETCDCLUSTER_H 1

#include "api/field.h"

#define ETCDCLUSTER_GROUP                "etcd.etcd.io"
#define ETCDCLUSTER_VERSION              "v1alpha1"
#define ETCDCLUSTER_API_VERSION          ETCDCLUSTER_GROUP "/" ETCDCLUSTER_VERSION
#define ETCDCLUSTER_MAX_SIZE             9
#define ETCDCLUSTER_MAX_NAME             52 /* Every derived name stays legal. */
#define ETCDCLUSTER_DEFAULT_ETCD_VERSION "3.6.16"

struct etcdcluster_plane {             /* security.tls.client, security.tls.peer */
    bool enabled;                      /* default true */
    struct api_string_list extra_sans; /* extraSANs: more DNS names or IPs; client plane only. */
};

struct etcdcluster_spec {
    int32_t size;           /* one of 1, 3, 5, 7, 9; default 3 */
    const char *version;    /* ^3\.[0-9]+\.[0-9]+$, default ETCDCLUSTER_DEFAULT_ETCD_VERSION */
    const char *repository; /* default gcr.io/etcd-development/etcd */
    const char *image;      /* the whole reference; NULL: repository:v<version> */
    const char *image_pull_policy;      /* imagePullPolicy: Always, IfNotPresent (default), Never */
    struct api_list image_pull_secrets; /* imagePullSecrets: of struct etcdcluster_local_object */
    struct {
        const char *size;               /* quantity, default 8Gi */
        const char *storage_class_name; /* storageClassName; NULL: the cluster's default class */
        struct {                        /* persistentVolumeClaimRetentionPolicy */
            const char *when_deleted;   /* whenDeleted: Retain (default), Delete */
            const char *when_scaled;    /* whenScaled: Delete (default), Retain */
        } retention;
    } storage;
    struct {
        struct {
            struct etcdcluster_plane client, peer;
        } tls;
    } security;
    struct {
        struct etcdcluster_quantities {
            const char *cpu, *memory; /* quantities */
        } requests, limits;           /* defaults: requests 100m, 128Mi; limits 1, 1Gi */
    } resources;
    struct {
        int64_t interval_ms;      /* interval, default 10s, 1s..10m */
        int64_t timeout_ms;       /* timeout, default 3s, 100ms..1m */
        int64_t hash_interval_ms; /* hashInterval, default 1h, up to 168h; 0: never */
    } health_check;               /* healthCheck */
    struct {
        int32_t max_retries;          /* maxRetries, default 5, 0..1000 */
        int64_t retry_interval_ms;    /* retryInterval, default 10s, 0s..1h */
        int32_t backoff_factor_milli; /* backoffFactor, default 2, 1..10 */
        int64_t max_backoff_ms;       /* maxBackoff, default 5m, 0s..24h; not below the interval */
    } recovery;
    bool paused; /* default false */
    struct {
        struct {
            int32_t free_percent;     /* freePercent, default 50, 0..95; 0: never */
            const char *minimum_free; /* minimumFree: quantity, default 256Mi */
        } defragmentation;
    } maintenance;
    struct {
        const char *quota_backend_bytes;  /* quantity, default 2Gi, at most 8Gi..100Gi */
        const char *auto_compaction_mode; /* periodic (default) or revision */
        const char
            *auto_compaction_retention; /* default 1h; a duration, or a number for revision */
        int32_t snapshot_count;         /* default 10000 */
        int32_t heartbeat_interval_ms;  /* heartbeatInterval: duration, default 100ms */
        int32_t election_timeout_ms;    /* electionTimeout: duration, default 1s;
                                         * at least 5 heartbeats (CEL), at most 50s */
        int32_t max_request_bytes;      /* maxRequestBytes, default 1572864 */
        struct api_list extra_args; /* extraArgs: [{name, value}] of struct etcdcluster_argument;
                                     * what the operator manages is refused by name (CEL too) */
    } etcd;
};

struct etcdcluster_local_object {
    const char *name;
};

struct etcdcluster_argument {
    const char *name; /* without the dashes: "log-level" */
    const char *value;
};

extern const struct api_kind etcdcluster_kind;

/* Decodes and validates a whole EtcdCluster object's spec, with the rules between fields (CEL holds
 * them at admission; an operator that is handed an object from before a rule existed says the same
 * words). */
int etcdcluster_decode(json_t *object, struct arena *arena, struct etcdcluster_spec *out,
                       struct error *error);

/* The etcd flags that extraArgs may not set, ended by NULL. */
extern const char *const etcdcluster_managed_flags[];

#endif
