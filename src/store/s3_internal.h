/* What the files of the S3 backend share.
 *
 * s3.c             the destination, and what needs one request: stat, get, remove
 * s3_put.c         an object in one request or in parts
 * s3_list.c        objects and uploads in pages
 * s3_request.c     one signed request, tried again where that may help
 * s3_error.c       what a refusal means, in words
 * s3_xml.c         answers
 * s3_credentials.c keys
 * s3_identity.c    keys for a token
 *
 * Source: Amazon's "Simple Storage Service API Reference", 2006-03-01. */
#ifndef STORE_S3_INTERNAL_H
#define STORE_S3_INTERNAL_H 1

#include "net/http.h"
#include "store/backend.h"
#include "store/s3_identity.h"

struct s3 {
    struct store base;
    struct http_client *http;
    char *bucket, *region;
    char *origin; /* "https://HOST[:PORT]", with the bucket before the host if so wanted. */
    char *root;   /* The path of the bucket: "" or "/BUCKET". */
    char *encryption, *encryption_key_id; /* Or NULL. */
    char *credentials_file;               /* Or NULL. */
    struct s3_identity identity;          /* Or nothing. */
};

struct s3_call {
    const char *step; /* "upload part 3": begins each message. */
    const char *method;
    const char *key;            /* NULL: the bucket itself. */
    const char *const *query;   /* name, value, ..., in the order of names, ended by NULL. */
    const char *const *headers; /* "name: value", names in lower case; may be NULL. */
    const void *body;
    size_t body_size;
    const unsigned char *body_sha256; /* Where the caller has it; NULL: it is computed. */
    int (*on_body)(void *context, const void *data, size_t size, struct error *error);
    void *on_body_context;
    bool uncancelled; /* It is to be carried out although the rest was cancelled. */
    bool unbroken; /* See struct http_request: of what changes something, the end is waited for. */
};

/* One request. 0 when the answer is a 2xx; else the error says what S3 says and what to do.  A lost
 * connection, 5xx, 429 and what S3 calls passing are ERROR_RETRYABLE. End with
 * http_response_fini(). */
int s3_try(struct s3 *s3, const struct s3_call *call, struct http_response *response,
           struct error *error);
/* The same until it succeeds, fails for good or has been tried often enough. `*tries` counts those
 * that broke: more than 0 means that one of them may have been carried out (may be NULL). */
int s3_do(struct s3 *s3, const struct s3_call *call, struct http_response *response,
          unsigned *tries, struct error *error);

/* The error for an answer that is no 2xx, or that is one and holds an <Error> all the same. */
int s3_refused(const struct s3 *s3, const struct s3_call *call,
               const struct http_response *response, struct error *error);

/* The object as HEAD describes it. */
int s3_head(struct s3 *s3, const char *name, bool uncancelled, struct arena *arena,
            struct store_object *object, struct error *error);

/* s3_put.c */
int s3_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                 struct store_put **put, struct error *error);
int s3_put_write(struct store_put *put, const void *data, size_t size, struct error *error);
int s3_put_finish(struct store_put *put, struct arena *arena, struct store_object *stored,
                  struct error *error);
int s3_put_abort(struct store_put *put, struct error *error);
void s3_put_free(struct store_put *put);

/* s3_list.c */
int s3_list(struct store *store, const char *under,
            int (*visit)(void *context, const struct store_object *object, struct error *error),
            void *context, struct error *error);
int s3_list_uploads(struct store *store, const char *under,
                    int (*visit)(void *context, const struct store_leftover *leftover,
                                 struct error *error),
                    void *context, struct error *error);
/* Of this upload, whoever began it. 0 also when there is none. */
int s3_abort_id(struct s3 *s3, const char *key, const char *upload_id, struct error *error);
/* All uploads of exactly this key but `keep` (NULL: none): what a lost answer left behind. */
int s3_abort_others(struct s3 *s3, const char *name, const char *keep, struct error *error);

#endif
