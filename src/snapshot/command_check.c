#include "snapshot/command_internal.h"
#include "snapshot/file.h"

/* What comes out of the decoder: proven, and kept if a file is wanted. */
struct checking {
    struct snapshot_sink reader, file; /* file.write NULL: not kept. */
};

static int take(void *context, const void *data, size_t size, struct error *error)
{
    const struct checking *checking = context;
    int result = snapshot_sink_write(&checking->reader, data, size, error);

    return result || !checking->file.write
               ? result
               : snapshot_sink_write(&checking->file, data, size, error);
}

static int check(const struct command *command, const struct snapshot_sink *file,
                 struct command_result *result, struct error *error)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    struct checking checking = {snapshot_reader_sink(reader), *file};
    struct snapshot_decoder *decoder =
        snapshot_decoder_new(&command->keys, (struct snapshot_sink){take, &checking});
    struct snapshot_sink first = snapshot_decoder_sink(decoder);

    int code = snapshot_file_read(command->file, &first, error);
    if (!code) {
        code = snapshot_decoder_finish(decoder, &result->form, error);
    }
    if (!code) {
        code = snapshot_reader_finish(reader, &result->facts, error);
    }
    snapshot_decoder_free(decoder);
    snapshot_reader_free(reader);
    return code == -(int)ERROR_INVALID || code == -(int)ERROR_DENIED
               ? error_wrap(error, "%s", command->file)
               : code;
}

int command_check(const struct command *command, struct command_result *result, struct error *error)
{
    AUTO_SNAPSHOT_FILE struct snapshot_file file = {.fd = -1};
    struct snapshot_sink sink = {0};

    result->file = command->output ? command->output : command->file;
    if (command->output) {
        int code = snapshot_file_create(&file, command->output, error);
        if (code) {
            return code;
        }
        sink = snapshot_file_sink(&file);
    }
    int code = check(command, &sink, result, error);
    return code || !command->output ? code : snapshot_file_commit(&file, error);
}
