/* What goes wrong with whole machines. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sim/site/site.h"

void sim_site_power_off(struct sim_site *site, int node)
{
    site->nodes[node].down = true;
    for (int i = 0; i < SIM_PODS; i++) {
        struct sim_pod *pod = &site->pods[i];
        if (pod->state > SIM_POD_PENDING && pod->node == node) {
            sim_site_kill_container(pod, 137, "the node lost its power");
        }
    }
}

static void restart(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;

    (void)argument;
    if (pod->state == SIM_POD_HELPER) {
        sim_helper_look(pod);
    }
}

void sim_site_lose_volume(struct sim_site *site, struct sim_volume *volume)
{
    struct sim_pod *pod = NULL;

    for (int i = 0; i < SIM_PODS; i++) {
        if (site->pods[i].state && site->pods[i].volume == volume) {
            pod = &site->pods[i];
        }
    }
    sim_disk_destroyed(volume->disk);
    volume->lost = true;
    if (pod) {
        sim_site_kill_container(pod, 137, "the volume is gone");
    }
    sim_disk_wipe(volume->disk);
    sim_volume_tell(site, volume, "Lost");
    if (pod && !pod->orphan) {
        sim_pod_force(pod);
    } else if (pod) {
        sim_pod_remove(pod);
    }
}

/* Its operators run elsewhere from now on. */
static void move_operators(struct sim_site *site, int node)
{
    for (int i = 0; i < 8; i++) {
        while (site->nodes[site->operator_nodes[i]].gone) {
            site->operator_nodes[i] = (node + 1 + i) % SIM_NODES;
            node++;
        }
    }
}

void sim_site_lose_node(struct sim_site *site, int node)
{
    const struct kube_delete_options options = {.grace_period_seconds = 0};
    char name[16];
    struct error error;

    sim_site_power_off(site, node);
    site->nodes[node].gone = true;
    for (int i = 0; i < SIM_VOLUMES; i++) {
        if (site->volumes[i].disk && site->volumes[i].node == node) {
            sim_disk_destroyed(site->volumes[i].disk);
            sim_disk_wipe(site->volumes[i].disk);
        }
    }
    snprintf(name, sizeof name, "node-%d", node);
    site->kube->remove(site->kube->context, &kube_nodes, NULL, name, &options, &error);
    for (int i = 0; i < SIM_PODS; i++) { /* The pod garbage collector. */
        struct sim_pod *pod = &site->pods[i];
        if (pod->state > SIM_POD_PENDING && pod->node == node) {
            if (pod->orphan) {
                sim_pod_remove(pod);
            } else {
                sim_pod_force(pod);
            }
        }
    }
    move_operators(site, node);
}

void sim_site_power_on(struct sim_site *site, int node)
{
    if (!site->nodes[node].down || site->nodes[node].gone) {
        return;
    }
    site->nodes[node].down = false;
    for (int i = 0; i < SIM_PODS; i++) {
        struct sim_pod *pod = &site->pods[i];
        if (pod->state == SIM_POD_BACKOFF && pod->node == node && !pod->ending) {
            pod->state = SIM_POD_HELPER;
            pod->started_ms = sim_now(site->sim);
            sim_pod_after(pod, sim_between(site->sim, SIM_STREAM_KUBELET, 1000, 5000), restart);
        }
    }
}

void sim_site_heal_node(struct sim_site *site, int node)
{
    site->nodes[node].deaf = site->nodes[node].mute = site->nodes[node].frozen = false;
}
