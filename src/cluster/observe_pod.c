#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/observe.h"

static const json_t *find_condition(const json_t *pod, const char *type)
{
    size_t i;
    json_t *condition;

    json_array_foreach(json_path(pod, "status", "conditions", NULL), i, condition)
    {
        const char *name = json_path_string(condition, "type", NULL);
        if (name && !strcmp(name, type)) {
            return condition;
        }
    }
    return NULL;
}

static bool is_true(const json_t *condition)
{
    const char *status = json_path_string(condition, "status", NULL);
    return status && !strcmp(status, "True");
}

static void observe_waiting(const json_t *container, struct arena *arena, struct world_pod *out)
{
    const json_t *waiting = json_path(container, "state", "waiting", NULL);
    const char *reason = json_path_string(waiting, "reason", NULL);

    if (reason && !out->waiting_reason) {
        out->waiting_reason = arena_strdup(arena, reason);
        out->waiting_message = arena_strdup(arena, json_path_string(waiting, "message", NULL));
    }
}

static void observe_ended(const json_t *container, struct arena *arena, struct world_pod *out)
{
    const json_t *ended = json_path(container, "state", "terminated", NULL);

    if (!ended) {
        ended = json_path(container, "lastState", "terminated", NULL);
    }
    if (ended) {
        const char *reason = json_path_string(ended, "reason", NULL);
        out->ended_reason = arena_strdup(arena, reason ? reason : "Error");
        out->ended_message = arena_strdup(arena, json_path_string(ended, "message", NULL));
        out->ended_code = (int)json_path_integer(ended, 0, "exitCode", NULL);
    }
}

static void observe_containers(const json_t *pod, struct arena *arena, struct world_pod *out)
{
    size_t i;
    json_t *container;

    json_array_foreach(json_path(pod, "status", "initContainerStatuses", NULL), i, container)
    {
        observe_waiting(container, arena, out);
    }
    json_array_foreach(json_path(pod, "status", "containerStatuses", NULL), i, container)
    {
        const char *name = json_path_string(container, "name", NULL);
        observe_waiting(container, arena, out);
        if (!name || strcmp(name, "etcd") != 0) {
            continue;
        }
        const char *since = json_path_string(container, "state", "running", "startedAt", NULL);
        out->started = json_path(container, "state", "running", NULL) != NULL;
        out->started_ms = since ? clock_parse_rfc3339(since) : 0;
        out->restarts = (int32_t)json_path_integer(container, 0, "restartCount", NULL);
        observe_ended(container, arena, out);
    }
}

void observe_pod(json_t *pod, struct arena *arena, struct world_pod *out)
{
    const json_t *annotations = json_path(pod, "metadata", "annotations", NULL);
    const char *permit = json_path_string(annotations, PERMIT_ANNOTATION, NULL);
    const char *sent = json_path_string(annotations, PERMIT_SENT_ANNOTATION, NULL);
    const json_t *scheduled = find_condition(pod, "PodScheduled");
    struct error error;

    out->exists = true;
    out->name = json_path_string(pod, "metadata", "name", NULL);
    out->uid = json_path_string(pod, "metadata", "uid", NULL);
    out->resource_version = json_path_string(pod, "metadata", "resourceVersion", NULL);
    out->terminating = json_path(pod, "metadata", "deletionTimestamp", NULL) != NULL;
    const char *created = json_path_string(pod, "metadata", "creationTimestamp", NULL);
    out->created_ms = created ? clock_parse_rfc3339(created) : 0;
    out->ip = json_path_string(pod, "status", "podIP", NULL);
    out->node = json_path_string(pod, "spec", "nodeName", NULL);
    out->ready = is_true(find_condition(pod, "Ready"));
    out->template_hash = json_path_string(annotations, ANNOTATION_TEMPLATE_HASH, NULL);
    out->config = json_path_string(annotations, ANNOTATION_CONFIG, NULL);
    out->has_permit = permit != NULL;
    out->permit_sent_ms = sent ? clock_parse_rfc3339(sent) : 0;
    if (permit) {
        struct permit *decoded = arena_alloc(arena, sizeof *decoded);
        if (!permit_decode(permit, strlen(permit), arena, decoded, &error)) {
            out->permit = decoded;
        }
    }
    if (scheduled && !is_true(scheduled)) {
        const char *message = json_path_string(scheduled, "message", NULL);
        out->unschedulable = message ? message : "no reason given";
    }
    observe_containers(pod, arena, out);
}
