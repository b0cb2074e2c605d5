#include "cluster/status.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static const char *const condition_names[N_CONDITIONS] = {
    [CONDITION_READY] = "Ready",
    [CONDITION_AVAILABLE] = "Available",
    [CONDITION_PROGRESSING] = "Progressing",
    [CONDITION_DEGRADED] = "Degraded",
    [CONDITION_SPEC_APPLIED] = "SpecApplied",
    [CONDITION_QUORUM_LOST] = "QuorumLost",
};

static uint64_t id_member(const json_t *json, const char *name)
{
    uint64_t id = 0;
    const char *text = json_path_string(json, name, NULL);
    if (text && !id_parse(text, &id)) {
        id = 0;
    }
    return id;
}

static bool mode_parse(const char *name, enum permit_mode *mode)
{
    for (int i = PERMIT_NEW; i <= PERMIT_ADOPT; i++) {
        if (name && !strcmp(name, permit_mode_name((enum permit_mode)i))) {
            *mode = (enum permit_mode)i;
            return true;
        }
    }
    return false;
}

/* Each ordinal once: a status that somebody else wrote must not overrun the table. */
static bool has_ordinal(const struct recorded *recorded, json_int_t ordinal)
{
    for (int i = 0; i < recorded->n_permits; i++) {
        if (recorded->permits[i].ordinal == ordinal) {
            return true;
        }
    }
    return false;
}

static void decode_recovery(const json_t *recovery, struct recorded *out)
{
    size_t i;
    json_t *item;
    bool seen[ETCDCLUSTER_MAX_SIZE] = {false};

    out->replaced_generation = json_path_integer(recovery, 0, "generation", NULL);
    json_array_foreach(json_object_get(recovery, "replacements"), i, item)
    {
        json_int_t ordinal = json_path_integer(item, -1, "ordinal", NULL);
        const char *at = json_path_string(item, "lastAttempt", NULL);
        if (ordinal < 0 || ordinal >= ETCDCLUSTER_MAX_SIZE || seen[ordinal] || !at) {
            continue;
        }
        seen[ordinal] = true;
        out->replacements[out->n_replacements++] = (struct replacement){
            .ordinal = (int32_t)ordinal,
            .member_id = id_member(item, "memberID"),
            .attempts = (int32_t)json_path_integer(item, 0, "attempts", NULL),
            .repeats = (int32_t)json_path_integer(item, 0, "repeats", NULL),
            .at_ms = clock_parse_rfc3339(at),
        };
    }
}

void recorded_decode(const json_t *status, struct arena *arena, struct recorded *out)
{
    const json_t *bootstrap = json_path(status, "bootstrap", NULL);
    size_t i;
    json_t *item;

    memset(out, 0, sizeof *out);
    out->cluster_id = id_member(status, "clusterID");
    json_int_t size = json_path_integer(bootstrap, 0, "size", NULL);
    out->size = size >= 0 && size <= ETCDCLUSTER_MAX_SIZE ? (int32_t)size : 0;
    size = json_path_integer(bootstrap, 0, "initialSize", NULL);
    out->initial_size = size >= 0 && size <= ETCDCLUSTER_MAX_SIZE ? (int32_t)size : 0;
    out->generation = json_path_integer(bootstrap, 0, "generation", NULL);
    out->version = arena_strdup(arena, json_path_string(status, "targetVersion", NULL));
    const char *log_version = json_path_string(bootstrap, "olderLog", "version", NULL);
    if (log_version && sscanf(log_version, "3.%d", &out->log_minor) != 1) {
        out->log_minor = 0;
    }
    out->restore_uid = arena_strdup(arena, json_path_string(bootstrap, "restore", "uid", NULL));
    const char *restore = json_path_string(bootstrap, "restore", "name", NULL);
    out->restore_name = arena_strdup(arena, restore ? restore : "");
    out->log_index = json_path_integer(bootstrap, 0, "olderLog", "index", NULL);
    decode_recovery(json_object_get(status, "recovery"), out);
    json_array_foreach(json_object_get(bootstrap, "permits"), i, item)
    {
        json_int_t ordinal = json_path_integer(item, -1, "ordinal", NULL);
        struct permit_record *record = &out->permits[out->n_permits];
        if (ordinal < 0 || ordinal >= ETCDCLUSTER_MAX_SIZE || has_ordinal(out, ordinal) ||
            !mode_parse(json_path_string(item, "mode", NULL), &record->mode)) {
            continue;
        }
        record->ordinal = (int32_t)ordinal;
        record->pod_uid = arena_strdup(arena, json_path_string(item, "podUID", NULL));
        record->nonce = arena_strdup(arena, json_path_string(item, "nonce", NULL));
        record->member_id = id_member(item, "memberID");
        record->previous_cluster_uid =
            arena_strdup(arena, json_path_string(item, "previousClusterUID", NULL));
        if (record->pod_uid && record->nonce) {
            out->n_permits++;
        }
    }
}

static json_t *encode_bootstrap(const struct recorded *recorded)
{
    json_t *permits = json_array();

    for (int i = 0; i < recorded->n_permits; i++) {
        const struct permit_record *record = &recorded->permits[i];
        char id[ID_HEX_SIZE];
        json_t *item = json_pack("{s:i, s:s, s:s, s:s, s:s}", "ordinal", record->ordinal, "mode",
                                 permit_mode_name(record->mode), "podUID", record->pod_uid, "nonce",
                                 record->nonce, "memberID", id_format(record->member_id, id));
        if (record->previous_cluster_uid) {
            json_object_set_new(item, "previousClusterUID",
                                json_string(record->previous_cluster_uid));
        }
        json_array_append_new(permits, item);
    }
    json_t *bootstrap = json_pack("{s:i, s:I, s:o}", "size", recorded->size, "generation",
                                  (json_int_t)recorded->generation, "permits", permits);
    if (recorded->initial_size) {
        json_object_set_new(bootstrap, "initialSize", json_integer(recorded->initial_size));
    }
    if (recorded->log_minor) {
        json_object_set_new(bootstrap, "olderLog",
                            json_pack("{s:o, s:I}", "version",
                                      json_sprintf("3.%d", recorded->log_minor), "index",
                                      (json_int_t)recorded->log_index));
    }
    if (recorded->restore_uid) {
        json_object_set_new(
            bootstrap, "restore",
            json_pack("{s:s, s:s}", "name", recorded->restore_name, "uid", recorded->restore_uid));
    }
    return bootstrap;
}

static json_t *encode_recovery(const struct cluster_status *status)
{
    const struct recorded *recorded = &status->recorded;
    json_t *list = json_array();
    int attempts = 0;
    char date[CLOCK_RFC3339_SIZE], id[ID_HEX_SIZE];

    for (int i = 0; i < recorded->n_replacements; i++) {
        const struct replacement *item = &recorded->replacements[i];
        attempts += item->attempts;
        json_array_append_new(list,
                              json_pack("{s:i, s:s, s:i, s:i, s:s}", "ordinal", item->ordinal,
                                        "memberID", id_format(item->member_id, id), "attempts",
                                        item->attempts, "repeats", item->repeats, "lastAttempt",
                                        clock_rfc3339(item->at_ms, date, sizeof date)));
    }
    json_t *out = json_pack("{s:i, s:I, s:o}", "attempts", attempts, "generation",
                            (json_int_t)recorded->replaced_generation, "replacements", list);
    if (status->next_attempt_ms) {
        json_object_set_new(out, "nextAttempt",
                            json_string(clock_rfc3339(status->next_attempt_ms, date, sizeof date)));
    }
    return out;
}

static json_t *encode_members(const struct cluster_status *status)
{
    json_t *members = json_array();

    for (int i = 0; i < status->n_members; i++) {
        const struct member_status *m = &status->members[i];
        char id[ID_HEX_SIZE];
        json_t *item = json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "name", m->name, "peerURL",
                                 m->peer_url, "clientURL", m->client_url, "ready", m->ready, "role",
                                 m->role, "version", m->version);
        if (m->id) {
            json_object_set_new(item, "id", json_string(id_format(m->id, id)));
        }
        if (m->db_size) {
            json_object_set_new(item, "dbSize", json_integer(m->db_size));
            json_object_set_new(item, "dbSizeInUse", json_integer(m->db_size_in_use));
            json_object_set_new(item, "lag", json_integer(m->lag));
        }
        json_array_append_new(members, item);
    }
    return members;
}

static void set_id(json_t *object, const char *name, uint64_t id)
{
    char text[ID_HEX_SIZE];
    if (id) {
        json_object_set_new(object, name, json_string(id_format(id, text)));
    }
}

static void set_string(json_t *object, const char *name, const char *value)
{
    if (value) {
        json_object_set_new(object, name, json_string(value));
    }
}

json_t *cluster_status_encode(const struct cluster_status *status, const json_t *old,
                              int64_t now_wall_ms)
{
    char ready[32];
    json_t *endpoints = json_array();

    snprintf(ready, sizeof ready, "%d/%d", status->ready_replicas, status->size);
    for (int i = 0; i < status->n_client_endpoints; i++) {
        json_array_append_new(endpoints, json_string(status->client_endpoints[i]));
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:o, s:o, s:o}", "phase",
                             status->phase, "message", status->message, "ready", ready, "replicas",
                             status->replicas, "readyReplicas", status->ready_replicas,
                             "observedGeneration", (json_int_t)status->observed_generation,
                             "members", encode_members(status), "conditions",
                             conditions_encode(condition_names, status->conditions, N_CONDITIONS,
                                               old, status->observed_generation, now_wall_ms),
                             "clientEndpoints", endpoints);
    set_string(json, "selector", status->selector);
    set_string(json, "currentVersion", status->current_version);
    set_string(json, "targetVersion", status->target_version);
    set_id(json, "leaderID", status->leader_id);
    set_id(json, "clusterID", status->recorded.cluster_id);
    if (status->recorded.generation) {
        json_object_set_new(json, "generation", json_integer(status->recorded.generation));
        json_object_set_new(json, "bootstrap", encode_bootstrap(&status->recorded));
    }
    if (status->recorded.n_replacements) {
        json_object_set_new(json, "recovery", encode_recovery(status));
    }
    if (status->operation_kind) {
        json_object_set_new(json, "operation",
                            json_pack("{s:s, s:s}", "kind", status->operation_kind, "step",
                                      status->operation_step));
    }
    return json;
}

static int64_t round_up_digits(int64_t value, int64_t keep)
{
    int64_t unit = 1;
    while (value / unit >= keep) {
        unit *= 10;
    }
    return (value + unit - 1) / unit * unit;
}

int64_t status_round_size(int64_t bytes)
{
    const int64_t mebibyte = 1 << 20;
    return bytes <= 0 ? 0 : round_up_digits((bytes + mebibyte - 1) / mebibyte, 100) * mebibyte;
}

int64_t status_round_lag(int64_t entries)
{
    return entries < 1000 ? 0 : round_up_digits(entries, 10);
}
