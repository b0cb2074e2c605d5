#include <string.h>

#include "snapshot/check.h"
#include "snapshot/command_internal.h"
#include "snapshot/file.h"
#include "snapshot/stored.h"

int command_check_verify(const struct command *command, struct error *error)
{
    bool decrypts = !strcmp(command->subcommand->name, "decrypt");

    if ((command->destination.url != NULL) != (command->name != NULL)) {
        return error_set(error, ERROR_INVALID, "--store and --name go together");
    }
    if ((command->n_arguments == 1) == (command->destination.url != NULL)) {
        return error_set(error, ERROR_INVALID, "one FILE, or --store and --name");
    }
    return decrypts && !command->output
               ? error_set(error, ERROR_INVALID, "say with --output where to")
               : 0;
}

static int check_file(struct command *command, struct snapshot_sink out,
                      struct snapshot_manifest *manifest, struct error *error)
{
    struct snapshot_check *check = snapshot_check_new(&command->keys, out);
    const struct snapshot_sink sink = snapshot_check_sink(check);
    struct snapshot_form form;
    struct snapshot_facts facts;

    int result = snapshot_file_read(command->arguments[0], &sink, command_interrupted, error);
    if (!result) {
        result = snapshot_check_finish(check, &form, &facts, error);
    }
    if (!result) {
        snapshot_check_describe(&facts, &form, command->arena, manifest);
        manifest->name = command->output ? command->output : command->arguments[0];
        manifest->size = snapshot_check_size(check);
    }
    command->refused = snapshot_check_refused(check);
    snapshot_check_free(check);
    return command->refused ? error_wrap(error, "%s", command->arguments[0]) : result;
}

static int check_stored(struct command *command, struct snapshot_sink out,
                        struct snapshot_manifest *manifest, struct error *error)
{
    int result =
        snapshot_stored_load(command->store, command->name, command->arena, manifest, error);

    return result ? result
                  : snapshot_check_stored(command->store, manifest, &command->keys, out,
                                          &command->refused, error);
}

int command_verify(struct command *command, struct error *error)
{
    AUTO_SNAPSHOT_FILE struct snapshot_file file = {.fd = -1};
    struct snapshot_manifest manifest = {0};
    struct snapshot_sink out = {0};

    if (command->output) {
        int result = snapshot_file_create(&file, command->output, error);
        if (result) {
            return result;
        }
        out = snapshot_file_sink(&file);
    }
    int result = command->store ? check_stored(command, out, &manifest, error)
                                : check_file(command, out, &manifest, error);
    if (!result && command->output) {
        result = snapshot_file_commit(&file, error);
    }
    if (result) {
        return result;
    }
    AUTO_JSON json_t *document = command_document(command, &manifest);
    command_write_result(command, document);
    return command_print(command, document, error);
}
