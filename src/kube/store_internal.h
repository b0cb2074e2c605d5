/* What the files of the store share; nobody else includes it.
 *
 * store.c        what comes in: puts, removals, relists, our own writes
 * store_index.c  entries, owners, scopes: the structures and their upkeep
 * store_read.c   what goes out
 * store_version.c  one version of an object, parsed or as its text
 * store_text.c   the text
 *
 * All functions here are called with the lock held, except where they say otherwise. */
#ifndef KUBE_STORE_INTERNAL_H
#define KUBE_STORE_INTERNAL_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "kube/store.h"
#include "kube/table.h"

/* An object's JSON, deflated. Immutable. */
struct text {
    size_t size;   /* Of `data`. */
    size_t length; /* Of the JSON that it unpacks to. */
    char data[];
};

/* What an object was at a resource version. Readers take their reference under the store's lock and
 * drop it without. */
struct version {
    atomic_uint references;
    uint64_t uid_hash; /* 0: the object has no UID. */
    size_t weight;     /* Of `parsed`, in bytes. */
    json_t *parsed;    /* While it is among the recent ones; nobody may change it. */
    struct text *text; /* NULL: none was needed yet, so it is among the recent ones. */
    TAILQ_ENTRY(version) recent;
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
    struct version *version;
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

static inline void kube_store_unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}
/* Holds the lock until the end of the block. */
#define STORE_LOCKED(store)                                                                        \
    CLEANUP(kube_store_unlock) pthread_mutex_t *locked = &(store)->lock;                           \
    pthread_mutex_lock(locked)

/* "namespace/name", malloc'ed. Any time. */
char *kube_store_key(const char *namespace, const char *name);
/* 0 when the object has no UID. Any time. */
uint64_t kube_store_uid_hash(const json_t *object);

/* Notes that the owner (may be NULL) has to hear of a change. */
void kube_store_notice(struct kube_store *store, struct notices *notices,
                       const struct owner *owner);
/* Calls `changed` for what was noted, and frees it. Without the lock. */
void kube_store_tell(struct kube_store *store, struct notices *notices);
void kube_store_forget_notices(struct notices *notices);

struct text *kube_text_new(const json_t *object);
json_t *kube_text_parse(const struct text *text);

/* Any time. `recent` NULL: nothing stays parsed.
 *
 * A new one, with one reference; it shares `object`, which nobody may change from now on. */
struct version *kube_version_new(struct kube_recent *recent, json_t *object);
struct version *kube_version_ref(struct version *version);
void kube_version_unref(struct version *version);
/* Gives back the store's own reference: no new reader will ask for it. With the store's lock. */
void kube_version_retire(struct kube_recent *recent, struct version *version);
/* The object, a new reference. */
json_t *kube_version_read(struct kube_recent *recent, struct version *version);

struct entry *kube_store_find_entry(const struct kube_store *store, const char *key);
/* An entry without a version, not in the table before. */
struct entry *kube_store_new_entry(struct kube_store *store, const char *key, struct scope *scope);
void kube_store_drop_entry(struct kube_store *store, struct entry *entry, struct notices *notices);

struct owner *kube_store_find_owner(const struct kube_store *store, const char *key);
/* Takes the entry out of its owner's list, if it has one; an owner without objects is forgotten. */
void kube_store_leave_owner(struct kube_store *store, struct entry *entry);
/* `key` NULL: no owner. */
void kube_store_join_owner(struct kube_store *store, struct entry *entry, const char *key);

/* The scope that holds exactly `namespace` (NULL: all), made if need be. */
struct scope *kube_store_need_scope(struct kube_store *store, const char *namespace);
/* The scope whose watch covers objects of `namespace`, or NULL. */
struct scope *kube_store_covering_scope(const struct kube_store *store, const char *namespace);

#endif
