#include <string.h>

#include "base/memory.h"
#include "sim/etcd_internal.h"

struct data *data_new(struct sim_etcd *etcd, uint64_t cluster_id, uint64_t member_id)
{
    struct data *data = xcalloc(1, sizeof *data);

    data->references = 1;
    data->identity = ++etcd->contents;
    data->cluster_id = cluster_id;
    data->member_id = member_id;
    data->revision = 1;
    data->db_size = 20480;
    return data;
}

struct data *data_ref(struct data *data)
{
    data->references++;
    return data;
}

void data_unref(struct data *data)
{
    if (data && !--data->references) {
        free(data->log);
        free(data->removed);
        free(data);
    }
}

void data_append(struct data *data, const struct entry *entry)
{
    if (data->length == data->capacity) {
        data->capacity = data->capacity ? 2 * data->capacity : 16;
        data->log = xrealloc(data->log, data->capacity * sizeof *data->log);
    }
    data->log[data->length++] = *entry;
    data->begun = true;
}

void data_truncate(struct data *data, size_t length)
{
    data->length = length;
}

const struct conf_member *conf_find(const struct conf *conf, uint64_t id)
{
    for (size_t i = 0; i < conf->n; i++) {
        if (conf->members[i]->id == id) {
            return conf->members[i];
        }
    }
    return NULL;
}

size_t conf_voters(const struct conf *conf)
{
    size_t voters = 0;

    for (size_t i = 0; i < conf->n; i++) {
        voters += !conf->members[i]->learner;
    }
    return voters;
}

const struct conf_member *conf_member_new(struct sim_etcd *etcd, const struct conf_member *from)
{
    struct conf_member *member = arena_alloc(etcd->arena, sizeof *member);
    const char *host = strstr(from->peer_url, "://");

    *member = *from;
    member->name = arena_strdup(etcd->arena, from->name);
    member->peer_url = arena_strdup(etcd->arena, from->peer_url);
    member->client_url = arena_strdup(etcd->arena, from->client_url);
    host = host ? host + 3 : from->peer_url;
    member->host = arena_strndup(etcd->arena, host, strcspn(host, ":/"));
    return member;
}

bool data_is_removed(const struct data *data, uint64_t id)
{
    for (size_t i = 0; i < data->n_removed; i++) {
        if (data->removed[i] == id) {
            return true;
        }
    }
    return false;
}

/* Members stand in the order of their ids, as etcd lists them. */
static void apply_add(struct data *data, const struct conf_member *member)
{
    struct conf *conf = &data->conf;
    size_t at = 0;

    if (data_is_removed(data, member->id)) {
        return;
    }
    while (at < conf->n && conf->members[at]->id < member->id) {
        at++;
    }
    if (at == conf->n || conf->members[at]->id != member->id) {
        if (conf->n == MEMBERS_MAX) {
            return;
        }
        memmove(&conf->members[at + 1], &conf->members[at], (conf->n - at) * sizeof *conf->members);
        conf->n++;
    }
    conf->members[at] = member;
}

static void apply_remove(struct data *data, uint64_t id)
{
    struct conf *conf = &data->conf;
    size_t kept = 0;

    for (size_t i = 0; i < conf->n; i++) {
        if (conf->members[i]->id != id) {
            conf->members[kept++] = conf->members[i];
        }
    }
    conf->n = kept;
    data->removed = xrealloc(data->removed, (data->n_removed + 1) * sizeof *data->removed);
    data->removed[data->n_removed++] = id;
}

static void apply_alarm(struct data *data, const struct entry *entry)
{
    struct etcd_alarm alarm = {entry->member->id, (enum etcd_alarm_type)entry->number};
    size_t kept = 0;

    for (size_t i = 0; i < data->n_alarms; i++) {
        if (data->alarms[i].member_id != alarm.member_id || data->alarms[i].type != alarm.type) {
            data->alarms[kept++] = data->alarms[i];
        }
    }
    data->n_alarms = kept;
    if (entry->kind == ENTRY_ALARM_ON && kept < sizeof data->alarms / sizeof *data->alarms) {
        data->alarms[data->n_alarms++] = alarm;
    }
}

static void apply_publish(struct data *data, const struct conf_member *said)
{
    if (conf_find(&data->conf, said->id)) {
        apply_add(data, said);
    }
}

static bool apply_entry(struct data *data, const struct entry *entry)
{
    switch (entry->kind) {
    case ENTRY_EMPTY:
    case ENTRY_ALARM_GET:
        return false;
    case ENTRY_PUT:
        data->revision++;
        data->db_size += (int64_t)(entry->put->key.size + entry->put->value.size) + 64;
        return false;
    case ENTRY_ADD:
        apply_add(data, entry->member);
        return true;
    case ENTRY_REMOVE:
        apply_remove(data, entry->member->id);
        return true;
    case ENTRY_PUBLISH:
        apply_publish(data, entry->member);
        return false;
    case ENTRY_ALARM_ON:
    case ENTRY_ALARM_OFF:
        apply_alarm(data, entry);
        return false;
    case ENTRY_COMPACT:
        data->compact_revision = (int64_t)entry->number;
        return false;
    case ENTRY_CLUSTER_VERSION:
        data->minor = (int)entry->number;
        return false;
    }
    return false;
}

bool data_apply(struct data *data)
{
    bool membership = false;

    while (data->applied < data->commit) {
        membership |= apply_entry(data, &data->log[data->applied++]);
    }
    return membership;
}
