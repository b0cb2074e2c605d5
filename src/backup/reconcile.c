#include "backup/reconcile.h"

#include <string.h>

#include "backup/act.h"
#include "backup/names.h"
#include "backup/observe.h"
#include "backup/plan.h"
#include "backup/status.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define AFTER_ACTION_MS 500 /* Until the watch shows it. */

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* What changed for a person: the phase, and what is wrong. */
static void tell(const struct backup_options *options, const struct backup_world *world,
                 const struct backup_plan *plan)
{
    const struct kube_api *kube = options->kube;
    const char *phase = json_path_string(world->object, "status", "phase", NULL);
    const char *message = json_path_string(world->object, "status", "message", NULL);
    const struct condition *complete = &plan->conditions[BACKUP_COMPLETE];

    if (*plan->message && !same_text(message, plan->message)) {
        kube->event(kube->context, world->object, "Warning", complete->reason, plan->message);
    } else if (!same_text(phase, plan->phase)) {
        kube->event(kube->context, world->object, "Normal", plan->phase, complete->message);
    }
}

static int write_status(const struct backup_options *options, const struct backup_world *world,
                        const struct backup_plan *plan, struct arena *arena, struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *status = backup_status_encode(world, plan, arena);
    const json_t *old = json_object_get(world->object, "status");

    if (old && json_equal(old, status)) {
        return 0;
    }
    AUTO_JSON json_t *object = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:O}", "apiVersion", ETCDCLUSTER_API_VERSION, "kind",
        "EtcdBackup", "metadata", "name", world->name, "namespace", world->namespace, "uid",
        world->uid, "resourceVersion", world->resource_version, "status", status);
    int result = kube->replace_status(kube->context, &kube_etcd_backups, object, NULL, error);
    if (result == -(int)ERROR_NOT_FOUND) { /* It is gone, and the watch is to come. */
        return 0;
    }
    if (result) {
        return error_wrap(error, "writing the status");
    }
    if (plan->phase) {
        tell(options, world, plan);
    }
    return 0;
}

static bool is_refusal(int result)
{
    return result == -(int)ERROR_INVALID || result == -(int)ERROR_DENIED ||
           result == -(int)ERROR_TERMINAL;
}

/* A namespace that is being deleted takes no new objects: what is stored cannot be removed, and the
 * namespace must not be held up. */
static bool namespace_goes(const struct backup_world *world, const struct error *error)
{
    return world->deleting && strstr(error->message, "because it is being terminated");
}

static int carry_out(const struct backup_options *options, const struct backup_world *world,
                     struct backup_plan *plan, struct arena *arena, struct error *error)
{
    const struct kube_api *kube = options->kube;
    bool is_finalizer =
        plan->action == BACKUP_ADD_FINALIZER || plan->action == BACKUP_REMOVE_FINALIZER;

    int result = backup_act(options, world, plan, arena, error);
    if (is_refusal(result) && namespace_goes(world, error)) {
        kube->event(kube->context, world->object, "Warning", "NamespaceDeleted",
                    "the namespace is being deleted, so the stored backup is not removed");
        plan->action = BACKUP_REMOVE_FINALIZER;
        return backup_act(options, world, plan, arena, error);
    }
    if (is_refusal(result) && !is_finalizer) {
        backup_plan_refused(plan, arena_strdup(arena, error->message));
        result = 0;
    }
    if (!result && plan->why) {
        kube->event(kube->context, world->object, "Normal", "Scheduled", plan->why);
    }
    /* A finalizer's patch has made the version that the status would name an old one. */
    return result || is_finalizer ? result : write_status(options, world, plan, arena, error);
}

static void publish(const struct backup_options *options, const struct backup_world *world,
                    const struct backup_plan *plan)
{
    const char *schedule =
        json_path_string(world->object, "metadata", "labels", LABEL_SCHEDULE, NULL);
    const char *done = json_path_string(world->object, "status", "completionTime", NULL);
    bool failed = plan->ends && !plan->result;
    int64_t completed_ms = plan->ends && plan->result ? world->now_ms
                           : world->completed && done && world->cluster.exists
                               ? clock_parse_rfc3339(done)
                               : 0;

    if (options->publish && !world->deleting && (failed || completed_ms)) {
        options->publish(options->publish_context, world->namespace, world->spec.cluster_name,
                         schedule ? schedule : "", completed_ms, failed);
    }
}

int backup_pass(void *context, const char *key, struct work_result *result, struct error *error)
{
    const struct backup_options *options = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const char *slash = strchr(key, '/');
    struct backup_world world;
    struct backup_plan plan;

    int status = backup_observe(options, arena_strndup(arena, key, (size_t)(slash - key)),
                                slash + 1, arena, &world, error);
    if (status) {
        return status == -(int)ERROR_NOT_FOUND ? 0 : status;
    }
    backup_plan_make(&world, arena, &plan);
    if (plan.action != BACKUP_NOTHING) {
        log_info("acting", "backup", key, "action", backup_action_name(plan.action), NULL);
    }
    status = carry_out(options, &world, &plan, arena, error);
    if (status) {
        return status;
    }
    publish(options, &world, &plan);
    result->requeue_after_ms =
        plan.action == BACKUP_NOTHING || plan.requeue_ms ? plan.requeue_ms : AFTER_ACTION_MS;
    return 0;
}
