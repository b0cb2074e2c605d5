/* Splits the body of a watch, a stream of JSON documents with a line each, into its lines, however
 * the network cut it. */
#ifndef KUBE_WATCH_LINES_H
#define KUBE_WATCH_LINES_H 1

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* An object in etcd is at most 1.5 MiB by default; a watch event wraps one of them. */
#define KUBE_WATCH_LINE_LIMIT (8u * 1024 * 1024)

struct kube_watch_lines {
    struct buffer rest; /* The line that has not ended yet. */
    size_t limit;       /* Longest line in bytes. */
    /* Called for each line that is not empty, without its end; a negative kind stops. */
    int (*on_line)(void *context, const char *line, size_t size, struct error *error);
    void *context;
};

/* 0, what on_line returned, or ERROR_INVALID for a line that is too long. After a failure only
 * kube_watch_lines_fini() may follow. */
int kube_watch_lines_feed(struct kube_watch_lines *lines, const void *data, size_t size,
                          struct error *error);
void kube_watch_lines_fini(struct kube_watch_lines *lines);

#endif
