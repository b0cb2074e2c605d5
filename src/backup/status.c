#include "backup/status.h"

#include "backup/destination.h"
#include "base/clock.h"
#include "base/json.h"
#include "cluster/status.h"

#define PERCENT_STEP 5

static const char *const condition_names[BACKUP_N_CONDITIONS] = {
    [BACKUP_COMPLETE] = "Complete",
    [BACKUP_FAILED] = "Failed",
};

static const char *const schedule_condition_names[BACKUP_N_CONDITIONS] = {
    [BACKUP_SCHEDULED] = "Scheduled",
    [BACKUP_SUCCEEDING] = "Succeeding",
};

static void set_date(json_t *status, const char *name, int64_t at_ms)
{
    char date[CLOCK_RFC3339_SIZE];
    json_object_set_new(status, name, json_string(clock_rfc3339(at_ms, date, sizeof date)));
}

/* The result's names, and the status's. */
static void set_result(json_t *status, const json_t *result)
{
    static const struct {
        const char *from, *to;
        json_type type;
    } fields[] = {
        {"size", "size", JSON_INTEGER},          {"databaseSize", "uncompressedSize", JSON_INTEGER},
        {"sha256", "sha256", JSON_STRING},       {"etcdVersion", "etcdVersion", JSON_STRING},
        {"clusterID", "clusterID", JSON_STRING}, {"revision", "revision", JSON_INTEGER},
        {"records", "records", JSON_INTEGER},    {"encryptionKey", "encryptionKey", JSON_STRING},
        {"pruned", "pruned", JSON_ARRAY},        {"pruneError", "pruneError", JSON_STRING},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        json_t *value = json_object_get(result, fields[i].from);
        if (value && json_typeof(value) == fields[i].type) {
            json_object_set(status, fields[i].to, value);
        }
    }
}

/* Rounded, or a backup of an hour would be hundreds of writes. */
static void set_progress(json_t *status, const struct backup_world *world)
{
    const struct backup_progress *progress = &world->progress;
    json_t *json = json_pack("{s:s, s:I}", "step", progress->step, "bytes",
                             (json_int_t)status_round_size(progress->bytes));

    if (progress->total > 0) {
        int64_t percent = progress->bytes * 100 / progress->total / PERCENT_STEP * PERCENT_STEP;
        int64_t shown = percent < 0 ? 0 : percent > 100 ? 100 : percent;
        json_object_set_new(json, "total", json_integer(status_round_size(progress->total)));
        json_object_set_new(json, "percent", json_integer(shown));
        /* As coarse as the percentage. */
        json_object_set_new(json, "bytes",
                            json_integer(status_round_size(progress->total * shown / 100)));
    }
    json_object_set_new(status, "progress", json);
}

json_t *backup_status_encode(const struct backup_world *world, const struct backup_plan *plan,
                             struct arena *arena)
{
    const json_t *old = json_object_get(world->object, "status");
    json_t *status = old ? json_deep_copy(old) : json_object();

    json_object_set_new(status, "observedGeneration", json_integer(world->generation));
    if (plan->phase) {
        json_object_set_new(status, "phase", json_string(plan->phase));
        json_object_set_new(status, "message", json_string(plan->message));
        json_object_set_new(
            status, "conditions",
            conditions_encode(world->spec.schedule ? schedule_condition_names : condition_names,
                              plan->conditions, BACKUP_N_CONDITIONS, old, world->generation,
                              world->now_ms));
    }
    if (!world->started && (plan->action == BACKUP_CREATE_SAVE || world->save.exists)) {
        set_date(status, "startTime", world->now_ms);
        json_object_set_new(
            status, "location",
            json_string(destination_location(arena, &world->spec, world->object_name)));
    }
    if (plan->active) {
        json_object_set(status, "active", plan->active);
    }
    if (plan->last_tick_ms) {
        set_date(status, "lastScheduleTime", plan->last_tick_ms);
    }
    if (plan->last_success_ms) {
        set_date(status, "lastSuccessfulTime", plan->last_success_ms);
    }
    if (world->progress.known && !plan->ends) {
        set_progress(status, world);
    } else if (plan->ends) {
        json_object_del(status, "progress");
    }
    if (plan->ends) {
        set_result(status, plan->result);
        set_date(status, "completionTime", world->now_ms);
    }
    return status;
}
