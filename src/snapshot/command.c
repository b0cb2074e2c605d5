#include "snapshot/command.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "snapshot/command_internal.h"

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE, EXIT_BAD_SNAPSHOT, EXIT_REFUSED };

static const struct subcommand subcommands[] = {
    {"save",
     USES_ETCD | USES_STORE | USES_NAME | USES_OUTPUT | USES_KEYS | USES_SAVE | USES_GROUP |
         USES_RETENTION,
     0, 0, command_check_save, command_save},
    {"verify", USES_STORE | USES_NAME | USES_KEYS, 0, 1, command_check_verify, command_verify},
    {"decrypt", USES_STORE | USES_NAME | USES_KEYS | USES_OUTPUT, 0, 1, command_check_verify,
     command_verify},
    {"list", USES_STORE | USES_UNFINISHED, 0, 1, NULL, command_list},
    {"upload", USES_STORE, 2, 2, NULL, command_upload},
    {"download", USES_STORE | USES_NAME, 1, 2, command_check_download, command_download},
    {"remove", USES_STORE, 1, 1, NULL, command_remove},
    {"prune", USES_STORE | USES_GROUP | USES_RETENTION | USES_DRY_RUN, 0, 0, command_check_prune,
     command_prune},
    {"abort", USES_STORE | USES_AGE, 0, 1, command_check_abort, command_abort},
};

/* Asked by the thread that sends to the store as well. */
static atomic_bool interrupted, deferred;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = true;
}

bool command_interrupted(void *context)
{
    (void)context;
    return interrupted && !deferred;
}

void command_defer_interrupts(bool defer)
{
    deferred = defer;
}

/* The kind says whether the same may succeed later. */
static int exit_code_of(const struct command *command, int result)
{
    switch (-result) {
    case ERROR_NONE:
        return EXIT_GOOD;
    case ERROR_RETRYABLE:
    case ERROR_CANCELLED:
    case ERROR_TERMINAL:
        return EXIT_FAILED;
    default:
        return command->refused ? EXIT_BAD_SNAPSHOT : EXIT_REFUSED;
    }
}

static int fail(const struct command *command, const struct error *error, int code)
{
    const char *name = command->subcommand ? command->subcommand->name : "";

    fprintf(stderr, "etcd-operator snapshot%s%s: %s\n%s", *name ? " " : "", name, error->message,
            code == EXIT_USAGE ? "More: etcd-operator snapshot --help\n" : "");
    command_write_failure(command, error, code == EXIT_FAILED);
    return code;
}

static int run(struct command *command, struct error *error)
{
    if (command->destination.url) {
        int result = store_open(&command->destination, &command->store, error);
        if (result) {
            return result;
        }
    }
    return command->subcommand->run(command, error);
}

static void command_fini(struct command *command)
{
    snapshot_progress_stop(&command->progress);
    store_close(command->store);
    snapshot_keys_fini(&command->keys);
    free(command->progress_address.host);
}

int snapshot_command(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new();
    CLEANUP(command_fini)
    struct command command = {.arena = arena,
                              .credentials.key = "snapshot",
                              .destination.cancelled = command_interrupted,
                              .older_than_ms = -1};
    const struct sigaction action = {.sa_handler = interrupt};
    struct error error = {0};

    signal(SIGPIPE, SIG_IGN); /* TLS writes to peers that may be gone. */
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT);
    if (command_parse(&command, subcommands, sizeof subcommands / sizeof *subcommands, argc, argv,
                      &error)) {
        return fail(&command, &error, EXIT_USAGE);
    }
    if (command.help) {
        command_usage();
        return EXIT_GOOD;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int result = run(&command, &error);
    return result ? fail(&command, &error, exit_code_of(&command, result)) : EXIT_GOOD;
}
