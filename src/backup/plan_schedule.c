/* A scheduled EtcdBackup: its CronJob ticks, each tick becomes a backup, and what is no longer kept
 * goes. */
#include <string.h>

#include "backup/plan.h"
#include "base/json.h"

#define AGAIN_MS      5000 /* While a backup runs: no watch tells the schedule of its end. */
#define KEPT_FAILURES 3    /* Failed backups that stay, to be looked at. */

struct scheduling {
    const struct backup_world *world;
    const struct backup_schedule *schedule;
    struct arena *arena;
    struct backup_plan *plan;
};

static void act_on(struct scheduling *scheduling, enum backup_action action, const char *name,
                   const char *uid)
{
    scheduling->plan->action = action;
    scheduling->plan->target = name;
    scheduling->plan->target_uid = uid;
    scheduling->plan->requeue_ms = 0;
}

static const struct backup_child *child_of_tick(const struct backup_schedule *schedule,
                                                const char *name)
{
    for (size_t i = 0; i < schedule->n_children; i++) {
        if (!strcmp(schedule->children[i].name, name)) {
            return &schedule->children[i];
        }
    }
    return NULL;
}

static bool has_tick(const struct backup_schedule *schedule, const char *name)
{
    for (size_t i = 0; i < schedule->n_ticks; i++) {
        if (!strcmp(schedule->ticks[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* True if there is something to do. A tick whose time is recorded had its backup. */
static bool plan_ticks(struct scheduling *scheduling)
{
    const struct backup_schedule *schedule = scheduling->schedule;

    for (size_t i = 0; i < schedule->n_ticks; i++) {
        const struct backup_tick *tick = &schedule->ticks[i];
        const struct backup_child *child = child_of_tick(schedule, tick->name);
        if (!child && tick->at_ms > schedule->last_tick_ms) {
            act_on(scheduling, BACKUP_CREATE_CHILD, tick->name, NULL);
            scheduling->plan->last_tick_ms = tick->at_ms;
            scheduling->plan->why = arena_printf(scheduling->arena, "backup %s is due", tick->name);
            return true;
        }
        if (child && tick->at_ms > scheduling->plan->last_tick_ms) {
            scheduling->plan->last_tick_ms = tick->at_ms; /* The answer to its creation was lost. */
        }
        if (!child || child->ended) {
            act_on(scheduling, BACKUP_DELETE_TICK, tick->name, tick->uid);
            return true;
        }
    }
    return false;
}

/* The CronJob controller took the tick of a running one away, to put another in its place. */
static bool is_replaced(const struct scheduling *scheduling, const struct backup_child *child)
{
    return !child->ended && !strcmp(scheduling->world->spec.concurrency_policy, "Replace") &&
           !has_tick(scheduling->schedule, child->name);
}

static bool is_pruned(const struct backup_schedule *schedule, const struct backup_child *child)
{
    for (size_t i = 0; child->completed && i < schedule->n_children; i++) {
        size_t k;
        json_t *name;
        json_array_foreach(schedule->children[i].pruned, k, name)
        {
            const char *text = json_string_value(name);
            if (text && !strcmp(text, child->object_name)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_old_failure(const struct backup_schedule *schedule, const struct backup_child *child)
{
    int newer = 0;

    for (const struct backup_child *other = child + 1;
         other < schedule->children + schedule->n_children; other++) {
        newer += other->ended && !other->completed;
    }
    return child->ended && !child->completed && newer >= KEPT_FAILURES;
}

static bool plan_children(struct scheduling *scheduling)
{
    const struct backup_schedule *schedule = scheduling->schedule;

    for (size_t i = 0; i < schedule->n_children; i++) {
        const struct backup_child *child = &schedule->children[i];
        const char *why = is_replaced(scheduling, child)    ? "its place is another's"
                          : is_pruned(schedule, child)      ? "the retentionPolicy does not keep it"
                          : is_old_failure(schedule, child) ? "it failed long ago"
                                                            : NULL;
        if (why && !child->deleting) {
            act_on(scheduling, BACKUP_DELETE_CHILD, child->name, child->uid);
            scheduling->plan->why =
                arena_printf(scheduling->arena, "backup %s is deleted: %s", child->name, why);
            return true;
        }
    }
    return false;
}

/* --- What the status says --------------------------------------------------------------- */

static void summarize_last(struct scheduling *scheduling)
{
    const struct backup_schedule *schedule = scheduling->schedule;
    struct backup_plan *plan = scheduling->plan;
    const struct backup_child *last = NULL;

    plan->active = arena_json(scheduling->arena, json_array());
    for (size_t i = 0; i < schedule->n_children; i++) {
        const struct backup_child *child = &schedule->children[i];
        if (child->ended) {
            last = child;
        } else {
            json_array_append_new(plan->active, json_string(child->name));
        }
        if (child->completed && child->completed_ms > plan->last_success_ms) {
            plan->last_success_ms = child->completed_ms;
        }
    }
    struct condition *condition = &plan->conditions[BACKUP_SUCCEEDING];
    if (!last) {
        *condition = (struct condition){
            .is_unknown = true, .reason = "NoneYet", .message = "No backup has ended yet."};
    } else if (!last->completed) {
        *condition = (struct condition){
            .reason = "LastFailed",
            .message = arena_printf(scheduling->arena, "backup %s: %s", last->name, last->message)};
    } else if (last->prune_error) {
        *condition = (struct condition){
            .status = true,
            .reason = "PruningFailed",
            .message = arena_printf(scheduling->arena,
                                    "backup %s is good, but old ones could not be removed: %s",
                                    last->name, last->prune_error)};
    } else {
        *condition = (struct condition){
            .status = true,
            .reason = "LastCompleted",
            .message = arena_printf(scheduling->arena, "backup %s is good", last->name)};
    }
}

static void summarize(struct scheduling *scheduling)
{
    const struct backup_schedule *schedule = scheduling->schedule;
    struct backup_plan *plan = scheduling->plan;
    const struct condition *last = &plan->conditions[BACKUP_SUCCEEDING];
    bool suspended = scheduling->world->spec.suspend;

    plan->phase = suspended ? "Suspended" : "Scheduled";
    plan->last_tick_ms = schedule->last_tick_ms;
    plan->last_success_ms = schedule->last_success_ms;
    summarize_last(scheduling);
    plan->conditions[BACKUP_SCHEDULED] =
        schedule->cron_warning
            ? (struct condition){.reason = "CronJobWarns",
                                 .message =
                                     arena_printf(scheduling->arena, "CronJob %s: %s",
                                                  scheduling->world->name, schedule->cron_warning)}
        : suspended ? (struct condition){.reason = "Suspended",
                                         .message = "spec.suspend holds the schedule"}
                    : (struct condition){.status = true,
                                         .reason = "CronJob",
                                         .message = "The CronJob of this name ticks."};
    plan->message = schedule->cron_warning ? plan->conditions[BACKUP_SCHEDULED].message
                    : (!last->status && !last->is_unknown) || !strcmp(last->reason, "PruningFailed")
                        ? last->message
                        : "";
}

void backup_plan_schedule(const struct backup_world *world, struct arena *arena,
                          struct backup_plan *out)
{
    struct scheduling scheduling = {world, &world->schedule, arena, out};
    const struct backup_schedule *schedule = &world->schedule;

    summarize(&scheduling);
    if (schedule->cron_job && !schedule->cron_job_is_ours) {
        out->conditions[BACKUP_SCHEDULED] = (struct condition){
            .reason = "NameTaken",
            .message = "there is a CronJob of this name already, which is not of this EtcdBackup: "
                       "delete it, or create the EtcdBackup under another name"};
        out->message = out->conditions[BACKUP_SCHEDULED].message;
        out->requeue_ms = AGAIN_MS;
        return;
    }
    if (!schedule->cron_job || schedule->cron_difference) {
        out->action = BACKUP_APPLY_CRON_JOB;
        out->requeue_ms = 0;
        return;
    }
    if (!plan_ticks(&scheduling) && !plan_children(&scheduling) && json_array_size(out->active)) {
        out->requeue_ms = AGAIN_MS;
    }
}
