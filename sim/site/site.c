#include "sim/site/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

/* The node that an address is on; -1: everywhere. */
static int node_of(const struct sim_site *site, const char *address)
{
    if (!strncmp(address, "operator-", 9)) {
        return site->operator_nodes[atoi(address + 9) % 8];
    }
    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &site->pods[i];
        if (pod->state >= SIM_POD_HELPER && !strcmp(pod->ip, address)) {
            return pod->node;
        }
    }
    return -1;
}

static bool is_operator(const char *address)
{
    return !strncmp(address, "operator-", 9);
}

static bool reachable(void *context, const char *from, const char *to)
{
    const struct sim_site *site = context;
    int source = node_of(site, from), target = node_of(site, to);

    if (target < 0) { /* Nobody has this address (any more). */
        return false;
    }
    if (site->members_cut_off && (is_operator(from) || is_operator(to))) {
        return false;
    }
    return source == target || source < 0 ||
           !(site->nodes[source].mute || site->nodes[target].deaf);
}

bool sim_site_reaches_api(const struct sim_site *site, const char *operator_address)
{
    const struct sim_node *node = &site->nodes[node_of(site, operator_address)];
    return !node->down && !node->mute && !node->deaf;
}

/* DNS, which publishes members that are not ready: c-0.c-peer.ns.svc */
static const char *resolve(void *context, const char *host)
{
    const struct sim_site *site = context;
    size_t length = strcspn(host, ".");

    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &site->pods[i];
        if (pod->state >= SIM_POD_HELPER && !pod->orphan && strlen(pod->name) == length &&
            !strncmp(pod->name, host, length)) {
            return pod->ip;
        }
    }
    return NULL;
}

static void membership(void *context, const struct sim_membership_change *change)
{
    const struct sim_site *site = context;

    if (site->membership) {
        site->membership(site->context, change);
    }
}

/* Nodes are objects too. */
static void register_node(struct sim_site *site, int node)
{
    char name[16];
    struct error error;

    snprintf(name, sizeof name, "node-%d", node);
    AUTO_JSON json_t *object = json_pack("{s:s, s:s, s:{s:s}, s:{s:[{s:s, s:s}]}}", "apiVersion",
                                         "v1", "kind", "Node", "metadata", "name", name, "status",
                                         "conditions", "type", "Ready", "status", "True");
    site->kube->create(site->kube->context, &kube_nodes, object, NULL, &error);
}

static void changed(void *context, const struct kube_resource *resource, const json_t *object,
                    bool deleted)
{
    struct sim_site *site = context;

    if (resource == &kube_pods) {
        sim_pod_changed(site, object, deleted);
    } else if (resource == &kube_persistent_volume_claims && !deleted) {
        sim_volume_claim_changed(site, object);
    } else if (resource == &kube_persistent_volume_claims && deleted) {
        struct sim_volume *volume =
            sim_volume_of_claim(site, json_path_string(object, "metadata", "uid", NULL));
        for (int i = 0; volume && i < SIM_PODS; i++) {
            /* Its pod is gone already, but for one that was forced while its node did not hear of
             * it: the disk is taken from under it. */
            if (site->pods[i].state && site->pods[i].volume == volume) {
                sim_pod_remove(&site->pods[i]);
            }
        }
        if (volume) {
            sim_disk_free(volume->disk);
            *volume = (struct sim_volume){0};
        }
    }
}

struct sim_site *sim_site_new(struct sim *sim, struct sim_api_server *server)
{
    struct sim_site *site = xcalloc(1, sizeof *site);
    const struct sim_etcd_options etcd = {.sim = sim,
                                          .reachable = reachable,
                                          .resolve = resolve,
                                          .exited = sim_pod_ended,
                                          .membership = membership,
                                          .context = site};

    site->sim = sim;
    site->server = server;
    site->kube = sim_api_server_client(server, "kubelet");
    site->etcd = sim_etcd_new(&etcd);
    site->slow = 1;
    for (int i = 0; i < 8; i++) {
        site->operator_nodes[i] = (int)sim_below(sim, SIM_STREAM_KUBELET, SIM_NODES);
    }
    for (int i = 0; i < SIM_NODES; i++) {
        register_node(site, i);
    }
    sim_register_classes(site);
    sim_api_server_subscribe(server, changed, site);
    return site;
}

void sim_site_free(struct sim_site *site)
{
    if (!site) {
        return;
    }
    for (int i = 0; i < SIM_PODS; i++) {
        if (site->pods[i].state) {
            sim_pod_remove(&site->pods[i]);
        }
    }
    for (int i = 0; i < SIM_VOLUMES; i++) {
        if (site->volumes[i].disk) {
            sim_disk_free(site->volumes[i].disk);
        }
    }
    sim_etcd_free(site->etcd);
    free(site);
}

struct sim_pod *sim_site_pod(struct sim_site *site, const char *name)
{
    for (int i = 0; i < SIM_PODS; i++) {
        if (site->pods[i].state && !site->pods[i].orphan && !strcmp(site->pods[i].name, name)) {
            return &site->pods[i];
        }
    }
    return NULL;
}

const char *sim_site_some_address(const struct sim_site *site, uint64_t n)
{
    const struct sim_pod *running[SIM_PODS];
    uint64_t length = 0;

    for (int i = 0; i < SIM_PODS; i++) {
        if (site->pods[i].state == SIM_POD_ETCD) {
            running[length++] = &site->pods[i];
        }
    }
    return length ? running[n % length]->ip : NULL;
}

void sim_site_reports(struct sim_site *site, const char *from,
                      const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                      struct arena *arena, const char **out)
{
    bool silent = false;

    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        for (int p = 0; p < SIM_PODS; p++) {
            const struct sim_pod *pod = &site->pods[p];
            if (pod->state != SIM_POD_HELPER || strcmp(pod->ip, endpoints[i].address) != 0) {
                continue;
            }
            if (reachable(site, from, pod->ip)) {
                out[i] = arena_strdup(arena, pod->report);
            } else {
                silent = true;
            }
        }
    }
    sim_sleep(site->sim, silent ? timeout_ms : 2);
}
