#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pki/base64.h"
#include "pki/pki.h"
#include "store/s3_internal.h"
#include "store/s3_xml.h"

#define MAX_PARTS 10000 /* "Amazon S3 multipart upload limits". */

struct part {
    char *etag, *sha256; /* As S3 wants to hear of them again; base64. */
};

struct s3_put {
    struct store_put base;
    struct s3 *s3;
    char *name, *key;
    struct arena *arena;
    const char **headers; /* Metadata and encryption, ended by NULL. */
    char *part;           /* What waits to be sent: STORE_PART_SIZE. */
    size_t used;
    uint64_t size; /* Of all that was sent. */
    char *upload_id;
    struct part *parts;
    size_t n_parts;
    struct buffer digests;    /* Of the parts, 32 bytes each. */
    unsigned create_failures; /* An upload may have been made whose id was lost. */
    bool may_exist;           /* The request that makes the object appear may have done so. */
    char *expected;           /* The checksum as store_object has it. */
};

static void sha256(const void *data, size_t size, unsigned char out[SHA256_DIGEST_LENGTH])
{
    if (!EVP_Q_digest(NULL, "SHA256", NULL, size ? data : "", size, out, NULL)) {
        abort(); /* A libcrypto without SHA-256 cannot run this program. */
    }
}

static const char **object_headers(const struct s3 *s3, const struct store_pair *metadata,
                                   struct arena *arena)
{
    size_t count = 0, n = 0;

    while (metadata && metadata[count].name) {
        count++;
    }
    const char **headers = arena_alloc(arena, (count + 4) * sizeof *headers);
    headers[n++] = "content-type: application/octet-stream";
    for (size_t i = 0; i < count; i++) {
        headers[n++] =
            arena_printf(arena, "x-amz-meta-%s: %s", metadata[i].name, metadata[i].value);
    }
    if (s3->encryption) {
        headers[n++] = arena_printf(arena, "x-amz-server-side-encryption: %s", s3->encryption);
    }
    if (s3->encryption_key_id) {
        headers[n++] = arena_printf(arena, "x-amz-server-side-encryption-aws-kms-key-id: %s",
                                    s3->encryption_key_id);
    }
    return headers;
}

/* The object's headers and one more. */
static const char **with_header(const char **headers, const char *more, struct arena *arena)
{
    size_t n = 0;

    while (headers[n]) {
        n++;
    }
    const char **longer = arena_alloc(arena, (n + 2) * sizeof *longer);
    memcpy(longer, headers, n * sizeof *longer);
    longer[n] = more;
    return longer;
}

int s3_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                 struct store_put **out, struct error *error)
{
    struct s3_put *put = xcalloc(1, sizeof *put);

    (void)error;
    put->s3 = (struct s3 *)store;
    put->name = xstrdup(name);
    put->key = store_key(store, name);
    put->arena = arena_new();
    put->headers = object_headers(put->s3, metadata, put->arena);
    put->part = xmalloc(STORE_PART_SIZE); /* The kernel gives the pages as they are filled. */
    *out = &put->base;
    return 0;
}

static int create(struct s3_put *put, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct s3_answer answer;
    const char *const query[] = {"uploads", "", NULL};
    const struct s3_call call = {
        .step = "begin an upload",
        .method = "POST",
        .key = put->key,
        .query = query,
        .headers = with_header(put->headers, "x-amz-checksum-algorithm: SHA256", arena),
        .unbroken = true};

    int result = s3_do(put->s3, &call, &response, &put->create_failures, error);
    if (result) {
        return result;
    }
    result = s3_xml_parse(response.body.data ? response.body.data : "", response.body.size, arena,
                          &answer, error);
    if (!result && !answer.upload_id) {
        result = error_set(error, ERROR_INVALID, "the answer names no upload");
    }
    if (result) {
        put->create_failures++;
        return error_wrap(error, "%s in bucket %s", call.step, put->s3->bucket);
    }
    put->upload_id = xstrdup(answer.upload_id);
    return 0;
}

static void remember_part(struct s3_put *put, const char *etag,
                          const unsigned char digest[SHA256_DIGEST_LENGTH])
{
    if (!(put->n_parts & (put->n_parts - 1))) { /* Full at each power of two. */
        size_t room = put->n_parts ? 2 * put->n_parts : 1;
        put->parts = xrealloc(put->parts, room * sizeof *put->parts);
    }
    put->parts[put->n_parts++] =
        (struct part){.etag = xstrdup(etag), .sha256 = base64_encode(digest, SHA256_DIGEST_LENGTH)};
    if (!buffer_append(&put->digests, digest, SHA256_DIGEST_LENGTH)) {
        memory_exhausted();
    }
    put->size += put->used;
    put->used = 0;
}

static int send_part(struct s3_put *put, struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char number[16], step[32], etag[128];

    if (put->n_parts == MAX_PARTS) {
        return error_set(error, ERROR_INVALID, "write %s in bucket %s: more than %d parts of %zu",
                         put->name, put->s3->bucket, MAX_PARTS, STORE_PART_SIZE);
    }
    if (!put->upload_id) {
        int result = create(put, error);
        if (result) {
            return result;
        }
    }
    snprintf(number, sizeof number, "%zu", put->n_parts + 1);
    snprintf(step, sizeof step, "upload part %s", number);
    sha256(put->part, put->used, digest);
    AUTO_FREE char *sum = base64_encode(digest, sizeof digest);
    AUTO_FREE char *checksum = xasprintf("x-amz-checksum-sha256: %s", sum);
    const char *const query[] = {"partNumber", number, "uploadId", put->upload_id, NULL};
    const char *const headers[] = {checksum, NULL};
    const struct s3_call call = {.step = step,
                                 .method = "PUT",
                                 .key = put->key,
                                 .query = query,
                                 .headers = headers,
                                 .body = put->part,
                                 .body_size = put->used,
                                 .body_sha256 = digest,
                                 .unbroken = true};
    int result = s3_do(put->s3, &call, &response, NULL, error);
    if (!result && !http_response_header(&response, "ETag", etag, sizeof etag)) {
        result = error_set(error, ERROR_INVALID, "%s in bucket %s: the answer has no ETag", step,
                           put->s3->bucket);
    }
    if (!result) {
        remember_part(put, etag, digest);
    }
    return result;
}

int s3_put_write(struct store_put *base, const void *data, size_t size, struct error *error)
{
    struct s3_put *put = (struct s3_put *)base;
    const char *at = data;

    while (size) {
        /* A full part is sent only when more comes: one that is the last may be the only one. */
        if (put->used == STORE_PART_SIZE) {
            int result = send_part(put, error);
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

/* Whether a request may have been carried out: not when the store refused it at once. */
static bool may_be_done(int result, unsigned failures)
{
    return !result || failures || result == -(int)ERROR_RETRYABLE ||
           result == -(int)ERROR_CANCELLED;
}

static int put_whole(struct s3_put *put, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char hex[PKI_SHA256_HEX_SIZE];
    unsigned failures;

    sha256(put->part, put->used, digest);
    pki_sha256_text(digest, hex);
    put->expected = xasprintf("sha256:%s", hex);
    AUTO_FREE char *sum = base64_encode(digest, sizeof digest);
    const char *checksum = arena_printf(arena, "x-amz-checksum-sha256: %s", sum);
    const struct s3_call call = {.step = "write the object",
                                 .method = "PUT",
                                 .key = put->key,
                                 .headers = with_header(put->headers, checksum, arena),
                                 .body = put->part,
                                 .body_size = put->used,
                                 .body_sha256 = digest,
                                 .unbroken = true};
    int result = s3_do(put->s3, &call, &response, &failures, error);
    put->size = put->used;
    put->may_exist = may_be_done(result, failures);
    return result;
}

/* An ETag is quoted, and so is the quote. */
static void append_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buffer_printf(out, "&amp;");
            break;
        case '<':
            buffer_printf(out, "&lt;");
            break;
        case '>':
            buffer_printf(out, "&gt;");
            break;
        default:
            buffer_printf(out, "%c", *text);
        }
    }
}

static int complete(struct s3_put *put, struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    AUTO_BUFFER struct buffer body = {0};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned failures;

    sha256(put->digests.data, put->digests.size, digest);
    AUTO_FREE char *sum = base64_encode(digest, sizeof digest);
    put->expected = xasprintf("sha256-parts:%s-%zu", sum, put->n_parts);
    buffer_printf(&body, "<CompleteMultipartUpload "
                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < put->n_parts; i++) {
        buffer_printf(&body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        append_escaped(&body, put->parts[i].etag);
        buffer_printf(&body, "</ETag><ChecksumSHA256>%s</ChecksumSHA256></Part>",
                      put->parts[i].sha256);
    }
    buffer_printf(&body, "</CompleteMultipartUpload>");
    const char *const query[] = {"uploadId", put->upload_id, NULL};
    const char *const headers[] = {"content-type: application/xml", NULL};
    const struct s3_call call = {.step = "complete the upload",
                                 .method = "POST",
                                 .key = put->key,
                                 .query = query,
                                 .headers = headers,
                                 .body = body.data,
                                 .body_size = body.size,
                                 .unbroken = true};
    int result = s3_do(put->s3, &call, &response, &failures, error);
    put->may_exist = may_be_done(result, failures);
    /* An earlier try of ours may have completed it, and only its answer was lost: the object itself
     * will tell. */
    return result == -(int)ERROR_GONE && failures ? 0 : result;
}

/* A store that keeps no checksum has compared each request's body with its signed digest. */
static bool is_ours(const struct s3_put *put, const struct store_object *object)
{
    return object->size == put->size &&
           (!object->checksum || !strcmp(object->checksum, put->expected));
}

static int confirm(struct s3_put *put, struct arena *arena, struct store_object *stored,
                   struct error *error)
{
    int result = s3_head(put->s3, put->name, false, arena, stored, error);

    if (result) {
        return error_wrap(error, "confirm %s", put->name);
    }
    if (!is_ours(put, stored)) {
        return error_set(error, ERROR_INVALID,
                         "confirm %s in bucket %s: the store holds %llu bytes with checksum %s, "
                         "and %llu with %s were written",
                         put->name, put->s3->bucket, (unsigned long long)stored->size,
                         stored->checksum ? stored->checksum : "(none)",
                         (unsigned long long)put->size, put->expected);
    }
    stored->checksum = stored->checksum ? stored->checksum : arena_strdup(arena, put->expected);
    return 0;
}

int s3_put_finish(struct store_put *base, struct arena *arena, struct store_object *stored,
                  struct error *error)
{
    struct s3_put *put = (struct s3_put *)base;
    int result;

    if (put->upload_id) {
        result = put->used ? send_part(put, error) : 0;
        result = result ? result : complete(put, error);
    } else {
        result = put_whole(put, error);
    }
    if (!result) {
        result = confirm(put, arena, stored, error);
    }
    if (!result && put->create_failures) {
        result = s3_abort_others(put->s3, put->name, NULL, error);
    }
    return result;
}

/* The object may have appeared although we were told otherwise. One that is not ours stays. */
static int remove_ours(struct s3_put *put, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct store_object object;
    int result = s3_head(put->s3, put->name, true, arena, &object, error);

    if (result == -(int)ERROR_NOT_FOUND) {
        return 0;
    }
    if (result || !is_ours(put, &object)) {
        return result;
    }
    const struct s3_call call = {
        .step = "remove the object", .method = "DELETE", .key = put->key, .uncancelled = true};
    return s3_do(put->s3, &call, &response, NULL, error);
}

int s3_put_abort(struct store_put *base, struct error *error)
{
    struct s3_put *put = (struct s3_put *)base;
    int result = 0;

    if (put->upload_id) {
        result = s3_abort_id(put->s3, put->key, put->upload_id, error);
    }
    if (!result && put->create_failures) {
        result = s3_abort_others(put->s3, put->name, NULL, error);
    }
    if (!result && put->may_exist) {
        result = remove_ours(put, error);
    }
    return result;
}

void s3_put_free(struct store_put *base)
{
    struct s3_put *put = (struct s3_put *)base;

    for (size_t i = 0; i < put->n_parts; i++) {
        free(put->parts[i].etag);
        free(put->parts[i].sha256);
    }
    free(put->parts);
    buffer_fini(&put->digests);
    free(put->name);
    free(put->key);
    free(put->part);
    free(put->upload_id);
    free(put->expected);
    arena_free(put->arena);
    free(put);
}
