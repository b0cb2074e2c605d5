#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t need = buffer->size + more + 1;
    if (need <= buffer->capacity) {
        return;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < need) {
        capacity *= 2;
    }
    buffer->data = xrealloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (buffer->limit && (size > buffer->limit || buffer->size > buffer->limit - size)) {
        return false;
    }
    buffer_reserve(buffer, size);
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return true;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    buffer_reserve(buffer, (size_t)length);
    va_start(arguments, format);
    vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->size += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    if (!size) {
        return;
    }
    memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
    buffer->data[buffer->size] = '\0';
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = buffer->capacity = 0;
}
