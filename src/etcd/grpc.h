/* gRPC's framing and status over an HTTP exchange: no I/O, any thread.
 *
 * Source: PROTOCOL-HTTP2.md and statuscodes.md of the gRPC project.  libcurl shows HTTP/2 trailers
 * among the headers, so a status is looked for in one place whether it came first (an answer of
 * trailers only) or last. */
#ifndef ETCD_GRPC_H
#define ETCD_GRPC_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "net/http.h"

/* A frame is a flag (1: compressed), the message's size in four bytes, big endian, and the message.
 */
#define GRPC_PREFIX_SIZE 5

enum grpc_status {
    GRPC_OK,
    GRPC_CANCELLED,
    GRPC_UNKNOWN,
    GRPC_INVALID_ARGUMENT,
    GRPC_DEADLINE_EXCEEDED,
    GRPC_NOT_FOUND,
    GRPC_ALREADY_EXISTS,
    GRPC_PERMISSION_DENIED,
    GRPC_RESOURCE_EXHAUSTED,
    GRPC_FAILED_PRECONDITION,
    GRPC_ABORTED,
    GRPC_OUT_OF_RANGE,
    GRPC_UNIMPLEMENTED,
    GRPC_INTERNAL,
    GRPC_UNAVAILABLE,
    GRPC_DATA_LOSS,
    GRPC_UNAUTHENTICATED,
};

struct grpc_frame {
    const uint8_t *data; /* Borrowed from what was scanned. */
    size_t size;
};

/* Appends one uncompressed frame. False when the buffer's limit or the format's 4 GiB are passed.
 */
bool grpc_frame_append(struct buffer *out, const void *message, size_t size)
    __attribute__((warn_unused_result));

/* Looks at the first frame of `data`. 1: `frame` is set, and the next one begins GRPC_PREFIX_SIZE +
 * frame->size bytes on. 0: the rest of it has yet to arrive. ERROR_RETRYABLE: it is compressed
 * (nobody asked for that), no frame at all, or larger than `limit`, which is told from its prefix.
 */
int grpc_frame_scan(const void *data, size_t size, size_t limit, struct grpc_frame *frame,
                    struct error *error);

/* Fills `error` with what a status (not GRPC_OK) and the server's words mean, see
 * grpc_check_status(). Returns -kind. */
int grpc_error_set(struct error *error, enum grpc_status status, const char *words);

/* True if the server itself said how the call ended. */
bool grpc_has_status(const struct http_response *response);

/* 0 if the exchange ended with grpc-status 0. Else the kind from the table in etcd/api.h; the
 * message is the status's name and the server's own words (grpc-message). */
int grpc_check_status(const struct http_response *response, struct error *error);

/* The one message of a unary call's answer; borrowed from `response`. Fails like
 * grpc_check_status(), and with ERROR_RETRYABLE unless there is exactly one whole frame. */
int grpc_unary_answer(const struct http_response *response, size_t limit, struct grpc_frame *frame,
                      struct error *error);

/* Decodes %XX in place; what is no such escape stays. Bytes that are neither printable ASCII nor
 * UTF-8 become '?', so that the text can go into a log or an object's status. */
void grpc_decode_message(char *text);

/* True if the bytes are UTF-8 (RFC 3629: shortest forms, no surrogates). */
bool grpc_utf8_valid(const char *text, size_t size);

#endif
