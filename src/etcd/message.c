#include "etcd/message.h"

#include <string.h>

#include "base/memory.h"
#include "rpc.pb-c.h"

/* What decoding one message may allocate: some hundred bytes for a member, and for large messages
 * in proportion. */
#define DECODE_BASE   ((size_t)3 * 1024 * 1024)
#define DECODE_FACTOR 4

struct budget {
    struct arena *arena;
    size_t left;
};

static void *budget_alloc(void *context, size_t size)
{
    struct budget *budget = context;

    if (size > budget->left) {
        return NULL; /* protobuf-c gives up on the message. */
    }
    budget->left -= size;
    return arena_alloc(budget->arena, size);
}

/* The arena frees all at once. */
static void budget_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

static bool texts_valid(const ProtobufCMessage *message);

static bool value_valid(const ProtobufCFieldDescriptor *field, const void *value)
{
    const void *pointer = *(void *const *)value;

    if (field->type == PROTOBUF_C_TYPE_STRING) {
        return !pointer || grpc_utf8_valid(pointer, strlen(pointer));
    }
    return !pointer || texts_valid(pointer);
}

/* How many values the field holds. */
static size_t values_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *quantifier = (const uint8_t *)message + field->quantifier_offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return *(const size_t *)(const void *)quantifier;
    }
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return *(const uint32_t *)(const void *)quantifier == field->id;
    }
    return 1;
}

/* proto3 says that a string is UTF-8; protobuf-c does not look. JSON, where these texts go, would
 * refuse it much later. No message of ours holds itself, so the depth is bounded. */
static bool texts_valid(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const uint8_t *at = (const uint8_t *)message + field->offset;
        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        void *const *values = (void *const *)(const void *)at;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            values = *values;
        }
        for (size_t n = values_of(message, field); n; n--) {
            if (!value_valid(field, &values[n - 1])) {
                return false;
            }
        }
    }
    return true;
}

void *etcd_message_decode(const ProtobufCMessageDescriptor *type, const struct grpc_frame *frame,
                          struct arena *arena, struct error *error)
{
    struct budget budget = {arena, DECODE_BASE + DECODE_FACTOR * frame->size};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &allocator, frame->size, frame->data);

    if (!message) {
        error_set(error, ERROR_RETRYABLE, "the answer is no %s, or far too large for one",
                  type->short_name);
        return NULL;
    }
    if (!texts_valid(message)) {
        error_set(error, ERROR_RETRYABLE, "the answer holds a text that is not UTF-8");
        return NULL;
    }
    return message;
}

void etcd_message_encode(const ProtobufCMessage *message, struct buffer *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes AUTO_FREE = xmalloc(size + 1); /* An empty message has no bytes. */

    protobuf_c_message_pack(message, bytes);
    bool fits = grpc_frame_append(out, bytes, size);
    memory_wipe(bytes, size); /* It may hold a password. */
    if (!fits) {
        memory_exhausted(); /* Nobody has a value of 4 GiB. */
    }
}

static int no_header(struct error *error)
{
    return error_set(error, ERROR_RETRYABLE, "the answer says not which member gave it");
}

int etcd_done_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                     struct error *error)
{
    (void)out;
    return etcd_message_decode(&etcdserverpb__done__descriptor, frame, arena, error)
               ? 0
               : -(int)ERROR_RETRYABLE;
}

int etcd_header_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                       struct error *error)
{
    const Etcdserverpb__Done *in =
        etcd_message_decode(&etcdserverpb__done__descriptor, frame, arena, error);

    (void)out;
    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    return in->header ? 0 : no_header(error);
}

int etcd_status_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                       struct error *error)
{
    const Etcdserverpb__StatusResponse *in =
        etcd_message_decode(&etcdserverpb__status_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_header(error);
    }
    *(struct etcd_status *)out = (struct etcd_status){
        .cluster_id = in->header->cluster_id,
        .member_id = in->header->member_id,
        .leader_id = in->leader,
        .revision = in->header->revision,
        .raft_term = in->raftterm,
        .raft_index = in->raftindex,
        .raft_applied_index = in->raftappliedindex,
        .db_size = in->dbsize,
        .db_size_in_use = in->dbsizeinuse,
        .db_size_quota = in->dbsizequota,
        .version = in->version,
        .storage_version = in->storageversion,
        .is_learner = in->islearner,
        .errors = (const char **)in->errors,
        .n_errors = in->n_errors,
    };
    return 0;
}

static int take_members(const Etcdserverpb__ResponseHeader *header, Etcdserverpb__Member **in,
                        size_t n, struct arena *arena, struct etcd_member_list *out,
                        struct error *error)
{
    if (!header || n == 0) {
        return error_set(error, ERROR_RETRYABLE, "the answer names no cluster or no members");
    }
    struct etcd_member *members = arena_alloc(arena, n * sizeof *members);
    for (size_t i = 0; i < n; i++) {
        members[i] = (struct etcd_member){
            .id = in[i]->id,
            .name = in[i]->name,
            .peer_urls = (const char **)in[i]->peerurls,
            .client_urls = (const char **)in[i]->clienturls,
            .n_peer_urls = in[i]->n_peerurls,
            .n_client_urls = in[i]->n_clienturls,
            .is_learner = in[i]->islearner,
        };
    }
    *out = (struct etcd_member_list){header->cluster_id, members, n};
    return 0;
}

int etcd_member_list_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                            struct error *error)
{
    const Etcdserverpb__MemberListResponse *in =
        etcd_message_decode(&etcdserverpb__member_list_response__descriptor, frame, arena, error);

    return in ? take_members(in->header, in->members, in->n_members, arena, out, error)
              : -(int)ERROR_RETRYABLE;
}

int etcd_member_added_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                             struct error *error)
{
    struct etcd_member_added added;
    const Etcdserverpb__MemberAddResponse *in =
        etcd_message_decode(&etcdserverpb__member_add_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->member) {
        return error_set(error, ERROR_RETRYABLE, "the answer says not which member was added");
    }
    added.id = in->member->id;
    int result = take_members(in->header, in->members, in->n_members, arena, &added.list, error);
    if (!result) {
        *(struct etcd_member_added *)out = added;
    }
    return result;
}

int etcd_alarms_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                       struct error *error)
{
    const Etcdserverpb__AlarmResponse *in =
        etcd_message_decode(&etcdserverpb__alarm_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    struct etcd_alarm *alarms = arena_alloc(arena, in->n_alarms * sizeof *alarms);
    for (size_t i = 0; i < in->n_alarms; i++) {
        alarms[i] = (struct etcd_alarm){in->alarms[i]->memberid,
                                        (enum etcd_alarm_type)in->alarms[i]->alarm};
    }
    *(struct etcd_alarms *)out = (struct etcd_alarms){alarms, in->n_alarms};
    return 0;
}

int etcd_hash_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                     struct error *error)
{
    const Etcdserverpb__HashKVResponse *in =
        etcd_message_decode(&etcdserverpb__hash_kvresponse__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return no_header(error);
    }
    *(struct etcd_hash *)out =
        (struct etcd_hash){in->hash, in->compact_revision, in->hash_revision};
    return 0;
}
