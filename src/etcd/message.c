#include "etcd/message.h"

#include <string.h>

#include "base/memory.h"
#include "rpc.pb-c.h"

/* A key of its own, so that reading it finds nothing even in a full store. Any key will do: the
 * read is answered by the leader's commit index, not by the key. */
#define READ_KEY "etcd-operator/read"

/* What decoding one message may allocate; a member takes some hundred bytes. */
#define DECODE_LIMIT ((size_t)4 * 1024 * 1024)

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

static ProtobufCMessage *decode(const ProtobufCMessageDescriptor *type,
                                const struct grpc_frame *frame, struct arena *arena,
                                struct error *error)
{
    struct budget budget = {arena, DECODE_LIMIT};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &allocator, frame->size, frame->data);

    if (!message) {
        error_set(error, ERROR_RETRYABLE, "the answer's %zu bytes are no %s", frame->size,
                  type->short_name);
    }
    return message;
}

static void encode(const ProtobufCMessage *message, struct buffer *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes AUTO_FREE = xmalloc(size + 1); /* An empty message has no bytes. */

    protobuf_c_message_pack(message, bytes);
    if (!grpc_frame_append(out, bytes, size)) {
        memory_exhausted(); /* Our own requests are a few bytes. */
    }
}

void etcd_status_request(struct buffer *out)
{
    Etcdserverpb__StatusRequest request = ETCDSERVERPB__STATUS_REQUEST__INIT;

    encode(&request.base, out);
}

void etcd_member_list_request(struct buffer *out)
{
    Etcdserverpb__MemberListRequest request = ETCDSERVERPB__MEMBER_LIST_REQUEST__INIT;

    request.linearizable = true;
    encode(&request.base, out);
}

void etcd_alarms_request(struct buffer *out)
{
    Etcdserverpb__AlarmRequest request = ETCDSERVERPB__ALARM_REQUEST__INIT;

    request.action = ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__GET;
    encode(&request.base, out);
}

void etcd_read_request(struct buffer *out)
{
    Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    char key[] = READ_KEY;

    request.key = (ProtobufCBinaryData){sizeof key - 1, (uint8_t *)key};
    request.count_only = true;
    encode(&request.base, out);
}

/* proto3 says that a string is UTF-8; protobuf-c does not look. JSON, where these texts go, would
 * refuse it much later. */
static bool texts_valid(char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!grpc_utf8_valid(texts[i], strlen(texts[i]))) {
            return false;
        }
    }
    return true;
}

static int bad_text(struct error *error)
{
    return error_set(error, ERROR_RETRYABLE, "the answer holds a text that is not UTF-8");
}

int etcd_status_decode(const struct grpc_frame *frame, struct arena *arena, struct etcd_status *out,
                       struct error *error)
{
    const Etcdserverpb__StatusResponse *in =
        (void *)decode(&etcdserverpb__status_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return error_set(error, ERROR_RETRYABLE, "the answer says not which member gave it");
    }
    if (!texts_valid((char *[]){in->version, in->storageversion}, 2) ||
        !texts_valid(in->errors, in->n_errors)) {
        return bad_text(error);
    }
    *out = (struct etcd_status){
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

int etcd_member_list_decode(const struct grpc_frame *frame, struct arena *arena,
                            struct etcd_member_list *out, struct error *error)
{
    const Etcdserverpb__MemberListResponse *in =
        (void *)decode(&etcdserverpb__member_list_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header || in->n_members == 0) {
        return error_set(error, ERROR_RETRYABLE, "the answer names no cluster or no members");
    }
    struct etcd_member *members = arena_alloc(arena, in->n_members * sizeof *members);
    for (size_t i = 0; i < in->n_members; i++) {
        const Etcdserverpb__Member *member = in->members[i];
        if (!texts_valid((char *[]){member->name}, 1) ||
            !texts_valid(member->peerurls, member->n_peerurls) ||
            !texts_valid(member->clienturls, member->n_clienturls)) {
            return bad_text(error);
        }
        members[i] = (struct etcd_member){
            .id = member->id,
            .name = member->name,
            .peer_urls = (const char **)member->peerurls,
            .client_urls = (const char **)member->clienturls,
            .n_peer_urls = member->n_peerurls,
            .n_client_urls = member->n_clienturls,
            .is_learner = member->islearner,
        };
    }
    *out = (struct etcd_member_list){in->header->cluster_id, members, in->n_members};
    return 0;
}

int etcd_alarms_decode(const struct grpc_frame *frame, struct arena *arena, struct etcd_alarm **out,
                       size_t *n_out, struct error *error)
{
    const Etcdserverpb__AlarmResponse *in =
        (void *)decode(&etcdserverpb__alarm_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    struct etcd_alarm *alarms = arena_alloc(arena, in->n_alarms * sizeof *alarms);
    for (size_t i = 0; i < in->n_alarms; i++) {
        alarms[i] = (struct etcd_alarm){in->alarms[i]->memberid,
                                        (enum etcd_alarm_type)in->alarms[i]->alarm};
    }
    *out = alarms;
    *n_out = in->n_alarms;
    return 0;
}

int etcd_read_decode(const struct grpc_frame *frame, struct error *error)
{
    struct arena *arena AUTO_ARENA = arena_new();
    const Etcdserverpb__RangeResponse *in =
        (void *)decode(&etcdserverpb__range_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    if (!in->header) {
        return error_set(error, ERROR_RETRYABLE, "the answer says not which member gave it");
    }
    return 0;
}
