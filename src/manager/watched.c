#include "manager/watched.h"

#include "backup/names.h"
#include "base/json.h"
#include "cluster/names.h"
#include "manager/managed.h"
#include "manager/trim.h"
#include "restore/pod.h"

/* Our own objects only: a namespace may hold thousands of others. */
#define OURS "app.kubernetes.io/managed-by=etcd-operator"

/* The objects of a managed kind are their own owners. */
static bool itself(const struct kube_resource *resource, const json_t *object, char *out,
                   size_t size)
{
    const char *name = json_path_string(object, "metadata", "name", NULL);
    return name && managed_owner(resource, name, out, size);
}

/* Other objects name theirs in a label. */
static bool labelled(const struct kube_resource *resource, const json_t *object, const char *label,
                     char *out, size_t size)
{
    const char *name = json_path_string(object, "metadata", "labels", label, NULL);
    return name && *name && managed_owner(resource, name, out, size);
}

static bool cluster_itself(const json_t *object, char *out, size_t size)
{
    return itself(&kube_etcd_clusters, object, out, size);
}

static bool cluster_label(const json_t *object, char *out, size_t size)
{
    return labelled(&kube_etcd_clusters, object, LABEL_CLUSTER, out, size);
}

static bool backup_itself(const json_t *object, char *out, size_t size)
{
    return itself(&kube_etcd_backups, object, out, size);
}

static bool backup_label(const json_t *object, char *out, size_t size)
{
    return labelled(&kube_etcd_backups, object, LABEL_BACKUP, out, size);
}

static bool restore_itself(const json_t *object, char *out, size_t size)
{
    return itself(&kube_etcd_restores, object, out, size);
}

static bool restore_label(const json_t *object, char *out, size_t size)
{
    return labelled(&kube_etcd_restores, object, LABEL_RESTORE, out, size);
}

/* A member's, that of a Job, or one that brings a restore's data. */
static bool pod_label(const json_t *object, char *out, size_t size)
{
    return cluster_label(object, out, size) || backup_label(object, out, size) ||
           restore_label(object, out, size);
}

const struct watched_kind watched_kinds[N_WATCHED] = {
    {&kube_etcd_clusters, NULL, trim_common, cluster_itself},
    {&kube_pods, OURS, trim_pod, pod_label},
    {&kube_stateful_sets, OURS, trim_common, cluster_label},
    {&kube_services, OURS, trim_common, cluster_label},
    {&kube_config_maps, OURS, trim_common, cluster_label},
    {&kube_persistent_volume_claims, OURS, trim_persistent_volume_claim, cluster_label},
    {&kube_pod_disruption_budgets, OURS, trim_common, cluster_label},
    {&kube_etcd_backups, NULL, trim_common, backup_itself},
    {&kube_jobs, OURS, trim_job, backup_label},
    {&kube_etcd_restores, NULL, trim_common, restore_itself},
};
