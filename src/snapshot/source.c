#include "snapshot/source.h"

#include <stdlib.h>

#include "base/buffer.h"

/* Less is better. */
static int rank(const struct snapshot_source *source)
{
    const struct etcd_status *status = &source->status;

    return (status->leader_id == status->member_id) + 2 * (status->n_errors > 0);
}

static int compare(const void *a, const void *b)
{
    const struct snapshot_source *left = a, *right = b;
    int difference = rank(left) - rank(right);

    /* As they were given, else. */
    return difference ? difference : left < right ? -1 : left > right;
}

int snapshot_source_rank(struct etcd_client *client, const struct etcd_credentials *credentials,
                         const struct etcd_endpoint *endpoints, size_t n, struct arena *arena,
                         struct snapshot_source **sources, size_t *n_sources, struct error *error)
{
    const struct etcd_api *api = etcd_client_api(client);
    struct etcd_look *looks = arena_alloc(arena, n * sizeof *looks);
    AUTO_BUFFER struct buffer reasons = {0};

    api->look(api->context, credentials, endpoints, n, SNAPSHOT_TIMEOUT_MS, arena, looks);
    *sources = arena_alloc(arena, n * sizeof **sources);
    *n_sources = 0;
    size_t denied = 0;
    for (size_t i = 0; i < n; i++) {
        const struct etcd_look *look = &looks[i];
        if (look->status_error.kind || look->status.is_learner) {
            buffer_printf(&reasons, "%s%s", reasons.size ? "; " : "",
                          look->status_error.kind ? look->status_error.message
                                                  : "a learner has no snapshot to give");
            denied += look->status_error.kind == ERROR_DENIED;
            continue;
        }
        bool leads = look->status.leader_id == look->status.member_id;
        (*sources)[(*n_sources)++] =
            (struct snapshot_source){endpoints[i], leads ? "leader" : "follower", look->status};
    }
    if (!*n_sources) {
        return error_set(error, denied == n ? ERROR_DENIED : ERROR_RETRYABLE,
                         "no endpoint can be asked: %s", reasons.data);
    }
    qsort(*sources, *n_sources, sizeof **sources, compare);
    return 0;
}

struct streaming {
    const struct snapshot_sink *sink;
    bool *begun;
};

static int take_piece(void *context, const void *data, size_t size, uint64_t remaining_bytes,
                      struct error *error)
{
    const struct streaming *streaming = context;

    (void)remaining_bytes;
    *streaming->begun = true;
    return snapshot_sink_write(streaming->sink, data, size, error);
}

int snapshot_source_stream(struct etcd_client *client, const struct etcd_credentials *credentials,
                           const struct snapshot_source *source, const struct snapshot_sink *sink,
                           bool (*cancelled)(void *context), bool *begun, struct error *error)
{
    const struct etcd_stream_api *stream = etcd_client_stream(client);
    const struct etcd_target target = {credentials, &source->endpoint, 1, SNAPSHOT_TIMEOUT_MS};
    struct streaming streaming = {sink, begun};
    const struct etcd_snapshot snapshot = {
        .on_piece = take_piece, .context = &streaming, .cancelled = cancelled};
    uint8_t sha256[ETCD_SNAPSHOT_SHA256_SIZE];

    *begun = false;
    int result = stream->snapshot(stream->context, &target, &snapshot, sha256, error);
    return result ? result : snapshot_sink_write(sink, sha256, sizeof sha256, error);
}
