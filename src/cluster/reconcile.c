#include "cluster/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "cluster/act.h"
#include "cluster/drawing.h"
#include "cluster/kill_point.h"
#include "cluster/memo.h"
#include "cluster/observe.h"
#include "cluster/plan.h"

#define MAX_BUSY_PASSES     50 /* Passes in a row that act, before they are slowed down. */
#define SLOWED_DOWN_MS      1000
#define AFTER_DELETE_MS     200 /* Until the watch shows it. */
#define ETCD_AGAIN_MS       500 /* After etcd refused for now. */
#define TAKEN_NAME_AGAIN_MS 10000

struct reconciler {
    struct reconciler_options options;
    struct memos *memos;
    struct drawings *drawings;
};

struct reconciler *reconciler_new(const struct reconciler_options *options)
{
    struct reconciler *reconciler = xcalloc(1, sizeof *reconciler);
    reconciler->options = *options;
    reconciler->memos = memos_new();
    reconciler->drawings = drawings_new();
    return reconciler;
}

void reconciler_free(struct reconciler *reconciler)
{
    if (reconciler) {
        memos_free(reconciler->memos);
        drawings_free(reconciler->drawings);
        free(reconciler);
    }
}

static void publish(const struct reconciler_options *options, const struct world *world,
                    const struct plan *plan)
{
    if (options->publish) {
        options->publish(options->publish_context, world->names->namespace, world->names->cluster,
                         plan->status.phase, plan->status.size, plan->status.ready_replicas,
                         world_has_quorum(world),
                         plan->status.conditions[CONDITION_QUORUM_LOST].status);
    }
}

static void cluster_is_gone(struct reconciler *reconciler, const char *key, const char *namespace,
                            const char *name)
{
    const struct reconciler_options *options = &reconciler->options;

    memos_drop(reconciler->memos, key);
    options->etcd->forget(options->etcd->context, key);
    if (options->publish) {
        options->publish(options->publish_context, namespace, name, NULL, 0, 0, false, false);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* What changed for a person: the phase, and what is wrong. */
static void tell(const struct reconciler_options *options, const struct world *world,
                 const struct plan *plan)
{
    const struct kube_api *kube = options->kube;
    const json_t *old = json_object_get(world->object, "status");
    const struct condition *degraded = &plan->status.conditions[CONDITION_DEGRADED];
    const struct condition *applied = &plan->status.conditions[CONDITION_SPEC_APPLIED];
    const char *old_phase = json_path_string(old, "phase", NULL);
    const char *old_message = json_path_string(old, "message", NULL);

    if (!same_text(old_phase, plan->status.phase)) {
        kube->event(kube->context, world->object, "Normal", plan->status.phase,
                    plan->reason ? plan->reason : "the phase changed");
    }
    if (degraded->status && !same_text(old_message, plan->status.message)) {
        kube->event(kube->context, world->object, "Warning", degraded->reason, degraded->message);
    } else if (!applied->status && !same_text(old_message, plan->status.message)) {
        kube->event(kube->context, world->object, "Warning", plan->rule, applied->message);
    }
}

static void tell_action(const struct reconciler_options *options, const struct world *world,
                        const struct plan *plan)
{
    const struct kube_api *kube = options->kube;

    switch (plan->action.kind) {
    case ACTION_DELETE_PODS:
    case ACTION_GRANT_PERMITS:
    case ACTION_STOP_ETCD:
    case ACTION_ADD_MEMBER:
    case ACTION_PROMOTE_MEMBER:
    case ACTION_REMOVE_MEMBER:
    case ACTION_MOVE_LEADER:
    case ACTION_COMPACT:
    case ACTION_DEFRAGMENT:
    case ACTION_DISARM:
    case ACTION_GROW_CLAIMS:
    case ACTION_ORPHAN_SET:
        kube->event(kube->context, world->object, "Normal", plan->rule, plan->reason);
        break;
    case ACTION_NONE:
    case ACTION_CHECK_HASHES:
    case ACTION_ADD_FINALIZER:
    case ACTION_REMOVE_FINALIZER:
    case ACTION_REPEAT_PERMITS:
    case ACTION_RETIRE_PERMITS:
    case ACTION_ISSUE_CERTIFICATES:
    case ACTION_APPLY:
    case ACTION_REMOVE:
        break;
    }
}

static bool same_json(const json_t *a, const json_t *b)
{
    return a && b ? json_equal(a, b) : a == b;
}

static bool must_record(const struct world *world, const json_t *status)
{
    const json_t *old = json_object_get(world->object, "status");
    return !same_json(json_object_get(status, "bootstrap"), json_object_get(old, "bootstrap")) ||
           !same_json(json_object_get(status, "recovery"), json_object_get(old, "recovery")) ||
           !same_json(json_object_get(status, "clusterID"), json_object_get(old, "clusterID")) ||
           !same_json(json_object_get(status, "targetVersion"),
                      json_object_get(old, "targetVersion"));
}

/* Writes the status if it says something new. */
static int write_status(const struct reconciler_options *options, const struct world *world,
                        const struct plan *plan, json_t *status, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const json_t *old = json_object_get(world->object, "status");

    if (same_json(old, status) && !MUTANT(StatusAlwaysWritten)) {
        return 0;
    }
    AUTO_JSON json_t *object =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s*}, s:O}", "apiVersion", ETCDCLUSTER_API_VERSION,
                  "kind", "EtcdCluster", "metadata", "name", world->names->cluster, "namespace",
                  world->names->namespace, "uid", world->uid, "resourceVersion",
                  MUTANT(StaleCacheTrusted) ? NULL : world->resource_version, "status", status);
    int result = kube->replace_status(kube->context, &kube_etcd_clusters, object, NULL, error);
    if (result == -(int)ERROR_NOT_FOUND) { /* The last finalizer went, and the watch is to come. */
        return 0;
    }
    if (result) {
        return error_wrap(error, "writing the status");
    }
    tell(options, world, plan);
    kill_point(world, "status-written");
    return 0;
}

static int64_t requeue_after(struct memo *memo, const struct plan *plan, bool recorded)
{
    if (plan->action.kind == ACTION_NONE) {
        memo->etcd_says[0] = '\0';
        memo->busy_passes = 0;
        if (recorded) { /* No store tells of it, and the next pass is to act upon it. */
            return 0;
        }
        return memo->taken_resource ? TAKEN_NAME_AGAIN_MS : plan->requeue_ms;
    }
    if (memo->etcd_says[0]) {
        return ETCD_AGAIN_MS;
    }
    if (++memo->busy_passes > MAX_BUSY_PASSES) {
        return SLOWED_DOWN_MS;
    }
    switch (plan->action.kind) {
    case ACTION_DELETE_PODS:
    case ACTION_STOP_ETCD:
    case ACTION_REMOVE:
    case ACTION_REMOVE_FINALIZER:
        return AFTER_DELETE_MS;
    default:
        return 0;
    }
}

static int carry_out(struct reconciler *reconciler, struct memo *memo, const struct world *world,
                     const struct plan *plan, bool *recorded, struct error *error)
{
    const struct reconciler_options *options = &reconciler->options;
    AUTO_JSON json_t *status = cluster_status_encode(
        &plan->status, json_object_get(world->object, "status"), world->now_ms);

    /* Intent first: what is recorded stands in the status before it is acted upon. So does what
     * keeps being refused, or nobody would hear of it. The finalizer acts on nothing recorded, and
     * needs the object as it was read. */
    bool is_finalizer = plan->action.kind == ACTION_ADD_FINALIZER;
    *recorded = must_record(world, status);
    if ((*recorded && !is_finalizer && !MUTANT(ActFirst)) || plan->action.kind == ACTION_NONE ||
        world->refusal || world->etcd_says) {
        int result = write_status(options, world, plan, status, error);
        if (result) {
            return result;
        }
    }
    if (plan->action.kind != ACTION_NONE) {
        log_info("acting", "cluster", memo->key, "rule", plan->rule, "reason", plan->reason, NULL);
    }
    int result = act(options, memo, world, plan, error);
    bool refused = result == -(int)ERROR_INVALID || result == -(int)ERROR_DENIED ||
                   result == -(int)ERROR_TERMINAL;
    if (!result || refused) {
        snprintf(memo->refusal, sizeof memo->refusal, "%s", refused ? error->message : "");
    }
    if (!result && !memo->etcd_says[0]) {
        tell_action(options, world, plan);
    }
    return result;
}

/* A drawing, for the time of a pass. */
struct loan {
    struct drawings *from;
    struct drawing *drawing;
};

static void give_back(struct loan *loan)
{
    drawings_give(loan->from, loan->drawing);
}

int reconciler_pass(void *context, const char *key, struct work_result *result, struct error *error)
{
    struct reconciler *reconciler = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const char *slash = strchr(key, '/');
    struct world world;
    struct plan plan;
    bool recorded;

    const char *namespace = arena_strndup(arena, key, (size_t)(slash - key));
    result->requeue_after_ms = -1;
    memos_mark(reconciler->memos, key, false); /* Before anything is read. */
    int status = observe_object(&reconciler->options, namespace, slash + 1, arena, &world, error);
    if (status == -(int)ERROR_NOT_FOUND) {
        cluster_is_gone(reconciler, key, namespace, slash + 1);
        return 0;
    }
    if (status) {
        return status;
    }
    struct memo *memo = memos_get(reconciler->memos, key, world.uid);
    quiet_forget(&memo->quiet);
    CLEANUP(give_back)
    struct loan loan = {reconciler->drawings, drawings_take(reconciler->drawings, world.uid)};
    world.drawing = &loan.drawing;
    if (observe_cluster(&reconciler->options, memo, arena, &world, error)) {
        return -(int)error->kind;
    }
    plan_make(&world, arena, &plan);
    publish(&reconciler->options, &world, &plan);
    if (reconciler->options.planned) {
        reconciler->options.planned(reconciler->options.planned_context, &world, &plan);
    }
    if (carry_out(reconciler, memo, &world, &plan, &recorded, error)) {
        return -(int)error->kind;
    }
    if (!recorded) {
        quiet_note(&memo->quiet, &world, &plan);
    }
    result->requeue_after_ms = requeue_after(memo, &plan, recorded);
    if (memo->quiet.addresses) {
        result->requeue_after_ms =
            quiet_interval_ms(result->requeue_after_ms, memos_length(reconciler->memos));
    }
    return 0;
}

void reconciler_changed(struct reconciler *reconciler, const char *key)
{
    memos_mark(reconciler->memos, key, true);
}

bool reconciler_look(struct reconciler *reconciler, const char *key, struct work_result *result)
{
    struct memo *memo = memos_unchanged(reconciler->memos, key);

    if (!memo || !quiet_look(&memo->quiet, reconciler->options.etcd, key, &memo->certificates)) {
        return false;
    }
    result->requeue_after_ms =
        quiet_interval_ms(memo->quiet.interval_ms, memos_length(reconciler->memos));
    return true;
}
