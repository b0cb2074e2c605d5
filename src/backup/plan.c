#include "backup/plan.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

/* How often what no watch tells is looked at again. */
#define CLUSTER_AGAIN_MS  5000
#define PROGRESS_AGAIN_MS 10000
#define REFUSED_AGAIN_MS  10000
#define REMOVE_PAUSE_MS   60000 /* After a removal that failed. */

const char *backup_action_name(enum backup_action action)
{
    static const char *const names[] = {
        [BACKUP_NOTHING] = "nothing",
        [BACKUP_ADD_FINALIZER] = "add the finalizer",
        [BACKUP_REMOVE_FINALIZER] = "remove the finalizer",
        [BACKUP_CREATE_SAVE] = "create the Job that saves",
        [BACKUP_DELETE_SAVE] = "delete the Job that saves",
        [BACKUP_CREATE_REMOVE] = "create the Job that removes what is stored",
        [BACKUP_DELETE_REMOVE] = "delete the Job that removes what is stored",
        [BACKUP_APPLY_CRON_JOB] = "apply the CronJob",
        [BACKUP_CREATE_CHILD] = "create the backup of a tick",
        [BACKUP_DELETE_CHILD] = "delete a backup of the schedule",
        [BACKUP_DELETE_TICK] = "delete the Job of a tick",
    };
    return names[action];
}

struct planning {
    const struct backup_world *world;
    struct arena *arena;
    struct backup_plan *plan;
};

static void say(struct planning *planning, const char *phase, const char *reason,
                const char *message)
{
    struct backup_plan *plan = planning->plan;
    bool completed = !strcmp(phase, "Completed"), failed = !strcmp(phase, "Failed");

    plan->phase = phase;
    plan->message = completed ? "" : message;
    plan->conditions[BACKUP_COMPLETE] =
        (struct condition){.status = completed, .reason = reason, .message = message};
    plan->conditions[BACKUP_FAILED] =
        (struct condition){.status = failed,
                           .reason = failed ? reason : "NotFailed",
                           .message = failed ? message : "Nothing has failed for good."};
}

static void act_now(struct planning *planning, enum backup_action action)
{
    planning->plan->action = action;
    planning->plan->requeue_ms = 0;
}

static void look_again(struct planning *planning, int64_t in_ms)
{
    planning->plan->requeue_ms = in_ms;
}

static void end(struct planning *planning, const char *phase, const char *reason,
                const char *message)
{
    say(planning, phase, reason, message);
    planning->plan->ends = true;
    planning->plan->requeue_ms = 0;
}

/* --- Deletion --------------------------------------------------------------------------- */

static void plan_removal(struct planning *planning)
{
    const struct backup_world *world = planning->world;
    const struct backup_job *job = &world->remove;

    if (!job->exists) {
        say(planning, "Pending", "Deleting", "the stored backup is being removed");
        act_now(planning, BACKUP_CREATE_REMOVE);
    } else if (job->complete) {
        act_now(planning, BACKUP_REMOVE_FINALIZER);
    } else if (job->failed) {
        say(planning, "Pending", "RemovalFailed",
            arena_printf(planning->arena,
                         "the stored backup could not be removed: %s; it is tried again; with "
                         "deletionPolicy Retain the EtcdBackup goes and the stored backup stays",
                         job->error ? job->error : job->failure_message));
        int64_t again_ms = job->failed_ms + REMOVE_PAUSE_MS - world->now_ms;
        if (again_ms <= 0) {
            act_now(planning, BACKUP_DELETE_REMOVE);
        } else {
            look_again(planning, again_ms);
        }
    } else {
        const char *trouble = job->waits_for ? job->waits_for : job->error;
        say(planning, "Pending", "Deleting",
            arena_printf(planning->arena, "the stored backup is being removed%s%s",
                         trouble ? ": " : "", trouble ? trouble : ""));
        look_again(planning, PROGRESS_AGAIN_MS);
    }
}

/* Without a finalizer the garbage collector ends the Job, whose pod aborts its upload. */
static void plan_deletion(struct planning *planning)
{
    const struct backup_world *world = planning->world;

    if (!world->has_finalizer) {
        return;
    }
    if (world->spec_problem || strcmp(world->spec.deletion_policy, "Delete") != 0 ||
        (!world->started && !world->save.exists)) {
        act_now(planning, BACKUP_REMOVE_FINALIZER);
    } else if (world->save.exists && !world->save.deleting) {
        act_now(planning, BACKUP_DELETE_SAVE);
    } else if (world->save.exists || world->save.pods_left) {
        say(planning, "Pending", "Deleting", "the pod that takes the backup is being stopped");
        look_again(planning, CLUSTER_AGAIN_MS);
    } else {
        plan_removal(planning);
    }
}

/* --- After the end ---------------------------------------------------------------------- */

static bool wants_finalizer(const struct backup_world *world)
{
    return !world->spec_problem && !strcmp(world->spec.deletion_policy, "Delete");
}

/* True if there is something to do about it. */
static bool plan_finalizer(struct planning *planning)
{
    bool wanted = wants_finalizer(planning->world);

    if (wanted == planning->world->has_finalizer) {
        return false;
    }
    act_now(planning, wanted ? BACKUP_ADD_FINALIZER : BACKUP_REMOVE_FINALIZER);
    return true;
}

/* A failed Job stays, with the logs of its pods. */
static void plan_ended(struct planning *planning)
{
    const struct backup_world *world = planning->world;

    if (!plan_finalizer(planning) && world->completed && world->save.exists &&
        !world->save.deleting) {
        act_now(planning, BACKUP_DELETE_SAVE);
    }
}

/* --- The run ---------------------------------------------------------------------------- */

static const char *progress_words(const struct planning *planning)
{
    const struct backup_progress *progress = &planning->world->progress;

    return progress->known ? arena_printf(planning->arena, "the pod runs: %s", progress->step)
                           : "the pod runs";
}

static void plan_failed_job(struct planning *planning)
{
    const struct backup_job *job = &planning->world->save;
    bool late = job->failure_reason && !strcmp(job->failure_reason, "DeadlineExceeded");

    if (late) {
        end(planning, "Failed", "DeadlineExceeded",
            arena_printf(planning->arena,
                         "the deadline of the spec has passed: %s; create another EtcdBackup, with "
                         "a longer deadline if this one only was slow",
                         job->error       ? job->error
                         : job->waits_for ? job->waits_for
                                          : "the backup was still being taken"));
    } else {
        end(planning, "Failed", "SaveFailed",
            arena_printf(planning->arena,
                         "%s%s%s; the log of the pods of Job %s says more; when that is mended, "
                         "create another EtcdBackup",
                         job->error             ? job->error
                         : job->failure_message ? job->failure_message
                                                : "the Job failed",
                         job->error_step ? ", at the step " : "",
                         job->error_step ? job->error_step : "", job->name));
    }
}

static void plan_running(struct planning *planning)
{
    const struct backup_job *job = &planning->world->save;

    if (job->running) {
        say(planning, "Running", "Running", progress_words(planning));
        planning->plan->message = "";
    } else if (job->waits_for) {
        say(planning, "Running", "PodWaits", job->waits_for);
    } else if (job->error) {
        say(planning, "Running", "Retrying",
            arena_printf(planning->arena,
                         "%d of its attempts failed, the last so: %s; it is tried "
                         "again",
                         job->failures, job->error));
    } else {
        say(planning, "Running", "PodStarts", "the pod is being started");
        planning->plan->message = "";
    }
    look_again(planning, PROGRESS_AGAIN_MS);
}

/* A Job that is done but whose pod is gone has left no result: the next one finds the manifest of
 * this EtcdBackup in the store, confirms it and reports it. */
static void plan_job(struct planning *planning)
{
    const struct backup_job *job = &planning->world->save;

    if (job->deleting) {
        say(planning, "Running", "JobGoes", "an earlier Job is being deleted");
        look_again(planning, CLUSTER_AGAIN_MS);
    } else if (job->complete && job->result) {
        planning->plan->result = job->result;
        end(planning, "Completed", "Confirmed",
            "The snapshot is proven and the store has confirmed what it keeps.");
    } else if (job->complete) {
        say(planning, "Running", "ResultLost",
            "the result of the Job is lost with its pod; another one looks at what is stored");
        act_now(planning, BACKUP_DELETE_SAVE);
    } else if (job->failed) {
        plan_failed_job(planning);
    } else {
        plan_running(planning);
    }
}

/* Why no backup can be taken of the cluster now, or NULL. */
static const char *cluster_obstacle(const struct planning *planning, const char **reason)
{
    const struct backup_world *world = planning->world;
    const char *name = world->spec.cluster_name;

    if (!world->cluster.exists) {
        *reason = "NoCluster";
        return arena_printf(planning->arena,
                            "there is no EtcdCluster %s in this namespace: create it, or mend "
                            "spec.clusterName in another EtcdBackup",
                            name);
    }
    if (!world->cluster.formed) {
        *reason = "ClusterForms";
        return arena_printf(planning->arena, "EtcdCluster %s has not formed yet%s%s", name,
                            world->cluster.message ? ": " : "",
                            world->cluster.message ? world->cluster.message : "");
    }
    if (!world->cluster.serves || !*world->cluster.endpoints) {
        *reason = "ClusterHasNoQuorum";
        return arena_printf(planning->arena, "EtcdCluster %s does not serve%s%s", name,
                            world->cluster.message ? ": " : "",
                            world->cluster.message ? world->cluster.message : "");
    }
    return NULL;
}

static void plan_start(struct planning *planning)
{
    const struct backup_world *world = planning->world;
    int64_t deadline_ms = world->created_ms + world->spec.deadline_ms;
    const char *reason = "Starting";
    const char *obstacle = cluster_obstacle(planning, &reason);
    char date[CLOCK_RFC3339_SIZE];

    if (world->now_ms >= deadline_ms) {
        end(planning, "Failed", "DeadlineExceeded",
            arena_printf(planning->arena,
                         "the deadline of the spec has passed%s%s; create another EtcdBackup",
                         obstacle ? ": " : "", obstacle ? obstacle : ""));
        return;
    }
    if (obstacle) {
        say(planning, "Pending", reason,
            arena_printf(planning->arena, "%s (waiting until %s)", obstacle,
                         clock_rfc3339(deadline_ms, date, sizeof date)));
        look_again(planning, CLUSTER_AGAIN_MS);
        return;
    }
    say(planning, world->started ? "Running" : "Pending", "Starting", "the Job is being made");
    act_now(planning, BACKUP_CREATE_SAVE);
}

void backup_plan_make(const struct backup_world *world, struct arena *arena,
                      struct backup_plan *out)
{
    struct planning planning = {world, arena, out};

    *out = (struct backup_plan){.requeue_ms = -1, .message = ""};
    if (world->deleting) {
        plan_deletion(&planning);
    } else if (world->ended) {
        plan_ended(&planning);
    } else if (world->spec_problem) {
        say(&planning, "Failed", "InvalidSpec", world->spec_problem);
    } else if (world->spec.schedule) {
        backup_plan_schedule(world, arena, out);
    } else if (plan_finalizer(&planning)) {
        return;
    } else if (world->save.exists) {
        plan_job(&planning);
    } else {
        plan_start(&planning);
    }
}

void backup_plan_refused(struct backup_plan *plan, const char *message)
{
    plan->message = message;
    plan->action = BACKUP_NOTHING;
    plan->why = NULL;
    if (!plan->phase) {
        return;
    }
    plan->conditions[BACKUP_COMPLETE] = (struct condition){.reason = "Refused", .message = message};
    plan->requeue_ms = REFUSED_AGAIN_MS;
}
