/* What a schedule has: its CronJob, the ticks that were made and the backups that were taken. */
#include <stdlib.h>
#include <string.h>

#include "backup/names.h"
#include "backup/observe.h"
#include "backup/schedule.h"
#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"
#include "cluster/objects.h"

#define WARNED_WITHIN_MS (60 * 60 * 1000)

static int64_t date_ms(const json_t *object, const char *name)
{
    const char *date = json_path_string(object, name, NULL);
    return date ? clock_parse_rfc3339(date) : 0;
}

/* It is not watched: it changes with a tick, which the Jobs' watch tells. */
static int observe_cron_job(const struct backup_options *options, struct arena *arena,
                            struct backup_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    struct backup_schedule *schedule = &world->schedule;
    json_t *live = NULL;

    int result =
        kube->get(kube->context, &kube_cron_jobs, world->namespace, world->name, &live, error);
    if (result == -(int)ERROR_NOT_FOUND) {
        return 0;
    }
    if (result) {
        return result;
    }
    schedule->cron_job = arena_json(arena, live);
    schedule->cron_job_is_ours = object_is_owned_by(live, world->uid);
    schedule->cron_difference =
        object_difference(arena, arena_json(arena, backup_cron_job(world)), live);
    schedule->cron_warning = backup_warning_of(options, world->namespace,
                                               json_path_string(live, "metadata", "uid", NULL),
                                               world->now_ms - WARNED_WITHIN_MS, arena);
    return 0;
}

static int observe_ticks(const struct backup_options *options, struct arena *arena,
                         struct backup_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    struct backup_schedule *schedule = &world->schedule;
    json_t *jobs = NULL, *job;
    size_t i;

    int result = kube->cached_list(kube->context, &kube_jobs, world->namespace,
                                   backup_owner(arena, world->name), &jobs, error);
    if (result) {
        return result;
    }
    arena_json(arena, jobs);
    schedule->ticks = arena_alloc(arena, (json_array_size(jobs) + 1) * sizeof *schedule->ticks);
    json_array_foreach(jobs, i, job)
    {
        const char *purpose = json_path_string(job, "metadata", "labels", LABEL_PURPOSE, NULL);
        const char *name = json_path_string(job, "metadata", "name", NULL);
        bool is_tick = purpose && !strcmp(purpose, PURPOSE_TICK) &&
                       !json_path(job, "metadata", "deletionTimestamp", NULL);
        if (is_tick && backup_tick_ms(name)) {
            schedule->ticks[schedule->n_ticks++] =
                (struct backup_tick){.name = name,
                                     .uid = json_path_string(job, "metadata", "uid", NULL),
                                     .at_ms = backup_tick_ms(name)};
        }
    }
    return 0;
}

static struct backup_child child_of(const json_t *object, struct arena *arena)
{
    const json_t *status = json_object_get(object, "status");
    const json_t *metadata = json_object_get(object, "metadata");
    const char *phase = json_path_string(status, "phase", NULL);

    return (struct backup_child){
        .name = json_path_string(metadata, "name", NULL),
        .uid = json_path_string(metadata, "uid", NULL),
        .object_name = backup_object_name(arena, object),
        .message = json_path_string(status, "message", NULL),
        .deleting = json_path(metadata, "deletionTimestamp", NULL) != NULL,
        .ended = json_path(status, "completionTime", NULL) != NULL,
        .completed = phase && !strcmp(phase, "Completed"),
        .created_ms = date_ms(metadata, "creationTimestamp"),
        .completed_ms = date_ms(status, "completionTime"),
        .pruned = json_path(status, "pruned", NULL),
        .prune_error = json_path_string(status, "pruneError", NULL),
    };
}

static int by_name(const void *a, const void *b)
{
    const struct backup_child *one = a, *other = b;
    return strcmp(one->name, other->name);
}

static int observe_children(const struct backup_options *options, struct arena *arena,
                            struct backup_world *world, struct error *error)
{
    const struct kube_api *kube = options->kube;
    struct backup_schedule *schedule = &world->schedule;
    json_t *all = NULL, *object;
    size_t i;

    int result =
        kube->cached_list(kube->context, &kube_etcd_backups, world->namespace, NULL, &all, error);
    if (result) {
        return result;
    }
    arena_json(arena, all);
    schedule->children =
        arena_alloc(arena, (json_array_size(all) + 1) * sizeof *schedule->children);
    json_array_foreach(all, i, object)
    {
        if (object_is_owned_by(object, world->uid)) {
            schedule->children[schedule->n_children++] = child_of(object, arena);
        }
    }
    qsort(schedule->children, schedule->n_children, sizeof *schedule->children, by_name);
    return 0;
}

int backup_observe_schedule(const struct backup_options *options, struct arena *arena,
                            struct backup_world *world, struct error *error)
{
    const json_t *status = json_object_get(world->object, "status");

    world->schedule.last_tick_ms = date_ms(status, "lastScheduleTime");
    world->schedule.last_success_ms = date_ms(status, "lastSuccessfulTime");
    int result = observe_cron_job(options, arena, world, error);
    if (!result) {
        result = observe_ticks(options, arena, world, error);
    }
    return result ? result : observe_children(options, arena, world, error);
}

/* The retention that holds is what the schedule says when the Job is made. */
void backup_observe_parent(const struct backup_options *options, struct arena *arena,
                           struct backup_world *world)
{
    const struct kube_api *kube = options->kube;
    const char *name = json_path_string(world->object, "metadata", "labels", LABEL_SCHEDULE, NULL);
    struct etcdbackup_spec spec;
    struct error error;
    json_t *parent = NULL;

    if (!name || kube->cached_get(kube->context, &kube_etcd_backups, world->namespace, name,
                                  &parent, &error)) {
        return;
    }
    arena_json(arena, parent);
    const char *uid = json_path_string(parent, "metadata", "uid", NULL);
    if (object_is_owned_by(world->object, uid)) {
        world->schedule_uid = uid;
        if (!etcdbackup_decode(parent, arena, &spec, &error)) {
            world->retention = spec.retention;
        }
    }
}
