/* What goes wrong with pods, volumes and nodes, and how it ends. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "sim/run.h"

/* The leader compares, and when its own data is corrupt it blames another. */
static struct sim_pod *blamed(struct sim_run *run, struct sim_pod *corrupt)
{
    for (int i = 0; i < SIM_PODS; i++) {
        struct sim_pod *pod = &run->site->pods[i];
        if (pod != corrupt && pod->process && sim_etcd_ready(pod->process)) {
            return pod;
        }
    }
    return corrupt;
}

#define FAILS_AFTER_MS 3000

static void destroy(struct sim_pod *pod, const struct sim_fault *fault);

static void fail_again(void *context, uint64_t argument)
{
    static const struct sim_fault wipe = {.kind = SIM_FAULT_VolumeWiped};
    struct sim_run *run = context;

    (void)argument;
    for (int i = 0; run->failing >= 0 && i < SIM_PODS; i++) {
        struct sim_pod *pod = &run->site->pods[i];
        if (pod->process && pod->volume && !pod->orphan && pod->ordinal == run->failing &&
            sim_now(run->sim) - pod->started_ms >= FAILS_AFTER_MS) {
            sim_invariants_tick(run);
            destroy(pod, &wipe);
        }
    }
    if (run->failing >= 0) {
        sim_after(run->sim, FAILS_AFTER_MS, fail_again, run, 0);
    }
}

void sim_fault_on_pod(struct sim_run *run, const struct sim_fault *fault, struct sim_pod *pod)
{
    char claim[80];

    switch (fault->kind) {
    case SIM_FAULT_PodDeleted:
        sim_user_deletes(run, &kube_pods, pod->name, -1, NULL);
        break;
    case SIM_FAULT_PodForced:
        sim_user_deletes(run, &kube_pods, pod->name, 0, NULL);
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
        if (pod->volume) {
            sim_disk_doomed(pod->volume->disk);
        }
        snprintf(claim, sizeof claim, "data-%s", pod->name);
        sim_user_deletes(run, &kube_persistent_volume_claims, claim, -1, NULL);
        sim_user_deletes(run, &kube_pods, pod->name, -1, NULL);
        break;
    case SIM_FAULT_AlarmCorrupt:
        if (pod->process && sim_etcd_ready(pod->process)) {
            sim_disk_destroyed(pod->volume->disk);
            sim_etcd_corrupt(pod->process);
            sim_etcd_raise_alarm(blamed(run, pod)->process, ETCD_ALARM_CORRUPT);
        }
        break;
    case SIM_FAULT_DatabaseEmptied:
        if (pod->process && sim_etcd_ready(pod->process)) {
            sim_etcd_empty(pod->process);
        }
        break;
    case SIM_FAULT_QuotaExceeded:
        if (pod->process && sim_etcd_ready(pod->process)) {
            sim_etcd_fill(pod->process);
        }
        break;
    case SIM_FAULT_MemberFailsAgain:
        if (run->failing < 0) {
            sim_after(run->sim, FAILS_AFTER_MS, fail_again, run, 0);
        }
        run->failing = pod->ordinal;
        break;
    case SIM_FAULT_PermitForged:
        sim_user_forges_permit(run, pod, fault->b);
        break;
    default:
        break;
    }
}

static void destroy(struct sim_pod *pod, const struct sim_fault *fault)
{
    struct sim_disk *disk = pod->volume->disk;

    sim_disk_destroyed(disk);
    if (fault->kind == SIM_FAULT_VolumeCorrupted) {
        sim_disk_corrupt(disk);
    } else if (fault->kind == SIM_FAULT_DatabaseGarbage) {
        sim_disk_spoil(disk);
    } else {
        sim_disk_wipe(disk);
    }
    if (fault->kind == SIM_FAULT_VolumeWiped || fault->kind == SIM_FAULT_VolumeCorrupted ||
        (fault->kind == SIM_FAULT_DatabaseGarbage && fault->b % 2)) {
        sim_site_kill_container(pod, 137, "killed");
    }
}

void sim_fault_on_volume(struct sim_run *run, const struct sim_fault *fault, struct sim_pod *pod)
{
    struct sim_disk *disk = pod->volume->disk;

    switch (fault->kind) {
    case SIM_FAULT_VolumeWiped:
    case SIM_FAULT_VolumeWipedUnderneath:
    case SIM_FAULT_VolumeCorrupted:
    case SIM_FAULT_DatabaseGarbage:
        destroy(pod, fault);
        break;
    case SIM_FAULT_VolumeLost:
        sim_site_lose_volume(run->site, pod->volume);
        break;
    case SIM_FAULT_VolumeFull:
        sim_disk_set_full(disk, true);
        break;
    case SIM_FAULT_SlowMember:
        sim_disk_set_slow(disk, 200 + (int64_t)(fault->b % 8000));
        break;
    default:
        break;
    }
}

void sim_fault_on_node(struct sim_run *run, const struct sim_fault *fault, int node)
{
    struct sim_node *state = &run->site->nodes[node];

    switch (fault->kind) {
    case SIM_FAULT_NodeOff:
        sim_site_power_off(run->site, node);
        break;
    case SIM_FAULT_NodeGone:
        sim_site_lose_node(run->site, node);
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

void sim_fault_on_quorum(struct sim_run *run, const struct sim_fault *fault)
{
    int size = (int)json_path_integer(sim_cluster(run), 0, "status", "bootstrap", "size", NULL);
    bool off[SIM_NODES] = {false};

    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &run->site->pods[i];
        bool is_hit = size && (pod->ordinal + (int)(fault->a % 16)) % size <= size / 2;
        if (pod->state > SIM_POD_PENDING && !pod->orphan && is_hit && !off[pod->node]) {
            off[pod->node] = true;
            sim_site_power_off(run->site, pod->node);
        }
    }
}

static void thaw_all(struct sim_run *run)
{
    for (int i = 0; i < SIM_PODS; i++) {
        if (run->site->pods[i].process) {
            sim_etcd_set_frozen(run->site->pods[i].process, false);
        }
    }
}

static void heal_disks(struct sim_site *site, enum sim_fault_kind kind)
{
    for (int i = 0; i < SIM_VOLUMES; i++) {
        if (site->volumes[i].disk && kind == SIM_FAULT_VolumeFull) {
            sim_disk_set_full(site->volumes[i].disk, false);
        } else if (site->volumes[i].disk) {
            sim_disk_set_slow(site->volumes[i].disk, 0);
        }
    }
}

void sim_fault_site_heals(struct sim_run *run, enum sim_fault_kind kind)
{
    struct sim_site *site = run->site;

    switch (kind) {
    case SIM_FAULT_EtcdFrozen:
        thaw_all(run);
        break;
    case SIM_FAULT_VolumeFull:
    case SIM_FAULT_SlowMember:
        heal_disks(site, kind);
        break;
    case SIM_FAULT_MemberFailsAgain:
        run->failing = -1;
        break;
    case SIM_FAULT_LearnerSlow:
        sim_etcd_set_catch_up(site->etcd, 0);
        break;
    case SIM_FAULT_NodeOff:
    case SIM_FAULT_QuorumOff:
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
    case SIM_FAULT_NewPodNeverStarts:
        site->unschedulable = false;
        break;
    case SIM_FAULT_BadImage:
        site->bad_image = false;
        break;
    default:
        break;
    }
}
