#include <curl/curl.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "pki/base64.h"
#include "store/download.h"
#include "store/s3_internal.h"

#define METADATA_HEADER "x-amz-meta-"

/* What becomes of a URL's host name and of a header must be plain. */
static int check_text(const char *what, const char *text, const char *allowed, struct error *error)
{
    if (*text && !text[strspn(text, allowed)]) {
        return 0;
    }
    return error_set(error, ERROR_INVALID, "'%s' is no %s", text, what);
}

#define LOWER_CASE "abcdefghijklmnopqrstuvwxyz0123456789-."
#define PLAIN      LOWER_CASE "ABCDEFGHIJKLMNOPQRSTUVWXYZ_:/+=@,"

static int check(const struct store_destination *destination, const char *bucket,
                 struct error *error)
{
    int result = check_text("S3 bucket", bucket, LOWER_CASE, error);

    if (!result && destination->region) {
        result = check_text("region", destination->region, LOWER_CASE, error);
    }
    if (!result && destination->encryption && strcmp(destination->encryption, "AES256") != 0 &&
        strcmp(destination->encryption, "aws:kms") != 0) {
        result = error_set(error, ERROR_INVALID, "encryption is AES256 or aws:kms, not '%s'",
                           destination->encryption);
    }
    if (!result && destination->encryption_key_id) {
        result = check_text("key id", destination->encryption_key_id, PLAIN, error);
    }
    if (!result && destination->credentials_file) {
        AUTO_S3_CREDENTIALS struct s3_credentials credentials = {0};
        result = s3_credentials_read(destination->credentials_file, &credentials, error);
    }
    return result;
}

/* Cuts the endpoint into scheme and authority, and puts the bucket where it belongs. */
static int set_origin(struct s3 *s3, const struct store_destination *destination,
                      struct error *error)
{
    AUTO_FREE char *own = xasprintf("https://s3.%s.amazonaws.com", s3->region);
    const char *endpoint = destination->endpoint ? destination->endpoint : own;
    const char *authority = strstr(endpoint, "://");
    size_t length = authority ? strcspn(authority + 3, "/") : 0;

    if ((strncmp(endpoint, "https://", 8) != 0 && strncmp(endpoint, "http://", 7) != 0) ||
        !length || strlen(authority + 3 + length) > 1 || strpbrk(endpoint, " @?#")) {
        return error_set(error, ERROR_INVALID,
                         "'%s' is no endpoint: say https://HOST or https://HOST:PORT", endpoint);
    }
    int scheme = (int)(authority - endpoint);
    if (destination->path_style) {
        s3->origin = xasprintf("%.*s://%.*s", scheme, endpoint, (int)length, authority + 3);
        s3->root = xasprintf("/%s", s3->bucket);
    } else {
        s3->origin =
            xasprintf("%.*s://%s.%.*s", scheme, endpoint, s3->bucket, (int)length, authority + 3);
        s3->root = xstrdup("");
    }
    return 0;
}

static void s3_close(struct store *store)
{
    struct s3 *s3 = (struct s3 *)store;

    http_client_free(s3->http);
    free(s3->bucket);
    free(s3->region);
    free(s3->origin);
    free(s3->root);
    free(s3->encryption);
    free(s3->encryption_key_id);
    free(s3->credentials_file);
    s3_identity_fini(&s3->identity);
    free(s3);
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static int s3_open(const struct store_destination *destination, const char *bucket,
                   const char *prefix, struct store **store, struct error *error)
{
    const struct http_options options = {.ca_file = destination->ca_file, .max_idle = 2};
    int result = check(destination, bucket, error);

    (void)prefix;
    if (result) {
        return result;
    }
    struct s3 *s3 = xcalloc(1, sizeof *s3);
    const char *region;
    result = s3_identity_init(&s3->identity, destination, &region, error);
    if (result) {
        s3_close(&s3->base);
        return result;
    }
    s3->bucket = xstrdup(bucket);
    s3->region = xstrdup(region ? region : "us-east-1");
    s3->encryption = copy(destination->encryption);
    s3->encryption_key_id = copy(destination->encryption_key_id);
    s3->credentials_file = copy(destination->credentials_file);
    result = set_origin(s3, destination, error);
    if (!result) {
        result = http_client_new(&options, &s3->http, error);
    }
    if (result) {
        s3_close(&s3->base);
        return result;
    }
    s3->identity.http = s3->http;
    s3->identity.store = &s3->base;
    *store = &s3->base;
    return 0;
}

/* "BASE64" of one digest, or "BASE64-N"; NULL when it is neither. */
static const char *checksum_text(const char *value, struct arena *arena)
{
    size_t size = 0;

    if (strchr(value, '-')) {
        return arena_printf(arena, "sha256-parts:%s", value);
    }
    AUTO_FREE unsigned char *digest = base64_decode(value, &size);
    if (!digest || size != SHA256_DIGEST_LENGTH) {
        return NULL;
    }
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    for (size_t i = 0; i < size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    return arena_printf(arena, "sha256:%s", hex);
}

static const struct store_pair *metadata_of(const struct http_response *response,
                                            struct arena *arena)
{
    const size_t begin = strlen(METADATA_HEADER);
    struct store_pair *pairs;
    size_t n = 0, lines = 0;

    for (const char *c = response->headers.data; c && *c; c++) {
        lines += *c == '\n';
    }
    pairs = arena_alloc(arena, (lines + 1) * sizeof *pairs);
    for (const char *line = response->headers.data; line && *line;) {
        size_t length = strcspn(line, "\r\n"), name = strcspn(line, ":");
        if (name < length && name > begin && !strncasecmp(line, METADATA_HEADER, begin)) {
            size_t value = name + 1 + strspn(line + name + 1, " ");
            char *lower = arena_strndup(arena, line + begin, name - begin);
            for (char *c = lower; *c; c++) {
                *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
            }
            pairs[n++] = (struct store_pair){
                lower, value < length ? arena_strndup(arena, line + value, length - value) : ""};
        }
        line += length;
        line += strspn(line, "\r\n");
    }
    return pairs;
}

int s3_head(struct s3 *s3, const char *name, bool uncancelled, struct arena *arena,
            struct store_object *object, struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    AUTO_FREE char *key = store_key(&s3->base, name);
    const char *const headers[] = {"x-amz-checksum-mode: ENABLED", NULL};
    const struct s3_call call = {.step = "look at the object",
                                 .method = "HEAD",
                                 .key = key,
                                 .headers = headers,
                                 .uncancelled = uncancelled};
    char value[256];
    int result = s3_do(s3, &call, &response, NULL, error);

    if (result) {
        return result;
    }
    *object = (struct store_object){.name = arena_strdup(arena, name), .modified_ms = -1};
    if (!http_response_header(&response, "Content-Length", value, sizeof value)) {
        return error_set(error, ERROR_INVALID, "%s in bucket %s: the answer has no Content-Length",
                         call.step, s3->bucket);
    }
    object->size = strtoull(value, NULL, 10);
    if (http_response_header(&response, "Last-Modified", value, sizeof value)) {
        object->modified_ms = (int64_t)curl_getdate(value, NULL) * 1000;
    }
    if (http_response_header(&response, "x-amz-checksum-sha256", value, sizeof value)) {
        object->checksum = checksum_text(value, arena);
    }
    object->metadata = metadata_of(&response, arena);
    return 0;
}

static int s3_stat(struct store *store, const char *name, struct arena *arena,
                   struct store_object *object, struct error *error)
{
    return s3_head((struct s3 *)store, name, false, arena, object, error);
}

static int s3_remove(struct store *store, const char *name, struct error *error)
{
    struct s3 *s3 = (struct s3 *)store;
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    AUTO_FREE char *key = store_key(store, name);
    const struct s3_call call = {.step = "remove the object", .method = "DELETE", .key = key};
    int result = s3_do(s3, &call, &response, NULL, error);

    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

struct reading {
    struct s3 *s3;
    const char *key;
    char etag[128]; /* Of the object that was begun with; "" before. */
};

static int read_once(void *context, struct download *download, struct http_response *response,
                     struct error *error)
{
    struct reading *reading = context;
    char match[160], range[DOWNLOAD_RANGE_SIZE];
    const char *headers[3] = {0};
    size_t n = 0;

    if (*reading->etag) {
        snprintf(match, sizeof match, "if-match: %s", reading->etag);
        headers[n++] = match;
    }
    headers[n] = download_range(download, range);
    const struct s3_call call = {.step = "read the object",
                                 .method = "GET",
                                 .key = reading->key,
                                 .headers = headers,
                                 .on_body = download_take,
                                 .on_body_context = download};
    int result = s3_try(reading->s3, &call, response, error);
    http_response_header(response, "ETag", reading->etag, sizeof reading->etag);
    return result;
}

static int s3_get(struct store *store, const char *name, const struct store_range *range,
                  int (*write)(void *context, const void *data, size_t size, struct error *error),
                  void *context, struct error *error)
{
    AUTO_FREE char *key = store_key(store, name);
    struct reading reading = {.s3 = (struct s3 *)store, .key = key};
    struct download download = {
        .attempt = read_once, .context = &reading, .write = write, .write_context = context};

    return download_run(&download, store, range, error);
}

static int s3_abort_upload(struct store *store, const struct store_leftover *leftover,
                           struct error *error)
{
    AUTO_FREE char *key = store_key(store, leftover->name);

    return s3_abort_id((struct s3 *)store, key, leftover->id, error);
}

const struct store_backend store_s3_backend = {.scheme = "s3",
                                               .open = s3_open,
                                               .close = s3_close,
                                               .put_begin = s3_put_begin,
                                               .put_write = s3_put_write,
                                               .put_finish = s3_put_finish,
                                               .put_abort = s3_put_abort,
                                               .put_free = s3_put_free,
                                               .get = s3_get,
                                               .stat = s3_stat,
                                               .list = s3_list,
                                               .remove = s3_remove,
                                               .list_uploads = s3_list_uploads,
                                               .abort_upload = s3_abort_upload};
