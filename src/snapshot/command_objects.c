#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "snapshot/command_internal.h"
#include "snapshot/file.h"
#include "snapshot/stored.h"

static int flushed(struct error *error)
{
    return fflush(stdout) ? error_set(error, ERROR_TERMINAL, "writing to standard output failed")
                          : 0;
}

/* One object a line. */
static void print_json(json_t *json)
{
    AUTO_JSON json_t *owned = json;
    AUTO_FREE char *text = json_dumps(owned, JSON_COMPACT);

    puts(text);
}

static int show_object(void *context, const struct store_object *object, struct error *error)
{
    const struct command *command = context;
    char time[CLOCK_RFC3339_SIZE];

    (void)error;
    clock_rfc3339(object->modified_ms, time, sizeof time);
    if (command->json) {
        print_json(json_pack("{s:s, s:I, s:s}", "name", object->name, "size",
                             (json_int_t)object->size, "modified", time));
    } else {
        printf("%s %15" PRIu64 " %s\n", time, object->size, object->name);
    }
    return 0;
}

static int show_leftover(void *context, const struct store_leftover *leftover, struct error *error)
{
    const struct command *command = context;
    char time[CLOCK_RFC3339_SIZE];

    (void)error;
    clock_rfc3339(leftover->started_ms, time, sizeof time);
    if (command->json) {
        print_json(json_pack("{s:s, s:s, s:s}", "name", leftover->name, "upload", leftover->id,
                             "started", time));
    } else {
        printf("%s %s %s\n", time, leftover->id, leftover->name);
    }
    return 0;
}

static const char *beginning_of(const struct command *command)
{
    return command->n_arguments ? command->arguments[0] : "";
}

int command_list(struct command *command, struct error *error)
{
    const char *under = beginning_of(command);
    int result = command->unfinished
                     ? store_list_uploads(command->store, under, show_leftover, command, error)
                     : store_list(command->store, under, show_object, command, error);

    return result ? result : flushed(error);
}

int command_upload(struct command *command, struct error *error)
{
    const char *path = command->arguments[0], *name = command->arguments[1];
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STORE_PUT struct store_put *put = NULL;
    struct store_object stored = {0};

    int result = store_put_begin(command->store, name, NULL, &put, error);
    if (!result) {
        const struct snapshot_sink sink = {store_put_write, put};
        result = snapshot_file_read(strcmp(path, "-") != 0 ? path : "/dev/stdin", &sink,
                                    command_interrupted, error);
    }
    if (!result) {
        result = store_put_finish(put, arena, &stored, error);
    }
    if (!result) {
        printf("%s: %" PRIu64 " bytes, %s\n", stored.name, stored.size, stored.checksum);
        result = flushed(error);
    }
    return result;
}

int command_check_download(const struct command *command, struct error *error)
{
    return command->n_arguments == (command->name ? 1 : 2)
               ? 0
               : error_set(error, ERROR_INVALID, "which NAME, and into which FILE?");
}

static int write_stdout(void *context, const void *data, size_t size, struct error *error)
{
    (void)context;
    return fwrite(data, 1, size, stdout) == size
               ? 0
               : error_set(error, ERROR_TERMINAL, "write to standard output: %s", strerror(errno));
}

int command_download(struct command *command, struct error *error)
{
    const char *name = command->name ? command->name : command->arguments[0];
    const char *path = command->arguments[command->n_arguments - 1];
    AUTO_SNAPSHOT_FILE struct snapshot_file file = {.fd = -1};

    if (!strcmp(path, "-")) {
        int result = store_get(command->store, name, NULL, write_stdout, NULL, error);
        return result ? result : flushed(error);
    }
    int result = snapshot_file_create(&file, path, error);
    if (!result) {
        const struct snapshot_sink sink = snapshot_file_sink(&file);
        result = store_get(command->store, name, NULL, sink.write, sink.context, error);
    }
    return result ? result : snapshot_file_commit(&file, error);
}

int command_remove(struct command *command, struct error *error)
{
    return snapshot_stored_remove(command->store, command->arguments[0], error);
}

int command_check_abort(const struct command *command, struct error *error)
{
    return command->older_than_ms >= 0
               ? 0
               : error_set(error, ERROR_INVALID,
                           "say with --older-than what was left behind, such as 24h: a younger "
                           "upload may be under way");
}

int command_abort(struct command *command, struct error *error)
{
    size_t aborted;
    int result = store_abort_stale(command->store, beginning_of(command),
                                   clock_wall_ms() - command->older_than_ms, &aborted, error);

    printf("%zu unfinished uploads aborted\n", aborted);
    return result ? result : flushed(error);
}
