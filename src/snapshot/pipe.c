#include "snapshot/pipe.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PIECE_SIZE ((size_t)256 * 1024) /* The most that goes on at once: room is free soon. */

struct snapshot_pipe {
    struct snapshot_sink out;
    pthread_t thread;
    bool joined;
    pthread_mutex_t lock; /* Guards what follows. */
    pthread_cond_t room, bytes;
    uint64_t begin, end; /* Of what is in the ring, counted from the first byte of all. */
    bool closed, dropped;
    struct error error; /* What `out` said. */
    char ring[];
};

/* The next bytes that lie side by side; false: none will come. */
static bool next(struct snapshot_pipe *pipe, const char **data, size_t *size)
{
    pthread_mutex_lock(&pipe->lock);
    while (pipe->begin == pipe->end && !pipe->closed && !pipe->dropped) {
        pthread_cond_wait(&pipe->bytes, &pipe->lock);
    }
    size_t at = pipe->begin % SNAPSHOT_PIPE_SIZE, n = (size_t)(pipe->end - pipe->begin);
    bool go_on = n && !pipe->dropped;
    pthread_mutex_unlock(&pipe->lock);
    n = n < SNAPSHOT_PIPE_SIZE - at ? n : SNAPSHOT_PIPE_SIZE - at;
    *data = pipe->ring + at;
    *size = n < PIECE_SIZE ? n : PIECE_SIZE;
    return go_on;
}

static void *run(void *context)
{
    struct snapshot_pipe *pipe = context;
    struct error error = {0};
    const char *data;
    size_t size;

    while (!error.kind && next(pipe, &data, &size)) {
        snapshot_sink_write(&pipe->out, data, size, &error);
        pthread_mutex_lock(&pipe->lock);
        pipe->begin += size;
        pipe->error = error;
        pthread_cond_signal(&pipe->room);
        pthread_mutex_unlock(&pipe->lock);
    }
    return NULL;
}

struct snapshot_pipe *snapshot_pipe_new(struct snapshot_sink out)
{
    /* The kernel gives the pages as they are filled. */
    struct snapshot_pipe *pipe = xmalloc(sizeof *pipe + SNAPSHOT_PIPE_SIZE);

    *pipe = (struct snapshot_pipe){.out = out};
    pthread_mutex_init(&pipe->lock, NULL);
    pthread_cond_init(&pipe->room, NULL);
    pthread_cond_init(&pipe->bytes, NULL);
    if (pthread_create(&pipe->thread, NULL, run, pipe)) {
        memory_exhausted();
    }
    return pipe;
}

static int failure_of(const struct snapshot_pipe *pipe, struct error *error)
{
    if (pipe->error.kind) {
        *error = pipe->error;
    }
    return -(int)pipe->error.kind;
}

/* As much of it as there is room for, once there is some. */
static size_t put(struct snapshot_pipe *pipe, const char *data, size_t size)
{
    pthread_mutex_lock(&pipe->lock);
    while (pipe->end - pipe->begin == SNAPSHOT_PIPE_SIZE && !pipe->error.kind) {
        pthread_cond_wait(&pipe->room, &pipe->lock);
    }
    size_t at = pipe->end % SNAPSHOT_PIPE_SIZE;
    size_t room = SNAPSHOT_PIPE_SIZE - (size_t)(pipe->end - pipe->begin);
    bool failed = pipe->error.kind != ERROR_NONE;
    pthread_mutex_unlock(&pipe->lock);
    if (failed) {
        return 0;
    }
    size = size < room ? size : room;
    size = size < SNAPSHOT_PIPE_SIZE - at ? size : SNAPSHOT_PIPE_SIZE - at;
    memcpy(pipe->ring + at, data, size); /* Only the writer uses what is free. */
    pthread_mutex_lock(&pipe->lock);
    pipe->end += size;
    pthread_cond_signal(&pipe->bytes);
    pthread_mutex_unlock(&pipe->lock);
    return size;
}

static int take(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_pipe *pipe = context;
    const char *at = data;

    while (size) {
        size_t taken = put(pipe, at, size);
        if (!taken) {
            return failure_of(pipe, error); /* It has failed for good: nothing changes it now. */
        }
        at += taken;
        size -= taken;
    }
    return 0;
}

struct snapshot_sink snapshot_pipe_sink(struct snapshot_pipe *pipe)
{
    return (struct snapshot_sink){take, pipe};
}

static void join(struct snapshot_pipe *pipe, bool drop)
{
    if (pipe->joined) {
        return;
    }
    pthread_mutex_lock(&pipe->lock);
    pipe->closed = true;
    pipe->dropped = drop;
    pthread_cond_signal(&pipe->bytes);
    pthread_mutex_unlock(&pipe->lock);
    pthread_join(pipe->thread, NULL);
    pipe->joined = true;
}

int snapshot_pipe_finish(struct snapshot_pipe *pipe, struct error *error)
{
    join(pipe, false);
    return failure_of(pipe, error);
}

void snapshot_pipe_free(struct snapshot_pipe *pipe)
{
    if (pipe) {
        join(pipe, true);
        pthread_cond_destroy(&pipe->bytes);
        pthread_cond_destroy(&pipe->room);
        pthread_mutex_destroy(&pipe->lock);
        free(pipe);
    }
}
