#include "kube/resource.h"

const struct kube_resource kube_pods = {"v1", "Pod", "pods", true};
const struct kube_resource kube_services = {"v1", "Service", "services", true};
const struct kube_resource kube_config_maps = {"v1", "ConfigMap", "configmaps", true};
const struct kube_resource kube_secrets = {"v1", "Secret", "secrets", true};
const struct kube_resource kube_persistent_volume_claims = {"v1", "PersistentVolumeClaim",
                                                            "persistentvolumeclaims", true};
const struct kube_resource kube_stateful_sets = {"apps/v1", "StatefulSet", "statefulsets", true};
const struct kube_resource kube_pod_disruption_budgets = {"policy/v1", "PodDisruptionBudget",
                                                          "poddisruptionbudgets", true};
const struct kube_resource kube_events = {"v1", "Event", "events", true};
const struct kube_resource kube_nodes = {"v1", "Node", "nodes", false};
const struct kube_resource kube_persistent_volumes = {"v1", "PersistentVolume", "persistentvolumes",
                                                      false};
const struct kube_resource kube_storage_classes = {"storage.k8s.io/v1", "StorageClass",
                                                   "storageclasses", false};
const struct kube_resource kube_leases = {"coordination.k8s.io/v1", "Lease", "leases", true};
const struct kube_resource kube_etcd_clusters = {"etcd.etcd.io/v1alpha1", "EtcdCluster",
                                                 "etcdclusters", true};
const struct kube_resource kube_jobs = {"batch/v1", "Job", "jobs", true};
const struct kube_resource kube_cron_jobs = {"batch/v1", "CronJob", "cronjobs", true};
const struct kube_resource kube_service_accounts = {"v1", "ServiceAccount", "serviceaccounts",
                                                    true};
const struct kube_resource kube_etcd_backups = {"etcd.etcd.io/v1alpha1", "EtcdBackup",
                                                "etcdbackups", true};
const struct kube_resource kube_etcd_restores = {"etcd.etcd.io/v1alpha1", "EtcdRestore",
                                                 "etcdrestores", true};
