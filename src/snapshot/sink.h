/* Where bytes go: the one shape in which the stages of a backup meet (reader, compression,
 * encryption, file, object store), so that each can stand behind any other. */
#ifndef SNAPSHOT_SINK_H
#define SNAPSHOT_SINK_H 1

#include <stddef.h>

#include "base/error.h"

struct snapshot_sink {
    /* Takes all `size` bytes, or returns a negative kind with `error` filled; it is then of no more
     * use. A slow sink is the back-pressure. */
    int (*write)(void *context, const void *data, size_t size, struct error *error);
    void *context;
};

static inline int snapshot_sink_write(const struct snapshot_sink *sink, const void *data,
                                      size_t size, struct error *error)
{
    return size ? sink->write(sink->context, data, size, error) : 0;
}

#endif
