/* A store whose `changed` calls are written down, and objects to put into it. */
#ifndef TESTS_KUBE_STORE_FIXTURE_H
#define TESTS_KUBE_STORE_FIXTURE_H 1

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kube/store.h"

struct changes {
    char log[512]; /* "ns/owner " for each call. */
    size_t count;
};

static inline void note_change(void *context, const char *namespace, const char *owner)
{
    struct changes *changes = context;
    size_t used = strlen(changes->log);

    snprintf(changes->log + used, sizeof changes->log - used, "%s/%s ", namespace, owner);
    changes->count++;
}

static inline json_t *trim_fields(const json_t *object)
{
    json_t *kept = json_copy((json_t *)object);
    json_t *metadata = json_copy(json_object_get(object, "metadata"));

    json_object_del(metadata, "managedFields");
    json_object_set_new(kept, "metadata", metadata);
    return kept;
}

static inline bool owner_by_label(const json_t *object, char *out, size_t size)
{
    const char *owner = json_path_string(object, "metadata", "labels", "cluster", NULL);
    if (owner) {
        snprintf(out, size, "%s", owner);
    }
    return owner != NULL;
}

/* `recent` may be NULL. */
static inline struct kube_store *new_test_store(struct changes *changes, struct kube_recent *recent)
{
    const struct kube_store_options options = {.trim = trim_fields,
                                               .owner = owner_by_label,
                                               .changed = note_change,
                                               .context = changes,
                                               .recent = recent};

    *changes = (struct changes){0};
    return kube_store_new(&options);
}

/* `owner` NULL: none. */
static inline json_t *new_object(const char *namespace, const char *name, const char *uid,
                                 int version, const char *owner)
{
    char text[16];

    snprintf(text, sizeof text, "%d", version);
    json_t *object = json_pack("{s:s, s:{s:s*, s:s, s:s, s:s, s:[s]}}", "kind", "Pod", "metadata",
                               "namespace", namespace, "name", name, "uid", uid, "resourceVersion",
                               text, "managedFields", "x");
    if (owner) {
        json_object_set_new(json_object_get(object, "metadata"), "labels",
                            json_pack("{s:s}", "cluster", owner));
    }
    return object;
}

#endif
