/* The messages of the calls, between bytes and the structs of etcd/api.h: no I/O, any thread.
 *
 * What comes from the network is bounded twice: by ETCD_MESSAGE_LIMIT as it arrives and, since two
 * bytes can announce a whole empty member, by what decoding may take from the arena. */
#ifndef ETCD_MESSAGE_H
#define ETCD_MESSAGE_H 1

#include "base/arena.h"
#include "etcd/api.h"
#include "etcd/grpc.h"

/* Most bytes of one message: far above a member list, and no answer asked for here grows with the
 * data that etcd holds. */
#define ETCD_MESSAGE_LIMIT ((size_t)1024 * 1024)

/* A whole request: one frame, to be sent as the body. */
void etcd_status_request(struct buffer *out);
void etcd_member_list_request(struct buffer *out);
void etcd_alarms_request(struct buffer *out);
/* A linearizable read of one key that nobody needs to have written; only its count is asked. */
void etcd_read_request(struct buffer *out);

/* Decoded into `arena`. ERROR_RETRYABLE when the bytes are no such message, a text is not UTF-8, or
 * decoding takes too much memory. The struct is written only on success. */
int etcd_status_decode(const struct grpc_frame *frame, struct arena *arena, struct etcd_status *out,
                       struct error *error);
int etcd_member_list_decode(const struct grpc_frame *frame, struct arena *arena,
                            struct etcd_member_list *out, struct error *error);
/* An alarm of a type that is not in enum etcd_alarm_type keeps its number. */
int etcd_alarms_decode(const struct grpc_frame *frame, struct arena *arena, struct etcd_alarm **out,
                       size_t *n_out, struct error *error);
int etcd_read_decode(const struct grpc_frame *frame, struct error *error);

#endif
