/* The messages of the calls, between bytes and the structs of the doors: no I/O, any thread.
 *
 * What comes from the network is bounded twice: by a limit on each message as it arrives and, since
 * two bytes can announce a whole empty member, by what decoding may take from the arena. */
#ifndef ETCD_MESSAGE_H
#define ETCD_MESSAGE_H 1

#include "base/arena.h"
#include "etcd/api.h"
#include "etcd/auth.h"
#include "etcd/grpc.h"
#include "etcd/stream.h"

/* Most bytes of one message: far above a member list or a piece of a snapshot... */
#define ETCD_MESSAGE_LIMIT ((size_t)1024 * 1024)
/* ...and of one that holds keys and values: ten times etcd's default --max-request-bytes. */
#define ETCD_DATA_LIMIT ((size_t)16 * 1024 * 1024)

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;

/* Appends a whole request: one frame, to be sent as the body. */
void etcd_message_encode(const struct ProtobufCMessage *message, struct buffer *out);
/* The message in `arena`, or NULL with ERROR_RETRYABLE: the bytes are no such message, a text is
 * not UTF-8, or decoding takes too much memory. */
void *etcd_message_decode(const struct ProtobufCMessageDescriptor *type,
                          const struct grpc_frame *frame, struct arena *arena, struct error *error);

/* Decodes an answer into `arena` and writes the struct named beside each function below, only on
 * success. Fails like etcd_message_decode(), and likewise when what must be there is not. */
typedef int etcd_decode_function(const struct grpc_frame *frame, struct arena *arena, void *out,
                                 struct error *error);

struct etcd_alarms {
    struct etcd_alarm *items; /* One of a type that enum etcd_alarm_type lacks keeps its number. */
    size_t n;
};

struct etcd_member_added {
    uint64_t id;
    struct etcd_member_list list;
};

etcd_decode_function etcd_done_decode;   /* None (NULL): whatever the answer holds. */
etcd_decode_function etcd_header_decode; /* None (NULL): it says which member gave it. */
etcd_decode_function etcd_status_decode; /* struct etcd_status */
etcd_decode_function etcd_alarms_decode; /* struct etcd_alarms */
etcd_decode_function etcd_hash_decode;   /* struct etcd_hash */

etcd_decode_function etcd_member_list_decode;  /* struct etcd_member_list */
etcd_decode_function etcd_member_added_decode; /* struct etcd_member_added */

etcd_decode_function etcd_range_decode;   /* struct etcd_range */
etcd_decode_function etcd_put_decode;     /* int64_t: the revision */
etcd_decode_function etcd_deleted_decode; /* int64_t: how many keys */
etcd_decode_function etcd_txn_decode;     /* struct etcd_txn_result */

etcd_decode_function etcd_auth_status_decode; /* struct etcd_auth_status */
etcd_decode_function etcd_token_decode;       /* const char *: wiped when the arena is freed */
etcd_decode_function etcd_names_decode;       /* struct etcd_names */
etcd_decode_function etcd_permissions_decode; /* struct etcd_permissions */

struct etcd_watch_answer {
    bool created, cancelled;
    int64_t compact_revision;  /* Not 0: why it was cancelled. */
    const char *cancel_reason; /* "" if there is none. */
    bool fragment;             /* The next message goes on with the same revisions. */
    int64_t revision;
    struct etcd_event *events;
    size_t n_events;
};

struct etcd_snapshot_piece {
    struct etcd_bytes blob;
    uint64_t remaining_bytes;
};

etcd_decode_function etcd_watch_decode;    /* struct etcd_watch_answer */
etcd_decode_function etcd_snapshot_decode; /* struct etcd_snapshot_piece */

#endif
