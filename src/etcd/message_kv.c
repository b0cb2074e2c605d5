/* Answers that hold keys and values, one by one or as they come in streams. */
#include "etcd/message.h"
#include "rpc.pb-c.h"

static struct etcd_bytes bytes_of(ProtobufCBinaryData data)
{
    return (struct etcd_bytes){data.data, data.len};
}

static struct etcd_key_value key_value_of(const Etcdserverpb__KeyValue *in)
{
    return (struct etcd_key_value){
        .key = bytes_of(in->key),
        .value = bytes_of(in->value),
        .create_revision = in->create_revision,
        .mod_revision = in->mod_revision,
        .version = in->version,
    };
}

/* Within a transaction an answer has no header of its own. */
static struct etcd_range range_of(const Etcdserverpb__RangeResponse *in,
                                  const Etcdserverpb__ResponseHeader *header, struct arena *arena)
{
    struct etcd_key_value *items = arena_alloc(arena, in->n_kvs * sizeof *items);

    for (size_t i = 0; i < in->n_kvs; i++) {
        items[i] = key_value_of(in->kvs[i]);
    }
    return (struct etcd_range){header->revision, items, in->n_kvs, in->count, in->more};
}

static int no_revision(struct error *error)
{
    return error_set(error, ERROR_RETRYABLE, "the answer says not of which revision it is");
}

int etcd_range_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                      struct error *error)
{
    const Etcdserverpb__RangeResponse *in =
        etcd_message_decode(&etcdserverpb__range_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_revision(error);
    }
    *(struct etcd_range *)out = range_of(in, in->header, arena);
    return 0;
}

int etcd_put_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                    struct error *error)
{
    const Etcdserverpb__PutResponse *in =
        etcd_message_decode(&etcdserverpb__put_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_revision(error);
    }
    *(int64_t *)out = in->header->revision;
    return 0;
}

int etcd_deleted_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                        struct error *error)
{
    const Etcdserverpb__DeleteRangeResponse *in =
        etcd_message_decode(&etcdserverpb__delete_range_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_revision(error);
    }
    *(int64_t *)out = in->deleted;
    return 0;
}

static bool take_op(const Etcdserverpb__ResponseOp *in, const Etcdserverpb__ResponseHeader *header,
                    struct arena *arena, struct etcd_op_result *out)
{
    switch (in->response_case) {
    case ETCDSERVERPB__RESPONSE_OP__RESPONSE_RANGE:
        *out = (struct etcd_op_result){.type = ETCD_OP_RANGE,
                                       .range = range_of(in->range, header, arena)};
        return true;
    case ETCDSERVERPB__RESPONSE_OP__RESPONSE_PUT:
        *out = (struct etcd_op_result){.type = ETCD_OP_PUT};
        return true;
    case ETCDSERVERPB__RESPONSE_OP__RESPONSE_DELETE_RANGE:
        *out = (struct etcd_op_result){.type = ETCD_OP_DELETE_RANGE,
                                       .deleted = in->delete_range->deleted};
        return true;
    default:
        return false;
    }
}

int etcd_txn_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                    struct error *error)
{
    const Etcdserverpb__TxnResponse *in =
        etcd_message_decode(&etcdserverpb__txn_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_revision(error);
    }
    struct etcd_op_result *results = arena_alloc(arena, in->n_responses * sizeof *results);
    for (size_t i = 0; i < in->n_responses; i++) {
        if (!take_op(in->responses[i], in->header, arena, &results[i])) {
            return error_set(error, ERROR_RETRYABLE,
                             "the answer holds the result of no operation that was asked for");
        }
    }
    *(struct etcd_txn_result *)out =
        (struct etcd_txn_result){in->succeeded, in->header->revision, results, in->n_responses};
    return 0;
}

static bool take_event(const Etcdserverpb__Event *in, struct etcd_event *out)
{
    if (!in->kv) {
        return false;
    }
    *out = (struct etcd_event){.deleted = in->type == ETCDSERVERPB__EVENT__EVENT_TYPE__DELETE,
                               .now = key_value_of(in->kv),
                               .has_previous = in->prev_kv != NULL};
    if (in->prev_kv) {
        out->previous = key_value_of(in->prev_kv);
    }
    return true;
}

int etcd_watch_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                      struct error *error)
{
    const Etcdserverpb__WatchResponse *in =
        etcd_message_decode(&etcdserverpb__watch_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_revision(error);
    }
    struct etcd_event *events = arena_alloc(arena, in->n_events * sizeof *events);
    for (size_t i = 0; i < in->n_events; i++) {
        if (!take_event(in->events[i], &events[i])) {
            return error_set(error, ERROR_RETRYABLE, "the answer holds an event of no key");
        }
    }
    *(struct etcd_watch_answer *)out = (struct etcd_watch_answer){
        .created = in->created,
        .cancelled = in->canceled,
        .compact_revision = in->compact_revision,
        .cancel_reason = in->cancel_reason,
        .fragment = in->fragment,
        .revision = in->header->revision,
        .events = events,
        .n_events = in->n_events,
    };
    return 0;
}

int etcd_snapshot_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                         struct error *error)
{
    const Etcdserverpb__SnapshotResponse *in =
        etcd_message_decode(&etcdserverpb__snapshot_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    *(struct etcd_snapshot_piece *)out =
        (struct etcd_snapshot_piece){bytes_of(in->blob), in->remaining_bytes};
    return 0;
}
