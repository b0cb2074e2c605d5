#include "base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"

/* Until the end or until `size` is full; the bytes read, or -1 with errno. */
static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t got = read(fd, out + used, size - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (!got) {
            break;
        }
        used += (size_t)got;
    }
    return (ssize_t)used;
}

/* No struct buffer, whose growth would leave copies of a secret behind. */
char *text_file_read(const char *path, size_t limit, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        error_set(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID, "open %s: %s", path,
                  strerror(errno));
        return NULL;
    }
    char *text = xmalloc(limit);
    ssize_t size = read_all(fd, text, limit);
    if (size >= 0 && (size_t)size < limit && !memchr(text, '\0', (size_t)size)) {
        text[size] = '\0';
        char *fitting = xmalloc((size_t)size + 1);
        memcpy(fitting, text, (size_t)size + 1);
        memory_wipe(text, (size_t)size);
        free(text);
        return fitting;
    }
    if (size < 0) {
        error_set(error, ERROR_INVALID, "read %s: %s", path, strerror(errno));
    } else if ((size_t)size == limit) {
        error_set(error, ERROR_INVALID, "%s is longer than the %zu bytes allowed", path, limit - 1);
    } else {
        error_set(error, ERROR_INVALID, "%s is no text: it has a NUL in it", path);
    }
    memory_wipe(text, size > 0 ? (size_t)size : 0);
    free(text);
    return NULL;
}
