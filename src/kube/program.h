/* Runs a program for what it prints. */
#ifndef KUBE_PROGRAM_H
#define KUBE_PROGRAM_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct program {
    const char *const *argv; /* argv[0] is looked for in PATH if it has no slash. Ended by NULL. */
    const char *const *env;  /* "NAME=value" beside our own, over which they win; ended by NULL. */
    int64_t timeout_ms;      /* Then it is killed, and all of its process group. */
    size_t limit;            /* Of its output, in bytes. */
};

/* Its output as a string, malloc'ed: end it with memory_wipe_text().  It reads from /dev/null, has
 * no other descriptors of ours, and what it says on its standard error goes to ours.  Any thread;
 * nobody else may wait for all children of the process.
 *
 * ERROR_NOT_FOUND when there is no such program; ERROR_RETRYABLE when it took too long or ended
 * with another status than 0; ERROR_INVALID when it says too much. */
int program_output(const struct program *program, char **text, struct error *error);

#endif
