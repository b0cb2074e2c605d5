#include "tiny_kubelet.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"

#define MAX_PODS 64

struct pods {
    json_t *items[MAX_PODS];
    size_t length;
};

static void collect(void *context, const json_t *pod)
{
    struct pods *pods = context;

    assert(pods->length < MAX_PODS);
    pods->items[pods->length++] = json_incref((json_t *)pod);
}

static const char *name_of(const json_t *object)
{
    return json_path_string(object, "metadata", "name", NULL);
}

static const char *namespace_of(const json_t *object)
{
    return json_path_string(object, "metadata", "namespace", NULL);
}

static void set_status(const struct tiny_kubelet *kubelet, const struct kube_resource *resource,
                       const char *namespace, const char *name, json_t *status)
{
    AUTO_JSON json_t *object = json_pack("{s:{s:s, s:s}, s:o}", "metadata", "name", name,
                                         "namespace", namespace, "status", status);
    kubelet->api->replace_status(kubelet->api->context, resource, object, NULL, NULL);
}

/* False: a claim is missing or wants to go, and the pod does not start. */
static bool bind_claims(const struct tiny_kubelet *kubelet, const json_t *pod)
{
    size_t i;
    json_t *volume;

    json_array_foreach(json_path(pod, "spec", "volumes", NULL), i, volume)
    {
        const char *name = json_path_string(volume, "persistentVolumeClaim", "claimName", NULL);
        if (!name) {
            continue;
        }
        const json_t *claim = sim_api_server_peek(kubelet->server, &kube_persistent_volume_claims,
                                                  namespace_of(pod), name);
        if (!claim || json_path(claim, "metadata", "deletionTimestamp", NULL)) {
            return false;
        }
        set_status(kubelet, &kube_persistent_volume_claims, namespace_of(pod), name,
                   json_pack("{s:s, s:O}", "phase", "Bound", "capacity",
                             json_path(claim, "spec", "resources", "requests", NULL)));
    }
    return true;
}

static void set_pod_status(const struct tiny_kubelet *kubelet, const json_t *pod, const char *phase,
                           const char *condition, const char *value)
{
    set_status(kubelet, &kube_pods, namespace_of(pod), name_of(pod),
               json_pack("{s:s, s:[{s:s, s:s}]}", "phase", phase, "conditions", "type", condition,
                         "status", value));
}

static void start(const struct tiny_kubelet *kubelet, const json_t *pod)
{
    AUTO_JSON json_t *bind = json_pack("{s:{s:s}}", "spec", "nodeName", "n1");

    if (!bind_claims(kubelet, pod)) {
        set_pod_status(kubelet, pod, "Pending", "PodScheduled", "False");
        return;
    }
    kubelet->api->merge_patch(kubelet->api->context, &kube_pods, namespace_of(pod), name_of(pod),
                              bind, NULL, NULL);
    set_pod_status(kubelet, pod, "Running", "Ready", "True");
}

static void look(const struct tiny_kubelet *kubelet, const json_t *pod)
{
    const struct kube_delete_options at_once = {.grace_period_seconds = 0};
    bool ends = json_path(pod, "metadata", "deletionTimestamp", NULL) != NULL;

    if (ends && !kubelet->lingers) {
        set_pod_status(kubelet, pod, "Failed", "Ready", "False");
        kubelet->api->remove(kubelet->api->context, &kube_pods, namespace_of(pod), name_of(pod),
                             &at_once, NULL);
    } else if (!ends && !json_path(pod, "spec", "nodeSelector", NULL) &&
               !strcmp(json_path_string(pod, "status", "phase", NULL), "Pending")) {
        start(kubelet, pod);
    }
}

static void act(void *context, uint64_t argument)
{
    struct tiny_kubelet *kubelet = context;
    struct pods pods = {0};

    (void)argument;
    kubelet->planned = false;
    sim_api_server_for_each(kubelet->server, &kube_pods, collect, &pods);
    for (size_t i = 0; i < pods.length; i++) {
        look(kubelet, pods.items[i]);
        json_decref(pods.items[i]);
    }
}

void tiny_kubelet_wake(struct tiny_kubelet *kubelet)
{
    if (!kubelet->planned) {
        kubelet->planned = true;
        sim_after(kubelet->sim, sim_between(kubelet->sim, SIM_STREAM_KUBELET, 50, 1000), act,
                  kubelet, 0);
    }
}

static void changed(void *context, const struct kube_resource *resource, const json_t *object,
                    bool deleted)
{
    (void)object, (void)deleted;
    if (resource == &kube_pods || resource == &kube_persistent_volume_claims) {
        tiny_kubelet_wake(context);
    }
}

void tiny_kubelet_init(struct tiny_kubelet *kubelet, struct sim *sim, struct sim_api_server *server)
{
    *kubelet = (struct tiny_kubelet){
        .sim = sim, .server = server, .api = sim_api_server_client(server, "kubelet")};
    sim_api_server_subscribe(server, changed, kubelet);
}

void tiny_kubelet_fini(struct tiny_kubelet *kubelet)
{
    sim_cancel(kubelet->sim, kubelet);
}
