/* Reading and writing keys. The log is the store: nothing is ever thrown away. */
#include <stdlib.h>
#include <string.h>

#include "sim/etcd/internal.h"

static int compare(struct etcd_bytes a, struct etcd_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static bool in_range(const struct etcd_range_request *request, struct etcd_bytes key)
{
    const char *end = request->range_end.data;

    if (!request->range_end.size) {
        return !compare(key, request->key);
    }
    if (compare(key, request->key) < 0) {
        return false;
    }
    return (request->range_end.size == 1 && !end[0]) || compare(key, request->range_end) < 0;
}

/* Takes a put over into what was found so far. */
static void take(struct etcd_range *range, size_t *capacity, struct arena *arena,
                 const struct put *put, int64_t revision)
{
    for (size_t i = 0; i < range->n; i++) {
        if (!compare(range->items[i].key, put->key)) {
            range->items[i].value = put->value;
            range->items[i].mod_revision = revision;
            range->items[i].version++;
            return;
        }
    }
    if (range->n == *capacity) {
        struct etcd_key_value *grown = arena_alloc(arena, (2 * *capacity + 8) * sizeof *grown);
        if (range->n) {
            memcpy(grown, range->items, range->n * sizeof *grown);
        }
        range->items = grown;
        *capacity = 2 * *capacity + 8;
    }
    range->items[range->n++] = (struct etcd_key_value){put->key, put->value, revision, revision, 1};
}

static int by_key(const void *a, const void *b)
{
    return compare(((const struct etcd_key_value *)a)->key,
                   ((const struct etcd_key_value *)b)->key);
}

static void collect(const struct data *data, const struct etcd_range_request *request,
                    int64_t revision, struct arena *arena, struct etcd_range *range)
{
    size_t capacity = 0;
    int64_t at = 1;

    *range = (struct etcd_range){.revision = data->revision};
    for (size_t i = 0; i < data->applied && at < revision; i++) {
        const struct entry *entry = &data->log[i];
        if (entry->kind != ENTRY_PUT || entry->refusal) {
            continue;
        }
        at++;
        if (in_range(request, entry->put->key)) {
            take(range, &capacity, arena, entry->put, at);
        }
    }
    if (range->n) {
        qsort(range->items, range->n, sizeof *range->items, by_key);
    }
    range->count = (int64_t)range->n;
    if (request->limit && (int64_t)range->n > request->limit) {
        range->n = (size_t)request->limit;
        range->more = true;
    }
    if (request->count_only) {
        range->n = 0;
    }
    for (size_t i = 0; i < range->n && request->keys_only; i++) {
        range->items[i].value = (struct etcd_bytes){0};
    }
}

static int step_range(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct etcd_range_request *request = call->in;
    const struct data *data = process->data;

    if (!request->key.size) {
        return etcd_error_set(error, ETCD_ERROR_EMPTY_KEY);
    }
    if (!request->serializable && !process_can_read(process)) {
        return PENDING;
    }
    if (request->revision > data->revision) {
        return etcd_error_set(error, ETCD_ERROR_FUTURE_REVISION);
    }
    if (request->revision && request->revision < data->compact_revision) {
        return etcd_error_set(error, ETCD_ERROR_COMPACTED);
    }
    collect(data, request, request->revision ? request->revision : data->revision, call->arena,
            call->out);
    return 0;
}

static int client_range(void *context, const struct etcd_target *target,
                        const struct etcd_range_request *request, struct arena *arena,
                        struct etcd_range *out, struct error *error)
{
    struct etcd_range_request copy = *request;
    struct call call = {.method = "KV/Range",
                        .step = step_range,
                        .in = &copy,
                        .out = out,
                        .arena = arena,
                        .learners = request->serializable};

    return call_run(context, target, &call, error);
}

static struct etcd_bytes copy_bytes(struct arena *arena, struct etcd_bytes bytes)
{
    void *copy = arena_alloc(arena, bytes.size + 1);

    if (bytes.size) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (struct etcd_bytes){copy, bytes.size};
}

/* etcd looks before it proposes (server/etcdserver/api/v3rpc/quota.go). */
bool kv_has_space(struct sim_etcd_process *process, const struct put *put)
{
    struct data *data = process->data;
    int64_t size = (int64_t)(put->key.size + put->value.size);

    if (data->db_size + size < process_quota(process)) {
        return true;
    }
    sim_etcd_raise_alarm(process, ETCD_ALARM_NOSPACE);
    return false;
}

static int step_put(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct put *put = call->in;
    struct entry entry = {.kind = ENTRY_PUT};

    if (!put->key.size) {
        return etcd_error_set(error, ETCD_ERROR_EMPTY_KEY);
    }
    if (!call->proposal.length) {
        if (!kv_has_space(process, put)) {
            return etcd_error_set(error, ETCD_ERROR_NO_SPACE);
        }
        struct put *copy = arena_alloc(process->etcd->arena, sizeof *copy);
        copy->key = copy_bytes(process->etcd->arena, put->key);
        copy->value = copy_bytes(process->etcd->arena, put->value);
        entry.put = copy;
    }
    int result = call_propose(process, call, entry, error);
    if (!result && call->out) {
        *(int64_t *)call->out = process->data->revision;
    }
    return result;
}

static int client_put(void *context, const struct etcd_target *target, struct etcd_bytes key,
                      struct etcd_bytes value, int64_t *revision, struct error *error)
{
    struct put put = {key, value};
    struct call call = {.method = "KV/Put", .step = step_put, .in = &put, .out = revision};

    return call_run(context, target, &call, error);
}

void client_add_kv(struct etcd_api *api)
{
    api->range = client_range;
    api->put = client_put;
}
