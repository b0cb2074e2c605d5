/* Which member a snapshot is taken of, and taking it. Blocks; one thread. */
#ifndef SNAPSHOT_SOURCE_H
#define SNAPSHOT_SOURCE_H 1

#include "etcd/client.h"
#include "snapshot/sink.h"

#define SNAPSHOT_TIMEOUT_MS 10000 /* The longest silence. */

struct snapshot_source {
    struct etcd_endpoint endpoint;
    const char *role; /* "follower", "leader". */
    struct etcd_status status;
};

/* The endpoints that answer, the best first, in the arena: a follower, for the leader has enough to
 * do; the leader; then those with an alarm or without a leader, for theirs may be the last copy.
 * Never a learner, which etcd does not let be asked. ERROR_RETRYABLE: none can be asked, and why;
 * ERROR_DENIED when that is what all of them say. */
int snapshot_source_rank(struct etcd_client *client, const struct etcd_credentials *credentials,
                         const struct etcd_endpoint *endpoints, size_t n, struct arena *arena,
                         struct snapshot_source **sources, size_t *n_sources, struct error *error);

/* Streams the snapshot of one member into the sink: the database, and behind it the SHA-256 that
 * etcd sends. `*begun` says whether the sink was given anything. */
int snapshot_source_stream(struct etcd_client *client, const struct etcd_credentials *credentials,
                           const struct snapshot_source *source, const struct snapshot_sink *sink,
                           bool (*cancelled)(void *context), bool *begun, struct error *error);

#endif
