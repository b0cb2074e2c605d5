/* What people do to the cluster with kubectl, for better or worse. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cluster/names.h"
#include "sim/run.h"

static void patch_spec(struct sim_run *run, json_t *spec)
{
    AUTO_JSON json_t *patch = json_pack("{s:o}", "spec", spec);
    struct error error;

    run->user->merge_patch(run->user->context, &kube_etcd_clusters, SIM_NAMESPACE, SIM_CLUSTER,
                           patch, NULL, &error);
}

void sim_user_deletes(struct sim_run *run, const struct kube_resource *resource, const char *name,
                      int grace_seconds, const char *propagation)
{
    const struct kube_delete_options options = {.grace_period_seconds = grace_seconds,
                                                .propagation_policy = propagation};
    struct error error;

    run->user->remove(run->user->context, resource, SIM_NAMESPACE, name, &options, &error);
}

static void first_config_map(void *context, const json_t *object)
{
    const char **name = context;
    *name = *name ? *name : json_path_string(object, "metadata", "name", NULL);
}

static void delete_config_map(struct sim_run *run)
{
    const char *name = NULL;
    sim_api_server_for_each(run->server, &kube_config_maps, first_config_map, (void *)&name);
    if (name) {
        sim_user_deletes(run, &kube_config_maps, name, -1, "Background");
    }
}

static void change_service(struct sim_run *run)
{
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:[{s:s, s:i, s:s, s:s}]}}", "spec", "ports", "name", "client", "port", 4001,
                  "targetPort", "client", "protocol", "TCP");
    struct error error;

    run->user->merge_patch(run->user->context, &kube_services, SIM_NAMESPACE, SIM_CLUSTER "-client",
                           patch, NULL, &error);
}

static void delete_secret(struct sim_run *run, uint32_t which)
{
    static const char *const names[] = {SIM_CLUSTER "-server-tls", SIM_CLUSTER "-peer-tls",
                                        SIM_CLUSTER "-client-tls", SIM_CLUSTER "-client-ca",
                                        SIM_CLUSTER "-peer-ca"};
    sim_user_deletes(run, &kube_secrets, names[which % 5], -1, "Background");
}

/* Somebody copies a permit from elsewhere, or writes nonsense. */
void sim_user_forges_permit(struct sim_run *run, const struct sim_pod *pod, uint32_t how)
{
    AUTO_JSON json_t *forged =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "v", 1, "mode", "new",
                  "podUID", "another-pod", "nonce", SIM_FORGED_NONCE, "clusterUID",
                  "another-cluster", "generation", 1, "ordinal", pod->ordinal, "memberID",
                  "00000000000000aa", "initialCluster", "x=http://x:1", "token", "t");
    AUTO_FREE char *text = json_dumps(forged, JSON_COMPACT);
    AUTO_JSON json_t *patch = json_pack("{s:{s:{s:s}}}", "metadata", "annotations",
                                        PERMIT_ANNOTATION, how % 2 ? text : "nonsense");
    struct error error;

    run->user->merge_patch(run->user->context, &kube_pods, SIM_NAMESPACE, pod->name, patch, NULL,
                           &error);
}

static void take_name(struct sim_run *run)
{
    AUTO_JSON json_t *service =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:[{s:i}]}}", "apiVersion", "v1", "kind", "Service",
                  "metadata", "name", SIM_CLUSTER "-client", "namespace", SIM_NAMESPACE, "spec",
                  "ports", "port", 80);
    struct error error;

    if (!run->user->create(run->user->context, &kube_services, service, NULL, &error)) {
        run->foreign_service = true;
    }
}

void sim_create_cluster(struct sim_run *run)
{
    const struct sim_schedule *schedule = run->schedule;
    AUTO_JSON json_t *cluster =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:i, s:s*, s:{s:{s:s, s:s*}}}}", "apiVersion",
                  "etcd.etcd.io/v1alpha1", "kind", "EtcdCluster", "metadata", "name", SIM_CLUSTER,
                  "namespace", SIM_NAMESPACE, "spec", "size", schedule->size, "version",
                  sim_version(schedule->version), "storage", "persistentVolumeClaimRetentionPolicy",
                  "whenDeleted", schedule->delete_claims ? "Delete" : "Retain", "whenScaled",
                  schedule->keep_claims ? "Retain" : NULL);
    struct error error;

    AUTO_JSON json_t *recovery = json_object();
    if (schedule->max_retries >= 0) {
        json_object_set_new(recovery, "maxRetries", json_integer(schedule->max_retries));
    }
    if (schedule->retry_seconds >= 0) {
        json_object_set_new(recovery, "retryInterval",
                            json_sprintf("%ds", schedule->retry_seconds));
    }
    if (json_object_size(recovery)) {
        json_object_set(json_object_get(cluster, "spec"), "recovery", recovery);
    }
    run->user->create(run->user->context, &kube_etcd_clusters, cluster, NULL, &error);
}

bool sim_user_raises_retries(struct sim_run *run)
{
    const char *message = json_path_string(sim_cluster(run), "status", "message", NULL);

    if (run->called || !message || !strstr(message, "spec.recovery.maxRetries")) {
        return false;
    }
    run->called = true;
    sim_trace(run->sim, "a person raises spec.recovery.maxRetries");
    patch_spec(run, json_pack("{s:{s:i}}", "recovery", "maxRetries", 100));
    return true;
}

/* The same version from elsewhere. */
static void change_image(struct sim_run *run)
{
    const char *version = json_path_string(sim_cluster(run), "spec", "version", NULL);

    patch_spec(run, json_pack("{s:o}", "image",
                              json_sprintf("mirror/etcd:v%s", version ? version : "3.6.16")));
}

void sim_fault_by_user(struct sim_run *run, const struct sim_fault *fault)
{
    static const int sizes[] = {1, 3, 5, 7, 9, 3, 1, 5};
    static const char *const storage[] = {"16Gi", "32Gi", "16Gi", "8Gi", "4Gi"};
    static const char *const classes[] = {"missing", "missing", "missing", "fixed", "other"};

    switch (fault->kind) {
    case SIM_FAULT_OptionChanged:
        patch_spec(run,
                   json_pack("{s:{s:i}}", "etcd", "snapshotCount", 5000 + (int)(fault->b % 5000)));
        break;
    case SIM_FAULT_BadOption:
        patch_spec(run, json_pack("{s:{s:[{s:s, s:s}]}}", "etcd", "extraArgs", "name",
                                  "no-such-flag", "value", "1"));
        break;
    case SIM_FAULT_SpecInvalid:
        patch_spec(run, json_pack("{s:i}", "size", 4));
        break;
    case SIM_FAULT_Paused:
        patch_spec(run, json_pack("{s:b}", "paused", 1));
        break;
    case SIM_FAULT_SizeChanged:
        patch_spec(run, json_pack("{s:i}", "size", sizes[fault->b % 8]));
        break;
    case SIM_FAULT_VersionChanged:
        patch_spec(run, json_pack("{s:s, s:n}", "version",
                                  sim_version((int)(fault->b % SIM_VERSIONS)), "image"));
        break;
    case SIM_FAULT_ImageChanged:
        change_image(run);
        break;
    case SIM_FAULT_StorageChanged:
        patch_spec(run, json_pack("{s:{s:s}}", "storage", "size", storage[fault->b % 5]));
        break;
    case SIM_FAULT_ClassChanged:
        patch_spec(run,
                   json_pack("{s:{s:s}}", "storage", "storageClassName", classes[fault->b % 5]));
        break;
    case SIM_FAULT_ServiceDeleted:
        sim_user_deletes(run, &kube_services,
                         fault->b % 2 ? SIM_CLUSTER "-client" : SIM_CLUSTER "-peer", -1,
                         "Background");
        break;
    case SIM_FAULT_ServiceChanged:
        change_service(run);
        break;
    case SIM_FAULT_ConfigMapDeleted:
        delete_config_map(run);
        break;
    case SIM_FAULT_SetDeleted:
        sim_user_deletes(run, &kube_stateful_sets, SIM_CLUSTER, -1,
                         fault->b % 2 ? "Orphan" : "Background");
        break;
    case SIM_FAULT_SecretDeleted:
        delete_secret(run, fault->b);
        break;
    case SIM_FAULT_NameTaken:
        take_name(run);
        break;
    case SIM_FAULT_ClusterRecreated:
        run->recreate = sim_cluster(run) != NULL;
        sim_user_deletes(run, &kube_etcd_clusters, SIM_CLUSTER, -1, "Background");
        break;
    case SIM_FAULT_ClusterDeleted:
        sim_user_deletes(run, &kube_etcd_clusters, SIM_CLUSTER, -1, "Background");
        break;
    default:
        break;
    }
}

static bool names_missing_class(const struct sim_run *run)
{
    const char *class =
        json_path_string(sim_cluster(run), "spec", "storage", "storageClassName", NULL);
    return class && !strcmp(class, "missing");
}

void sim_fault_healed_by_user(struct sim_run *run, enum sim_fault_kind kind)
{
    if (kind == SIM_FAULT_BadOption) {
        patch_spec(run, json_pack("{s:{s:n}}", "etcd", "extraArgs"));
    } else if (kind == SIM_FAULT_SpecInvalid) {
        patch_spec(run, json_pack("{s:i}", "size", run->schedule->size));
    } else if (kind == SIM_FAULT_Paused) {
        patch_spec(run, json_pack("{s:b}", "paused", 0));
    } else if (kind == SIM_FAULT_ClassChanged && names_missing_class(run)) {
        patch_spec(run, json_pack("{s:{s:s?}}", "storage", "storageClassName",
                                  run->schedule->seed % 2 ? "other" : NULL));
    } else if (kind == SIM_FAULT_NameTaken && run->foreign_service) {
        run->foreign_service = false;
        sim_user_deletes(run, &kube_services, SIM_CLUSTER "-client", -1, "Background");
    }
}
