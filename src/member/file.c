#include "member/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

static int failed(struct error *error, const char *verb, const char *path)
{
    enum error_kind kind = errno == ENOENT ? ERROR_NOT_FOUND : ERROR_RETRYABLE;
    return error_set(error, kind, "%s cannot be %s: %s", path, verb, strerror(errno));
}

int file_read(const char *path, size_t limit, struct arena *arena, char **data, size_t *size,
              struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    AUTO_FREE char *bytes = NULL;
    size_t length = 0;

    if (fd < 0) {
        return failed(error, "opened", path);
    }
    bytes = xmalloc(limit + 1);
    for (;;) {
        ssize_t got = read(fd, bytes + length, limit + 1 - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed(error, "read", path);
        }
        if (!got) {
            break;
        }
        length += (size_t)got;
        if (length > limit) {
            return error_set(error, ERROR_INVALID, "%s is larger than %zu bytes", path, limit);
        }
    }
    *data = arena_strndup(arena, bytes, length);
    *size = length;
    return 0;
}

static int write_and_sync(const char *path, const char *text, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    size_t left = strlen(text);

    if (fd < 0) {
        return failed(error, "created", path);
    }
    while (left) {
        ssize_t written = write(fd, text, left);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return failed(error, "written", path);
        }
        text += written;
        left -= (size_t)written;
    }
    return fsync(fd) ? failed(error, "synced", path) : 0;
}

int file_write(const char *path, const char *text, struct error *error)
{
    AUTO_FREE char *temporary = xasprintf("%s.tmp", path);
    AUTO_FREE char *copy = xstrdup(path);
    int status = write_and_sync(temporary, text, error);

    if (status) {
        unlink(temporary); /* On a full disk every block counts. */
        return status;
    }
    if (rename(temporary, path)) {
        return failed(error, "renamed", temporary);
    }
    return directory_sync(dirname(copy), error);
}

int directory_sync(const char *path, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return failed(error, "opened", path);
    }
    return fsync(fd) ? failed(error, "synced", path) : 0;
}

int directory_has_entries(const char *path, struct error *error)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    if (!directory) {
        return errno == ENOENT ? 0 : failed(error, "opened", path);
    }
    do {
        errno = 0;
        entry = readdir(directory);
    } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    int status = errno ? failed(error, "listed", path) : entry != NULL;
    closedir(directory);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

int directory_remove(const char *path, struct error *error)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT) {
        return failed(error, "removed", path);
    }
    return 0;
}
