/* The Jobs and their pods: whether they run, why they do not, and what they say at their end. */
#include <string.h>

#include "backup/names.h"
#include "backup/observe.h"
#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"

/* What takes longer has a reason, which an event tells. */
#define STARTS_WITHIN_MS 8000

static int64_t date_ms(const char *date)
{
    return date ? clock_parse_rfc3339(date) : 0;
}

static void observe_job(const json_t *object, struct backup_job *job)
{
    size_t i;
    json_t *item;

    job->exists = true;
    job->name = json_path_string(object, "metadata", "name", NULL);
    job->uid = json_path_string(object, "metadata", "uid", NULL);
    job->deleting = json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
    job->failures = (int)json_path_integer(object, 0, "status", "failed", NULL);
    json_array_foreach(json_path(object, "status", "conditions", NULL), i, item)
    {
        const char *type = json_path_string(item, "type", NULL);
        const char *status = json_path_string(item, "status", NULL);
        if (!type || !status || strcmp(status, "True") != 0) {
            continue;
        }
        job->complete = job->complete || !strcmp(type, "Complete");
        if (!strcmp(type, "Failed")) {
            job->failed = true;
            job->failure_reason = json_path_string(item, "reason", NULL);
            job->failure_message = json_path_string(item, "message", NULL);
            job->failed_ms = date_ms(json_path_string(item, "lastTransitionTime", NULL));
        }
    }
}

static const json_t *container_state(const json_t *pod, const char *state)
{
    const json_t *container =
        json_array_get(json_path(pod, "status", "containerStatuses", NULL), 0);
    return json_path(container, "state", state, NULL);
}

/* What a container wrote to its termination message: our JSON or, when it did not get that far, the
 * end of its log. */
static void observe_end(const json_t *terminated, struct arena *arena, struct backup_job *job)
{
    const char *message = json_path_string(terminated, "message", NULL);
    json_int_t code = json_path_integer(terminated, -1, "exitCode", NULL);
    struct error error;
    json_t *json = message ? json_parse(message, strlen(message), "the result", &error) : NULL;

    if (json) {
        arena_json(arena, json);
    }
    if (code == 0) {
        job->result = json_is_object(json) ? json : job->result;
        return;
    }
    int64_t at_ms = date_ms(json_path_string(terminated, "finishedAt", NULL));
    if (at_ms < job->error_ms) {
        return;
    }
    const char *words = json_path_string(json, "error", NULL);
    const char *reason = json_path_string(terminated, "reason", NULL);
    job->error_ms = at_ms;
    job->error_step = json_path_string(json, "step", NULL);
    job->error = words              ? words
                 : message && !json ? message
                 : reason && !strcmp(reason, "OOMKilled")
                     ? "the pod needed more memory than jobTemplate.resources.limits.memory allows"
                     : arena_printf(arena, "the pod ended with code %lld", (long long)code);
}

static const char *unschedulable(const json_t *pod)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_path(pod, "status", "conditions", NULL), i, item)
    {
        const char *type = json_path_string(item, "type", NULL);
        const char *status = json_path_string(item, "status", NULL);
        if (type && status && !strcmp(type, "PodScheduled") && !strcmp(status, "False")) {
            const char *message = json_path_string(item, "message", NULL);
            return message ? message : "no reason was given";
        }
    }
    return NULL;
}

const char *backup_warning_of(const struct backup_options *options, const char *namespace,
                              const char *uid, int64_t since_ms, struct arena *arena)
{
    const struct kube_api *kube = options->kube;
    json_t *events = NULL, *event;
    const char *message = NULL;
    int64_t newest = since_ms;
    struct error error;
    size_t i;

    if (kube->list(kube->context, &kube_events, namespace, NULL,
                   arena_printf(arena, "involvedObject.uid=%s,type=Warning", uid), &events,
                   &error)) {
        return NULL;
    }
    arena_json(arena, events);
    json_array_foreach(events, i, event)
    {
        int64_t at = date_ms(json_path_string(event, "lastTimestamp", NULL));
        if (at >= newest) {
            newest = at;
            message = json_path_string(event, "message", NULL);
        }
    }
    return message;
}

static const char *waits_for(const struct backup_options *options, const json_t *pod,
                             const struct backup_world *world, struct arena *arena)
{
    const char *name = json_path_string(pod, "metadata", "name", NULL);
    const char *nowhere = unschedulable(pod);
    const json_t *waiting = container_state(pod, "waiting");
    const char *reason = json_path_string(waiting, "reason", NULL);
    const char *message = json_path_string(waiting, "message", NULL);
    int64_t age_ms =
        world->now_ms - date_ms(json_path_string(pod, "metadata", "creationTimestamp", NULL));

    if (nowhere) {
        return arena_printf(arena, "pod %s finds no node: %s", name, nowhere);
    }
    if (reason && strcmp(reason, "ContainerCreating") != 0 &&
        strcmp(reason, "PodInitializing") != 0) {
        return arena_printf(arena, "pod %s waits: %s%s%s", name, reason, message ? ": " : "",
                            message ? message : "");
    }
    if (age_ms > STARTS_WITHIN_MS) {
        const char *warning = backup_warning_of(
            options, world->namespace, json_path_string(pod, "metadata", "uid", NULL), 0, arena);
        return warning ? arena_printf(arena, "pod %s waits: %s", name, warning) : NULL;
    }
    return NULL;
}

static void observe_pod(const struct backup_options *options, const json_t *pod,
                        const struct backup_world *world, struct arena *arena,
                        struct backup_job *job)
{
    const json_t *terminated = container_state(pod, "terminated");

    if (terminated) {
        observe_end(terminated, arena, job);
    } else if (container_state(pod, "running")) {
        job->running = true;
        job->pod_ip = json_path_string(pod, "status", "podIP", NULL);
    } else if (!json_path(pod, "metadata", "deletionTimestamp", NULL)) {
        job->waits_for = waits_for(options, pod, world, arena);
    }
}

static void observe_pods(const struct backup_options *options, const json_t *pods,
                         const struct backup_world *world, struct arena *arena, const char *purpose,
                         struct backup_job *job)
{
    size_t i;
    json_t *pod;

    json_array_foreach(pods, i, pod)
    {
        const char *has = json_path_string(pod, "metadata", "labels", LABEL_PURPOSE, NULL);
        if (!has || strcmp(has, purpose) != 0) {
            continue;
        }
        job->pods_left++;
        if (job->exists && object_is_owned_by(pod, job->uid)) {
            observe_pod(options, pod, world, arena, job);
        }
    }
}

/* A Job that can make no pods: a quota, an admission webhook. */
static void observe_no_pod(const struct backup_options *options, const struct backup_world *world,
                           const json_t *object, struct arena *arena, struct backup_job *job)
{
    int64_t created_ms = date_ms(json_path_string(object, "metadata", "creationTimestamp", NULL));

    if (job->exists && !job->complete && !job->pods_left &&
        world->now_ms - created_ms > STARTS_WITHIN_MS) {
        const char *warning = backup_warning_of(options, world->namespace, job->uid, 0, arena);
        job->waits_for =
            warning ? arena_printf(arena, "Job %s makes no pod: %s", job->name, warning) : NULL;
    }
}

int backup_observe_jobs(const struct backup_options *options, struct arena *arena,
                        struct backup_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const char *owner = backup_owner(arena, world->name);
    json_t *jobs = NULL, *pods = NULL, *object;
    size_t i;

    int result =
        kube->cached_list(kube->context, &kube_jobs, world->namespace, owner, &jobs, error);
    if (!result) {
        arena_json(arena, jobs);
        result =
            kube->cached_list(kube->context, &kube_pods, world->namespace, owner, &pods, error);
    }
    if (result) {
        return result;
    }
    arena_json(arena, pods);
    const struct {
        const char *purpose;
        struct backup_job *job;
    } both[] = {{PURPOSE_SAVE, &world->save}, {PURPOSE_REMOVE, &world->remove}};
    for (size_t k = 0; k < sizeof both / sizeof *both; k++) {
        const char *name = backup_job_name(arena, world->name, both[k].purpose);
        const json_t *mine = NULL;
        json_array_foreach(jobs, i, object)
        {
            const char *has = json_path_string(object, "metadata", "name", NULL);
            if (has && !strcmp(has, name) && object_is_owned_by(object, world->uid)) {
                mine = object;
                observe_job(object, both[k].job);
            }
        }
        observe_pods(options, pods, world, arena, both[k].purpose, both[k].job);
        observe_no_pod(options, world, mine, arena, both[k].job);
    }
    return 0;
}
