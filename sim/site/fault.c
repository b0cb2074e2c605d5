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

void sim_site_power_on(struct sim_site *site, int node)
{
    if (!site->nodes[node].down) {
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
