/* What the files of the command share; nobody else includes it.
 *
 * command.c          the words on the command line, and who does what they ask for
 * command_save.c     save
 * command_check.c    verify and decrypt
 * command_result.c   what is printed */
#ifndef SNAPSHOT_COMMAND_INTERNAL_H
#define SNAPSHOT_COMMAND_INTERNAL_H 1

#include <stdbool.h>

#include "etcd/api.h"
#include "snapshot/container.h"
#include "snapshot/reader.h"
#include "snapshot/source.h"

/* What was asked for. */
struct command {
    struct arena *arena;
    const char *name; /* "save" */
    struct etcd_endpoint *endpoints;
    size_t n_endpoints;
    struct etcd_credentials credentials;
    const char *file, *output;
    bool compress, json;
    struct snapshot_keys keys;
};

/* What came of it. */
struct command_result {
    struct snapshot_facts facts;
    struct snapshot_form form;
    const char *file;                     /* Where it is. */
    const struct snapshot_source *source; /* save: of whom; else NULL. */
};

int command_save(const struct command *command, struct command_result *result, struct error *error);
int command_check(const struct command *command, struct command_result *result,
                  struct error *error);
int command_print(const struct command *command, const struct command_result *result,
                  struct error *error);

#endif
