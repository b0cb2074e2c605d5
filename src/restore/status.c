#include <string.h>

#include "api/conditions.h"
#include "base/json.h"
#include "restore/plan.h"

static const char *const phase_names[] = {
    [RESTORE_PENDING] = "Pending",
    [RESTORE_RUNNING] = "Running",
    [RESTORE_COMPLETED] = "Completed",
    [RESTORE_FAILED] = "Failed",
};

static const char *const step_names[N_STEPS] = {
    [STEP_NONE] = "",
    [STEP_CREATE_CLUSTER] = "CreateCluster",
    [STEP_PREPARE_VOLUMES] = "PrepareVolumes",
    [STEP_RESTORE_DATA] = "RestoreData",
    [STEP_START_CLUSTER] = "StartCluster",
};

const char *restore_step_name(enum restore_step step)
{
    return step_names[step];
}

/* The index of the name, or 0. */
static int index_of(const char *name, const char *const *names, int length)
{
    for (int i = 0; name && i < length; i++) {
        if (!strcmp(name, names[i])) {
            return i;
        }
    }
    return 0;
}

void restore_record_decode(const json_t *status, struct arena *arena, struct restore_record *out)
{
    json_int_t size = json_path_integer(status, 0, "size", NULL);
    const char *id = json_path_string(status, "clusterID", NULL);
    const char *phase = json_path_string(status, "phase", NULL);
    const char *step = json_path_string(status, "step", NULL);

    *out = (struct restore_record){
        .phase = (enum restore_phase)index_of(phase, phase_names, RESTORE_FAILED + 1),
        .step = (enum restore_step)index_of(step, step_names, N_STEPS),
        .start_time = arena_strdup(arena, json_path_string(status, "startTime", NULL)),
        .completion_time = arena_strdup(arena, json_path_string(status, "completionTime", NULL)),
        .cluster_uid = arena_strdup(arena, json_path_string(status, "clusterUID", NULL)),
        .size = size >= 0 && size <= ETCDCLUSTER_MAX_SIZE ? (int32_t)size : 0,
        .retries = (int32_t)json_path_integer(status, 0, "retries", NULL),
        .revision = json_path_integer(status, 0, "restoredRevision", NULL),
        .records = json_path_integer(status, 0, "records", NULL),
        .sha256 = arena_strdup(arena, json_path_string(status, "sha256", NULL)),
    };
    if (id && !id_parse(id, &out->cluster_id)) {
        out->cluster_id = 0;
    }
}

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value && *value) {
        json_object_set_new(object, name, json_string(value));
    }
}

static json_t *encode_conditions(const struct restore_world *world, const struct restore_plan *plan)
{
    static const char *const names[] = {"Complete", "Failed"};
    enum restore_phase phase = plan->record.phase;
    const char *reason = phase == RESTORE_COMPLETED ? "Restored"
                         : *restore_step_name(plan->record.step)
                             ? restore_step_name(plan->record.step)
                             : "NotBegun";
    const struct condition conditions[] = {
        {.status = phase == RESTORE_COMPLETED, .reason = reason, .message = plan->message},
        {.status = phase == RESTORE_FAILED, .reason = reason, .message = plan->message},
    };

    return conditions_encode(names, conditions, 2, json_object_get(world->object, "status"),
                             world->generation, world->now_ms);
}

json_t *restore_status_encode(const struct restore_world *world, const struct restore_plan *plan)
{
    const struct restore_record *record = &plan->record;
    json_t *status =
        json_pack("{s:s, s:s, s:o, s:I}", "phase", phase_names[record->phase], "message",
                  plan->message, "conditions", encode_conditions(world, plan), "observedGeneration",
                  (json_int_t)world->generation);
    char id[ID_HEX_SIZE];

    set_text(status, "step", restore_step_name(record->step));
    set_text(status, "startTime", record->start_time);
    set_text(status, "completionTime", record->completion_time);
    set_text(status, "clusterUID", record->cluster_uid);
    if (record->size) {
        json_object_set_new(status, "size", json_integer(record->size));
    }
    if (record->retries) {
        json_object_set_new(status, "retries", json_integer(record->retries));
    }
    if (record->sha256) {
        json_object_set_new(status, "restoredRevision", json_integer(record->revision));
        json_object_set_new(status, "records", json_integer(record->records));
        set_text(status, "sha256", record->sha256);
    }
    if (record->cluster_id) {
        set_text(status, "clusterID", id_format(record->cluster_id, id));
    }
    return status;
}
