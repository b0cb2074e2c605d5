/* A file that is there whole or not at all: written as PATH.partial, and renamed when all of it is
 * on the disk. Its mode is 0600, for a database holds secrets. */
#ifndef SNAPSHOT_FILE_H
#define SNAPSHOT_FILE_H 1

#include <stdbool.h>

#include "base/cleanup.h"
#include "snapshot/sink.h"

struct snapshot_file {
    char *path, *partial; /* `partial` is NULL once it is renamed. */
    int fd;
};

/* What is left of an earlier attempt under the partial name is overwritten. ERROR_TERMINAL. */
int snapshot_file_create(struct snapshot_file *file, const char *path, struct error *error);
struct snapshot_sink snapshot_file_sink(struct snapshot_file *file);
/* Syncs and renames, over what is there. */
int snapshot_file_commit(struct snapshot_file *file, struct error *error);
/* Removes the partial file if it was not committed. All zeros is allowed. */
void snapshot_file_fini(struct snapshot_file *file);

#define AUTO_SNAPSHOT_FILE CLEANUP(snapshot_file_fini)

/* Reads a file in pieces into the sink. ERROR_NOT_FOUND, ERROR_TERMINAL, what the sink says, or
 * ERROR_CANCELLED when `cancelled`, which may be NULL, is true before the end. */
int snapshot_file_read(const char *path, const struct snapshot_sink *sink,
                       bool (*cancelled)(void *context), struct error *error);

#endif
