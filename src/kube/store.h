/* One kind's objects as the watch last saw them, indexed by namespace/name and by owner.
 *
 * What the kind's trim function leaves of an object is kept as compressed JSON text, which readers
 * parse; the objects that were stored or read last (kube/recent.h) stay parsed. Nobody may change
 * what a store gave: other readers may have it too. Lock inside; any thread.
 *
 * A store may be fed by one watch of all namespaces or by one for each of several namespaces.  Each
 * is a scope of its own: a relist of one namespace leaves the others alone.
 *
 * Resource versions of one API server are comparable integers (KEP-5504 made that a promise), and
 * that keeps the store honest:
 *   - what a watch or a list delivers replaces an older object only;
 *   - a deletion removes that very object (by UID), or an older one of the same name, but not a
 *     newer one;
 *   - a write of our own goes in at once (kube_store_put_written), so that the next pass does not
 *     act on what it has just changed, but only while its version is newer than all that the watch
 *     has passed: else the watch has delivered it already, and perhaps its deletion too;
 *   - a relist drops what it did not list, but not what we have written after the list was taken;
 *   - a list that is older than what was seen before means that the API server's own storage was
 *     restored from a backup: then the list holds, whatever the versions say. */
#ifndef KUBE_STORE_H
#define KUBE_STORE_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/recent.h"

struct kube_store;

struct kube_store_options {
    /* A new object without what nobody reads, at least without metadata.managedFields; it may share
     * the parts of the old one, which it leaves as it is. Must keep metadata.name, namespace, uid
     * and resourceVersion. May be NULL. */
    json_t *(*trim)(const json_t *object);
    /* Writes the name of the object's owner (the EtcdCluster it belongs to, in its own namespace)
     * to `out`; false if it has none. May be NULL. */
    bool (*owner)(const json_t *object, char *out, size_t size);
    /* Called after a change, outside the lock, with the owner's key; not when the object had this
     * resource version already. May be NULL. */
    void (*changed)(void *context, const char *namespace, const char *owner);
    void *context;
    struct kube_recent *recent; /* Shared with other stores. NULL: each reader parses. */
};

struct kube_store *kube_store_new(const struct kube_store_options *options);
void kube_store_free(struct kube_store *store);

/* Announces that a watch of `namespace` (NULL: all) will feed the store: it is not synced before
 * that watch's first relist has ended. A relist of a scope that was not announced announces it. */
void kube_store_add_scope(struct kube_store *store, const char *namespace);

/* From the watch. The parts of `object` are shared: nobody may change them afterwards. Objects
 * without name or numeric resource version are ignored. */
void kube_store_put(struct kube_store *store, const json_t *object);
void kube_store_remove(struct kube_store *store, json_t *object);
/* A bookmark: the watch of this scope has passed this resource version. */
void kube_store_bookmark(struct kube_store *store, const char *namespace,
                         uint64_t resource_version);

/* A relist of one scope: begin, put every listed object, end. Objects that were not put in between
 * are then gone, and `changed` is called for them too. `resource_version` is the list's. */
void kube_store_relist_begin(struct kube_store *store, const char *namespace,
                             uint64_t resource_version);
void kube_store_relist_end(struct kube_store *store, const char *namespace,
                           uint64_t resource_version);
/* A first relist of every scope has ended. */
bool kube_store_synced(struct kube_store *store);

/* From our own write's answer, which is shared likewise. */
void kube_store_put_written(struct kube_store *store, const json_t *object);
/* The same for a status that was written on the condition that its object is still the version that
 * it was decided on: whoever wrote it knows the rest of the answer, and `changed` is not called. */
void kube_store_put_status(struct kube_store *store, const json_t *object);

/* A new reference, or NULL. `namespace` is "" or NULL for kinds without any. */
json_t *kube_store_get(struct kube_store *store, const char *namespace, const char *name);
/* A new array of the owner's objects, ordered by name; with `owner` NULL of all objects of the
 * namespace, with both NULL of all objects, in no particular order. */
json_t *kube_store_list(struct kube_store *store, const char *namespace, const char *owner);
/* Calls `function` for every key in the store (namespace, name), outside the lock. */
void kube_store_for_each(struct kube_store *store,
                         void (*function)(void *context, const char *namespace, const char *name),
                         void *context);
size_t kube_store_length(struct kube_store *store);

/* A resource version as the integer that it is; 0 if it is none. */
uint64_t kube_resource_version(const json_t *object);
uint64_t kube_resource_version_parse(const char *text);

#endif
