#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/store_internal.h"

/* Parses outside the lock and gives the reference back. */
static json_t *parse_and_release(struct text *text)
{
    json_t *object = kube_store_text_parse(text);

    kube_store_text_unref(text);
    return object;
}

json_t *kube_store_get(struct kube_store *store, const char *namespace, const char *name)
{
    AUTO_FREE char *key = kube_store_key(namespace, name);
    struct text *text = NULL;
    {
        STORE_LOCKED(store);
        const struct entry *entry = kube_store_find_entry(store, key);
        if (entry) {
            text = kube_store_text_ref(entry->text);
        }
    }
    return text ? parse_and_release(text) : NULL;
}

static bool in_namespace(const struct entry *entry, const char *namespace)
{
    size_t length = namespace ? strlen(namespace) : 0;
    return !namespace || (!strncmp(entry->key, namespace, length) && entry->key[length] == '/');
}

/* References to the texts of the owner's objects; `*length` of them. Under the lock. */
static struct text **pick_owned(const struct owner *owner, size_t *length)
{
    size_t count = 0;

    for (struct entry *entry = owner ? owner->entries : NULL; entry; entry = entry->owner_next) {
        count++;
    }
    struct text **texts = xcalloc(count, sizeof(struct text *));
    *length = 0;
    for (struct entry *entry = owner ? owner->entries : NULL; entry; entry = entry->owner_next) {
        texts[(*length)++] = kube_store_text_ref(entry->text);
    }
    return texts;
}

static struct text **pick_all(const struct kube_store *store, const char *namespace, size_t *length)
{
    struct text **texts = xcalloc(store->entries.length, sizeof(struct text *));

    *length = 0;
    for (struct kube_table_node *node = NULL; (node = kube_table_next(&store->entries, node));) {
        struct entry *entry = KUBE_CONTAINER(node, struct entry, node);
        if (in_namespace(entry, namespace)) {
            texts[(*length)++] = kube_store_text_ref(entry->text);
        }
    }
    return texts;
}

json_t *kube_store_list(struct kube_store *store, const char *namespace, const char *owner)
{
    AUTO_FREE char *owner_key = owner ? kube_store_key(namespace, owner) : NULL;
    AUTO_FREE struct text **texts = NULL;
    size_t length;
    {
        STORE_LOCKED(store);
        texts = owner_key ? pick_owned(kube_store_find_owner(store, owner_key), &length)
                          : pick_all(store, namespace, &length);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < length; i++) {
        json_array_append_new(list, parse_and_release(texts[i]));
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
