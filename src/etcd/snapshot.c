#include <string.h>

#include "etcd/client_internal.h"
#include "rpc.pb-c.h"

/* The pieces of the database, each with what is still to come, and when nothing is, one message
 * more whose blob is the SHA-256 of them all (server/etcdserver/api/v3rpc/maintenance.go). */
struct receiving {
    const struct etcd_snapshot *snapshot;
    uint64_t remaining;
    bool begun, summed;
    uint8_t *sha256;
};

static int not_a_snapshot(struct error *error, const char *why)
{
    return error_set(error, ERROR_RETRYABLE, "Maintenance/Snapshot: %s", why);
}

static int take_sum(struct receiving *receiving, const struct etcd_snapshot_piece *piece,
                    struct error *error)
{
    if (receiving->summed || piece->blob.size != ETCD_SNAPSHOT_SHA256_SIZE) {
        return not_a_snapshot(error, "something else than a SHA-256 follows the database");
    }
    memcpy(receiving->sha256, piece->blob.data, ETCD_SNAPSHOT_SHA256_SIZE);
    receiving->summed = true;
    return 0;
}

static int take_piece(struct receiving *receiving, const struct etcd_snapshot_piece *piece,
                      struct error *error)
{
    const struct etcd_snapshot *snapshot = receiving->snapshot;

    if (receiving->begun && !receiving->remaining) {
        return take_sum(receiving, piece, error);
    }
    if (receiving->begun && (piece->blob.size > receiving->remaining ||
                             piece->remaining_bytes != receiving->remaining - piece->blob.size)) {
        return not_a_snapshot(error, "a piece is missing or out of its order");
    }
    receiving->begun = true;
    receiving->remaining = piece->remaining_bytes;
    return snapshot->on_piece(snapshot->context, piece->blob.data, piece->blob.size,
                              piece->remaining_bytes, error);
}

static int take_frame(void *context, const struct grpc_frame *frame, struct error *error)
{
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_snapshot_piece piece;
    int result = etcd_snapshot_decode(frame, arena, &piece, error);

    return result ? error_wrap(error, "Maintenance/Snapshot") : take_piece(context, &piece, error);
}

static int client_snapshot(void *context, const struct etcd_target *target,
                           const struct etcd_snapshot *snapshot,
                           uint8_t sha256[ETCD_SNAPSHOT_SHA256_SIZE], struct error *error)
{
    Etcdserverpb__Empty request = ETCDSERVERPB__EMPTY__INIT;
    struct receiving receiving = {.snapshot = snapshot, .sha256 = sha256};
    const struct etcd_stream stream = {.method = "Maintenance/Snapshot",
                                       .request = &request.base,
                                       .on_frame = take_frame,
                                       .context = &receiving,
                                       .cancelled = snapshot->cancelled,
                                       .cancelled_context = snapshot->cancelled_context};

    int result = etcd_stream_run(context, target, &stream, error);
    if (!result && !receiving.summed) {
        return not_a_snapshot(error, "it ended before its SHA-256");
    }
    return result;
}

void etcd_snapshot_fill(struct etcd_stream_api *api)
{
    api->snapshot = client_snapshot;
}
