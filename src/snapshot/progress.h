/* How far a save is, for whoever asks over HTTP: GET /progress answers
 * {"step":"Streaming","bytes":N,"total":M}, bytes of the database that were seen, of as many as
 * etcd says there are (0: not known yet). The saving thread writes, the server's thread reads. */
#ifndef SNAPSHOT_PROGRESS_H
#define SNAPSHOT_PROGRESS_H 1

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "net/address.h"

enum snapshot_step {
    SNAPSHOT_CONNECTING,
    SNAPSHOT_STREAMING,
    SNAPSHOT_CONFIRMING,
    SNAPSHOT_PRUNING,
};

struct http_server;

struct snapshot_progress {
    _Atomic enum snapshot_step step;
    _Atomic uint64_t bytes, total;
    struct http_server *server; /* NULL: nobody asks. */
};

/* ERROR_TERMINAL when it cannot be listened there. The progress stays where it is until stopped. */
int snapshot_progress_serve(struct snapshot_progress *progress, const struct net_address *address,
                            struct error *error);
void snapshot_progress_stop(struct snapshot_progress *progress);

const char *snapshot_step_name(enum snapshot_step step); /* "Connecting" */

#endif
