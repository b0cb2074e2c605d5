/* A growable byte buffer with a hard limit, always followed by a NUL byte. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct buffer {
    char *data;      /* NULL until the first byte. */
    size_t size;     /* Bytes held, without the NUL. */
    size_t capacity; /* Bytes allocated. */
    size_t limit;    /* Most bytes allowed; 0 means no limit. */
};

/* False, and nothing appended, when the limit would be passed. */
bool buffer_append(struct buffer *buffer, const void *data, size_t size)
    __attribute__((warn_unused_result));
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));               /* For buffers without a limit. */
void buffer_consume(struct buffer *buffer, size_t size); /* Drops `size` bytes from the front. */
void buffer_clear(struct buffer *buffer);
void buffer_fini(struct buffer *buffer);

#define AUTO_BUFFER CLEANUP(buffer_fini)

#endif
