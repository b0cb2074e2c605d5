/* What the files of the command share; nobody else includes it.
 *
 * command.c          the subcommands, and the exit code
 * command_options.c  the words on the command line
 * command_etcd.c     those that say which etcd
 * command_usage.c    --help
 * command_save.c     save
 * command_check.c    verify and decrypt
 * command_objects.c  list, upload, download, remove, abort
 * command_prune.c    prune, and what save prunes
 * command_result.c   what is printed */
#ifndef SNAPSHOT_COMMAND_INTERNAL_H
#define SNAPSHOT_COMMAND_INTERNAL_H 1

#include <stdbool.h>

#include "base/json.h"
#include "etcd/api.h"
#include "net/address.h"
#include "snapshot/key.h"
#include "snapshot/manifest.h"
#include "snapshot/progress.h"
#include "snapshot/retention.h"
#include "store/store.h"

struct command;

/* What of the options a subcommand has a use for. */
enum command_uses {
    USES_STORE = 1 << 0,
    USES_ETCD = 1 << 1,
    USES_NAME = 1 << 2,
    USES_OUTPUT = 1 << 3,
    USES_KEYS = 1 << 4,
    USES_SAVE = 1 << 5,
    USES_GROUP = 1 << 6, /* --cluster and --schedule */
    USES_RETENTION = 1 << 7,
    USES_DRY_RUN = 1 << 8,
    USES_UNFINISHED = 1 << 9,
    USES_AGE = 1 << 10,
};

struct subcommand {
    const char *name;
    unsigned uses;
    int least, most; /* Arguments that are no options. */
    /* What the words together must say; NULL: nothing more. ERROR_INVALID. */
    int (*check)(const struct command *command, struct error *error);
    int (*run)(struct command *command, struct error *error);
};

/* What was asked for. Texts are borrowed from argv. */
struct command {
    struct arena *arena;
    const struct subcommand *subcommand;
    char **arguments;
    int n_arguments;
    struct store_destination destination;
    struct etcd_endpoint *endpoints;
    size_t n_endpoints;
    struct etcd_credentials credentials;
    const char *name, *output, *result_file;
    struct snapshot_keys keys;
    bool compress, json, help, unfinished, dry_run;
    const char *cluster, *uid, *schedule;
    struct snapshot_retention retention;
    int64_t older_than_ms; /* abort: -1 when it was not given. */
    bool serves_progress;
    struct net_address progress_address;

    struct store *store; /* Open when `destination` has a URL. */
    struct snapshot_progress progress;
    bool refused; /* It failed because the snapshot is not good, or no key fits it. */
};

/* Fills what the words say. ERROR_INVALID. */
int command_parse(struct command *command, const struct subcommand *subcommands, size_t n, int argc,
                  char **argv, struct error *error);
int command_parse_endpoints(struct command *command, const char *value, struct error *error);
/* `*pem` lives in the arena, and is wiped with it. */
int command_read_pem(struct command *command, const char *path, const char **pem,
                     struct error *error);

void command_usage(void);

/* Whether SIGINT or SIGTERM came, unless that is of no more use. Has the shape of `cancelled`. */
bool command_interrupted(void *context);
/* From here on finishing is quicker and cleaner than going back. */
void command_defer_interrupts(bool defer);

int command_check_save(const struct command *command, struct error *error);
int command_save(struct command *command, struct error *error);
int command_check_verify(const struct command *command, struct error *error);
int command_verify(struct command *command, struct error *error); /* And decrypt. */
int command_list(struct command *command, struct error *error);
int command_upload(struct command *command, struct error *error);
int command_check_download(const struct command *command, struct error *error);
int command_download(struct command *command, struct error *error);
int command_remove(struct command *command, struct error *error);
int command_check_abort(const struct command *command, struct error *error);
int command_abort(struct command *command, struct error *error);
int command_check_prune(const struct command *command, struct error *error);
int command_prune(struct command *command, struct error *error);
/* Removes what --keep-... no longer keeps among the backups of this schedule (or cluster), and adds
 * "pruned", "prunedCount" and "pruneError" to the result. */
int command_prune_group(struct command *command, json_t *result, struct error *error);

/* The manifest as people and programs see it, and where it is. */
json_t *command_document(const struct command *command, const struct snapshot_manifest *manifest);
int command_print(const struct command *command, json_t *document, struct error *error);
/* What --result-file asks for: the document, or why there is none and what the exit code says. */
void command_write_result(const struct command *command, json_t *document);
void command_write_failure(const struct command *command, const struct error *error, bool retry);

#endif
