/* What a backend is, and what store.c and retry.c give to it; nothing outside this room includes
 * it. Names have been checked and are relative to the prefix when they arrive here; the meaning of
 * each function stands in store.h. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H 1

#include "base/backoff.h"
#include "store/store.h"

struct store_backend {
    const char *scheme; /* Of the URL: "s3". */
    /* `bucket` and `prefix` are the URL's, the prefix without slashes around it, "" for none. */
    int (*open)(const struct store_destination *destination, const char *bucket, const char *prefix,
                struct store **store, struct error *error);
    void (*close)(struct store *store);
    int (*put_begin)(struct store *store, const char *name, const struct store_pair *metadata,
                     struct store_put **put, struct error *error);
    int (*put_write)(struct store_put *put, const void *data, size_t size, struct error *error);
    int (*put_finish)(struct store_put *put, struct arena *arena, struct store_object *stored,
                      struct error *error);
    int (*put_abort)(struct store_put *put, struct error *error);
    void (*put_free)(struct store_put *put);
    int (*get)(struct store *store, const char *name, const struct store_range *range,
               int (*write)(void *context, const void *data, size_t size, struct error *error),
               void *context, struct error *error);
    int (*stat)(struct store *store, const char *name, struct arena *arena,
                struct store_object *object, struct error *error);
    int (*list)(struct store *store, const char *under,
                int (*visit)(void *context, const struct store_object *object, struct error *error),
                void *context, struct error *error);
    int (*remove)(struct store *store, const char *name, struct error *error);
    int (*list_uploads)(struct store *store, const char *under,
                        int (*visit)(void *context, const struct store_leftover *leftover,
                                     struct error *error),
                        void *context, struct error *error);
    int (*abort_upload)(struct store *store, const struct store_leftover *leftover,
                        struct error *error);
};

extern const struct store_backend store_s3_backend, store_gcs_backend, store_local_backend;

/* A backend's own struct begins with this. */
struct store {
    const struct store_backend *backend;
    char *prefix; /* Freed by store_close(). */
    bool (*cancelled)(void *context);
    void *cancelled_context;
};

/* Likewise. */
struct store_put {
    struct store *store;
    bool finished, aborted;
};

/* The prefix and the name, malloc'ed; `name` may be "". */
char *store_key(const struct store *store, const char *name);
/* The name in a key; NULL when it does not lie below the prefix. */
const char *store_name(const struct store *store, const char *key);

/* Tries of one request. {0} before the first. */
struct store_retry {
    unsigned tries; /* That failed in a way that may pass. */
};

/* After a failure: true when it may pass by itself, and a pause has been made. False: `error` says
 * so finally (or that the pause was cancelled, unless `uncancelled`). */
bool store_retry(const struct store *store, struct store_retry *retry, bool uncancelled,
                 struct error *error);

#endif
