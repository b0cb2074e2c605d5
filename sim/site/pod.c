/* A pod's life as its kubelet sees it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "cluster/names.h"
#include "member/decide.h"
#include "sim/site/site.h"

#define PROBE_MS         2000
#define BACKOFF_MS       1000 /* crashLoopBackOff, doubled to */
#define BACKOFF_MAX_MS   60000
#define RETRY_MS         1000
#define NOT_READY_MS     20000 /* A node that is silent for so long is not ready, nor are its pods. */
#define HELPER_REVIEW_MS 2000

static int64_t takes(const struct sim_pod *pod, int64_t low, int64_t high)
{
    return (int64_t)((double)sim_between(pod->site->sim, SIM_STREAM_KUBELET, low, high) *
                     pod->site->slow);
}

void sim_pod_after(struct sim_pod *pod, int64_t delay_ms, sim_event *function)
{
    sim_after(pod->site->sim, delay_ms, function, pod, 0);
}

bool sim_pod_can_run(const struct sim_pod *pod)
{
    return !pod->site->nodes[pod->node].down;
}

static bool kubelet_works(const struct sim_pod *pod)
{
    const struct sim_node *node = &pod->site->nodes[pod->node];
    return !node->down && !node->frozen && !node->deaf && !node->mute;
}

/* What the kubelet tells of the pod. */

static json_t *container_state(const struct sim_pod *pod)
{
    char date[CLOCK_RFC3339_SIZE];

    clock_rfc3339(SIM_WALL_START_MS + pod->started_ms, date, sizeof date);
    if (pod->state == SIM_POD_HELPER || pod->state == SIM_POD_ETCD) {
        return json_pack("{s:{s:s}}", "running", "startedAt", date);
    }
    return json_pack("{s:{s:s, s:s}}", "waiting", "reason",
                     pod->site->bad_image && pod->state == SIM_POD_STARTING ? "ImagePullBackOff"
                     : pod->state == SIM_POD_BACKOFF                        ? "CrashLoopBackOff"
                                                                            : "ContainerCreating",
                     "message", "");
}

static json_t *status_of(const struct sim_pod *pod)
{
    json_t *container = json_pack("{s:s, s:b, s:i, s:o}", "name", "etcd", "ready", pod->ready,
                                  "restartCount", pod->restarts, "state", container_state(pod));

    if (pod->words[0]) {
        json_object_set_new(container, "lastState",
                            json_pack("{s:{s:i, s:s, s:s}}", "terminated", "exitCode",
                                      pod->exit_code, "reason", "Error", "message", pod->words));
    }
    json_t *status = json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}], s:[o]}", "phase",
                               pod->state >= SIM_POD_HELPER ? "Running" : "Pending", "conditions",
                               "type", "PodScheduled", "status", "True", "type", "Ready", "status",
                               pod->ready ? "True" : "False", "containerStatuses", container);
    if (pod->ip[0]) {
        json_object_set_new(status, "podIP", json_string(pod->ip));
    }
    return status;
}

static void write_status(struct sim_pod *pod)
{
    const struct sim_site *site = pod->site;
    const json_t *live = sim_api_server_peek(site->server, &kube_pods, SIM_NAMESPACE, pod->name);
    const char *uid = json_path_string(live, "metadata", "uid", NULL);
    struct error error;

    if (!uid || strcmp(uid, pod->uid) != 0) {
        return;
    }
    AUTO_JSON json_t *status = status_of(pod);
    if (json_equal(status, json_object_get(live, "status"))) {
        return;
    }
    AUTO_JSON json_t *object =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:O}", "apiVersion", "v1", "kind", "Pod",
                  "metadata", "name", pod->name, "namespace", SIM_NAMESPACE, "resourceVersion",
                  json_path_string(live, "metadata", "resourceVersion", NULL), "status", status);
    site->kube->replace_status(site->kube->context, &kube_pods, object, NULL, &error);
}

void sim_pod_write_status(struct sim_pod *pod)
{
    if (kubelet_works(pod)) {
        write_status(pod);
    }
}

/* Readiness. */

static void probe(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;
    bool ready = pod->state == SIM_POD_ETCD && pod->process && sim_etcd_ready(pod->process);

    (void)argument;
    pod->silent_ms = kubelet_works(pod) ? 0 : pod->silent_ms + PROBE_MS;
    if (!pod->silent_ms || pod->silent_ms >= NOT_READY_MS) {
        /* Of a silent node the node controller says so, not its kubelet. */
        ready = ready && !pod->silent_ms;
        if (ready != pod->ready) {
            sim_trace(pod->site->sim, "%s: %s", pod->name, ready ? "ready" : "not ready");
        }
        pod->ready = ready;
        write_status(pod);
    }
    sim_pod_after(pod, PROBE_MS, probe);
}

void sim_pod_became_etcd(struct sim_pod *pod)
{
    sim_pod_write_status(pod);
}

/* The container. */

static void review(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;

    (void)argument;
    if (pod->state == SIM_POD_HELPER) {
        sim_helper_look(pod);
        if (pod->state == SIM_POD_HELPER) {
            sim_pod_after(pod, HELPER_REVIEW_MS, review);
        }
    }
}

static void start_container(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;

    (void)argument;
    if (pod->state != SIM_POD_STARTING && pod->state != SIM_POD_BACKOFF) {
        return; /* The node was rebooted meanwhile. */
    }
    if (pod->ending || !kubelet_works(pod)) {
        if (!pod->ending) {
            sim_pod_after(pod, RETRY_MS, start_container);
        }
        return;
    }
    pod->state = SIM_POD_HELPER;
    pod->started_ms = sim_now(pod->site->sim);
    sim_pod_write_status(pod);
    review(pod, 0);
}

/* etcd's image tag: repository:v3.6.16 */
static void read_version(struct sim_pod *pod, const json_t *object)
{
    const json_t *container = json_array_get(json_path(object, "spec", "containers", NULL), 0);
    const char *image = json_path_string(container, "image", NULL);
    const char *tag = image ? strrchr(image, ':') : NULL;

    snprintf(pod->version, sizeof pod->version, "%s", tag && tag[1] == 'v' ? tag + 2 : "3.6.16");
}

/* Volumes mounted, image there: what the pod was made with is fixed from here on. */
static void create_container(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;
    struct sim_site *site = pod->site;
    const json_t *object = sim_api_server_peek(site->server, &kube_pods, SIM_NAMESPACE, pod->name);
    const json_t *annotations = json_path(object, "metadata", "annotations", NULL);
    const char *config = json_path_string(annotations, ANNOTATION_CONFIG, NULL);
    const json_t *map =
        config ? sim_api_server_peek(site->server, &kube_config_maps, SIM_NAMESPACE, config) : NULL;
    const char *text = json_path_string(map, "data", "member.json", NULL);

    (void)argument;
    if (pod->ending) {
        return;
    }
    if (!text || site->bad_image || !kubelet_works(pod)) {
        sim_pod_write_status(pod);
        sim_pod_after(pod, RETRY_MS, create_container);
        return;
    }
    const char *permit = json_path_string(annotations, PERMIT_ANNOTATION, NULL);
    pod->config = xstrdup(text);
    pod->permit = permit ? xstrdup(permit) : NULL;
    read_version(pod, object);
    snprintf(pod->ip, sizeof pod->ip, "10.0.%d.%d", site->addresses / 250,
             site->addresses % 250 + 1);
    site->addresses++;
    start_container(pod, 0);
    sim_pod_after(pod, PROBE_MS / 4, probe);
}

void sim_pod_begin(struct sim_pod *pod)
{
    bool slow = sim_chance(pod->site->sim, SIM_STREAM_KUBELET, 0.03); /* FailedMount, once. */

    sim_volume_mounted(pod->site, pod->volume);
    sim_pod_write_status(pod);
    sim_pod_after(pod, takes(pod, 200, 1500) + (slow ? 10000 : 0), create_container);
}

static int64_t backoff(const struct sim_pod *pod)
{
    int64_t delay = BACKOFF_MS;
    for (int i = 1; i < pod->restarts && delay < BACKOFF_MAX_MS; i++) {
        delay *= 2;
    }
    return delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
}

void sim_site_kill_container(struct sim_pod *pod, int code, const char *words)
{
    if (pod->state < SIM_POD_HELPER || pod->state == SIM_POD_BACKOFF) {
        return;
    }
    if (pod->process) {
        sim_etcd_kill(pod->process);
    }
    sim_pod_ended(pod->site, pod, code, words);
}

/* The process has ended: by itself (the simulated etcd calls), or killed. */
void sim_pod_ended(void *site, void *owner, int code, const char *words)
{
    struct sim_pod *pod = owner;

    (void)site;
    sim_trace(pod->site->sim, "%s: ended with %d: %s", pod->name, code, words);
    pod->process = NULL;
    pod->state = SIM_POD_BACKOFF;
    pod->ready = false;
    pod->exit_code = code;
    snprintf(pod->words, sizeof pod->words, "%s", words);
    free(pod->report);
    pod->report = NULL;
    pod->restarts++;
    sim_pod_write_status(pod);
    if (!pod->ending && sim_pod_can_run(pod)) {
        sim_pod_after(pod, backoff(pod), start_container);
    }
}

/* The end. */

void sim_pod_remove(struct sim_pod *pod)
{
    if (pod->process) {
        sim_etcd_kill(pod->process);
    }
    sim_cancel(pod->site->sim, pod);
    free(pod->permit);
    free(pod->config);
    arena_free(pod->decoded_arena);
    free(pod->report);
    *pod = (struct sim_pod){.site = pod->site};
}

void sim_pod_force(struct sim_pod *pod)
{
    const struct sim_site *site = pod->site;
    const struct kube_delete_options at_once = {.uid = pod->uid, .grace_period_seconds = 0};
    char name[sizeof pod->name];
    struct error error;

    snprintf(name, sizeof name, "%s", pod->name); /* Its removal calls back. */
    sim_trace(site->sim, "%s: gone", name);
    site->kube->remove(site->kube->context, &kube_pods, SIM_NAMESPACE, name, &at_once, &error);
}

static void confirm_end(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;

    (void)argument;
    if (pod->state > SIM_POD_PENDING && !kubelet_works(pod)) {
        sim_pod_after(pod, RETRY_MS, confirm_end);
        return;
    }
    if (pod->process) {
        sim_etcd_kill(pod->process);
        pod->process = NULL;
    }
    sim_pod_force(pod);
}

static void end_orphan(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;

    (void)argument;
    if (kubelet_works(pod)) {
        sim_pod_remove(pod);
    } else {
        sim_pod_after(pod, RETRY_MS, end_orphan);
    }
}

/* The API server tells of a pod. */

static struct sim_pod *pod_of_uid(struct sim_site *site, const char *uid)
{
    for (int i = 0; i < SIM_PODS; i++) {
        if (site->pods[i].state && !strcmp(site->pods[i].uid, uid)) {
            return &site->pods[i];
        }
    }
    return NULL;
}

static struct sim_pod *new_pod(struct sim_site *site, const json_t *object, const char *uid)
{
    int i = 0;

    while (i < SIM_PODS - 1 && site->pods[i].state) {
        i++;
    }
    struct sim_pod *pod = &site->pods[i];
    *pod = (struct sim_pod){.site = site, .state = SIM_POD_PENDING};
    snprintf(pod->name, sizeof pod->name, "%s", json_path_string(object, "metadata", "name", NULL));
    snprintf(pod->uid, sizeof pod->uid, "%s", uid);
    pod->ordinal = member_ordinal(pod->name);
    return pod;
}

static void place(void *context, uint64_t argument)
{
    (void)argument;
    sim_site_place_pod(context);
}

static void permit_arrives(void *context, uint64_t argument)
{
    struct sim_pod *pod = context;
    const json_t *object =
        sim_api_server_peek(pod->site->server, &kube_pods, SIM_NAMESPACE, pod->name);
    const char *uid = json_path_string(object, "metadata", "uid", NULL);
    const char *permit =
        json_path_string(object, "metadata", "annotations", PERMIT_ANNOTATION, NULL);

    (void)argument;
    if (!uid || strcmp(uid, pod->uid) != 0) {
        return;
    }
    if (!kubelet_works(pod)) { /* It looks again when it can. */
        sim_pod_after(pod, RETRY_MS, permit_arrives);
        return;
    }
    free(pod->permit);
    pod->permit = permit ? xstrdup(permit) : NULL;
    sim_helper_look(pod);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

void sim_pod_changed(struct sim_site *site, const json_t *object, bool deleted)
{
    const char *uid = json_path_string(object, "metadata", "uid", NULL);
    const char *permit =
        json_path_string(object, "metadata", "annotations", PERMIT_ANNOTATION, NULL);
    struct sim_pod *pod = pod_of_uid(site, uid);

    if (deleted) {
        if (pod && pod->state > SIM_POD_PENDING && !kubelet_works(pod) &&
            !site->nodes[pod->node].gone) {
            pod->orphan = pod->ending = true; /* Somebody forced it. */
            sim_pod_after(pod, RETRY_MS, end_orphan);
        } else if (pod) {
            sim_pod_remove(pod);
        }
        return;
    }
    if (!pod) {
        pod = new_pod(site, object, uid);
        sim_pod_after(pod, takes(pod, 5, 100), place);
    }
    if (json_path(object, "metadata", "deletionTimestamp", NULL) && !pod->ending) {
        pod->ending = true;
        sim_pod_after(pod, takes(pod, 20, 3000), confirm_end);
    }
    if (pod->config && !same_text(pod->permit, permit)) { /* Its volume is mounted already. */
        bool late = sim_chance(site->sim, SIM_STREAM_KUBELET, 0.05);
        sim_pod_after(pod, takes(pod, 200, 1200) + (late ? 60000 : 0), permit_arrives);
    }
}
