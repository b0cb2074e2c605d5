/* Claims become disks on the node where their pod first runs, and pods go where their disk is. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "sim/site/site.h"

#define SCHEDULE_AGAIN_MS 1000

struct sim_volume *sim_volume_of_claim(struct sim_site *site, const char *claim_uid)
{
    for (int i = 0; i < SIM_VOLUMES; i++) {
        if (site->volumes[i].disk && !strcmp(site->volumes[i].claim_uid, claim_uid)) {
            return &site->volumes[i];
        }
    }
    return NULL;
}

static int pods_on(const struct sim_site *site, int node)
{
    int n = 0;
    for (int i = 0; i < SIM_PODS; i++) {
        n += site->pods[i].state > SIM_POD_PENDING && site->pods[i].node == node;
    }
    return n;
}

/* The emptiest node that has power; a few at random first, so that the same one does not always
 * win. -1: none. */
static int choose_node(const struct sim_site *site)
{
    int first = (int)sim_below(site->sim, SIM_STREAM_KUBELET, SIM_NODES), best = -1;

    for (int i = 0; i < SIM_NODES; i++) {
        int node = (first + i) % SIM_NODES;
        if (!site->nodes[node].down && (best < 0 || pods_on(site, node) < pods_on(site, best))) {
            best = node;
        }
    }
    return best;
}

/* The scheduler's word to the provisioner, which stays (WaitForFirstConsumer). */
static void tell_node(struct sim_site *site, const char *claim, int node)
{
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:{s:o}}}", "metadata", "annotations", "volume.kubernetes.io/selected-node",
                  json_sprintf("node-%d", node));
    struct error error;

    site->kube->merge_patch(site->kube->context, &kube_persistent_volume_claims, SIM_NAMESPACE,
                            claim, patch, NULL, &error);
}

/* On that node's own disks, and bound to the claim. */
static void register_volume(struct sim_site *site, const char *claim, const char *claim_uid,
                            int node)
{
    char name[64], host[16];

    snprintf(name, sizeof name, "pvc-%s", claim_uid);
    snprintf(host, sizeof host, "node-%d", node);
    AUTO_JSON json_t *volume =
        json_pack("{s:s, s:s, s:{s:s}, s:{s:{s:{s:[{s:[{s:s, s:s, s:[s]}]}]}}}}", "apiVersion",
                  "v1", "kind", "PersistentVolume", "metadata", "name", name, "spec",
                  "nodeAffinity", "required", "nodeSelectorTerms", "matchExpressions", "key",
                  "kubernetes.io/hostname", "operator", "In", "values", host);
    AUTO_JSON json_t *patch = json_pack("{s:{s:s}}", "spec", "volumeName", name);
    struct error error;

    site->kube->create(site->kube->context, &kube_persistent_volumes, volume, NULL, &error);
    site->kube->merge_patch(site->kube->context, &kube_persistent_volume_claims, SIM_NAMESPACE,
                            claim, patch, NULL, &error);
}

void sim_volume_tell(struct sim_site *site, const struct sim_volume *volume, const char *phase)
{
    AUTO_JSON json_t *claim =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:{s:s}}}", "apiVersion", "v1", "kind",
                  "PersistentVolumeClaim", "metadata", "name", volume->claim, "namespace",
                  SIM_NAMESPACE, "status", "phase", phase, "capacity", "storage", volume->capacity);
    json_t *status = json_object_get(claim, "status");
    char date[CLOCK_RFC3339_SIZE];
    struct error error;

    if (volume->infeasible) {
        json_object_set_new(status, "allocatedResourceStatuses",
                            json_pack("{s:s}", "storage", "ControllerResizeInfeasible"));
    }
    if (volume->needs_mount) {
        clock_rfc3339(SIM_WALL_START_MS + volume->needs_since_ms, date, sizeof date);
        json_object_set_new(status, "conditions",
                            json_pack("[{s:s, s:s, s:s}]", "type", "FileSystemResizePending",
                                      "status", "True", "lastTransitionTime", date));
    }
    site->kube->replace_status(site->kube->context, &kube_persistent_volume_claims, claim, NULL,
                               &error);
}

static struct sim_volume *provision(struct sim_site *site, const json_t *claim, int node)
{
    const char *name = json_path_string(claim, "metadata", "name", NULL);
    int i = 0;

    while (i < SIM_VOLUMES - 1 && site->volumes[i].disk) {
        i++;
    }
    struct sim_volume *volume = &site->volumes[i];
    snprintf(volume->claim, sizeof volume->claim, "%s", name);
    snprintf(volume->claim_uid, sizeof volume->claim_uid, "%s",
             json_path_string(claim, "metadata", "uid", NULL));
    volume->disk = sim_disk_new(site->etcd, name);
    volume->node = node;
    snprintf(volume->capacity, sizeof volume->capacity, "%s",
             json_path_string(claim, "spec", "resources", "requests", "storage", NULL));
    register_volume(site, name, volume->claim_uid, node);
    volume->lost = false;
    tell_node(site, name, node);
    sim_volume_tell(site, volume, "Bound");
    return volume;
}

static void tell_unschedulable(struct sim_pod *pod, const json_t *object, const char *why)
{
    AUTO_JSON json_t *status =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:[{s:s, s:s, s:s, s:s}]}}", "apiVersion",
                  "v1", "kind", "Pod", "metadata", "name", pod->name, "namespace", SIM_NAMESPACE,
                  "resourceVersion", json_path_string(object, "metadata", "resourceVersion", NULL),
                  "status", "phase", "Pending", "conditions", "type", "PodScheduled", "status",
                  "False", "reason", "Unschedulable", "message", why);
    const json_t *condition = json_array_get(json_path(object, "status", "conditions", NULL), 0);
    const char *said = json_path_string(condition, "message", NULL);
    struct error error;

    if (!said || strcmp(said, why) != 0) {
        pod->site->kube->replace_status(pod->site->kube->context, &kube_pods, status, NULL, &error);
    }
}

static void schedule(void *context, uint64_t argument)
{
    (void)argument;
    sim_site_place_pod(context);
}

static bool no_room(const struct sim_site *site, const struct sim_pod *pod)
{
    return site->unschedulable && pod->ordinal >= site->no_room_from;
}

void sim_site_place_pod(struct sim_pod *pod)
{
    struct sim_site *site = pod->site;
    const json_t *object = sim_api_server_peek(site->server, &kube_pods, SIM_NAMESPACE, pod->name);
    char claim_name[80];
    struct error error;

    if (pod->state != SIM_POD_PENDING || !object) {
        return;
    }
    snprintf(claim_name, sizeof claim_name, "data-%s", pod->name);
    const json_t *claim = sim_api_server_peek(site->server, &kube_persistent_volume_claims,
                                              SIM_NAMESPACE, claim_name);
    struct sim_volume *volume =
        claim ? sim_volume_of_claim(site, json_path_string(claim, "metadata", "uid", NULL)) : NULL;
    int node = volume ? volume->node : choose_node(site);
    const char *class = json_path_string(claim, "spec", "storageClassName", NULL);
    if (!claim || json_path(claim, "metadata", "deletionTimestamp", NULL)) {
        tell_unschedulable(pod, object, "persistentvolumeclaim is not there");
    } else if (!volume && class &&
               !sim_api_server_peek(site->server, &kube_storage_classes, NULL, class)) {
        tell_unschedulable(pod, object, "pod has unbound immediate PersistentVolumeClaims");
    } else if (volume && volume->lost) {
        tell_unschedulable(pod, object, "persistentvolumeclaim bound to non-existent volume");
    } else if (volume && site->nodes[node].gone) {
        tell_unschedulable(pod, object, "0/5 nodes are available: volume node affinity conflict");
    } else if (no_room(site, pod) || node < 0 || site->nodes[node].down) {
        tell_unschedulable(pod, object, "0/5 nodes are available: insufficient memory");
    } else {
        pod->volume = volume ? volume : provision(site, claim, node);
        pod->node = node;
        AUTO_JSON json_t *patch =
            json_pack("{s:{s:o}}", "spec", "nodeName", json_sprintf("node-%d", node));
        sim_trace(site->sim, "scheduler: %s onto node %d", pod->name, node);
        pod->state = SIM_POD_STARTING; /* Before the patch calls back. */
        site->kube->merge_patch(site->kube->context, &kube_pods, SIM_NAMESPACE, pod->name, patch,
                                NULL, &error);
        sim_pod_begin(pod);
        return;
    }
    sim_after(site->sim, SCHEDULE_AGAIN_MS, schedule, pod, 0);
}
