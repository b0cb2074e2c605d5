#include "store/gcs_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "pki/base64.h"

#define MAX_PAIRS      100
#define MAX_TOKEN      (32 * 1024)
#define MAX_LIFETIME_S 86400

void gcs_checksum(uint32_t crc32c, char out[GCS_CHECKSUM_SIZE])
{
    snprintf(out, GCS_CHECKSUM_SIZE, "crc32c:%08" PRIx32, crc32c);
}

/* Base64 of the four bytes, the highest first. */
static const char *checksum_of(const char *text, struct arena *arena)
{
    size_t size = 0;
    AUTO_FREE unsigned char *bytes = text ? base64_decode(text, &size) : NULL;

    if (!bytes || size != 4) {
        return NULL;
    }
    char *out = arena_alloc(arena, GCS_CHECKSUM_SIZE);
    gcs_checksum((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3],
                 out);
    return out;
}

static const struct store_pair *metadata_of(json_t *json, struct arena *arena)
{
    size_t size = json_object_size(json), n = 0;
    struct store_pair *pairs;
    const char *name;
    json_t *value;

    size = size < MAX_PAIRS ? size : MAX_PAIRS;
    pairs = arena_alloc(arena, (size + 1) * sizeof *pairs);
    json_object_foreach(json, name, value)
    {
        if (n < size && json_is_string(value)) {
            pairs[n++] = (struct store_pair){arena_strdup(arena, name),
                                             arena_strdup(arena, json_string_value(value))};
        }
    }
    pairs[n] = (struct store_pair){0};
    return pairs;
}

/* Numbers of 64 bits are strings in Google's JSON. */
static bool read_object(json_t *json, struct arena *arena, struct gcs_object *out)
{
    const char *key = json_path_string(json, "name", NULL);
    const char *size = json_path_string(json, "size", NULL);
    const char *updated = json_path_string(json, "updated", NULL);
    const char *generation = json_path_string(json, "generation", NULL);

    if (!key || !size || !*size || strspn(size, "0123456789") != strlen(size)) {
        return false;
    }
    *out = (struct gcs_object){
        .key = arena_strdup(arena, key),
        .size = strtoull(size, NULL, 10),
        .modified_ms = updated ? clock_parse_rfc3339(updated) : -1,
        .checksum = checksum_of(json_path_string(json, "crc32c", NULL), arena),
        .generation = generation && strspn(generation, "0123456789") == strlen(generation)
                          ? arena_strdup(arena, generation)
                          : NULL,
        .metadata = metadata_of(json_path(json, "metadata", NULL), arena)};
    return true;
}

/* NULL with the error filled, which quotes nothing: there may be a token in it. */
static json_t *parse(const char *text, size_t size, struct error *error)
{
    json_t *json = json_parse(size ? text : "", size, "the answer", error);

    if (!json) {
        error_set(error, ERROR_RETRYABLE, "the answer is not JSON");
    }
    return json;
}

static int not_understood(struct error *error, const char *what)
{
    return error_set(error, ERROR_RETRYABLE, "the answer holds no %s", what);
}

int gcs_json_object(const char *text, size_t size, struct arena *arena, struct gcs_object *object,
                    struct error *error)
{
    AUTO_JSON json_t *json = parse(text, size, error);

    *object = (struct gcs_object){0};
    if (!json) {
        return -(int)error->kind;
    }
    return read_object(json, arena, object) ? 0 : not_understood(error, "object");
}

int gcs_json_page(const char *text, size_t size, struct arena *arena, struct gcs_page *page,
                  struct error *error)
{
    AUTO_JSON json_t *json = parse(text, size, error);

    *page = (struct gcs_page){0};
    if (!json) {
        return -(int)error->kind;
    }
    json_t *items = json_path(json, "items", NULL);
    const char *next = json_path_string(json, "nextPageToken", NULL);
    size_t n = json_array_size(items);
    if (!json_is_object(json) || (items && !json_is_array(items))) {
        return not_understood(error, "page of a list");
    }
    page->objects = arena_alloc(arena, (n + 1) * sizeof *page->objects);
    for (size_t i = 0; i < n; i++) {
        if (!read_object(json_array_get(items, i), arena, &page->objects[i])) {
            return not_understood(error, "object");
        }
        page->n_objects++;
    }
    page->next = next && *next ? arena_strdup(arena, next) : NULL;
    return 0;
}

static const char *copy(const char *text, struct arena *arena)
{
    return text && *text ? arena_strdup(arena, text) : NULL;
}

void gcs_json_refusal(const char *text, size_t size, struct arena *arena,
                      struct gcs_refusal *refusal)
{
    struct error ignored = {0};
    AUTO_JSON json_t *json = parse(text, size, &ignored);
    const char *reason = json_path_string(json, "error", NULL);

    *refusal = (struct gcs_refusal){0};
    if (reason) {
        refusal->reason = copy(reason, arena);
        refusal->message = copy(json_path_string(json, "error_description", NULL), arena);
        return;
    }
    json_t *first = json_array_get(json_path(json, "error", "errors", NULL), 0);
    reason = json_path_string(first, "reason", NULL);
    refusal->reason =
        copy(reason ? reason : json_path_string(json, "error", "status", NULL), arena);
    refusal->message = copy(json_path_string(json, "error", "message", NULL), arena);
}

/* A control character would end the header that it becomes part of. */
static bool is_token(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return length && length < MAX_TOKEN;
}

int gcs_json_token(const char *text, size_t size, char **token, int64_t *lifetime_ms,
                   struct error *error)
{
    AUTO_JSON json_t *json = parse(text, size, error);

    *token = NULL;
    if (!json) {
        return -(int)error->kind;
    }
    /* An impersonated account's answer has other names, and a date. */
    const char *impersonated = json_path_string(json, "accessToken", NULL);
    const char *until = json_path_string(json, "expireTime", NULL);
    const char *found = impersonated ? impersonated : json_path_string(json, "access_token", NULL);
    int64_t lifetime = (int64_t)json_path_integer(json, 0, "expires_in", NULL);
    if (lifetime < 0 || lifetime > MAX_LIFETIME_S) {
        lifetime = lifetime < 0 ? 0 : MAX_LIFETIME_S;
    }
    *lifetime_ms = lifetime * 1000;
    if (impersonated && until && clock_parse_rfc3339(until) >= 0) {
        int64_t left_ms = clock_parse_rfc3339(until) - clock_wall_ms();
        *lifetime_ms = left_ms > 0 ? left_ms : 0;
    }
    if (is_token(found)) {
        *token = xstrdup(found);
    }
    json_wipe(json);
    return *token ? 0 : not_understood(error, "access token");
}
