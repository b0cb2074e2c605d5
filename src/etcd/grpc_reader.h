/* The frames of a stream, out of the pieces in which it arrives: no I/O, one thread.
 *
 * A frame that lies whole within a piece is handed on from there; only what a piece leaves over is
 * kept, so memory stays at one frame. */
#ifndef ETCD_GRPC_READER_H
#define ETCD_GRPC_READER_H 1

#include "etcd/grpc.h"

struct grpc_reader {
    size_t limit;          /* Most bytes of one message. */
    struct buffer pending; /* The beginning of a frame. */
};

/* Takes a piece and calls on_frame for each frame that it completes; the frame is borrowed for the
 * call. Fails as grpc_frame_scan() does, or with what on_frame returns if that is not 0; the reader
 * is then of no more use. */
int grpc_reader_take(struct grpc_reader *reader, const void *data, size_t size,
                     int (*on_frame)(void *context, const struct grpc_frame *frame,
                                     struct error *error),
                     void *context, struct error *error);
/* True between two frames: a stream that ends elsewhere was cut. */
bool grpc_reader_is_empty(const struct grpc_reader *reader);
void grpc_reader_fini(struct grpc_reader *reader);

#define AUTO_GRPC_READER CLEANUP(grpc_reader_fini)

#endif
