#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/store_internal.h"

char *kube_store_key(const char *namespace, const char *name)
{
    return xasprintf("%s/%s", namespace ? namespace : "", name);
}

uint64_t kube_store_uid_hash(const json_t *object)
{
    const char *uid = json_path_string(object, "metadata", "uid", NULL);
    return uid ? kube_hash(uid, strlen(uid)) : 0;
}

/* --- Notices --------------------------------------------------------------------------- */

void kube_store_notice(struct kube_store *store, struct notices *notices, const struct owner *owner)
{
    if (!owner || !store->options.changed) {
        return;
    }
    /* A relist that drops many objects of one owner says it once. */
    if (notices->length && !strcmp(notices->keys[notices->length - 1], owner->key)) {
        return;
    }
    if (notices->length == notices->capacity) {
        notices->capacity = notices->capacity ? 2 * notices->capacity : 4;
        notices->keys = xrealloc(notices->keys, notices->capacity * sizeof *notices->keys);
    }
    notices->keys[notices->length++] = xstrdup(owner->key);
}

void kube_store_tell(struct kube_store *store, struct notices *notices)
{
    for (size_t i = 0; i < notices->length; i++) {
        char *slash = strchr(notices->keys[i], '/');
        *slash = '\0';
        store->options.changed(store->options.context, notices->keys[i], slash + 1);
        free(notices->keys[i]);
    }
    free(notices->keys);
}

void kube_store_forget_notices(struct notices *notices)
{
    for (size_t i = 0; i < notices->length; i++) {
        free(notices->keys[i]);
    }
    free(notices->keys);
    *notices = (struct notices){0};
}

/* --- Entries and owners ---------------------------------------------------------------- */

struct entry *kube_store_find_entry(const struct kube_store *store, const char *key)
{
    struct kube_table_node *node = kube_table_find(&store->entries, key);
    return node ? KUBE_CONTAINER(node, struct entry, node) : NULL;
}

struct owner *kube_store_find_owner(const struct kube_store *store, const char *key)
{
    struct kube_table_node *node = kube_table_find(&store->owners, key);
    return node ? KUBE_CONTAINER(node, struct owner, node) : NULL;
}

static struct owner *need_owner(struct kube_store *store, const char *key)
{
    struct owner *owner = kube_store_find_owner(store, key);

    if (!owner) {
        size_t size = strlen(key) + 1;
        owner = xcalloc(1, sizeof *owner + size);
        memcpy(owner->key, key, size);
        owner->node.key = owner->key;
        kube_table_insert(&store->owners, &owner->node);
    }
    return owner;
}

void kube_store_leave_owner(struct kube_store *store, struct entry *entry)
{
    struct owner *owner = entry->owner;

    if (!owner) {
        return;
    }
    struct entry **link = &owner->entries;
    while (*link != entry) {
        link = &(*link)->owner_next;
    }
    *link = entry->owner_next;
    entry->owner = NULL;
    if (!owner->entries) {
        kube_table_remove(&store->owners, &owner->node);
        free(owner);
    }
}

void kube_store_join_owner(struct kube_store *store, struct entry *entry, const char *key)
{
    if (!key) {
        return;
    }
    entry->owner = need_owner(store, key);
    struct entry **link = &entry->owner->entries;
    while (*link && strcmp((*link)->key, entry->key) < 0) {
        link = &(*link)->owner_next;
    }
    entry->owner_next = *link;
    *link = entry;
}

struct entry *kube_store_new_entry(struct kube_store *store, const char *key, struct scope *scope)
{
    size_t size = strlen(key) + 1;
    struct entry *entry = xcalloc(1, sizeof *entry + size);

    memcpy(entry->key, key, size);
    entry->node.key = entry->key;
    entry->scope = scope;
    kube_table_insert(&store->entries, &entry->node);
    return entry;
}

void kube_store_drop_entry(struct kube_store *store, struct entry *entry, struct notices *notices)
{
    kube_store_notice(store, notices, entry->owner);
    kube_store_leave_owner(store, entry);
    kube_table_remove(&store->entries, &entry->node);
    kube_version_retire(store->options.recent, entry->version);
    free(entry);
}

/* The scope that holds exactly `namespace`. */
static struct scope *kube_store_find_scope(const struct kube_store *store, const char *namespace)
{
    struct scope *scope = store->scopes;

    while (scope && (namespace && scope->namespace ? strcmp(namespace, scope->namespace) != 0
                                                   : namespace != scope->namespace)) {
        scope = scope->next;
    }
    return scope;
}

struct scope *kube_store_covering_scope(const struct kube_store *store, const char *namespace)
{
    struct scope *scope = namespace && *namespace ? kube_store_find_scope(store, namespace) : NULL;
    return scope ? scope : kube_store_find_scope(store, NULL);
}

struct scope *kube_store_need_scope(struct kube_store *store, const char *namespace)
{
    struct scope *scope = kube_store_find_scope(store, namespace);

    if (!scope) {
        scope = xcalloc(1, sizeof *scope);
        scope->namespace = namespace ? xstrdup(namespace) : NULL;
        scope->next = store->scopes;
        store->scopes = scope;
    }
    return scope;
}
