/* EtcdBackup as C: what its table (etcdbackup.c) decodes into. Fields as in the API reference. */
#ifndef API_ETCDBACKUP_H
#define API_ETCDBACKUP_H 1

#include "api/etcdcluster.h"
#include "api/field.h"

/* Room for what is added to make the names of Jobs and of scheduled backups: a Job's name is also a
 * label, which has 63 characters at most. */
#define ETCDBACKUP_MAX_NAME          52
#define ETCDBACKUP_MAX_SCHEDULE_NAME 42 /* A tick adds a dash and its minute since 1970. */

struct etcdbackup_retention {
    int32_t max_backups;            /* maxBackups; 0: no limit, and so below */
    int64_t max_age_ms;             /* maxAge */
    int32_t daily, weekly, monthly; /* default 0 */
};

struct etcdbackup_spec {
    const char *cluster_name;       /* clusterName */
    const char *storage_type;       /* storageType: S3 or Local */
    const char *schedule;           /* NULL: a single backup; then the next five mean nothing */
    const char *time_zone;          /* timeZone, or NULL */
    bool suspend;                   /* default false */
    const char *concurrency_policy; /* concurrencyPolicy: Forbid (default), Allow, Replace */
    int32_t starting_deadline_s;    /* startingDeadlineSeconds; 0: none */
    struct etcdbackup_retention retention; /* retentionPolicy */
    struct {
        const char *bucket;             /* NULL: the object s3 is not there */
        const char *prefix;             /* default "" */
        const char *region;             /* default us-east-1 */
        const char *endpoint;           /* NULL: Amazon's */
        bool force_path_style;          /* forcePathStyle, default false */
        const char *credentials_secret; /* credentialsSecret, or NULL */
        const char *ca_secret;          /* caSecret, or NULL */
        const char *encryption;         /* serverSideEncryption: AES256, aws:kms, or NULL */
        const char *kms_key_id;         /* kmsKeyID, or NULL */
    } s3;
    struct {
        const char *claim; /* persistentVolumeClaim; NULL: the object local is not there */
        const char *path;  /* default "" */
    } local;
    bool compression; /* default true */
    struct {
        const char *key_secret; /* keySecret; NULL: not encrypted */
    } encryption;
    const char *deletion_policy; /* deletionPolicy: Retain (default), Delete */
    int64_t deadline_ms;         /* deadline, default 1h, 1m..168h */
    int32_t retries;             /* default 3, 0..100 */
    struct {
        struct {
            struct etcdcluster_quantities requests, limits;
        } resources;
        const char *service_account;  /* serviceAccountName; NULL: the operator's own */
        const char *priority_class;   /* priorityClassName, or NULL */
        struct api_list pull_secrets; /* imagePullSecrets: of struct etcdcluster_local_object */
        json_t *node_selector;        /* nodeSelector; borrowed, or NULL */
        json_t *tolerations;          /* likewise */
        json_t *affinity;             /* likewise */
    } job_template;                   /* jobTemplate */
};

extern const struct api_kind etcdbackup_kind;

/* As etcdcluster_decode(). */
int etcdbackup_decode(json_t *object, struct arena *arena, struct etcdbackup_spec *out,
                      struct error *error);

#endif
