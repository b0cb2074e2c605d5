#include "snapshot/take.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "snapshot/check.h"
#include "snapshot/container.h"
#include "snapshot/reader.h"
#include "snapshot/source.h"

/* A member reads all of its keys for it, and nothing else is wanted of the process meanwhile. */
#define HASH_TIMEOUT_MS 20000

/* One member's stream goes through both: what is stored is what was proven. */
struct stream {
    struct snapshot_sink reader, encoder;
    struct snapshot_progress *progress;
    bool target_failed; /* And not the member: another one would not help. */
};

static int take_piece(void *context, const void *data, size_t size, struct error *error)
{
    struct stream *stream = context;

    stream->progress->bytes += size;
    int result = snapshot_sink_write(&stream->reader, data, size, error);
    if (result) {
        return result;
    }
    result = snapshot_sink_write(&stream->encoder, data, size, error);
    stream->target_failed = result != 0;
    return result;
}

static int stream_through(const struct snapshot_order *order, struct etcd_client *client,
                          const struct snapshot_source *source, struct snapshot_reader *reader,
                          struct snapshot_encoder *encoder, struct snapshot_facts *facts,
                          bool *target_failed, struct error *error)
{
    struct stream stream = {snapshot_reader_sink(reader), snapshot_encoder_sink(encoder),
                            order->progress, false};
    const struct snapshot_sink sink = {take_piece, &stream};
    bool begun;

    int result = snapshot_source_stream(client, order->credentials, source, &sink, order->cancelled,
                                        &begun, error);
    if (!result) {
        result = snapshot_encoder_finish(encoder, error);
        stream.target_failed = result != 0;
    }
    *target_failed = stream.target_failed;
    if (!result && snapshot_reader_finish(reader, facts, error)) {
        error->kind = ERROR_RETRYABLE; /* Of another member it may be good. */
        return error_wrap(error, "what %s:%u sent", source->endpoint.server_name,
                          source->endpoint.port);
    }
    return result;
}

static int stream_one(const struct snapshot_order *order, struct etcd_client *client,
                      const struct snapshot_source *source, struct snapshot_target *target,
                      struct snapshot_facts *facts, bool *target_failed, struct error *error)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot_encoder *encoder =
        snapshot_encoder_new(order->compress, order->key, snapshot_target_sink(target));

    order->progress->bytes = 0;
    order->progress->total = (uint64_t)source->status.db_size;
    int result =
        stream_through(order, client, source, reader, encoder, facts, target_failed, error);
    snapshot_encoder_free(encoder);
    snapshot_reader_free(reader);
    return result;
}

static void describe(const struct snapshot_order *order, const struct snapshot_source *source,
                     const struct snapshot_facts *facts, struct arena *arena,
                     struct snapshot_manifest *manifest)
{
    struct snapshot_form form = {.compressed = order->compress, .encrypted = order->key != NULL};

    if (order->key) {
        memcpy(form.key_id, order->key->id, sizeof form.key_id);
    }
    snapshot_check_describe(facts, &form, arena, manifest);
    manifest->etcd_version = source->status.version;
    manifest->cluster_id =
        arena_printf(arena, "%016llx", (unsigned long long)source->status.cluster_id);
    manifest->member = arena_printf(arena, "%016llx", (unsigned long long)source->status.member_id);
    manifest->role = source->role;
}

/* The hash of the very revision that was taken. A member that cannot tell leaves it out. */
static void ask_hash(const struct snapshot_order *order, struct etcd_client *client,
                     const struct snapshot_source *source, struct snapshot_manifest *manifest)
{
    const struct etcd_api *api = etcd_client_api(client);
    const struct etcd_target target = {order->credentials, &source->endpoint, 1, HASH_TIMEOUT_MS};
    struct etcd_hash hash;
    struct error error = {0};

    if (api->hash_kv(api->context, &target, manifest->revision, &hash, &error)) {
        log_warning("the member tells no hash", "error", error.message, NULL);
        return;
    }
    manifest->has_hash = true;
    manifest->hash = hash.hash;
    manifest->hash_revision = manifest->revision;
    manifest->hash_compact_revision = hash.compact_revision;
}

/* From one member to the end. */
static int take_from(const struct snapshot_order *order, struct etcd_client *client,
                     const struct snapshot_source *source, struct snapshot_target *target,
                     struct arena *arena, struct snapshot_manifest *manifest, bool *target_failed,
                     struct error *error)
{
    struct snapshot_facts facts;

    int result = snapshot_target_begin(target, error);
    *target_failed = result != 0;
    if (result) {
        return result;
    }
    manifest->taken_at_ms = clock_wall_ms() / 1000 * 1000;
    result = stream_one(order, client, source, target, &facts, target_failed, error);
    if (result) {
        return result;
    }
    describe(order, source, &facts, arena, manifest);
    order->progress->step = SNAPSHOT_CONFIRMING;
    if (target->store) { /* A file has no manifest that it could stand in. */
        ask_hash(order, client, source, manifest);
    }
    result = snapshot_target_finish(target, arena, manifest, error);
    *target_failed = result != 0;
    return result;
}

static int take_from_best(const struct snapshot_order *order, struct etcd_client *client,
                          struct snapshot_target *target, struct arena *arena,
                          struct snapshot_manifest *manifest, struct error *error)
{
    struct snapshot_source *sources;
    size_t n;

    int result = snapshot_source_rank(client, order->credentials, order->endpoints,
                                      order->n_endpoints, arena, &sources, &n, error);
    order->progress->step = result ? SNAPSHOT_CONNECTING : SNAPSHOT_STREAMING;
    for (size_t i = 0; !result && i < n; i++) {
        bool target_failed;
        result =
            take_from(order, client, &sources[i], target, arena, manifest, &target_failed, error);
        if (!result) {
            return 0;
        }
        snapshot_target_abort(target);
        if (target_failed || order->cancelled(NULL) || i + 1 == n) {
            return result;
        }
        log_warning("the snapshot begins anew with another member", "error", error->message, NULL);
        *error = (struct error){0};
        result = 0;
    }
    return result;
}

int snapshot_take(const struct snapshot_order *order, struct snapshot_target *target,
                  struct arena *arena, struct snapshot_manifest *manifest, struct error *error)
{
    struct etcd_client *client = etcd_client_new();
    int result = take_from_best(order, client, target, arena, manifest, error);

    etcd_client_free(client);
    return result;
}
