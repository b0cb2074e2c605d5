/* A directory of its own for each test, removed at its end. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H 1

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "member/file.h"

struct scratch {
    char root[64];
};

static inline struct scratch scratch_make(void)
{
    struct scratch scratch;

    snprintf(scratch.root, sizeof scratch.root, "/tmp/etcd-member-test-XXXXXX");
    assert_non_null(mkdtemp(scratch.root));
    return scratch;
}

static inline void scratch_remove(struct scratch *scratch)
{
    directory_remove(scratch->root, NULL);
}
#define AUTO_SCRATCH CLEANUP(scratch_remove)

/* Creates the directories of "<root><path>" and the file with these bytes. */
static inline void scratch_write(const struct scratch *scratch, const char *path, const void *data,
                                 size_t size)
{
    char whole[512];

    snprintf(whole, sizeof whole, "%s%s", scratch->root, path);
    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0755);
        *slash = '/';
    }
    AUTO_CLOSE int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
}

static inline void scratch_text(const struct scratch *scratch, const char *path, const char *text)
{
    scratch_write(scratch, path, text, strlen(text));
}

static inline bool scratch_has(const struct scratch *scratch, const char *path)
{
    char whole[512];

    snprintf(whole, sizeof whole, "%s%s", scratch->root, path);
    return access(whole, F_OK) == 0;
}

#endif
