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

/* A Job that the CronJob made, and that is never run. */
struct backup_tick {
    const char *name, *uid;
    int64_t at_ms;
};

/* An EtcdBackup that was made for a tick, and has its name. */
struct backup_child {
    const char *name, *uid, *object_name, *message;
    bool deleting, ended, completed;
    int64_t created_ms, completed_ms;
    const json_t *pruned; /* Names of stored backups, or NULL. */
    const char *prune_error;
};

/* Of a scheduled EtcdBackup. Ticks and children are in the order of their names, which is the order
 * of their times. */
struct backup_schedule {
    const json_t *cron_job; /* NULL: there is none. */
    bool cron_job_is_ours;
    const char *cron_difference; /* What it is not as it should be; NULL: nothing. */
    const char *cron_warning;    /* What its controller warned of, within the last hour. */
    struct backup_tick *ticks;
    size_t n_ticks;
    struct backup_child *children;
    size_t n_children;
    int64_t last_tick_ms, last_success_ms; /* As recorded; 0: never. */
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
    struct backup_schedule schedule;       /* Of a scheduled one; it has none of the four above. */
    const char *schedule_uid;              /* Of one that was made for a tick: whose, or NULL, */
    struct etcdbackup_retention retention; /* and what that one's spec says now. */
};

#endif
