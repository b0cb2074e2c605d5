#include "store/store.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/backend.h"

#define MAX_NAME     512
#define MAX_METADATA 1024

static const struct store_backend *const backends[] = {&store_s3_backend, &store_gcs_backend,
                                                       &store_local_backend};

/* The bucket is empty for a directory: its path is the prefix. */
struct location {
    const struct store_backend *backend;
    char *bucket, *prefix;
};

static void location_fini(struct location *location)
{
    free(location->bucket);
    free(location->prefix);
}

static int parse_url(const char *url, struct location *out, struct error *error)
{
    const char *rest = url ? strstr(url, "://") : NULL;

    for (size_t i = 0; rest && i < sizeof backends / sizeof *backends; i++) {
        size_t length = strlen(backends[i]->scheme);
        if ((size_t)(rest - url) == length && !strncmp(url, backends[i]->scheme, length)) {
            out->backend = backends[i];
        }
    }
    if (!out->backend) {
        return error_set(
            error, ERROR_INVALID,
            "the destination %s is none: say s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or "
            "file:///DIRECTORY",
            url ? url : "(nothing)");
    }
    rest += strlen("://");
    size_t bucket = strcspn(rest, "/"), end = strlen(rest);
    while (end > bucket && rest[end - 1] == '/') {
        end--;
    }
    const char *prefix = rest + bucket;
    while (prefix < rest + end && *prefix == '/') {
        prefix++;
    }
    out->bucket = xasprintf("%.*s", (int)bucket, rest);
    out->prefix = xasprintf("%.*s", (int)(rest + end - prefix), prefix);
    return 0;
}

/* The bytes of one character of UTF-8 (RFC 3629), or 0 when there is none. */
static size_t character(const unsigned char *text)
{
    size_t more = text[0] < 0x80                      ? 0
                  : text[0] >= 0xC2 && text[0] < 0xE0 ? 1
                  : text[0] >= 0xE0 && text[0] < 0xF0 ? 2
                  : text[0] >= 0xF0 && text[0] < 0xF5 ? 3
                                                      : 4;

    if (more == 4 || (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F)) {
        return 0;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return more + 1;
}

static const char *fault_of_name(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;

    if (!*name || strlen(name) > MAX_NAME) {
        return "it has to have 1 to 512 bytes";
    }
    for (size_t size; *at; at += size) {
        bool begins = at == (const unsigned char *)name || at[-1] == '/';
        if (begins && (*at == '.' || *at == '/')) {
            return "what lies between slashes is not empty and does not begin with a dot";
        }
        size = character(at);
        if (!size || *at < 0x20 || *at == 0x7F) {
            return "it has to be UTF-8 without control characters";
        }
    }
    return at[-1] == '/' ? "it ends with a slash" : NULL;
}

static int check_name(const char *name, struct error *error)
{
    const char *fault = fault_of_name(name);

    return fault
               ? error_set(error, ERROR_INVALID, "'%s' cannot be an object's name: %s", name, fault)
               : 0;
}

static int check_metadata(const struct store_pair *pair, struct error *error)
{
    size_t size = 0;

    for (; pair && pair->name; pair++) {
        size_t name = strspn(pair->name, "abcdefghijklmnopqrstuvwxyz0123456789-");
        size += strlen(pair->name) + strlen(pair->value);
        if (!name || pair->name[name]) {
            return error_set(error, ERROR_INVALID,
                             "'%s' cannot name metadata: lower-case letters, digits and dashes do",
                             pair->name);
        }
        for (const char *c = pair->value; *c; c++) {
            if (*c < 0x20 || *c > 0x7E) {
                return error_set(error, ERROR_INVALID, "metadata %s is not printable ASCII",
                                 pair->name);
            }
        }
    }
    return size <= MAX_METADATA
               ? 0
               : error_set(error, ERROR_INVALID, "metadata has %zu bytes, and %d are allowed", size,
                           MAX_METADATA);
}

int store_open(const struct store_destination *destination, struct store **store,
               struct error *error)
{
    CLEANUP(location_fini) struct location location = {0};
    int result = parse_url(destination->url, &location, error);

    if (!result && *location.bucket && *location.prefix) {
        result = check_name(location.prefix, error);
    }
    if (result) {
        return result;
    }
    result = location.backend->open(destination, location.bucket, location.prefix, store, error);
    if (result) {
        return result;
    }
    (*store)->backend = location.backend;
    (*store)->prefix = xstrdup(location.prefix);
    (*store)->cancelled = destination->cancelled;
    (*store)->cancelled_context = destination->cancelled_context;
    return 0;
}

void store_close(struct store *store)
{
    if (store) {
        free(store->prefix);
        store->backend->close(store);
    }
}

char *store_key(const struct store *store, const char *name)
{
    return xasprintf("%s%s%s", store->prefix, *store->prefix ? "/" : "", name);
}

const char *store_name(const struct store *store, const char *key)
{
    size_t length = strlen(store->prefix);

    if (!length) {
        return key;
    }
    return !strncmp(key, store->prefix, length) && key[length] == '/' ? key + length + 1 : NULL;
}

int store_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                    struct store_put **put, struct error *error)
{
    int result = check_name(name, error);

    *put = NULL;
    if (!result) {
        result = check_metadata(metadata, error);
    }
    if (!result) {
        result = store->backend->put_begin(store, name, metadata, put, error);
    }
    if (!result) {
        (*put)->store = store;
    }
    return result;
}

int store_put_write(void *context, const void *data, size_t size, struct error *error)
{
    struct store_put *put = context;

    return put->store->backend->put_write(put, data, size, error);
}

int store_put_finish(struct store_put *put, struct arena *arena, struct store_object *stored,
                     struct error *error)
{
    int result = put->store->backend->put_finish(put, arena, stored, error);

    put->finished = !result;
    return result;
}

int store_put_abort(struct store_put *put, struct error *error)
{
    put->aborted = true;
    return put->store->backend->put_abort(put, error);
}

void store_put_free(struct store_put *put)
{
    struct error error = {0};

    if (!put) {
        return;
    }
    if (!put->finished && !put->aborted && store_put_abort(put, &error)) {
        log_warning("an upload could not be aborted and may be left behind", "error", error.message,
                    NULL);
    }
    put->store->backend->put_free(put);
}

int store_get(struct store *store, const char *name, const struct store_range *range,
              int (*write)(void *context, const void *data, size_t size, struct error *error),
              void *context, struct error *error)
{
    static const struct store_range whole = {0};
    int result = check_name(name, error);

    return result ? result
                  : store->backend->get(store, name, range ? range : &whole, write, context, error);
}

int store_stat(struct store *store, const char *name, struct arena *arena,
               struct store_object *object, struct error *error)
{
    int result = check_name(name, error);

    return result ? result : store->backend->stat(store, name, arena, object, error);
}

int store_list(struct store *store, const char *under,
               int (*visit)(void *context, const struct store_object *object, struct error *error),
               void *context, struct error *error)
{
    return store->backend->list(store, under, visit, context, error);
}

int store_remove(struct store *store, const char *name, struct error *error)
{
    int result = check_name(name, error);

    return result ? result : store->backend->remove(store, name, error);
}

int store_list_uploads(struct store *store, const char *under,
                       int (*visit)(void *context, const struct store_leftover *leftover,
                                    struct error *error),
                       void *context, struct error *error)
{
    return store->backend->list_uploads(store, under, visit, context, error);
}

struct sweep {
    struct store *store;
    const char *name; /* NULL: any. */
    int64_t before_ms;
    size_t aborted;
};

static int abort_if_meant(void *context, const struct store_leftover *leftover, struct error *error)
{
    struct sweep *sweep = context;

    if (leftover->started_ms >= sweep->before_ms ||
        (sweep->name && strcmp(leftover->name, sweep->name) != 0)) {
        return 0;
    }
    int result = sweep->store->backend->abort_upload(sweep->store, leftover, error);
    sweep->aborted += !result;
    return result;
}

int store_abort_stale(struct store *store, const char *under, int64_t before_ms, size_t *aborted,
                      struct error *error)
{
    struct sweep sweep = {.store = store, .before_ms = before_ms};
    int result = store_list_uploads(store, under, abort_if_meant, &sweep, error);

    if (aborted) {
        *aborted = sweep.aborted;
    }
    return result;
}

int store_abort_named(struct store *store, const char *name, struct error *error)
{
    struct sweep sweep = {.store = store, .name = name, .before_ms = INT64_MAX};
    int result = check_name(name, error);

    return result ? result : store_list_uploads(store, name, abort_if_meant, &sweep, error);
}
