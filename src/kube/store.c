#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "kube/store_internal.h"

/* Longest owner name that is kept: a DNS subdomain (RFC 1123 in Kubernetes' words). */
#define OWNER_SIZE 254

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
    kube_version_unref(entry->version);
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
    STORE_LOCKED(store);
    kube_store_need_scope(store, namespace);
}

/* --- Changes ----------------------------------------------------------------------------- */

static void pass(struct scope *scope, uint64_t resource_version)
{
    if (resource_version > scope->seen) {
        scope->seen = resource_version;
    }
}

/* What an object says about itself. */
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

/* The version and the owner's key of an object that is about to be stored. */
static struct version *digest(struct kube_store *store, const json_t *object, const char *namespace,
                              char **owner_key)
{
    char owner[OWNER_SIZE];

    *owner_key = NULL;
    if (store->options.owner && store->options.owner(object, owner, sizeof owner)) {
        *owner_key = kube_store_key(namespace, owner);
    }
    AUTO_JSON json_t *kept =
        store->options.trim ? store->options.trim(object) : json_incref((json_t *)object);
    return kube_version_new(store->options.recent, kept);
}

/* Takes over `version`. */
static void replace(struct kube_store *store, struct entry *entry, struct version *version,
                    uint64_t resource_version, const char *owner_key, struct notices *notices)
{
    bool moved = !entry->owner || !owner_key || strcmp(entry->owner->key, owner_key) != 0;

    if (moved) {
        kube_store_notice(store, notices, entry->owner);
        kube_store_leave_owner(store, entry);
        kube_store_join_owner(store, entry, owner_key);
    }
    if (entry->version) {
        kube_version_retire(store->options.recent, entry->version);
    }
    entry->version = version;
    entry->resource_version = resource_version;
    kube_store_notice(store, notices, entry->owner);
}

/* Our own write's answer was often here before the watch: what is not newer is not looked at. */
static bool is_newer(struct kube_store *store, const char *key, uint64_t resource_version)
{
    STORE_LOCKED(store);
    const struct entry *entry = kube_store_find_entry(store, key);
    return !entry || resource_version > entry->resource_version;
}

void kube_store_put(struct kube_store *store, const json_t *object)
{
    struct notices notices = {0};
    AUTO_FREE char *key = NULL;
    AUTO_FREE char *owner_key = NULL;
    struct identity identity;

    if (!identify(object, &identity)) {
        return;
    }
    key = kube_store_key(identity.namespace, identity.name);
    const char *namespace = identity.namespace ? identity.namespace : "";
    struct version *version = is_newer(store, key, identity.resource_version)
                                  ? digest(store, object, namespace, &owner_key)
                                  : NULL;
    {
        STORE_LOCKED(store);
        struct scope *scope = kube_store_covering_scope(store, namespace);
        if (!scope) {
            scope = kube_store_need_scope(store, NULL);
        }
        struct entry *entry = kube_store_find_entry(store, key);
        if (!entry && version) {
            entry = kube_store_new_entry(store, key, scope);
        }
        if (entry) {
            entry->generation = scope->generation;
        }
        assert(entry || !version);
        if (version && identity.resource_version > entry->resource_version) {
            replace(store, entry, version, identity.resource_version, owner_key, &notices);
        } else if (version) {
            kube_version_retire(store->options.recent, version);
        }
        /* The pages of a list come in the order of names: only its end has passed a version. */
        if (!scope->relisting) {
            pass(scope, identity.resource_version);
        }
    }
    kube_store_tell(store, &notices);
}

void kube_store_remove(struct kube_store *store, json_t *object)
{
    struct notices notices = {0};
    struct identity identity;

    if (!identify(object, &identity)) {
        return;
    }
    AUTO_FREE char *key = kube_store_key(identity.namespace, identity.name);
    uint64_t uid = kube_store_uid_hash(object);
    {
        STORE_LOCKED(store);
        struct scope *scope = kube_store_covering_scope(store, identity.namespace);
        struct entry *entry = kube_store_find_entry(store, key);
        if (scope) {
            pass(scope, identity.resource_version);
        }
        /* A UID does not come back: its deletion holds whatever we have stored of it. Another UID
         * under the name is newer when we have written it before the watch told of the deletion. */
        if (entry && (entry->version->uid_hash == uid ||
                      entry->resource_version <= identity.resource_version)) {
            kube_store_drop_entry(store, entry, &notices);
        }
    }
    kube_store_tell(store, &notices);
}

/* Whether an answer of this version is news, under the lock. */
static bool written_is_news(const struct kube_store *store, const struct scope *scope,
                            const char *key, uint64_t resource_version)
{
    if (!scope || resource_version <= scope->seen) {
        return false;
    }
    const struct entry *entry = kube_store_find_entry(store, key);
    return !entry || resource_version > entry->resource_version;
}

static void put_own(struct kube_store *store, const json_t *object, bool tell)
{
    struct notices notices = {0};
    AUTO_FREE char *owner_key = NULL;
    struct identity identity;

    if (!identify(object, &identity)) {
        return;
    }
    AUTO_FREE char *key = kube_store_key(identity.namespace, identity.name);
    { /* Most answers of a get are no news: see that before more is done. */
        STORE_LOCKED(store);
        if (!written_is_news(store, kube_store_covering_scope(store, identity.namespace), key,
                             identity.resource_version)) {
            return;
        }
    }
    struct version *version = digest(store, object, identity.namespace, &owner_key);
    {
        STORE_LOCKED(store);
        struct scope *scope = kube_store_covering_scope(store, identity.namespace);
        if (written_is_news(store, scope, key, identity.resource_version)) {
            struct entry *entry = kube_store_find_entry(store, key);
            if (!entry) {
                entry = kube_store_new_entry(store, key, scope);
                entry->generation = scope->generation - 1; /* No list has shown it yet. */
            }
            replace(store, entry, version, identity.resource_version, owner_key, &notices);
        } else {
            kube_version_retire(store->options.recent, version);
        }
    }
    if (!tell) {
        kube_store_forget_notices(&notices);
    }
    kube_store_tell(store, &notices);
}

void kube_store_put_written(struct kube_store *store, const json_t *object)
{
    put_own(store, object, true);
}

void kube_store_put_status(struct kube_store *store, const json_t *object)
{
    put_own(store, object, false);
}

void kube_store_bookmark(struct kube_store *store, const char *namespace, uint64_t resource_version)
{
    STORE_LOCKED(store);
    pass(kube_store_need_scope(store, namespace), resource_version);
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
    STORE_LOCKED(store);
    struct scope *scope = kube_store_need_scope(store, namespace);

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
        STORE_LOCKED(store);
        struct scope *scope = kube_store_need_scope(store, namespace);
        struct kube_table_node *node = kube_table_next(&store->entries, NULL), *next;
        for (; node; node = next) {
            struct entry *entry = KUBE_CONTAINER(node, struct entry, node);
            next = kube_table_next(&store->entries, node);
            if (entry->scope == scope && entry->generation != scope->generation &&
                entry->resource_version <= resource_version && !MUTANT(RelistKeeps)) {
                kube_store_drop_entry(store, entry, &notices);
            }
        }
        scope->relisting = false;
        scope->synced = true;
        pass(scope, resource_version);
    }
    kube_store_tell(store, &notices);
}

bool kube_store_synced(struct kube_store *store)
{
    STORE_LOCKED(store);
    const struct scope *scope = store->scopes;

    if (!scope) {
        return false;
    }
    while (scope && scope->synced) {
        scope = scope->next;
    }
    return !scope;
}
