/* What the files of the Google Cloud Storage backend share.
 *
 * gcs.c             the destination, and what needs one request: stat, get, remove
 * gcs_put.c         an object in one resumable upload
 * gcs_list.c        objects in pages
 * gcs_request.c     one authorized request, tried again where that may help
 * gcs_error.c       what a refusal means, in words
 * gcs_json.c        answers
 * gcs_token.c       access tokens
 * gcs_credentials.c keys
 *
 * Sources: Google's "Cloud Storage JSON API" and "Resumable uploads". */
#ifndef STORE_GCS_INTERNAL_H
#define STORE_GCS_INTERNAL_H 1

#include "net/http.h"
#include "store/backend.h"
#include "store/gcs_json.h"
#include "store/gcs_token.h"

#define GCS_INCOMPLETE 308 /* An upload's answer: the bytes are there, and more is expected. */

struct gcs {
    struct store base;
    struct http_client *http;
    char *bucket;
    char *origin; /* "https://HOST[:PORT]" */
    struct gcs_tokens tokens;
};

struct gcs_call {
    const char *step; /* "read the object": begins each message. */
    const char *method;
    const char *target;         /* Path and query, encoded: gcs_target(). */
    const char *const *headers; /* "name: value"; may be NULL. */
    const void *body;
    size_t body_size;
    int (*on_body)(void *context, const void *data, size_t size, struct error *error);
    void *on_body_context;
    bool of_bucket;   /* What is not found is the bucket. */
    bool of_upload;   /* What is not found is the upload, and GCS_INCOMPLETE is a good answer. */
    bool uncancelled; /* It is to be carried out although the rest was cancelled. */
};

/* malloc'ed: `api` ("" or "/upload") and the resource: the object with this key, or with NULL all
 * objects of the bucket. `query` as of uri_query(), or NULL. */
char *gcs_target(const struct gcs *gcs, const char *api, const char *key, const char *const *query);

/* One request. 0 when the answer is a 2xx; else the error says what the store says and what to do.
 * A token that is refused is renewed once. A lost connection, 408, 429 and 5xx are ERROR_RETRYABLE.
 * End with http_response_fini(). */
int gcs_try(struct gcs *gcs, const struct gcs_call *call, struct http_response *response,
            struct error *error);
/* The same until it succeeds, fails for good or has been tried often enough. */
int gcs_do(struct gcs *gcs, const struct gcs_call *call, struct http_response *response,
           struct error *error);

/* The error for an answer that is no 2xx. */
int gcs_refused(const struct gcs *gcs, const struct gcs_call *call,
                const struct http_response *response, struct error *error);

/* The object as the store describes it; `generation` (may be NULL) lives in the arena, too. */
int gcs_look(struct gcs *gcs, const char *name, bool uncancelled, struct arena *arena,
             struct store_object *object, const char **generation, struct error *error);

/* gcs_put.c */
int gcs_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                  struct store_put **put, struct error *error);
int gcs_put_write(struct store_put *put, const void *data, size_t size, struct error *error);
int gcs_put_finish(struct store_put *put, struct arena *arena, struct store_object *stored,
                   struct error *error);
int gcs_put_abort(struct store_put *put, struct error *error);
void gcs_put_free(struct store_put *put);

/* gcs_list.c */
int gcs_list(struct store *store, const char *under,
             int (*visit)(void *context, const struct store_object *object, struct error *error),
             void *context, struct error *error);

#endif
