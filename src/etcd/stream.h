/* The door to etcd's streams, beside etcd/api.h: the same targets and errors.  A stream blocks its
 * caller and hands on what arrives; a slow callback is the back-pressure.  The snapshot is what
 * backups read; no reconcile pass watches yet.
 *
 * A target's timeout_ms is here the longest silence that is borne, at the beginning (shared out
 * among the endpoints) and between two messages.  The next endpoint is tried only until the first
 * message has come; to go on after that is the caller's business. */
#ifndef ETCD_STREAM_H
#define ETCD_STREAM_H 1

#include "etcd/api.h"

struct etcd_event {
    bool deleted; /* Then `now` has no more than the key and mod_revision. */
    struct etcd_key_value now;
    bool has_previous; /* If it was asked for, existed, and is not compacted. */
    struct etcd_key_value previous;
};

/* Borrowed, for the length of the callback. */
struct etcd_delivery {
    const struct etcd_event *events; /* None: the watch stands, or time has passed (progress). */
    size_t n;
    /* The start_revision with which a new watch misses nothing. It may repeat events of its first
     * revision, if this stream ended within them. */
    int64_t resume_revision;
};

struct etcd_watch {
    struct etcd_bytes key, range_end; /* range_end empty: this key alone. */
    int64_t start_revision;           /* 0: what comes from now on. */
    bool previous;                    /* Events hold the value of before. */
    /* A delivery without events after ten minutes without any (etcd's
     * --watch-progress-notify-interval), so that resume_revision moves on. */
    bool progress;
    /* Returns 0, or a negative kind with `error` filled to end the watch. */
    int (*on_delivery)(void *context, const struct etcd_delivery *delivery, struct error *error);
    void *context;
    /* Polled about every 100 ms at first and every 500 ms later; true ends the watch with
     * ERROR_CANCELLED. May be NULL. */
    bool (*cancelled)(void *context);
    void *cancelled_context;
};

struct etcd_snapshot {
    /* `remaining_bytes` follow after this piece (32 KiB at most); the first piece's plus its size
     * is the whole. Returns as on_delivery does. */
    int (*on_piece)(void *context, const void *data, size_t size, uint64_t remaining_bytes,
                    struct error *error);
    void *context;
    bool (*cancelled)(void *context); /* As for a watch. */
    void *cancelled_context;
};

#define ETCD_SNAPSHOT_SHA256_SIZE 32

struct etcd_stream_api {
    void *context;

    /* Never returns 0: a watch ends by its callback's kind, ERROR_CANCELLED, ERROR_RETRYABLE
     * (resume it), ERROR_GONE (what it starts with is compacted: read anew), or as etcd refuses
     * it. */
    int (*watch)(void *context, const struct etcd_target *target, const struct etcd_watch *watch,
                 struct error *error);
    /* The database of the one member that answers first. 0 when all of it has come; `sha256` is
     * then what etcd says of all pieces together, for the caller to compare. */
    int (*snapshot)(void *context, const struct etcd_target *target,
                    const struct etcd_snapshot *snapshot, uint8_t sha256[ETCD_SNAPSHOT_SHA256_SIZE],
                    struct error *error);
};

#endif
