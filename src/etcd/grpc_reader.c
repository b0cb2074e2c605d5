#include "etcd/grpc_reader.h"

#include "base/memory.h"

/* How many bytes the pending frame lacks, as far as is known: first its prefix, then the rest. */
static size_t lacking(const struct buffer *pending)
{
    const uint8_t *bytes = (const uint8_t *)pending->data;

    if (pending->size < GRPC_PREFIX_SIZE) {
        return GRPC_PREFIX_SIZE - pending->size;
    }
    size_t length =
        (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | (size_t)bytes[4];
    return GRPC_PREFIX_SIZE + length - pending->size;
}

static void keep(struct buffer *pending, const void *data, size_t size)
{
    if (!buffer_append(pending, data, size)) {
        memory_exhausted(); /* The buffer has no limit of its own: the scan looks at the prefix. */
    }
}

int grpc_reader_take(struct grpc_reader *reader, const void *data, size_t size,
                     int (*on_frame)(void *context, const struct grpc_frame *frame,
                                     struct error *error),
                     void *context, struct error *error)
{
    struct buffer *pending = &reader->pending;
    const uint8_t *at = data;
    struct grpc_frame frame;

    while (size) {
        bool begun = pending->size > 0;
        size_t taken = size;
        if (begun) {
            taken = lacking(pending) < size ? lacking(pending) : size;
            keep(pending, at, taken);
        }
        int found =
            begun ? grpc_frame_scan(pending->data, pending->size, reader->limit, &frame, error)
                  : grpc_frame_scan(at, size, reader->limit, &frame, error);
        if (found < 0) {
            return found;
        }
        if (found) {
            int result = on_frame(context, &frame, error);
            if (result) {
                return result;
            }
            taken = begun ? taken : GRPC_PREFIX_SIZE + frame.size;
            buffer_clear(pending);
        } else if (!begun) {
            keep(pending, at, size);
        }
        at += taken;
        size -= taken;
    }
    return 0;
}

bool grpc_reader_is_empty(const struct grpc_reader *reader)
{
    return !reader->pending.size;
}

void grpc_reader_fini(struct grpc_reader *reader)
{
    if (reader->pending.data) {
        memory_wipe(reader->pending.data,
                    reader->pending.capacity); /* It may have been a Secret. */
    }
    buffer_fini(&reader->pending);
}
