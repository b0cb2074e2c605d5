/* What the files of the client share; nobody else includes it.
 *
 * client.c       the client and its doors
 * ask.c          one unary call to a target: failover, and what became of a change
 * look.c         status and read at every member; the helpers' reports
 * membership.c, maintenance.c, kv.c, auth.c
 *                the unary calls
 * stream.c       one streaming call to a target
 * watch.c, snapshot.c
 *                the two of them */
#ifndef ETCD_CLIENT_INTERNAL_H
#define ETCD_CLIENT_INTERNAL_H 1

#include <protobuf-c/protobuf-c.h>

#include "etcd/client.h"
#include "etcd/message.h"
#include "etcd/pool.h"

struct etcd_client {
    struct etcd_api api;
    struct etcd_auth_api auth;
    struct etcd_stream_api stream;
    struct etcd_pool *pool;
    struct http_client *plain; /* HTTP/1.1 without TLS, for the reports. */
};

/* One unary call. */
struct etcd_question {
    const char *method; /* "Cluster/MemberAdd" */
    bool change;        /* Sent again only when nothing of it was done. */
    size_t limit;       /* As in struct etcd_call. */
    const ProtobufCMessage *request;
    etcd_decode_function *decode;
    struct arena *arena; /* For the answer; NULL if `out` borrows nothing from it. */
    void *out;
};

/* Asks the target as struct etcd_target says. */
int etcd_ask(struct etcd_client *client, const struct etcd_target *target,
             const struct etcd_question *question, struct error *error);

/* One streaming call. */
struct etcd_stream {
    const char *method;
    const ProtobufCMessage *request;
    /* Each message; ends the stream as the callbacks of etcd/stream.h do. */
    int (*on_frame)(void *context, const struct grpc_frame *frame, struct error *error);
    void *context;
    bool (*cancelled)(void *context);
    void *cancelled_context;
};

/* 0 when the server has ended the stream well. */
int etcd_stream_run(struct etcd_client *client, const struct etcd_target *target,
                    const struct etcd_stream *stream, struct error *error);

/* Of several endpoints' failures the first one that will not pass by itself says most (a refused
 * certificate rather than a dead pod); else the first. `*kept` is empty at first. */
void etcd_keep_error(struct error *kept, const struct error *error);

/* protobuf-c only reads what it packs. */
static inline ProtobufCBinaryData etcd_binary(struct etcd_bytes bytes)
{
    return (ProtobufCBinaryData){bytes.size, (uint8_t *)bytes.data};
}

/* Each fills in the calls of its file. */
void etcd_look_fill(struct etcd_api *api);
void etcd_membership_fill(struct etcd_api *api);
void etcd_maintenance_fill(struct etcd_api *api);
void etcd_kv_fill(struct etcd_api *api);
void etcd_auth_fill(struct etcd_auth_api *api);
void etcd_watch_fill(struct etcd_stream_api *api);
void etcd_snapshot_fill(struct etcd_stream_api *api);

#endif
