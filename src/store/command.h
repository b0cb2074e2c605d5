/* `etcd-operator snapshot list|upload|download`: what a store holds, and files in and out of it,
 * without Kubernetes. */
#ifndef STORE_COMMAND_H
#define STORE_COMMAND_H 1

#include <stdbool.h>

/* Whether `word`, which may be NULL, is one of the subcommands above. */
bool store_command_is(const char *word);

/* argv[0] is the subcommand. Writes to stdout, errors to stderr; returns the exit code that --help
 * documents. */
int store_command(int argc, char **argv);

#endif
