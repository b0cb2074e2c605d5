#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "snapshot/command_internal.h"
#include "snapshot/prune.h"

/* Of names in a result, which a pod's termination message of 4096 bytes must hold. */
#define NAMES_SIZE 2000

int command_check_prune(const struct command *command, struct error *error)
{
    if (!snapshot_retention_is_set(&command->retention)) {
        return error_set(error, ERROR_INVALID, "say with --keep-... what is kept");
    }
    return command->cluster || command->schedule
               ? 0
               : error_set(error, ERROR_INVALID, "whose: --schedule, or --cluster?");
}

/* The newest go last: what is cut off in between leaves the store with the better ones. */
static int remove_those(struct command *command, const struct snapshot_kept *items, size_t n,
                        json_t *pruned, json_int_t *count, struct error *error)
{
    size_t size = 0;
    int result = 0;

    for (size_t i = n; !result && i-- > 0;) {
        if (!items[i].goes) {
            continue;
        }
        if (!command->dry_run) {
            result = snapshot_stored_remove(command->store, items[i].name, error);
        }
        size += strlen(items[i].name) + 3;
        if (!result && (!command->result_file || size <= NAMES_SIZE)) {
            json_array_append_new(pruned, json_string(items[i].name));
        }
        *count += !result;
    }
    return result;
}

int command_prune_group(struct command *command, json_t *result, struct error *error)
{
    const struct snapshot_group group = {command->schedule, command->cluster};
    struct snapshot_kept *items;
    json_t *pruned = json_array();
    json_int_t count = 0;
    size_t n;

    int code = snapshot_prune_plan(command->store, &group, &command->retention, clock_wall_ms(),
                                   command->arena, &items, &n, error);
    if (!code) {
        code = remove_those(command, items, n, pruned, &count, error);
    }
    json_object_set_new(result, "pruned", pruned);
    json_object_set_new(result, "prunedCount", json_integer(count));
    return code;
}

int command_prune(struct command *command, struct error *error)
{
    AUTO_JSON json_t *result = json_object();

    command->progress.step = SNAPSHOT_PRUNING;
    int code = command_prune_group(command, result, error);
    if (code) {
        return code;
    }
    command_write_result(command, result);
    return command_print(command, result, error);
}
