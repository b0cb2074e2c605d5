#include "kube/watch_lines.h"

#include <string.h>

/* A buffer that one large event has made grow is given back. */
#define KEEP_CAPACITY (64u * 1024)

static int too_long(const struct kube_watch_lines *lines, struct error *error)
{
    return error_set(error, ERROR_INVALID, "a line of the watch is longer than %zu bytes",
                     lines->limit);
}

static int emit(struct kube_watch_lines *lines, const char *line, size_t size, struct error *error)
{
    if (size > lines->limit) {
        return too_long(lines, error);
    }
    if (size && line[size - 1] == '\r') {
        size--;
    }
    return size ? lines->on_line(lines->context, line, size, error) : 0;
}

/* The line whose beginning lies in `rest` and whose end has come. */
static int emit_joined(struct kube_watch_lines *lines, const char *data, size_t size,
                       struct error *error)
{
    lines->rest.limit = lines->limit;
    if (!buffer_append(&lines->rest, data, size)) {
        return too_long(lines, error);
    }
    int result = emit(lines, lines->rest.data, lines->rest.size, error);
    if (lines->rest.capacity > KEEP_CAPACITY) {
        buffer_fini(&lines->rest);
    } else {
        buffer_clear(&lines->rest);
    }
    return result;
}

int kube_watch_lines_feed(struct kube_watch_lines *lines, const void *data, size_t size,
                          struct error *error)
{
    const char *at = data, *end = at + size, *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        size_t length = (size_t)(newline - at);
        int result = lines->rest.size ? emit_joined(lines, at, length, error)
                                      : emit(lines, at, length, error);
        if (result) {
            return result;
        }
        at = newline + 1;
    }
    lines->rest.limit = lines->limit;
    if (at < end && !buffer_append(&lines->rest, at, (size_t)(end - at))) {
        return too_long(lines, error);
    }
    return 0;
}

void kube_watch_lines_fini(struct kube_watch_lines *lines)
{
    buffer_fini(&lines->rest);
}
