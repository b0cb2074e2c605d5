#include <string.h>

#include "base/memory.h"
#include "store/download.h"
#include "store/gcs_credentials.h"
#include "store/gcs_internal.h"

#define ENDPOINT "https://storage.googleapis.com"
#define FIELDS   "name,size,updated,crc32c,generation,metadata"

/* "Bucket names" in Google's documentation: these characters only. */
#define BUCKET_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_."

static int check(const struct store_destination *destination, const char *bucket,
                 struct error *error)
{
    AUTO_GCS_CREDENTIALS struct gcs_credentials credentials = {0};

    if (!*bucket || bucket[strspn(bucket, BUCKET_CHARACTERS)]) {
        return error_set(error, ERROR_INVALID, "'%s' is no bucket of Google Cloud Storage", bucket);
    }
    if (destination->encryption || destination->encryption_key_id) {
        return error_set(error, ERROR_INVALID,
                         "Google Cloud Storage always encrypts; a key of one's own is set at the "
                         "bucket, not here");
    }
    return destination->credentials_file
               ? gcs_credentials_read(destination->credentials_file, &credentials, error)
               : 0;
}

/* Scheme and authority only. */
static int set_origin(struct gcs *gcs, const char *endpoint, struct error *error)
{
    const char *authority = strstr(endpoint, "://");
    size_t length = authority ? strcspn(authority + 3, "/") : 0;

    if ((strncmp(endpoint, "https://", 8) != 0 && strncmp(endpoint, "http://", 7) != 0) ||
        !length || strlen(authority + 3 + length) > 1 || strpbrk(endpoint, " @?#")) {
        return error_set(error, ERROR_INVALID,
                         "'%s' is no endpoint: say https://HOST or https://HOST:PORT", endpoint);
    }
    gcs->origin = xasprintf("%.*s", (int)(authority + 3 + length - endpoint), endpoint);
    return 0;
}

static void gcs_close(struct store *store)
{
    struct gcs *gcs = (struct gcs *)store;

    gcs_tokens_fini(&gcs->tokens);
    http_client_free(gcs->http);
    free(gcs->bucket);
    free(gcs->origin);
    free(gcs);
}

static int gcs_open(const struct store_destination *destination, const char *bucket,
                    const char *prefix, struct store **store, struct error *error)
{
    const struct http_options options = {.ca_file = destination->ca_file, .max_idle = 2};
    const char *file = destination->credentials_file;
    int result = check(destination, bucket, error);

    (void)prefix;
    if (result) {
        return result;
    }
    struct gcs *gcs = xcalloc(1, sizeof *gcs);
    gcs->bucket = xstrdup(bucket);
    result = set_origin(gcs, destination->endpoint ? destination->endpoint : ENDPOINT, error);
    if (!result) {
        result = http_client_new(&options, &gcs->http, error);
    }
    gcs->tokens = (struct gcs_tokens){
        .http = gcs->http, .store = &gcs->base, .credentials_file = file ? xstrdup(file) : NULL};
    if (result) {
        gcs_close(&gcs->base);
        return result;
    }
    *store = &gcs->base;
    return 0;
}

int gcs_look(struct gcs *gcs, const char *name, bool uncancelled, struct arena *arena,
             struct store_object *object, const char **generation, struct error *error)
{
    static const char *const query[] = {"fields", FIELDS, NULL};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    AUTO_FREE char *key = store_key(&gcs->base, name);
    AUTO_FREE char *target = gcs_target(gcs, "", key, query);
    const struct gcs_call call = {.step = "look at the object",
                                  .method = "GET",
                                  .target = target,
                                  .uncancelled = uncancelled};
    struct gcs_object found;
    int result = gcs_do(gcs, &call, &response, error);

    if (result) {
        return result;
    }
    result = gcs_json_object(response.body.data, response.body.size, arena, &found, error);
    if (result) {
        return error_wrap(error, "%s in bucket %s", call.step, gcs->bucket);
    }
    *object = (struct store_object){.name = arena_strdup(arena, name),
                                    .size = found.size,
                                    .modified_ms = found.modified_ms,
                                    .checksum = found.checksum,
                                    .metadata = found.metadata};
    if (generation) {
        *generation = found.generation;
    }
    return 0;
}

static int gcs_stat(struct store *store, const char *name, struct arena *arena,
                    struct store_object *object, struct error *error)
{
    return gcs_look((struct gcs *)store, name, false, arena, object, NULL, error);
}

static int gcs_remove(struct store *store, const char *name, struct error *error)
{
    struct gcs *gcs = (struct gcs *)store;
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    AUTO_FREE char *key = store_key(store, name);
    AUTO_FREE char *target = gcs_target(gcs, "", key, NULL);
    const struct gcs_call call = {
        .step = "remove the object", .method = "DELETE", .target = target};
    int result = gcs_do(gcs, &call, &response, error);

    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

struct reading {
    struct gcs *gcs;
    const char *key;
    char generation[32]; /* Of the object that was begun with; "" before. */
};

static int read_once(void *context, struct download *download, struct http_response *response,
                     struct error *error)
{
    struct reading *reading = context;
    const char *const query[] = {"alt", "media", *reading->generation ? "ifGenerationMatch" : NULL,
                                 reading->generation, NULL};
    AUTO_FREE char *target = gcs_target(reading->gcs, "", reading->key, query);
    char range[DOWNLOAD_RANGE_SIZE];
    const char *const headers[] = {download_range(download, range), NULL};
    const struct gcs_call call = {.step = "read the object",
                                  .method = "GET",
                                  .target = target,
                                  .headers = headers,
                                  .on_body = download_take,
                                  .on_body_context = download};
    int result = gcs_try(reading->gcs, &call, response, error);

    http_response_header(response, "x-goog-generation", reading->generation,
                         sizeof reading->generation);
    return result;
}

static int gcs_get(struct store *store, const char *name, const struct store_range *range,
                   int (*write)(void *context, const void *data, size_t size, struct error *error),
                   void *context, struct error *error)
{
    AUTO_FREE char *key = store_key(store, name);
    struct reading reading = {.gcs = (struct gcs *)store, .key = key};
    struct download download = {
        .attempt = read_once, .context = &reading, .write = write, .write_context = context};

    return download_run(&download, store, range, error);
}

static int gcs_list_uploads(struct store *store, const char *under,
                            int (*visit)(void *context, const struct store_leftover *leftover,
                                         struct error *error),
                            void *context, struct error *error)
{
    (void)under, (void)visit, (void)context;
    return error_set(error, ERROR_INVALID,
                     "list uploads in bucket %s: Google Cloud Storage does not list those that are "
                     "unfinished; one that was left behind is no object, and ends by itself after "
                     "a week",
                     ((struct gcs *)store)->bucket);
}

/* Nobody has a leftover to give. */
static int gcs_abort_upload(struct store *store, const struct store_leftover *leftover,
                            struct error *error)
{
    (void)leftover;
    return gcs_list_uploads(store, "", NULL, NULL, error);
}

const struct store_backend store_gcs_backend = {.scheme = "gs",
                                                .open = gcs_open,
                                                .close = gcs_close,
                                                .put_begin = gcs_put_begin,
                                                .put_write = gcs_put_write,
                                                .put_finish = gcs_put_finish,
                                                .put_abort = gcs_put_abort,
                                                .put_free = gcs_put_free,
                                                .get = gcs_get,
                                                .stat = gcs_stat,
                                                .list = gcs_list,
                                                .remove = gcs_remove,
                                                .list_uploads = gcs_list_uploads,
                                                .abort_upload = gcs_abort_upload};
