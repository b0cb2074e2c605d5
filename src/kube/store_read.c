#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/store_internal.h"

/* Reads outside the lock and gives the reference back. */
static json_t *read_and_release(struct kube_store *store, struct version *version)
{
    json_t *object = kube_version_read(store->options.recent, version);

    kube_version_unref(version);
    return object;
}

json_t *kube_store_get(struct kube_store *store, const char *namespace, const char *name)
{
    AUTO_FREE char *key = kube_store_key(namespace, name);
    struct version *version = NULL;
    {
        STORE_LOCKED(store);
        const struct entry *entry = kube_store_find_entry(store, key);
        if (entry) {
            version = kube_version_ref(entry->version);
        }
    }
    return version ? read_and_release(store, version) : NULL;
}

static bool in_namespace(const struct entry *entry, const char *namespace)
{
    size_t length = namespace ? strlen(namespace) : 0;
    return !namespace || (!strncmp(entry->key, namespace, length) && entry->key[length] == '/');
}

/* References to the versions of the owner's objects; `*length` of them. Under the lock. */
static struct version **pick_owned(const struct owner *owner, size_t *length)
{
    size_t count = 0;

    for (struct entry *entry = owner ? owner->entries : NULL; entry; entry = entry->owner_next) {
        count++;
    }
    struct version **versions = xcalloc(count, sizeof(struct version *));
    *length = 0;
    for (struct entry *entry = owner ? owner->entries : NULL; entry; entry = entry->owner_next) {
        versions[(*length)++] = kube_version_ref(entry->version);
    }
    return versions;
}

static struct version **pick_all(const struct kube_store *store, const char *namespace,
                                 size_t *length)
{
    struct version **versions = xcalloc(store->entries.length, sizeof(struct version *));

    *length = 0;
    for (struct kube_table_node *node = NULL; (node = kube_table_next(&store->entries, node));) {
        struct entry *entry = KUBE_CONTAINER(node, struct entry, node);
        if (in_namespace(entry, namespace)) {
            versions[(*length)++] = kube_version_ref(entry->version);
        }
    }
    return versions;
}

json_t *kube_store_list(struct kube_store *store, const char *namespace, const char *owner)
{
    AUTO_FREE char *owner_key = owner ? kube_store_key(namespace, owner) : NULL;
    AUTO_FREE struct version **versions = NULL;
    size_t length;
    {
        STORE_LOCKED(store);
        versions = owner_key ? pick_owned(kube_store_find_owner(store, owner_key), &length)
                             : pick_all(store, namespace, &length);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < length; i++) {
        json_array_append_new(list, read_and_release(store, versions[i]));
    }
    return list;
}

void kube_store_for_each(struct kube_store *store,
                         void (*function)(void *context, const char *namespace, const char *name),
                         void *context)
{
    AUTO_FREE char **keys = NULL;
    size_t length = 0;
    {
        STORE_LOCKED(store);
        keys = xcalloc(store->entries.length, sizeof(char *));
        for (struct kube_table_node *node = NULL;
             (node = kube_table_next(&store->entries, node));) {
            keys[length++] = xstrdup(node->key);
        }
    }
    for (size_t i = 0; i < length; i++) {
        char *slash = strchr(keys[i], '/');
        *slash = '\0';
        function(context, keys[i], slash + 1);
        free(keys[i]);
    }
}

size_t kube_store_length(struct kube_store *store)
{
    STORE_LOCKED(store);
    return store->entries.length;
}
