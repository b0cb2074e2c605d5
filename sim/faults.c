/* What each kind of fault does.  Some pass by themselves (a killed container), others stand until
 * they heal, each after its own time and all of them when the faults end. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cluster/names.h"
#include "sim/run.h"

/* --- Whom it falls upon */

/* A member's pod; of those that run, if any does. */
static struct sim_pod *victim(struct sim_run *run, const struct sim_fault *fault)
{
    struct sim_pod *pods[SIM_PODS];
    uint32_t n = 0;

    for (int i = 0; i < SIM_PODS; i++) {
        if (run->site->pods[i].state && !run->site->pods[i].orphan) {
            pods[n++] = &run->site->pods[i];
        }
    }
    return n ? pods[fault->a % n] : NULL;
}

/* A node with a member on it, if any has. */
static int victim_node(struct sim_run *run, const struct sim_fault *fault)
{
    const struct sim_pod *pod = victim(run, fault);
    return pod && pod->state > SIM_POD_PENDING ? pod->node : (int)(fault->a % SIM_NODES);
}

/* The one that leads, if any does; or any. */
static struct sim_operator *victim_operator(struct sim_run *run, const struct sim_fault *fault)
{
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i] && run->operators[i]->leading && fault->a % 4) {
            return run->operators[i];
        }
    }
    return run->operators[fault->a % (uint32_t)run->schedule->operators];
}

static double level(const struct sim_fault *fault, double low, double high)
{
    return low + (high - low) * (double)(fault->b % 1000) / 1000;
}

/* --- kubectl */

static void patch_spec(struct sim_run *run, json_t *spec)
{
    AUTO_JSON json_t *patch = json_pack("{s:o}", "spec", spec);
    struct error error;

    run->user->merge_patch(run->user->context, &kube_etcd_clusters, SIM_NAMESPACE, SIM_CLUSTER,
                           patch, NULL, &error);
}

static void delete_object(struct sim_run *run, const struct kube_resource *resource,
                          const char *name, int grace_seconds, const char *propagation)
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
        delete_object(run, &kube_config_maps, name, -1, "Background");
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
    delete_object(run, &kube_secrets, names[which % 5], -1, "Background");
}

/* Somebody copies a permit from elsewhere, or writes nonsense. */
static void forge_permit(struct sim_run *run, const struct sim_pod *pod, uint32_t how)
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
    AUTO_JSON json_t *cluster = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:i, s:{s:{s:s}}}}", "apiVersion", "etcd.etcd.io/v1alpha1",
        "kind", "EtcdCluster", "metadata", "name", SIM_CLUSTER, "namespace", SIM_NAMESPACE, "spec",
        "size", run->schedule->size, "storage", "persistentVolumeClaimRetentionPolicy",
        "whenDeleted", run->schedule->delete_claims ? "Delete" : "Retain");
    struct error error;

    run->user->create(run->user->context, &kube_etcd_clusters, cluster, NULL, &error);
}

void sim_forget_what_is_lost(struct sim_run *run)
{
    int size = (int)json_path_integer(sim_cluster(run), run->schedule->size, "status", "bootstrap",
                                      "size", NULL);
    int destroyed = 0;

    for (int i = 0; i < 16; i++) {
        destroyed += run->site->destroyed[i];
    }
    if (destroyed > size / 2) {
        sim_etcd_forget(run->site->etcd, SIM_SERVICE);
    }
}

void sim_data_destroyed(struct sim_run *run, int ordinal)
{
    run->site->destroyed[ordinal % 16] = true;
    sim_forget_what_is_lost(run);
}

/* --- What the kinds do */

static void on_pod(struct sim_run *run, const struct sim_fault *fault, struct sim_pod *pod)
{
    char claim[80];

    switch (fault->kind) {
    case SIM_FAULT_PodDeleted:
        delete_object(run, &kube_pods, pod->name, -1, NULL);
        break;
    case SIM_FAULT_PodForced:
        delete_object(run, &kube_pods, pod->name, 0, NULL);
        break;
    case SIM_FAULT_ContainerKilled:
        sim_site_kill_container(pod, 137, "killed");
        break;
    case SIM_FAULT_EtcdFrozen:
        if (pod->process) {
            sim_etcd_set_frozen(pod->process, true);
        }
        break;
    case SIM_FAULT_ClaimDeleted:
        snprintf(claim, sizeof claim, "data-%s", pod->name);
        delete_object(run, &kube_persistent_volume_claims, claim, -1, NULL);
        delete_object(run, &kube_pods, pod->name, -1, NULL);
        break;
    case SIM_FAULT_PermitForged:
        forge_permit(run, pod, fault->b);
        break;
    default:
        break;
    }
}

static void on_volume(struct sim_run *run, const struct sim_fault *fault, struct sim_pod *pod)
{
    struct sim_disk *disk = pod->volume->disk;
    bool had_data = sim_disk_wal(disk).state != WAL_NONE;

    if (had_data &&
        (fault->kind == SIM_FAULT_VolumeWiped || fault->kind == SIM_FAULT_VolumeWipedUnderneath ||
         fault->kind == SIM_FAULT_VolumeCorrupted)) {
        sim_data_destroyed(run, pod->ordinal);
    }
    switch (fault->kind) {
    case SIM_FAULT_VolumeWiped:
        sim_disk_wipe(disk);
        sim_site_kill_container(pod, 137, "killed");
        break;
    case SIM_FAULT_VolumeWipedUnderneath:
        sim_disk_wipe(disk);
        break;
    case SIM_FAULT_VolumeCorrupted:
        sim_disk_corrupt(disk);
        sim_site_kill_container(pod, 137, "killed");
        break;
    case SIM_FAULT_VolumeFull:
        sim_disk_set_full(disk, true);
        break;
    default:
        break;
    }
}

static void on_node(struct sim_run *run, const struct sim_fault *fault, int node)
{
    struct sim_node *state = &run->site->nodes[node];

    switch (fault->kind) {
    case SIM_FAULT_NodeOff:
        sim_site_power_off(run->site, node);
        break;
    case SIM_FAULT_NodeCut:
        state->deaf = state->mute = true;
        break;
    case SIM_FAULT_NodeDeaf:
        state->deaf = true;
        break;
    case SIM_FAULT_NodeMute:
        state->mute = true;
        break;
    case SIM_FAULT_KubeletFrozen:
        state->frozen = true;
        break;
    default:
        break;
    }
}

static void on_operator(struct sim_run *run, const struct sim_fault *fault,
                        struct sim_operator *operator)
{
    switch (fault->kind) {
    case SIM_FAULT_OperatorKilled:
        sim_operator_kill(operator);
        break;
    case SIM_FAULT_OperatorDiesInCall:
        operator->calls_until_crash = 1 +(int)(fault->b % 12);
        break;
    case SIM_FAULT_OperatorStopped:
        sim_operator_freeze(operator, fault->duration_ms);
        break;
    case SIM_FAULT_OperatorStoppedInCall:
        operator->calls_until_stop = 1 +(int)(fault->b % 12);
        operator->stop_ms = fault->duration_ms + 12000;
        break;
    case SIM_FAULT_OperatorClockJumps:
        run->clock_skew_ms = (int64_t)level(fault, -86400e3, 86400e3);
        operator->options.clock_skew_ms = run->clock_skew_ms;
        break;
    default:
        break;
    }
}

static void cut_all_watches(struct sim_run *run)
{
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            sim_operator_cut_watches(run->operators[i]);
        }
    }
}

static void on_wire(struct sim_run *run, const struct sim_fault *fault)
{
    switch (fault->kind) {
    case SIM_FAULT_ApiDown:
        run->wire.down = true;
        cut_all_watches(run);
        break;
    case SIM_FAULT_ApiFails:
        run->wire.fail = level(fault, 0.1, 0.6);
        break;
    case SIM_FAULT_ApiSlow:
        run->wire.slow = level(fault, 10, 300);
        break;
    case SIM_FAULT_AnswersLost:
        run->wire.lose_answer = level(fault, 0.1, 0.5);
        break;
    case SIM_FAULT_RequestsResent:
        run->wire.resend = level(fault, 0.1, 0.6);
        break;
    case SIM_FAULT_WatchesCut:
        cut_all_watches(run);
        break;
    case SIM_FAULT_WatchesStale:
        run->wire.stale_ms = fault->duration_ms;
        break;
    case SIM_FAULT_HistoryCompacted:
        sim_api_server_compact(run->server);
        cut_all_watches(run);
        break;
    case SIM_FAULT_ControllersStopped:
        sim_controllers_set_stopped(run->controllers, true);
        break;
    case SIM_FAULT_QuotaReached:
        sim_api_server_refuse_creates(run->server,
                                      fault->b % 2 ? &kube_pods : &kube_persistent_volume_claims);
        break;
    case SIM_FAULT_KubeletsSlow:
        run->site->slow = level(fault, 2, 10);
        break;
    case SIM_FAULT_MembersCutOff:
        run->site->members_cut_off = true;
        break;
    case SIM_FAULT_Unschedulable:
        run->site->unschedulable = true;
        break;
    case SIM_FAULT_BadImage:
        run->site->bad_image = true;
        break;
    default:
        break;
    }
}

static void by_user(struct sim_run *run, const struct sim_fault *fault)
{
    static const int sizes[] = {1, 3, 5};
    static const char *const versions[] = {"3.5.35", "3.6.16", "3.7.3"};

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
    case SIM_FAULT_SizeChanged:
        patch_spec(run, json_pack("{s:i}", "size", sizes[fault->b % 3]));
        break;
    case SIM_FAULT_VersionChanged:
        patch_spec(run, json_pack("{s:s}", "version", versions[fault->b % 3]));
        break;
    case SIM_FAULT_ImageChanged:
        patch_spec(run, json_pack("{s:s}", "image", "mirror/etcd:v3.6.15"));
        break;
    case SIM_FAULT_StorageChanged:
        patch_spec(run, json_pack("{s:{s:s}}", "storage", "size", "16Gi"));
        break;
    case SIM_FAULT_ServiceDeleted:
        delete_object(run, &kube_services,
                      fault->b % 2 ? SIM_CLUSTER "-client" : SIM_CLUSTER "-peer", -1, "Background");
        break;
    case SIM_FAULT_ServiceChanged:
        change_service(run);
        break;
    case SIM_FAULT_ConfigMapDeleted:
        delete_config_map(run);
        break;
    case SIM_FAULT_SetDeleted:
        delete_object(run, &kube_stateful_sets, SIM_CLUSTER, -1,
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
        delete_object(run, &kube_etcd_clusters, SIM_CLUSTER, -1, "Background");
        break;
    case SIM_FAULT_ClusterDeleted:
        delete_object(run, &kube_etcd_clusters, SIM_CLUSTER, -1, "Background");
        break;
    default:
        break;
    }
}

/* --- Healing: everything that this kind left standing. */

static void thaw_all(struct sim_run *run)
{
    for (int i = 0; i < SIM_PODS; i++) {
        if (run->site->pods[i].process) {
            sim_etcd_set_frozen(run->site->pods[i].process, false);
        }
    }
}

static void heal_user(struct sim_run *run, enum sim_fault_kind kind)
{
    if (kind == SIM_FAULT_BadOption) {
        patch_spec(run, json_pack("{s:{s:n}}", "etcd", "extraArgs"));
    } else if (kind == SIM_FAULT_SpecInvalid) {
        patch_spec(run, json_pack("{s:i}", "size", run->schedule->size));
    } else if (kind == SIM_FAULT_NameTaken && run->foreign_service) {
        run->foreign_service = false;
        delete_object(run, &kube_services, SIM_CLUSTER "-client", -1, "Background");
    }
}

static void catch_up(struct sim_run *run)
{
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            sim_operator_catch_up(run->operators[i]);
        }
    }
}

static void heal_wire(struct sim_run *run, enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_FAULT_ApiDown:
        run->wire.down = false;
        break;
    case SIM_FAULT_ApiFails:
        run->wire.fail = 0;
        break;
    case SIM_FAULT_ApiSlow:
        run->wire.slow = 1;
        break;
    case SIM_FAULT_AnswersLost:
        run->wire.lose_answer = 0;
        break;
    case SIM_FAULT_RequestsResent:
        run->wire.resend = 0;
        break;
    case SIM_FAULT_WatchesStale:
        run->wire.stale_ms = 0;
        catch_up(run);
        break;
    case SIM_FAULT_ControllersStopped:
        sim_controllers_set_stopped(run->controllers, false);
        break;
    case SIM_FAULT_QuotaReached:
        sim_api_server_refuse_creates(run->server, NULL);
        break;
    default:
        break;
    }
}

static void heal_site(struct sim_run *run, enum sim_fault_kind kind)
{
    struct sim_site *site = run->site;

    switch (kind) {
    case SIM_FAULT_EtcdFrozen:
        thaw_all(run);
        break;
    case SIM_FAULT_VolumeFull:
        for (int i = 0; i < SIM_VOLUMES; i++) {
            if (site->volumes[i].disk) {
                sim_disk_set_full(site->volumes[i].disk, false);
            }
        }
        break;
    case SIM_FAULT_NodeOff:
    case SIM_FAULT_NodeCut:
    case SIM_FAULT_NodeDeaf:
    case SIM_FAULT_NodeMute:
    case SIM_FAULT_KubeletFrozen:
        for (int i = 0; i < SIM_NODES; i++) {
            sim_site_heal_node(site, i);
            sim_site_power_on(site, i);
        }
        break;
    case SIM_FAULT_KubeletsSlow:
        site->slow = 1;
        break;
    case SIM_FAULT_MembersCutOff:
        site->members_cut_off = false;
        break;
    case SIM_FAULT_Unschedulable:
        site->unschedulable = false;
        break;
    case SIM_FAULT_BadImage:
        site->bad_image = false;
        break;
    default:
        break;
    }
}

static void heal(void *context, uint64_t kind)
{
    struct sim_run *run = context;

    if (run->healed) {
        return;
    }
    sim_trace(run->sim, "heals: %s", sim_fault_name((enum sim_fault_kind)kind));
    heal_wire(run, (enum sim_fault_kind)kind);
    heal_site(run, (enum sim_fault_kind)kind);
    heal_user(run, (enum sim_fault_kind)kind);
    sim_etcd_network_changed(run->site->etcd);
}

void sim_faults_heal(struct sim_run *run)
{
    run->healed = true;
    for (uint64_t kind = 0; kind < N_SIM_FAULTS; kind++) {
        heal_wire(run, (enum sim_fault_kind)kind);
        heal_site(run, (enum sim_fault_kind)kind);
    }
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            run->operators[i]->calls_until_crash = run->operators[i]->calls_until_stop = 0;
        }
    }
    for (int i = 0; i < run->schedule->n_faults; i++) {
        heal_user(run, run->schedule->faults[i].kind);
    }
}

void sim_fault_begin(struct sim_run *run, const struct sim_fault *fault)
{
    struct sim_pod *pod = victim(run, fault);
    struct sim_operator *operator= victim_operator(run, fault);

    sim_trace(run->sim, "FAULT %s%s%s", sim_fault_name(fault->kind), pod ? " at " : "",
              pod ? pod->name : "");
    run->faults_seen[fault->kind / 64] |= UINT64_C(1) << (fault->kind % 64);
    sim_after(run->sim, fault->duration_ms, heal, run, fault->kind);
    on_wire(run, fault);
    by_user(run, fault);
    on_node(run, fault, victim_node(run, fault));
    if (operator&& !operator->dead) {
        on_operator(run, fault, operator);
    }
    if (pod && pod->volume) {
        on_volume(run, fault, pod);
    }
    if (pod) {
        on_pod(run, fault, pod);
    }
    sim_etcd_network_changed(run->site->etcd);
}
