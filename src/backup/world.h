/* What is known of one EtcdBackup in one pass: observe() fills it, plan() reads it. Everything is
 * borrowed from the pass's arena. */
#ifndef BACKUP_WORLD_H
#define BACKUP_WORLD_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/etcdbackup.h"

/* The port of a pod's GET /progress. */
#define BACKUP_PROGRESS_PORT 8083

/* A Job of ours: the one that saves, or the one that removes what was saved. */
struct backup_job {
    bool exists, deleting;
    bool complete, failed;
    const char *name, *uid;
    const char *failure_reason, *failure_message; /* Kubernetes' own, of a failed one. */
    int64_t failed_ms;                            /* When; wall clock. */
    int failures;                                 /* Of its pods so far. */
    int pods_left;                                /* Also of an earlier Job of this name. */
    bool running;                                 /* A pod's container runs. */
    const char *pod_ip;                           /* Its address, or NULL. */
    const char *waits_for;  /* Why no pod runs, in words; NULL: nothing was seen. */
    const json_t *result;   /* What a pod that ended well wrote, or NULL. */
    const char *error;      /* What the last pod that failed wrote, or NULL. */
    const char *error_step; /* And where that was, */
    int64_t error_ms;       /* and when. */
};

/* The EtcdCluster, as far as its own status tells. */
struct backup_cluster {
    bool exists, formed, serves;
    bool tls;
    const char *message;   /* Of its status, or NULL. */
    const char *endpoints; /* Of its voters, separated by commas. */
};

struct backup_progress {
    bool known;
    const char *step;
    int64_t bytes, total; /* Total 0: not known. */
};

struct backup_world {
    json_t *object;
    const char *namespace, *name, *uid, *resource_version;
    int64_t generation, created_ms, now_ms; /* Wall clock. */
    bool deleting, has_finalizer;
    bool ended, completed; /* As recorded: the one, and then whether well. */
    bool started;          /* As recorded: there was a Job once. */
    struct etcdbackup_spec spec;
    const char *spec_problem; /* NULL: it is valid. */
    const char *object_name;  /* Of what is stored. */
    const char *operator_image;
    struct backup_cluster cluster;
    struct backup_job save, remove;
    struct backup_progress progress;
};

#endif
