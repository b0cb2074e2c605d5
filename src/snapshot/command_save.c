#include <signal.h>
#include <stddef.h>

#include "snapshot/command_internal.h"
#include "snapshot/file.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return interrupted;
}

/* The snapshot goes through both: what is stored is what was proven. */
struct saving {
    struct snapshot_sink reader, encoder;
};

static int take(void *context, const void *data, size_t size, struct error *error)
{
    const struct saving *saving = context;
    int result = snapshot_sink_write(&saving->reader, data, size, error);

    return result ? result : snapshot_sink_write(&saving->encoder, data, size, error);
}

static int stream(const struct command *command, struct etcd_client *client,
                  const struct snapshot_source *source, struct snapshot_file *file,
                  struct command_result *result, bool *begun, struct error *error)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot_encoder *encoder =
        snapshot_encoder_new(command->compress, command->keys.items, snapshot_file_sink(file));
    struct saving saving = {snapshot_reader_sink(reader), snapshot_encoder_sink(encoder)};
    const struct snapshot_sink sink = {take, &saving};

    int code = snapshot_source_stream(client, &command->credentials, source, &sink, is_interrupted,
                                      begun, error);
    if (!code) {
        code = snapshot_encoder_finish(encoder, error);
    }
    if (!code && snapshot_reader_finish(reader, &result->facts, error)) {
        code = error_wrap(error, "what %s:%u sent", source->endpoint.server_name,
                          source->endpoint.port);
    }
    snapshot_encoder_free(encoder);
    snapshot_reader_free(reader);
    return code;
}

/* The next one only while nothing was written. */
static int stream_from_best(const struct command *command, struct etcd_client *client,
                            struct snapshot_file *file, struct command_result *result,
                            struct error *error)
{
    struct snapshot_source *sources;
    size_t n;

    int code = snapshot_source_rank(client, &command->credentials, command->endpoints,
                                    command->n_endpoints, command->arena, &sources, &n, error);
    for (size_t i = 0; !code && i < n; i++) {
        bool begun;
        code = stream(command, client, &sources[i], file, result, &begun, error);
        if (!code || begun || interrupted || i + 1 == n) {
            result->source = &sources[i];
            return code;
        }
        code = 0;
    }
    return code;
}

int command_save(const struct command *command, struct command_result *result, struct error *error)
{
    const struct sigaction action = {.sa_handler = interrupt};
    AUTO_SNAPSHOT_FILE struct snapshot_file file = {.fd = -1};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    result->file = command->output;
    result->form.compressed = command->compress;
    result->form.encrypted = command->keys.n > 0;
    for (size_t i = 0; command->keys.n && i < SNAPSHOT_KEY_ID_SIZE; i++) {
        result->form.key_id[i] = command->keys.items[0].id[i];
    }
    int code = snapshot_file_create(&file, command->output, error);
    if (code) {
        return code;
    }
    struct etcd_client *client = etcd_client_new();
    code = stream_from_best(command, client, &file, result, error);
    etcd_client_free(client);
    return code ? code : snapshot_file_commit(&file, error);
}
