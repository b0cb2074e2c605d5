/* Taking a snapshot: from the best member that can be asked, through proof, compression and
 * encryption, into a file or an object, in one pass. Blocks; one thread. */
#ifndef SNAPSHOT_TAKE_H
#define SNAPSHOT_TAKE_H 1

#include "etcd/client.h"
#include "snapshot/key.h"
#include "snapshot/manifest.h"
#include "snapshot/progress.h"
#include "snapshot/target.h"

struct snapshot_order {
    const struct etcd_credentials *credentials;
    const struct etcd_endpoint *endpoints;
    size_t n_endpoints;
    bool compress;
    const struct snapshot_key *key; /* NULL: not encrypted. */
    bool (*cancelled)(void *context);
    struct snapshot_progress *progress;
};

/* Until the target is finished. A member that fails while it streams is not asked again: all that
 * came of it is given up, and the next one begins.  Fills the manifest, but for what it says of
 * Kubernetes; the texts live in the arena.  ERROR_RETRYABLE: no member could be asked or gave a
 * good snapshot; else as the target fails. */
int snapshot_take(const struct snapshot_order *order, struct snapshot_target *target,
                  struct arena *arena, struct snapshot_manifest *manifest, struct error *error);

#endif
