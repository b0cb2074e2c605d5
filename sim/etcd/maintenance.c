/* Alarms, hashes, compaction, defragmentation, downgrades. */
#include <stdlib.h>
#include <string.h>

#include "sim/etcd/internal.h"

#define DEFRAGMENT_MIN_MS 20
#define DEFRAGMENT_MAX_MS 500

/* ---- Alarms ---- */

struct alarms {
    struct etcd_alarm *items;
    size_t n;
};

static int step_alarms(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct data *data = process->data;
    struct alarms *alarms = call->out;

    int result = call_propose(process, call, (struct entry){.kind = ENTRY_ALARM_GET}, error);

    if (result) {
        return result;
    }
    alarms->n = data->n_alarms;
    alarms->items = arena_alloc(call->arena, (data->n_alarms + 1) * sizeof *alarms->items);
    memcpy(alarms->items, data->alarms, data->n_alarms * sizeof *alarms->items);
    return 0;
}

static int client_alarms(void *context, const struct etcd_target *target, struct arena *arena,
                         struct etcd_alarm **out, size_t *n_out, struct error *error)
{
    struct alarms alarms = {0};
    struct call call = {
        .method = "Maintenance/Alarm", .step = step_alarms, .out = &alarms, .arena = arena};
    int result = call_run(context, target, &call, error);

    if (!result) {
        *out = alarms.items;
        *n_out = alarms.n;
    }
    return result;
}

struct alarm_set {
    struct etcd_alarm alarm;
    bool active;
};

static int step_alarm_set(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct alarm_set *wanted = call->in;
    struct entry entry = {0};

    if (!call->proposal.length) {
        entry = process_alarm_entry(process, wanted->alarm.member_id, wanted->alarm.type,
                                    wanted->active);
    }
    return call_propose(process, call, entry, error);
}

static int client_alarm_set(void *context, const struct etcd_target *target, uint64_t member_id,
                            enum etcd_alarm_type type, bool active, struct error *error)
{
    struct alarm_set wanted = {{member_id, type}, active};
    struct call call = {.method = "Maintenance/Alarm", .step = step_alarm_set, .in = &wanted};

    return call_run(context, target, &call, error);
}

/* ---- Hashes ---- */

/* FNV-1a, over what was put up to a revision. */
static uint32_t hash_bytes(uint32_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    }
    return hash;
}

static uint32_t hash_up_to(const struct data *data, int64_t revision)
{
    /* No two go wrong in the same way. */
    uint32_t hash = UINT32_C(2166136261) ^ (data->corrupt ? (uint32_t)data->member_id | 1 : 0);
    int64_t at = 1;

    for (size_t i = 0; i < data->applied && at < revision; i++) {
        const struct entry *entry = &data->log[i];
        if (entry->kind == ENTRY_PUT && !entry->refusal) {
            at++;
            hash = hash_bytes(hash, entry->put->key.data, entry->put->key.size);
            hash = hash_bytes(hash, entry->put->value.data, entry->put->value.size);
        }
    }
    return hash_bytes(hash, &data->compact_revision, sizeof data->compact_revision);
}

static int step_hash_kv(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct data *data = process->data;
    int64_t asked = *(const int64_t *)call->in, revision = asked ? asked : data->revision;
    struct etcd_hash *hash = call->out;

    if (revision > data->revision) {
        return etcd_error_set(error, ETCD_ERROR_FUTURE_REVISION);
    }
    if (revision < data->compact_revision) {
        return etcd_error_set(error, ETCD_ERROR_COMPACTED);
    }
    *hash = (struct etcd_hash){
        .hash = hash_up_to(data, revision),
        .compact_revision = data->compact_revision ? data->compact_revision : -1,
        .revision = process->minor >= 6 ? revision : 0,
    };
    return 0;
}

static int client_hash_kv(void *context, const struct etcd_target *target, int64_t revision,
                          struct etcd_hash *out, struct error *error)
{
    struct call call = {
        .method = "Maintenance/HashKV", .step = step_hash_kv, .in = &revision, .out = out};

    return call_run(context, target, &call, error);
}

/* ---- Space ---- */

static int step_defragment(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    struct sim *sim = process->etcd->sim;
    bool *begun = call->in;

    (void)error;
    if (!*begun) {
        *begun = true;
        process->busy_until_ms =
            sim_now(sim) + sim_between(sim, SIM_STREAM_ETCD, DEFRAGMENT_MIN_MS, DEFRAGMENT_MAX_MS);
    }
    if (sim_now(sim) < process->busy_until_ms) {
        return PENDING;
    }
    process->data->db_size = process->data->db_in_use;
    return 0;
}

static int client_defragment(void *context, const struct etcd_target *target, struct error *error)
{
    bool begun = false;
    struct call call = {.method = "Maintenance/Defragment", .step = step_defragment, .in = &begun};

    return call_run(context, target, &call, error);
}

static int step_compact(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    uint64_t revision = (uint64_t) * (const int64_t *)call->in;

    return call_propose(process, call, (struct entry){.kind = ENTRY_COMPACT, .number = revision},
                        error);
}

static int client_compact(void *context, const struct etcd_target *target, int64_t revision,
                          bool physical, struct error *error)
{
    struct call call = {.method = "KV/Compact", .step = step_compact, .in = &revision};

    (void)physical; /* Everything is done when it is applied. */
    return call_run(context, target, &call, error);
}

/* ---- Downgrades ---- */

struct downgrade {
    enum etcd_downgrade_action action;
    const char *version;
};

/* The minor version of "3.5" or "3.5.1"; -1 for anything else. */
static int parse_minor(const char *version)
{
    char *end = NULL;

    if (!version || strncmp(version, "3.", 2) != 0) {
        return -1;
    }
    long minor = strtol(version + 2, &end, 10);
    return end != version + 2 && (!*end || *end == '.') && minor < 1000 ? (int)minor : -1;
}

static int step_downgrade_cancel(struct sim_etcd_process *process, struct call *call,
                                 struct error *error)
{
    if (!call->proposal.length && !process->data->downgrade) {
        /* From 3.6 on etcd only writes this into its log. */
        return process->minor >= 6 ? 0
                                   : etcd_error_set(error, ETCD_ERROR_DOWNGRADE_NOT_IN_PROGRESS);
    }
    return call_propose(process, call, (struct entry){.kind = ENTRY_DOWNGRADE}, error);
}

static int step_downgrade(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct downgrade *wanted = call->in;
    const struct data *data = process->data;
    int minor = parse_minor(wanted->version);

    if (!call->proposal.length) {
        if (wanted->action != ETCD_DOWNGRADE_CANCEL && minor < 0) {
            return etcd_error_set(error, ETCD_ERROR_DOWNGRADE_BAD_FORMAT);
        }
        if (!process_can_read(process) || !data->minor) {
            return PENDING;
        }
    }
    if (wanted->action == ETCD_DOWNGRADE_CANCEL) {
        return step_downgrade_cancel(process, call, error);
    }
    if (!call->proposal.length && minor != data->minor - 1) {
        return etcd_error_set(error, ETCD_ERROR_DOWNGRADE_BAD_VERSION);
    }
    if (!call->proposal.length && data->downgrade) {
        return etcd_error_set(error, ETCD_ERROR_DOWNGRADE_IN_PROGRESS);
    }
    if (wanted->action == ETCD_DOWNGRADE_VALIDATE) {
        return 0;
    }
    int result = call_propose(
        process, call, (struct entry){.kind = ENTRY_DOWNGRADE, .number = (uint64_t)minor}, error);
    raft_review_later(process->etcd); /* The leader lowers the cluster's version. */
    return result;
}

static int client_downgrade(void *context, const struct etcd_target *target,
                            enum etcd_downgrade_action action, const char *version,
                            struct error *error)
{
    struct downgrade wanted = {action, version};
    struct call call = {.method = "Maintenance/Downgrade", .step = step_downgrade, .in = &wanted};

    return call_run(context, target, &call, error);
}

void client_add_maintenance(struct etcd_api *api)
{
    api->alarms = client_alarms;
    api->alarm_set = client_alarm_set;
    api->hash_kv = client_hash_kv;
    api->defragment = client_defragment;
    api->compact = client_compact;
    api->downgrade = client_downgrade;
}
