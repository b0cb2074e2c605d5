/* A sink with a thread of its own behind it: what is written is taken at once while there is room,
 * so that the source goes on while the store is slow, and the other way round. Memory is
 * SNAPSHOT_PIPE_SIZE; when it is full, writing waits. */
#ifndef SNAPSHOT_PIPE_H
#define SNAPSHOT_PIPE_H 1

#include "snapshot/sink.h"

/* As much as a store sends at once: while one part is on its way, the next one fills. */
#define SNAPSHOT_PIPE_SIZE ((size_t)8 * 1024 * 1024)

struct snapshot_pipe;

/* From now until finish or free, `out` belongs to the pipe's thread. */
struct snapshot_pipe *snapshot_pipe_new(struct snapshot_sink out);
/* Fails with what `out` said to an earlier piece. */
struct snapshot_sink snapshot_pipe_sink(struct snapshot_pipe *pipe);
/* Waits until `out` has all of it, and says what it said. */
int snapshot_pipe_finish(struct snapshot_pipe *pipe, struct error *error);
/* Drops what `out` does not have yet, and waits for the piece that it is at. NULL is allowed. */
void snapshot_pipe_free(struct snapshot_pipe *pipe);

#endif
