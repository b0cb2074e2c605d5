/* Object stores: where backups lie. One interface over S3, Google Cloud Storage and a directory.
 *
 * An object has a name (relative to the destination's prefix), bytes, and a few words of metadata.
 * It is there as a whole or not at all: what was begun is finished, and then confirmed by asking
 * the store what it holds, or aborted, and then nothing of it is left. What a killed process left
 * behind is found by store_list_uploads(), where the store can tell.
 *
 * Whatever may pass by itself (5xx, 429, time-outs, cut connections) is tried again with growing
 * pauses before it is returned. A store belongs to one thread at a time; calls block. Memory is
 * flat: STORE_PART_SIZE for each upload, nothing for a download.
 *
 * A backend is one struct (backend.h) and its files; store.c names it in its table. */
#ifndef STORE_STORE_H
#define STORE_STORE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct store;
struct store_put;

/* What is sent at once. An S3 object has at most 10,000 parts: 78 GiB, ten times what etcd holds.
 */
#define STORE_PART_SIZE ((size_t)8 * 1024 * 1024)

struct store_destination {
    /* "s3://BUCKET/PREFIX", "gs://BUCKET/PREFIX" or "file:///DIRECTORY". */
    const char *url;
    const char *endpoint; /* "https://HOST[:PORT]"; NULL: the provider's own. */
    const char *region;   /* S3; NULL: us-east-1. */
    bool path_style;      /* S3: the bucket in the path; else before the host name. */
    const char *ca_file;  /* PEM; NULL: the system's. */
    /* S3: the AWS shared credentials format, profile `default`. Read again for each request. NULL:
     * anonymous. Google: JSON of a service account or of an external one. NULL: the metadata
     * server.
     */
    const char *credentials_file;
    /* S3, instead of that: a role, which the token in the file stands for
     * (AssumeRoleWithWebIdentity), and STS's address if it is not the region's. NULL without a
     * credentials file: what EKS has put into the environment, if it has. */
    const char *role_arn, *web_identity_token_file, *sts_endpoint;
    const char *encryption;        /* S3's server side encryption: "AES256", "aws:kms"; or NULL. */
    const char *encryption_key_id; /* With aws:kms; may be NULL. */
    /* Polled while waiting; true makes everything but store_put_abort() return ERROR_CANCELLED. May
     * be NULL. */
    bool (*cancelled)(void *context);
    void *cancelled_context;
};

/* The texts are copied. ERROR_INVALID when the destination or its credentials cannot be used; the
 * network is not touched. */
int store_open(const struct store_destination *destination, struct store **store,
               struct error *error);
void store_close(struct store *store); /* NULL is allowed. */
static inline void cleanup_store(struct store **store)
{
    store_close(*store);
}
#define AUTO_STORE CLEANUP(cleanup_store)

struct store_pair {
    const char *name, *value;
};

struct store_object {
    const char *name; /* Relative to the prefix. */
    uint64_t size;
    int64_t modified_ms; /* Since 1970. */
    /* As the store keeps it: "sha256:HEX", of an object in parts "sha256-parts:BASE64-N" (the
     * digest of the parts' digests), in Google's store "crc32c:HEX". NULL when the store has none,
     * and in a list. */
    const char *checksum;
    const struct store_pair *metadata; /* Ended by a NULL name; NULL in a list. */
};

/* Names have 1 to 512 bytes in UTF-8 without control characters; segments between slashes are not
 * empty and do not begin with a dot. A name that breaks this is ERROR_INVALID everywhere. Names of
 * metadata have lower-case letters, digits and dashes, values printable ASCII, 1 KiB in all. */

/* An object of unknown length. `metadata` may be NULL. End with store_put_free(). */
int store_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                    struct store_put **put, struct error *error);
/* Has the shape of a sink: `put` is the struct store_put. After an error only abort is possible. */
int store_put_write(void *put, const void *data, size_t size, struct error *error);
/* Sends the rest, makes the object appear, asks the store for it and compares size and checksum
 * with what was written. `stored` lives in the arena. An object of this name is replaced. */
int store_put_finish(struct store_put *put, struct arena *arena, struct store_object *stored,
                     struct error *error);
/* Removes what is there of it, also after store_put_finish() failed. */
int store_put_abort(struct store_put *put, struct error *error);
void store_put_free(struct store_put *put); /* Aborts what was not finished. NULL is allowed. */
static inline void cleanup_store_put(struct store_put **put)
{
    store_put_free(*put);
}
#define AUTO_STORE_PUT CLEANUP(cleanup_store_put)

struct store_range {
    uint64_t offset;
    uint64_t size; /* 0: to the end. */
};

/* Gives the bytes to `write` as they arrive; goes on where a connection broke, and fails when the
 * object was replaced meanwhile. `range` may be NULL. What `write` returns ends it and is returned.
 */
int store_get(struct store *store, const char *name, const struct store_range *range,
              int (*write)(void *context, const void *data, size_t size, struct error *error),
              void *context, struct error *error);
/* ERROR_NOT_FOUND when there is none. */
int store_stat(struct store *store, const char *name, struct arena *arena,
               struct store_object *object, struct error *error);
/* Every object whose name begins with `under` ("": all), in the order of names. What `visit`
 * returns ends it and is returned; the object lives until it returns. */
int store_list(struct store *store, const char *under,
               int (*visit)(void *context, const struct store_object *object, struct error *error),
               void *context, struct error *error);
/* 0 also when there was none. */
int store_remove(struct store *store, const char *name, struct error *error);

struct store_leftover {
    const char *name; /* That the object would have had. */
    const char *id;   /* The store's. */
    int64_t started_ms;
};

/* Uploads under way or left behind. ERROR_INVALID where the store does not list them: Google's. */
int store_list_uploads(struct store *store, const char *under,
                       int (*visit)(void *context, const struct store_leftover *leftover,
                                    struct error *error),
                       void *context, struct error *error);
/* Aborts those that began before `before_ms`; `*aborted` counts them (may be NULL). */
int store_abort_stale(struct store *store, const char *under, int64_t before_ms, size_t *aborted,
                      struct error *error);
/* Aborts those of exactly this name, however old. */
int store_abort_named(struct store *store, const char *name, struct error *error);

#endif
