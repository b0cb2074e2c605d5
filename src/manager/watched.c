#include "manager/watched.h"

#include <stdio.h>

#include "base/json.h"
#include "cluster/names.h"
#include "manager/trim.h"

/* Our own objects only: a namespace may hold thousands of others. */
#define OURS "app.kubernetes.io/managed-by=etcd-operator"

static bool copy(const char *name, char *out, size_t size)
{
    return name && *name && (size_t)snprintf(out, size, "%s", name) < size;
}

static bool own_name(const json_t *object, char *out, size_t size)
{
    return copy(json_path_string(object, "metadata", "name", NULL), out, size);
}

static bool cluster_label(const json_t *object, char *out, size_t size)
{
    return copy(json_path_string(object, "metadata", "labels", LABEL_CLUSTER, NULL), out, size);
}

const struct watched_kind watched_kinds[N_WATCHED] = {
    {&kube_etcd_clusters, NULL, trim_common, own_name},
    {&kube_pods, OURS, trim_pod, cluster_label},
    {&kube_stateful_sets, OURS, trim_common, cluster_label},
    {&kube_services, OURS, trim_common, cluster_label},
    {&kube_config_maps, OURS, trim_common, cluster_label},
    {&kube_persistent_volume_claims, OURS, trim_persistent_volume_claim, cluster_label},
    {&kube_pod_disruption_budgets, OURS, trim_common, cluster_label},
};
