#include <string.h>

#include "base/memory.h"
#include "sim/etcd/internal.h"

/* Bytes. */
#define EMPTY_DB_SIZE 20480
#define PUT_OVERHEAD  64

struct data *data_new(struct sim_etcd *etcd, uint64_t cluster_id, uint64_t member_id)
{
    struct data *data = xcalloc(1, sizeof *data);

    data->references = 1;
    data->identity = ++etcd->contents;
    data->cluster_id = cluster_id;
    data->member_id = member_id;
    data->revision = 1;
    data->db_size = data->db_in_use = EMPTY_DB_SIZE;
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

/* Puts a member in, or another state of it in its place. They stand in the order of their ids, as
 * etcd lists them. */
static void apply_member(struct data *data, const struct entry *entry)
{
    const struct conf_member *member = entry->member;
    struct conf *conf = &data->conf;
    size_t at = 0;

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

bool data_has_alarm(const struct data *data, enum etcd_alarm_type type)
{
    for (size_t i = 0; i < data->n_alarms; i++) {
        if (data->alarms[i].type == type) {
            return true;
        }
    }
    return false;
}

static bool url_taken(const struct conf *conf, const struct conf_member *member)
{
    for (size_t i = 0; i < conf->n; i++) {
        if (conf->members[i]->id != member->id &&
            !strcmp(conf->members[i]->peer_url, member->peer_url)) {
            return true;
        }
    }
    return false;
}

/* As ValidateConfigurationChange() in server/etcdserver/api/membership/cluster.go. */
static enum etcd_error judge_membership(const struct data *data, const struct entry *entry,
                                        size_t max_learners)
{
    const struct conf *conf = &data->conf;
    const struct conf_member *known = conf_find(conf, entry->member->id);
    size_t learners = conf->n - conf_voters(conf);

    if (data_is_removed(data, entry->member->id)) {
        return ETCD_ERROR_MEMBER_NOT_FOUND;
    }
    if (entry->kind == ENTRY_ADD) {
        return known                                                ? ETCD_ERROR_MEMBER_EXISTS
               : url_taken(conf, entry->member)                     ? ETCD_ERROR_PEER_URL_EXISTS
               : entry->member->learner && learners >= max_learners ? ETCD_ERROR_TOO_MANY_LEARNERS
                                                                    : ETCD_ERROR_NONE;
    }
    if (!known) {
        return ETCD_ERROR_MEMBER_NOT_FOUND;
    }
    if (entry->kind == ENTRY_PROMOTE && !known->learner) {
        return ETCD_ERROR_NOT_A_LEARNER;
    }
    if (entry->kind == ENTRY_UPDATE && url_taken(conf, entry->member)) {
        return ETCD_ERROR_PEER_URL_EXISTS;
    }
    return ETCD_ERROR_NONE;
}

static enum etcd_error apply_put(struct data *data, const struct entry *entry)
{
    const struct put *put = entry->put;

    if (data_has_alarm(data, ETCD_ALARM_CORRUPT)) {
        return ETCD_ERROR_CORRUPT;
    }
    if (data_has_alarm(data, ETCD_ALARM_NOSPACE)) {
        return ETCD_ERROR_NO_SPACE;
    }
    data->revision++;
    data->db_in_use += (int64_t)(put->key.size + put->value.size + entry->number) + PUT_OVERHEAD;
    data->db_size = data->db_in_use > data->db_size ? data->db_in_use : data->db_size;
    return ETCD_ERROR_NONE;
}

static enum etcd_error apply_compact(struct data *data, int64_t revision)
{
    if (data_has_alarm(data, ETCD_ALARM_CORRUPT)) {
        return ETCD_ERROR_CORRUPT;
    }
    if (revision <= data->compact_revision) {
        return ETCD_ERROR_COMPACTED;
    }
    if (revision > data->revision) {
        return ETCD_ERROR_FUTURE_REVISION;
    }
    /* Its part of all revisions is freed: as if every key were written again and again. */
    data->db_in_use -= (data->db_in_use - EMPTY_DB_SIZE) * (revision - data->compact_revision) /
                       (data->revision - data->compact_revision + 1);
    data->compact_revision = revision;
    return ETCD_ERROR_NONE;
}

static enum etcd_error apply_entry(struct data *data, const struct entry *entry,
                                   size_t max_learners)
{
    enum etcd_error refusal = ETCD_ERROR_NONE;

    switch (entry->kind) {
    case ENTRY_EMPTY:
    case ENTRY_ALARM_GET:
        break;
    case ENTRY_PUT:
        return apply_put(data, entry);
    case ENTRY_ADD:
    case ENTRY_PROMOTE:
    case ENTRY_UPDATE:
    case ENTRY_REMOVE:
        refusal = judge_membership(data, entry, max_learners);
        if (!refusal && entry->kind == ENTRY_REMOVE) {
            apply_remove(data, entry->member->id);
        } else if (!refusal) {
            apply_member(data, entry);
        }
        return refusal;
    case ENTRY_PUBLISH:
        if (conf_find(&data->conf, entry->member->id)) {
            apply_member(data, entry);
        }
        break;
    case ENTRY_ALARM_ON:
    case ENTRY_ALARM_OFF:
        apply_alarm(data, entry);
        break;
    case ENTRY_COMPACT:
        return apply_compact(data, (int64_t)entry->number);
    case ENTRY_CLUSTER_VERSION:
        data->minor = (int)entry->number;
        break;
    case ENTRY_DOWNGRADE:
        data->downgrade = (int)entry->number;
        break;
    }
    return refusal;
}

bool entry_is_membership(const struct entry *entry)
{
    return entry->kind == ENTRY_ADD || entry->kind == ENTRY_PROMOTE ||
           entry->kind == ENTRY_UPDATE || entry->kind == ENTRY_REMOVE;
}

bool data_apply(struct data *data, size_t max_learners)
{
    bool membership = false;

    while (data->applied < data->commit) {
        struct entry *entry = &data->log[data->applied++];
        entry->refusal = apply_entry(data, entry, max_learners);
        membership |= entry_is_membership(entry);
    }
    return membership;
}
