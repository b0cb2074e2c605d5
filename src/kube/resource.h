/* The kinds of Kubernetes objects that the operator deals with. */
#ifndef KUBE_RESOURCE_H
#define KUBE_RESOURCE_H 1

#include <stdbool.h>

struct kube_resource {
    const char *api_version; /* "v1", "apps/v1" */
    const char *kind;        /* "StatefulSet" */
    const char *plural;      /* "statefulsets" */
    bool namespaced;
};

extern const struct kube_resource kube_pods, kube_services, kube_config_maps, kube_secrets,
    kube_persistent_volume_claims, kube_stateful_sets, kube_pod_disruption_budgets, kube_events,
    kube_nodes, kube_persistent_volumes, kube_storage_classes, kube_leases, kube_jobs,
    kube_cron_jobs, kube_service_accounts, kube_etcd_clusters, kube_etcd_backups,
    kube_etcd_restores;

#endif
