/* Cleanup attributes: a function has one way down, and what it holds goes with its scope. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H 1

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* clang warns about a variable that only holds something until its scope ends. */
#define CLEANUP(function) __attribute__((cleanup(function), unused))

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file) {
        fclose(*file);
    }
}

#define AUTO_FREE  CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
#define AUTO_FILE  CLEANUP(cleanup_fclose)

#endif
