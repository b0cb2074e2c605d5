#include "snapshot/stored.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

#define SUFFIX ".json"

static char *manifest_name(const char *name)
{
    return xasprintf("%s" SUFFIX, name);
}

static bool is_manifest_name(const char *name)
{
    size_t length = strlen(name);

    return length > strlen(SUFFIX) && !strcmp(name + length - strlen(SUFFIX), SUFFIX);
}

int snapshot_stored_check_name(const char *name, struct error *error)
{
    return is_manifest_name(name)
               ? error_set(error, ERROR_INVALID,
                           "'%s' cannot name a backup: what ends with " SUFFIX " is a manifest",
                           name)
               : 0;
}

static int take_text(void *context, const void *data, size_t size, struct error *error)
{
    return buffer_append(context, data, size)
               ? 0
               : error_set(error, ERROR_INVALID, "it has more than %d bytes",
                           SNAPSHOT_MANIFEST_LIMIT);
}

/* What is no manifest of this name is ERROR_INVALID. */
static int read_manifest(struct store *store, const char *name, struct arena *arena,
                         struct snapshot_manifest *manifest, struct error *error)
{
    AUTO_FREE char *object = manifest_name(name);
    AUTO_BUFFER struct buffer text = {.limit = SNAPSHOT_MANIFEST_LIMIT};

    int result = store_get(store, object, NULL, take_text, &text, error);
    if (!result) {
        result =
            snapshot_manifest_parse(text.data ? text.data : "", text.size, arena, manifest, error);
    }
    if (!result && strcmp(manifest->name, name) != 0) {
        result = error_set(error, ERROR_INVALID, "it is the manifest of %s", manifest->name);
    }
    return result;
}

int snapshot_stored_load(struct store *store, const char *name, struct arena *arena,
                         struct snapshot_manifest *manifest, struct error *error)
{
    int result = snapshot_stored_check_name(name, error);

    if (result) {
        return result;
    }
    result = read_manifest(store, name, arena, manifest, error);
    if (result == -(int)ERROR_NOT_FOUND) {
        return error_set(error, ERROR_NOT_FOUND,
                         "there is no backup %s: its manifest %s" SUFFIX " is not there", name,
                         name);
    }
    if (result == -(int)ERROR_INVALID) {
        error->kind = ERROR_EXISTS;
    }
    return result ? error_wrap(error, "%s" SUFFIX, name) : 0;
}

int snapshot_stored_commit(struct store *store, const struct snapshot_manifest *manifest,
                           struct error *error)
{
    AUTO_FREE char *object = manifest_name(manifest->name);
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_JSON json_t *json = snapshot_manifest_json(manifest);
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
    AUTO_STORE_PUT struct store_put *put = NULL;
    struct store_object stored;

    int result = store_put_begin(store, object, NULL, &put, error);
    if (!result) {
        result = store_put_write(put, text, strlen(text), error);
    }
    return result ? result : store_put_finish(put, arena, &stored, error);
}

int snapshot_stored_confirm(struct store *store, const struct snapshot_manifest *manifest,
                            struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object object;

    int result = store_stat(store, manifest->name, arena, &object, error);
    if (result) {
        return result;
    }
    bool same_sum =
        !object.checksum || !manifest->checksum || !strcmp(object.checksum, manifest->checksum);
    return object.size == manifest->size && same_sum
               ? 0
               : error_set(error, ERROR_INVALID,
                           "%s is not what its manifest says: %llu bytes with checksum %s",
                           manifest->name, (unsigned long long)object.size,
                           object.checksum ? object.checksum : "(none)");
}

int snapshot_stored_remove(struct store *store, const char *name, struct error *error)
{
    AUTO_FREE char *manifest = manifest_name(name);
    int result = snapshot_stored_check_name(name, error);

    if (!result) {
        result = store_remove(store, manifest, error);
    }
    if (!result) {
        result = store_abort_named(store, name, error);
    }
    return result ? result : store_remove(store, name, error);
}

struct listing {
    struct arena *arena;
    struct store_object *objects; /* Name and size, in the order of names. */
    size_t n, room;
};

static int remember(void *context, const struct store_object *object, struct error *error)
{
    struct listing *listing = context;

    (void)error;
    if (listing->n == listing->room) {
        listing->room = listing->room ? 2 * listing->room : 64;
        listing->objects = xrealloc(listing->objects, listing->room * sizeof *listing->objects);
    }
    listing->objects[listing->n++] = (struct store_object){
        .name = arena_strdup(listing->arena, object->name), .size = object->size};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct store_object *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static bool has_object(const struct listing *listing, const struct snapshot_manifest *manifest)
{
    const struct store_object wanted = {.name = manifest->name};
    const struct store_object *found =
        bsearch(&wanted, listing->objects, listing->n, sizeof wanted, by_name);

    return found && found->size == manifest->size;
}

static void listing_fini(struct listing *listing)
{
    free(listing->objects);
}

int snapshot_stored_list(struct store *store, const char *under, struct arena *arena,
                         struct snapshot_manifest **manifests, size_t *n, struct error *error)
{
    CLEANUP(listing_fini) struct listing listing = {.arena = arena};
    int result = store_list(store, under, remember, &listing, error);

    *n = 0;
    *manifests = arena_alloc(arena, (listing.n + 1) * sizeof **manifests);
    for (size_t i = 0; !result && i < listing.n; i++) {
        const char *name = listing.objects[i].name;
        struct snapshot_manifest *manifest = &(*manifests)[*n];
        if (!is_manifest_name(name)) {
            continue;
        }
        AUTO_FREE char *of = xasprintf("%.*s", (int)(strlen(name) - strlen(SUFFIX)), name);
        result = read_manifest(store, of, arena, manifest, error);
        *n += !result && has_object(&listing, manifest);
        if (result == -(int)ERROR_INVALID || result == -(int)ERROR_NOT_FOUND) {
            result = 0; /* Not ours, or gone since. */
        }
    }
    return result;
}
