#include "kube/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/table.h"

/* Longest owner name that is kept: a DNS subdomain (RFC 1123 in Kubernetes' words). */
#define OWNER_SIZE 254

/* An object's text. Immutable; readers take their reference under the store's lock and drop it
 * without. */
struct text {
    atomic_uint references;
    size_t size;
    uint64_t uid_hash; /* 0: the object has no UID. */
    char data[];
};

struct scope {
    struct scope *next;
    char *namespace;     /* NULL: all. */
    uint64_t seen;       /* What the watch has passed. */
    uint32_t generation; /* Of the relist under way, or of the last one. */
    bool relisting, synced;
};

struct owner {
    struct kube_table_node node; /* "namespace/owner" */
    struct entry *entries;       /* Ordered by key. */
    char key[];
};

struct entry {
    struct kube_table_node node; /* "namespace/name" */
    struct text *text;
    struct scope *scope;
    struct owner *owner; /* NULL: none. */
    struct entry *owner_next;
    uint64_t resource_version;
    uint32_t generation; /* Of the relist that last listed it. */
    char key[];
};

struct kube_store {
    struct kube_store_options options;
    pthread_mutex_t lock;
    struct kube_table entries, owners;
    struct scope *scopes;
};

/* Keys of owners whose objects have changed, collected under the lock and told outside it. */
struct notices {
    char **keys;
    size_t length, capacity;
};

/* --- Small parts ------------------------------------------------------------------------- */

static void unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}
#define LOCKED(store)                                                                              \
    CLEANUP(unlock) pthread_mutex_t *locked = &(store)->lock;                                      \
    pthread_mutex_lock(locked)

static char *make_key(const char *namespace, const char *name)
{
    return xasprintf("%s/%s", namespace ? namespace : "", name);
}

uint64_t kube_resource_version_parse(const char *text)
{
    uint64_t value = 0;

    if (!text || !*text) {
        return 0;
    }
    for (; *text; text++) {
        unsigned digit = (unsigned char)*text - (unsigned)'0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    return value;
}

uint64_t kube_resource_version(const json_t *object)
{
    return kube_resource_version_parse(
        json_path_string(object, "metadata", "resourceVersion", NULL));
}

static uint64_t uid_hash(const json_t *object)
{
    const char *uid = json_path_string(object, "metadata", "uid", NULL);
    return uid ? kube_hash(uid, strlen(uid)) : 0;
}

static void notice(struct kube_store *store, struct notices *notices, const struct owner *owner)
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

static void tell(struct kube_store *store, struct notices *notices)
{
    for (size_t i = 0; i < notices->length; i++) {
        char *slash = strchr(notices->keys[i], '/');
        *slash = '\0';
        store->options.changed(store->options.context, notices->keys[i], slash + 1);
        free(notices->keys[i]);
    }
    free(notices->keys);
}

/* --- Texts ------------------------------------------------------------------------------- */

static struct text *text_new(const json_t *object)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t size = json_dumpb(object, NULL, 0, flags);
    struct text *text = xmalloc(sizeof *text + size);

    atomic_init(&text->references, 1);
    text->size = json_dumpb(object, text->data, size, flags);
    text->uid_hash = uid_hash(object);
    return text;
}

static void text_unref(struct text *text)
{
    if (text && atomic_fetch_sub(&text->references, 1) == 1) {
        free(text);
    }
}

/* --- Entries and owners, under the lock -------------------------------------------------- */

static struct entry *find_entry(const struct kube_store *store, const char *key)
{
    struct kube_table_node *node = kube_table_find(&store->entries, key);
    return node ? KUBE_CONTAINER(node, struct entry, node) : NULL;
}

static struct owner *find_owner(const struct kube_store *store, const char *key)
{
    struct kube_table_node *node = kube_table_find(&store->owners, key);
    return node ? KUBE_CONTAINER(node, struct owner, node) : NULL;
}

static struct owner *need_owner(struct kube_store *store, const char *key)
{
    struct owner *owner = find_owner(store, key);

    if (!owner) {
        size_t size = strlen(key) + 1;
        owner = xcalloc(1, sizeof *owner + size);
        memcpy(owner->key, key, size);
        owner->node.key = owner->key;
        kube_table_insert(&store->owners, &owner->node);
    }
    return owner;
}

/* Takes the entry out of its owner's list; an owner without objects is forgotten. */
static void leave_owner(struct kube_store *store, struct entry *entry)
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

static void join_owner(struct kube_store *store, struct entry *entry, const char *key)
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

static struct entry *new_entry(struct kube_store *store, const char *key, struct scope *scope)
{
    size_t size = strlen(key) + 1;
    struct entry *entry = xcalloc(1, sizeof *entry + size);

    memcpy(entry->key, key, size);
    entry->node.key = entry->key;
    entry->scope = scope;
    kube_table_insert(&store->entries, &entry->node);
    return entry;
}

static void drop_entry(struct kube_store *store, struct entry *entry, struct notices *notices)
{
    notice(store, notices, entry->owner);
    leave_owner(store, entry);
    kube_table_remove(&store->entries, &entry->node);
    text_unref(entry->text);
    free(entry);
}

/* The scope that holds exactly `namespace`. */
static struct scope *find_scope(const struct kube_store *store, const char *namespace)
{
    struct scope *scope = store->scopes;

    while (scope && (namespace && scope->namespace ? strcmp(namespace, scope->namespace) != 0
                                                   : namespace != scope->namespace)) {
        scope = scope->next;
    }
    return scope;
}

/* The scope whose watch covers objects of `namespace`. */
static struct scope *covering_scope(const struct kube_store *store, const char *namespace)
{
    struct scope *scope = namespace && *namespace ? find_scope(store, namespace) : NULL;
    return scope ? scope : find_scope(store, NULL);
}

static struct scope *need_scope(struct kube_store *store, const char *namespace)
{
    struct scope *scope = find_scope(store, namespace);

    if (!scope) {
        scope = xcalloc(1, sizeof *scope);
        scope->namespace = namespace ? xstrdup(namespace) : NULL;
        scope->next = store->scopes;
        store->scopes = scope;
    }
    return scope;
}

static void pass(struct scope *scope, uint64_t resource_version)
{
    if (resource_version > scope->seen) {
        scope->seen = resource_version;
    }
}

/* --- Life -------------------------------------------------------------------------------- */

struct kube_store *kube_store_new(const struct kube_store_options *options)
{
    struct kube_store *store = xcalloc(1, sizeof *store);

    store->options = *options;
    pthread_mutex_init(&store->lock, NULL);
    return store;
}

static void release_entry(struct kube_table_node *node)
{
    struct entry *entry = KUBE_CONTAINER(node, struct entry, node);
    text_unref(entry->text);
    free(entry);
}

static void release_owner(struct kube_table_node *node)
{
    free(KUBE_CONTAINER(node, struct owner, node));
}

void kube_store_free(struct kube_store *store)
{
    if (!store) {
        return;
    }
    kube_table_fini(&store->entries, release_entry);
    kube_table_fini(&store->owners, release_owner);
    for (struct scope *scope = store->scopes, *next; scope; scope = next) {
        next = scope->next;
        free(scope->namespace);
        free(scope);
    }
    pthread_mutex_destroy(&store->lock);
    free(store);
}

void kube_store_add_scope(struct kube_store *store, const char *namespace)
{
    LOCKED(store);
    need_scope(store, namespace);
}

/* --- Changes ----------------------------------------------------------------------------- */

/* What an object says about itself, taken before it is trimmed. */
struct identity {
    const char *namespace, *name;
    uint64_t resource_version;
};

static bool identify(const json_t *object, struct identity *identity)
{
    identity->namespace = json_path_string(object, "metadata", "namespace", NULL);
    identity->name = json_path_string(object, "metadata", "name", NULL);
    identity->resource_version = kube_resource_version(object);
    return identity->name && *identity->name && identity->resource_version;
}

/* The text and the owner's key of an object that is about to be stored. */
static struct text *digest(struct kube_store *store, json_t *object, const char *namespace,
                           char **owner_key)
{
    char owner[OWNER_SIZE];

    *owner_key = NULL;
    if (store->options.owner && store->options.owner(object, owner, sizeof owner)) {
        *owner_key = make_key(namespace, owner);
    }
    if (store->options.trim) {
        store->options.trim(object);
    }
    return text_new(object);
}

/* Takes over `text`. */
static void replace(struct kube_store *store, struct entry *entry, struct text *text,
                    uint64_t resource_version, const char *owner_key, struct notices *notices)
{
    bool moved = !entry->owner || !owner_key || strcmp(entry->owner->key, owner_key) != 0;

    if (moved) {
        notice(store, notices, entry->owner);
        leave_owner(store, entry);
        join_owner(store, entry, owner_key);
    }
    text_unref(entry->text);
    entry->text = text;
    entry->resource_version = resource_version;
    notice(store, notices, entry->owner);
}

void kube_store_put(struct kube_store *store, json_t *object)
{
    struct notices notices = {0};
    AUTO_FREE char *key = NULL;
    AUTO_FREE char *owner_key = NULL;
    struct identity identity;

    if (!identify(object, &identity)) {
        return;
    }
    key = make_key(identity.namespace, identity.name);
    AUTO_FREE char *namespace = xstrdup(identity.namespace ? identity.namespace : "");
    struct text *text = digest(store, object, namespace, &owner_key);
    {
        LOCKED(store);
        struct scope *scope = covering_scope(store, namespace);
        if (!scope) {
            scope = need_scope(store, NULL);
        }
        struct entry *entry = find_entry(store, key);
        if (!entry) {
            entry = new_entry(store, key, scope);
        }
        entry->generation = scope->generation;
        if (identity.resource_version > entry->resource_version) {
            replace(store, entry, text, identity.resource_version, owner_key, &notices);
        } else {
            text_unref(text);
        }
        /* The pages of a list come in the order of names: only its end has passed a version. */
        if (!scope->relisting) {
            pass(scope, identity.resource_version);
        }
    }
    tell(store, &notices);
}

void kube_store_remove(struct kube_store *store, json_t *object)
{
    struct notices notices = {0};
    struct identity identity;

    if (!identify(object, &identity)) {
        return;
    }
    AUTO_FREE char *key = make_key(identity.namespace, identity.name);
    uint64_t uid = uid_hash(object);
    {
        LOCKED(store);
        struct scope *scope = covering_scope(store, identity.namespace);
        struct entry *entry = find_entry(store, key);
        if (scope) {
            pass(scope, identity.resource_version);
        }
        /* A UID does not come back: its deletion holds whatever we have stored of it. Another UID
         * under the name is newer when we have written it before the watch told of the deletion. */
        if (entry && (entry->text->uid_hash == uid ||
                      entry->resource_version <= identity.resource_version)) {
            drop_entry(store, entry, &notices);
        }
    }
    tell(store, &notices);
}

/* Whether an answer of this version is news, under the lock. */
static bool written_is_news(const struct kube_store *store, const struct scope *scope,
                            const char *key, uint64_t resource_version)
{
    if (!scope || resource_version <= scope->seen) {
        return false;
    }
    const struct entry *entry = find_entry(store, key);
    return !entry || resource_version > entry->resource_version;
}

void kube_store_put_written(struct kube_store *store, const json_t *object)
{
    struct notices notices = {0};
    AUTO_FREE char *owner_key = NULL;
    struct identity identity;

    if (!identify(object, &identity)) {
        return;
    }
    AUTO_FREE char *key = make_key(identity.namespace, identity.name);
    { /* Most answers of a get are no news: see that before the object is copied. */
        LOCKED(store);
        if (!written_is_news(store, covering_scope(store, identity.namespace), key,
                             identity.resource_version)) {
            return;
        }
    }
    AUTO_JSON json_t *copy = json_deep_copy(object);
    struct text *text = digest(store, copy, identity.namespace, &owner_key);
    {
        LOCKED(store);
        struct scope *scope = covering_scope(store, identity.namespace);
        if (written_is_news(store, scope, key, identity.resource_version)) {
            struct entry *entry = find_entry(store, key);
            if (!entry) {
                entry = new_entry(store, key, scope);
                entry->generation = scope->generation - 1; /* No list has shown it yet. */
            }
            replace(store, entry, text, identity.resource_version, owner_key, &notices);
        } else {
            text_unref(text);
        }
    }
    tell(store, &notices);
}

void kube_store_bookmark(struct kube_store *store, const char *namespace, uint64_t resource_version)
{
    LOCKED(store);
    pass(need_scope(store, namespace), resource_version);
}

/* --- Relist ------------------------------------------------------------------------------ */

/* The server's history was turned back: what the list says is newer than all that we hold. */
static void forget_versions(struct kube_store *store, const struct scope *scope)
{
    struct kube_table_node *node = NULL;

    while ((node = kube_table_next(&store->entries, node))) {
        struct entry *entry = KUBE_CONTAINER(node, struct entry, node);
        if (entry->scope == scope) {
            entry->resource_version = 0;
        }
    }
}

void kube_store_relist_begin(struct kube_store *store, const char *namespace,
                             uint64_t resource_version)
{
    LOCKED(store);
    struct scope *scope = need_scope(store, namespace);

    scope->generation++;
    scope->relisting = true;
    if (resource_version < scope->seen) {
        forget_versions(store, scope);
        scope->seen = resource_version;
    }
}

void kube_store_relist_end(struct kube_store *store, const char *namespace,
                           uint64_t resource_version)
{
    struct notices notices = {0};
    {
        LOCKED(store);
        struct scope *scope = need_scope(store, namespace);
        struct kube_table_node *node = kube_table_next(&store->entries, NULL), *next;
        for (; node; node = next) {
            struct entry *entry = KUBE_CONTAINER(node, struct entry, node);
            next = kube_table_next(&store->entries, node);
            if (entry->scope == scope && entry->generation != scope->generation &&
                entry->resource_version <= resource_version) {
                drop_entry(store, entry, &notices);
            }
        }
        scope->relisting = false;
        scope->synced = true;
        pass(scope, resource_version);
    }
    tell(store, &notices);
}

bool kube_store_synced(struct kube_store *store)
{
    LOCKED(store);
    const struct scope *scope = store->scopes;

    if (!scope) {
        return false;
    }
    while (scope && scope->synced) {
        scope = scope->next;
    }
    return !scope;
}

/* --- Reading ----------------------------------------------------------------------------- */

static struct text *text_ref(struct text *text)
{
    atomic_fetch_add(&text->references, 1);
    return text;
}

/* Parses outside the lock and gives the reference back. The text is our own, so it parses. */
static json_t *parse_and_release(struct text *text)
{
    json_t *object = json_loadb(text->data, text->size, JSON_DECODE_ANY, NULL);

    if (!object) {
        memory_exhausted();
    }
    text_unref(text);
    return object;
}

json_t *kube_store_get(struct kube_store *store, const char *namespace, const char *name)
{
    AUTO_FREE char *key = make_key(namespace, name);
    struct text *text = NULL;
    {
        LOCKED(store);
        const struct entry *entry = find_entry(store, key);
        if (entry) {
            text = text_ref(entry->text);
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
        texts[(*length)++] = text_ref(entry->text);
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
            texts[(*length)++] = text_ref(entry->text);
        }
    }
    return texts;
}

json_t *kube_store_list(struct kube_store *store, const char *namespace, const char *owner)
{
    AUTO_FREE char *owner_key = owner ? make_key(namespace, owner) : NULL;
    AUTO_FREE struct text **texts = NULL;
    size_t length;
    {
        LOCKED(store);
        texts = owner_key ? pick_owned(find_owner(store, owner_key), &length)
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
        LOCKED(store);
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
    LOCKED(store);
    return store->entries.length;
}
