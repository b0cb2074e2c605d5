#include "snapshot/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PIECE_SIZE 131072

static int failed(struct error *error, const char *attempt, const char *path)
{
    return error_set(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_TERMINAL, "%s %s: %s",
                     attempt, path, strerror(errno));
}

int snapshot_file_create(struct snapshot_file *file, const char *path, struct error *error)
{
    *file = (struct snapshot_file){.path = xstrdup(path), .partial = xasprintf("%s.partial", path)};
    file->fd = open(file->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd >= 0) {
        return 0;
    }
    int result = failed(error, "create", file->partial);
    free(file->partial);
    file->partial = NULL; /* It is not ours. */
    return result;
}

static int write_all(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_file *file = context;
    const char *bytes = data;

    while (size) {
        ssize_t written = write(file->fd, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return failed(error, "write", file->partial);
        }
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

struct snapshot_sink snapshot_file_sink(struct snapshot_file *file)
{
    return (struct snapshot_sink){write_all, file};
}

/* The name is on the disk when its directory is. */
static int sync_directory(const char *path, struct error *error)
{
    AUTO_FREE char *copy = xstrdup(path);
    const char *directory = dirname(copy);
    AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) ? failed(error, "sync the directory", directory) : 0;
}

int snapshot_file_commit(struct snapshot_file *file, struct error *error)
{
    int fd = file->fd;

    if (fsync(fd)) {
        return failed(error, "sync", file->partial);
    }
    file->fd = -1;
    if (close(fd)) {
        return failed(error, "close", file->partial);
    }
    if (rename(file->partial, file->path)) {
        return failed(error, "rename the partial file to", file->path);
    }
    free(file->partial);
    file->partial = NULL;
    return sync_directory(file->path, error);
}

void snapshot_file_fini(struct snapshot_file *file)
{
    if (file->path && file->fd >= 0) {
        close(file->fd);
    }
    if (file->partial) {
        unlink(file->partial);
    }
    free(file->partial);
    free(file->path);
    *file = (struct snapshot_file){.fd = -1};
}

int snapshot_file_read(const char *path, const struct snapshot_sink *sink,
                       bool (*cancelled)(void *context), struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_FREE char *piece = xmalloc(PIECE_SIZE);

    if (fd < 0) {
        return failed(error, "open", path);
    }
    for (;;) {
        if (cancelled && cancelled(NULL)) {
            return error_set(error, ERROR_CANCELLED, "interrupted while reading %s", path);
        }
        ssize_t got = read(fd, piece, PIECE_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed(error, "read", path);
        }
        int result = got ? snapshot_sink_write(sink, piece, (size_t)got, error) : 0;
        if (!got || result) {
            return result;
        }
    }
}
