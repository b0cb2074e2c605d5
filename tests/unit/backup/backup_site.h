/* A small API server with an EtcdCluster and an EtcdBackup, and what the Job controller and the
 * kubelet do with the backup's Jobs, step by step. */
#ifndef TEST_BACKUP_SITE_H
#define TEST_BACKUP_SITE_H 1

#include "backup/reconcile.h"
#include "fake_kube.h"

#define NAMESPACE "ns"
#define BACKUP    "b"

struct backup_site {
    struct fake_kube kube;
    struct backup_options options;
    const char *progress; /* What the pod answers; NULL: nothing. */
    int64_t requeue_ms;   /* Of the last pass. */
};

/* The cluster serves; the backup has this spec, in JSON. */
void backup_site_init(struct backup_site *site, const char *spec);
void backup_site_fini(struct backup_site *site);

/* One pass: its result. */
int backup_site_pass(struct backup_site *site);
/* Passes until one does nothing more. */
void backup_site_settle(struct backup_site *site);

/* What the others do. `purpose` is save or remove. */
json_t *backup_site_start_pod(struct backup_site *site, const char *purpose);
void backup_site_end_pod(struct backup_site *site, json_t *pod, int code, const char *message);
void backup_site_end_job(struct backup_site *site, const char *purpose, bool failed,
                         const char *reason);
/* The garbage collector: pods without their Job. */
void backup_site_collect(struct backup_site *site);

json_t *backup_site_object(const struct backup_site *site);
const char *backup_site_status(const struct backup_site *site, const char *name);
json_t *backup_site_job(const struct backup_site *site, const char *purpose);
void backup_site_set_cluster(struct backup_site *site, bool serves);

#define GOOD_RESULT                                                                                \
    "{\"name\":\"x\",\"size\":10,\"databaseSize\":20480,\"sha256\":\"ab\",\"revision\":7,"         \
    "\"records\":9,\"etcdVersion\":\"3.6.16\",\"clusterID\":\"1f\"}"

#endif
