#include <string.h>

#include "base/log.h"
#include "snapshot/command_internal.h"
#include "snapshot/stored.h"
#include "snapshot/take.h"

int command_check_save(const struct command *command, struct error *error)
{
    const struct etcd_credentials *credentials = &command->credentials;
    bool stores = command->destination.url != NULL;

    if (!command->n_endpoints) {
        return error_set(error, ERROR_INVALID, "say with --endpoints of which etcd");
    }
    if (stores == (command->output != NULL) || stores != (command->name != NULL)) {
        return error_set(error, ERROR_INVALID, "where to: --output, or --store and --name?");
    }
    if (!stores && snapshot_retention_is_set(&command->retention)) {
        return error_set(error, ERROR_INVALID, "--keep-... is for a store");
    }
    if (command->keys.n > 1) {
        return error_set(error, ERROR_INVALID, "save encrypts with one key");
    }
    if (!credentials->certificate_pem != !credentials->key_pem) {
        return error_set(error, ERROR_INVALID, "--cert and --key go together");
    }
    if (!credentials->tls && (credentials->ca_pem || credentials->certificate_pem)) {
        return error_set(error, ERROR_INVALID, "certificates are for https endpoints");
    }
    return stores ? snapshot_stored_check_name(command->name, error) : 0;
}

/* What an earlier run under this name left: `*done` when it is this very backup. Else the name is
 * free when it returns 0. */
static int look_for_earlier(struct command *command, struct snapshot_manifest *manifest, bool *done,
                            struct error *error)
{
    struct error lost = {0};
    int result =
        snapshot_stored_load(command->store, command->name, command->arena, manifest, error);

    *done = false;
    if (result == -(int)ERROR_NOT_FOUND) {
        return 0;
    }
    if (result) {
        return result;
    }
    if (!command->uid || !manifest->uid || strcmp(command->uid, manifest->uid) != 0) {
        return error_set(error, ERROR_EXISTS,
                         "%s is taken by another backup: choose another name, or remove that one",
                         command->name);
    }
    result = snapshot_stored_confirm(command->store, manifest, &lost);
    *done = !result;
    if (result == -(int)ERROR_NOT_FOUND || result == -(int)ERROR_INVALID) {
        log_warning("the backup is taken again", "error", lost.message, NULL);
        return snapshot_stored_remove(command->store, command->name, error);
    }
    if (result) {
        *error = lost;
    }
    return result;
}

/* A run that was killed may have left an upload. That it stays is no reason to have no backup.
 * Before the backup, for what it holds is paid for; and after it, for the dead run's last request
 * may have taken effect only then. */
static void sweep(struct command *command)
{
    struct error error = {0};

    if (store_abort_named(command->store, command->name, &error)) {
        log_warning("uploads that were left behind cannot be aborted", "error", error.message,
                    NULL);
    }
}

/* The manifest makes it a backup. Without one it is none, and the object goes. */
static int commit(struct command *command, const struct snapshot_manifest *manifest,
                  struct error *error)
{
    struct error ignored = {0};
    int result = snapshot_stored_commit(command->store, manifest, error);

    if (result && snapshot_stored_remove(command->store, command->name, &ignored)) {
        log_warning("an object without manifest stays behind", "error", ignored.message, NULL);
    }
    return result;
}

static int take(struct command *command, struct snapshot_manifest *manifest, struct error *error)
{
    AUTO_SNAPSHOT_TARGET struct snapshot_target target = {.store = command->store,
                                                          .name = command->store ? command->name
                                                                                 : command->output,
                                                          .file.fd = -1};
    const struct snapshot_order order = {.credentials = &command->credentials,
                                         .endpoints = command->endpoints,
                                         .n_endpoints = command->n_endpoints,
                                         .compress = command->compress,
                                         .key = command->keys.items,
                                         .cancelled = command_interrupted,
                                         .progress = &command->progress};

    if (command->store) {
        sweep(command);
    }
    int result = snapshot_take(&order, &target, command->arena, manifest, error);
    if (result || !command->store) {
        return result;
    }
    manifest->cluster = command->cluster;
    manifest->uid = command->uid;
    manifest->schedule = command->schedule;
    command_defer_interrupts(true);
    result = commit(command, manifest, error);
    command_defer_interrupts(false);
    if (!result) {
        sweep(command);
    }
    return result;
}

/* What cannot be pruned now is the next run's: the backup is good all the same. */
static void prune(struct command *command, json_t *document)
{
    struct error error = {0};

    command->progress.step = SNAPSHOT_PRUNING;
    if (command_prune_group(command, document, &error)) {
        log_warning("old backups stay", "error", error.message, NULL);
        json_object_set_new(document, "pruneError", json_string(error.message));
    }
}

int command_save(struct command *command, struct error *error)
{
    struct snapshot_manifest manifest = {0};
    bool done = false;

    int result =
        command->serves_progress
            ? snapshot_progress_serve(&command->progress, &command->progress_address, error)
            : 0;
    if (!result && command->store) {
        result = look_for_earlier(command, &manifest, &done, error);
    }
    if (!result && !done) {
        manifest = (struct snapshot_manifest){0};
        result = take(command, &manifest, error);
    }
    if (result) {
        return result;
    }
    AUTO_JSON json_t *document = command_document(command, &manifest);
    if (snapshot_retention_is_set(&command->retention)) {
        prune(command, document);
    }
    command_write_result(command, document);
    return command_print(command, document, error);
}
