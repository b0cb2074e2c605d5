/* Feeds a watch's bytes, cut anywhere, through line splitting, decoding, the reflector and the
 * store; then checks that the store still agrees with itself.
 *
 * The first byte begins a series of chance lengths, which the pieces have. A line with items is
 * taken as a page of a relist, one of type "written" as the answer to a write of our own, others as
 * events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "kube/reflector.h"
#include "kube/watch_lines.h"

static bool owner_of(const json_t *object, char *out, size_t size)
{
    const char *owner = json_path_string(object, "metadata", "labels", "cluster", NULL);
    if (owner) {
        snprintf(out, size, "%s", owner);
    }
    return owner != NULL;
}

static json_t *trim(const json_t *object)
{
    json_t *kept = json_copy((json_t *)object);
    json_t *metadata = json_copy(json_object_get(object, "metadata"));

    json_object_del(metadata, "managedFields");
    json_object_set_new(kept, "metadata", metadata);
    return kept;
}

static void changed(void *context, const char *namespace, const char *owner)
{
    size_t *changes = context;
    *changes += 1 + strlen(namespace) + strlen(owner);
}

static int take_line(void *context, const char *line, size_t size, struct error *error)
{
    struct reflector *reflector = context;
    AUTO_JSON json_t *value = json_parse(line, size, "a line", error);

    if (!value) {
        return -(int)error->kind;
    }
    if (json_object_get(value, "items")) {
        reflector->state = REFLECTOR_LIST;
        return reflector_listed(reflector, value, error);
    }
    const char *type = json_path_string(value, "type", NULL);
    if (type && !strcmp(type, "written")) { /* The answer to a write of our own. */
        kube_store_put_written(reflector->store, json_object_get(value, "object"));
        return 0;
    }
    return reflector_watched(reflector, value, error);
}

static void count(void *context, const char *namespace, const char *name)
{
    size_t *keys = context;
    *keys += namespace && name;
}

static void check(struct kube_store *store)
{
    size_t keys = 0;
    AUTO_JSON json_t *all = kube_store_list(store, NULL, NULL);
    size_t index;
    json_t *object;

    kube_store_for_each(store, count, &keys);
    if (keys != kube_store_length(store) || json_array_size(all) != keys) {
        abort();
    }
    json_array_foreach(all, index, object)
    {
        AUTO_JSON json_t *found =
            kube_store_get(store, json_path_string(object, "metadata", "namespace", NULL),
                           json_path_string(object, "metadata", "name", NULL));
        if (!found || !kube_resource_version(found) ||
            json_path(found, "metadata", "managedFields", NULL)) {
            abort();
        }
    }
}

/* From 1 to 64, by a series that the input begins: the same input is cut in the same way. */
static size_t next_piece(uint32_t *series)
{
    *series = *series * 1664525u + 1013904223u;
    return (*series >> 16) % 64 + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t changes = 0;
    const struct kube_store_options options = {
        .trim = trim, .owner = owner_of, .changed = changed, .context = &changes};
    struct kube_store *store = kube_store_new(&options);
    struct reflector reflector;
    struct kube_watch_lines lines = {.limit = 4096, .on_line = take_line, .context = &reflector};
    struct error error;
    uint32_t series = size ? data[0] : 0;
    int result = 0;

    reflector_init(&reflector, store, NULL);
    for (size_t at = 1, piece; at < size && !result; at += piece) {
        piece = next_piece(&series);
        piece = piece < size - at ? piece : size - at;
        result = kube_watch_lines_feed(&lines, data + at, piece, &error);
    }
    check(store);
    kube_watch_lines_fini(&lines);
    reflector_fini(&reflector);
    kube_store_free(store);
    return 0;
}
