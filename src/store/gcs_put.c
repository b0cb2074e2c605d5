#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "base/memory.h"
#include "pki/base64.h"
#include "store/gcs_internal.h"

/* "Resumable uploads": all pieces but the last are a multiple of this. */
#define QUANTUM ((size_t)256 * 1024)
static_assert(STORE_PART_SIZE % QUANTUM == 0, "a full part can be sent");

#define MAX_SESSION 4096

struct gcs_put {
    struct store_put base;
    struct gcs *gcs;
    char *name, *key;
    char *description; /* The object to be, as JSON. */
    char *part;        /* What the store does not have yet: STORE_PART_SIZE at most. */
    size_t used;
    uint64_t sent;  /* What it has for certain: all that came before `part`. */
    uint32_t crc;   /* CRC-32C of all that was written. */
    char *session;  /* The upload's address: path and query; NULL before it has begun. */
    bool may_exist; /* The request that makes the object appear may have done so. */
};

static char *describe(const char *key, const struct store_pair *metadata)
{
    json_t *pairs = json_object();
    AUTO_JSON json_t *object = json_pack("{s:s, s:s, s:o}", "name", key, "contentType",
                                         "application/octet-stream", "metadata", pairs);

    for (; metadata && metadata->name; metadata++) {
        json_object_set_new(pairs, metadata->name, json_string(metadata->value));
    }
    return json_canonical(object);
}

int gcs_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                  struct store_put **out, struct error *error)
{
    struct gcs_put *put = xcalloc(1, sizeof *put);

    (void)error;
    put->gcs = (struct gcs *)store;
    put->name = xstrdup(name);
    put->key = store_key(store, name);
    put->description = describe(put->key, metadata);
    put->part = xmalloc(STORE_PART_SIZE); /* The kernel gives the pages as they are filled. */
    *out = &put->base;
    return 0;
}

/* Only path and query are kept: our tokens go nowhere but to the endpoint, whatever an answer says.
 */
static char *session_of(const struct http_response *response)
{
    char location[MAX_SESSION];

    if (!http_response_header(response, "Location", location, sizeof location) ||
        strlen(location) == sizeof location - 1) {
        return NULL;
    }
    const char *authority = strstr(location, "://");
    const char *path = authority ? strchr(authority + 3, '/') : NULL;
    return path && !path[strcspn(path, " \t#")] ? xstrdup(path) : NULL;
}

/* An upload whose answer is lost stays unknown; it is no object and ends by itself. */
static int begin(struct gcs_put *put, struct error *error)
{
    static const char *const headers[] = {"content-type: application/json; charset=UTF-8",
                                          "x-upload-content-type: application/octet-stream", NULL};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const char *const query[] = {"uploadType", "resumable", "name", put->key, NULL};
    AUTO_FREE char *target = gcs_target(put->gcs, "/upload", NULL, query);
    const struct gcs_call call = {.step = "begin an upload",
                                  .method = "POST",
                                  .target = target,
                                  .headers = headers,
                                  .body = put->description,
                                  .body_size = strlen(put->description),
                                  .of_bucket = true};
    int result = gcs_do(put->gcs, &call, &response, error);

    if (result) {
        return result;
    }
    put->session = session_of(&response);
    return put->session ? 0
                        : error_set(error, ERROR_INVALID,
                                    "%s in bucket %s: the answer does not say where to", call.step,
                                    put->gcs->bucket);
}

/* What the store says of the upload. */
struct progress {
    bool finished; /* The object is there. */
    uint64_t has;  /* Else: so many bytes, from the first on. */
};

/* "bytes=0-LAST"; no such header: nothing is there. */
static uint64_t bytes_there(const struct http_response *response)
{
    char range[64];
    uint64_t last;

    return http_response_header(response, "Range", range, sizeof range) &&
                   sscanf(range, "bytes=0-%" SCNu64, &last) == 1
               ? last + 1
               : 0;
}

/* Sends what is in the part, or only asks how far the upload is. */
static int exchange(struct gcs_put *put, bool last, bool only_ask, struct progress *progress,
                    struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const unsigned char crc[] = {(unsigned char)(put->crc >> 24), (unsigned char)(put->crc >> 16),
                                 (unsigned char)(put->crc >> 8), (unsigned char)put->crc};
    const size_t size = only_ask ? 0 : put->used;
    char total[32] = "*", range[128], hash[64];

    if (last) {
        snprintf(total, sizeof total, "%" PRIu64, put->sent + put->used);
    }
    if (size) {
        snprintf(range, sizeof range, "content-range: bytes %" PRIu64 "-%" PRIu64 "/%s", put->sent,
                 put->sent + size - 1, total);
    } else {
        snprintf(range, sizeof range, "content-range: bytes */%s", total);
    }
    AUTO_FREE char *sum = base64_encode(crc, sizeof crc);
    snprintf(hash, sizeof hash, "x-goog-hash: crc32c=%s", sum);
    /* With the last bytes goes what the whole has to be, or the store refuses it. */
    const char *const headers[] = {range, last && !only_ask ? hash : NULL, NULL};
    const struct gcs_call call = {.step = only_ask ? "ask how far the upload is"
                                          : last   ? "finish the upload"
                                                   : "upload",
                                  .method = "PUT",
                                  .target = put->session,
                                  .headers = headers,
                                  .body = put->part,
                                  .body_size = size,
                                  .of_upload = true};
    int result = gcs_try(put->gcs, &call, &response, error);
    *progress = (struct progress){.finished = !result && response.status != GCS_INCOMPLETE,
                                  .has = result ? 0 : bytes_there(&response)};
    return result;
}

/* Drops what the store has from the part. */
static int settle(struct gcs_put *put, uint64_t has, struct error *error)
{
    if (has < put->sent || has - put->sent > put->used) {
        return error_set(error, ERROR_INVALID,
                         "upload in bucket %s: the store says that it has %" PRIu64
                         " bytes, and between %" PRIu64 " and %" PRIu64 " were sent",
                         put->gcs->bucket, has, put->sent, put->sent + put->used);
    }
    size_t taken = (size_t)(has - put->sent);
    put->used -= taken;
    put->sent = has;
    memmove(put->part, put->part + taken, put->used);
    return 0;
}

/* Until the store has some of the part, or (`last`) all of it and has made the object of it. A try
 * that broke may have got anywhere: the store is asked before the next. */
static int push(struct gcs_put *put, bool last, struct error *error)
{
    struct store_retry retry = {0};
    bool unsure = false;

    for (;;) {
        const uint64_t before = put->sent;
        struct progress progress;
        int result = exchange(put, last, unsure, &progress, error);
        if (!result && progress.finished) {
            put->may_exist = true;
            return last ? 0
                        : error_set(error, ERROR_INVALID,
                                    "upload in bucket %s: the store ended it before its end",
                                    put->gcs->bucket);
        }
        if (!result) {
            result = settle(put, progress.has, error);
        }
        bool moved = put->sent > before;
        if (moved) {
            retry = (struct store_retry){0}; /* It gets on. */
        }
        if (!result && moved && !last) {
            return 0;
        }
        if (!result && (moved || unsure)) {
            unsure = false;
            continue;
        }
        if (!result) {
            result = error_set(error, ERROR_RETRYABLE,
                               "upload in bucket %s: the store takes none "
                               "of it",
                               put->gcs->bucket);
        }
        put->may_exist |=
            last && (result == -(int)ERROR_RETRYABLE || result == -(int)ERROR_CANCELLED);
        if (!store_retry(&put->gcs->base, &retry, false, error)) {
            return -(int)error->kind;
        }
        *error = (struct error){0};
        unsure = true;
    }
}

int gcs_put_write(struct store_put *base, const void *data, size_t size, struct error *error)
{
    struct gcs_put *put = (struct gcs_put *)base;
    const char *at = data;

    put->crc = crc32c_update(put->crc, data, size);
    while (size) {
        /* A full part is sent only when more comes: what makes the object must not be empty. */
        if (put->used == STORE_PART_SIZE) {
            int result = put->session ? 0 : begin(put, error);
            result = result ? result : push(put, false, error);
            if (result) {
                return result;
            }
        }
        size_t fits = STORE_PART_SIZE - put->used;
        fits = fits < size ? fits : size;
        memcpy(put->part + put->used, at, fits);
        put->used += fits;
        at += fits;
        size -= fits;
    }
    return 0;
}

static bool is_ours(const struct gcs_put *put, const struct store_object *object)
{
    char expected[GCS_CHECKSUM_SIZE];

    gcs_checksum(put->crc, expected);
    return object->size == put->sent + put->used && object->checksum &&
           !strcmp(object->checksum, expected);
}

static int confirm(struct gcs_put *put, struct arena *arena, struct store_object *stored,
                   struct error *error)
{
    int result = gcs_look(put->gcs, put->name, false, arena, stored, NULL, error);

    if (result) {
        return error_wrap(error, "confirm %s", put->name);
    }
    if (!is_ours(put, stored)) {
        return error_set(
            error, ERROR_INVALID,
            "confirm %s in bucket %s: the store holds %" PRIu64
            " bytes with checksum %s, and %" PRIu64 " with crc32c:%08" PRIx32 " were written",
            put->name, put->gcs->bucket, stored->size,
            stored->checksum ? stored->checksum : "(none)", put->sent + put->used, put->crc);
    }
    return 0;
}

int gcs_put_finish(struct store_put *base, struct arena *arena, struct store_object *stored,
                   struct error *error)
{
    struct gcs_put *put = (struct gcs_put *)base;
    int result = put->session ? 0 : begin(put, error);

    result = result ? result : push(put, true, error);
    if (result == -(int)ERROR_GONE && put->may_exist) {
        result = 0; /* An earlier try of ours may have ended it: the object itself will tell. */
    }
    return result ? result : confirm(put, arena, stored, error);
}

/* The object may have appeared although we were told otherwise. One that is not ours stays. */
static int remove_ours(struct gcs_put *put, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct store_object object;
    const char *generation;
    int result = gcs_look(put->gcs, put->name, true, arena, &object, &generation, error);

    if (result == -(int)ERROR_NOT_FOUND) {
        return 0;
    }
    if (result || !is_ours(put, &object)) {
        return result;
    }
    const char *const query[] = {generation ? "ifGenerationMatch" : NULL, generation, NULL};
    AUTO_FREE char *target = gcs_target(put->gcs, "", put->key, query);
    const struct gcs_call call = {
        .step = "remove the object", .method = "DELETE", .target = target, .uncancelled = true};
    result = gcs_do(put->gcs, &call, &response, error);
    return result == -(int)ERROR_CONFLICT || result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

/* The store answers 499 when it has done so, which is ERROR_GONE like any end of an upload. */
static int abort_session(struct gcs_put *put, struct error *error)
{
    static const char *const headers[] = {"content-length: 0", NULL};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const struct gcs_call call = {.step = "abort the upload",
                                  .method = "DELETE",
                                  .target = put->session,
                                  .headers = headers,
                                  .of_upload = true,
                                  .uncancelled = true};
    int result = gcs_do(put->gcs, &call, &response, error);

    return result == -(int)ERROR_GONE ? 0 : result;
}

int gcs_put_abort(struct store_put *base, struct error *error)
{
    struct gcs_put *put = (struct gcs_put *)base;
    int result = put->session ? abort_session(put, error) : 0;

    return !result && put->may_exist ? remove_ours(put, error) : result;
}

void gcs_put_free(struct store_put *base)
{
    struct gcs_put *put = (struct gcs_put *)base;

    free(put->name);
    free(put->key);
    free(put->description);
    free(put->part);
    free(put->session);
    free(put);
}
