/* One kind's objects as the watch last saw them, indexed by namespace/name and by owner.
 *
 * An object is kept as the compact JSON text of what the kind's trim function leaves, immutable and
 * reference-counted; readers parse it. Lock inside; any thread.
 *
 * Writes of our own go in at once (kube_store_put_written), so that the next pass does not act on
 * what it has just changed; the rule that keeps this honest: resource versions of one API server
 * are comparable integers, and what is not newer than what the watch has already passed is
 * dropped. */
#ifndef KUBE_STORE_H
#define KUBE_STORE_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kube_store;

struct kube_store_options {
    /* Removes from the object (in place) what nobody reads: at least metadata.managedFields. */
    void (*trim)(json_t *object);
    /* Writes the name of the object's owner (the EtcdCluster it belongs to, in its own namespace)
     * to `out`; false if it has none. */
    bool (*owner)(const json_t *object, char *out, size_t size);
    /* Called after a change, outside the lock, with the owner's key. May be NULL. */
    void (*changed)(void *context, const char *namespace, const char *owner);
    void *context;
};

struct kube_store *kube_store_new(const struct kube_store_options *options);
void kube_store_free(struct kube_store *store);

/* From the watch. `object` is borrowed and may be trimmed in place. */
void kube_store_put(struct kube_store *store, json_t *object);
void kube_store_remove(struct kube_store *store, json_t *object);
/* A bookmark: the watch has passed this resource version. */
void kube_store_bookmark(struct kube_store *store, uint64_t resource_version);

/* A relist: begin, put every listed object, end. Objects that were not put in between are then
 * gone, and `changed` is called for them too. */
void kube_store_relist_begin(struct kube_store *store);
void kube_store_relist_end(struct kube_store *store, uint64_t resource_version);
bool kube_store_synced(const struct kube_store *store); /* A first relist has ended. */

/* From our own write's answer. */
void kube_store_put_written(struct kube_store *store, const json_t *object);

/* A new reference, or NULL. */
json_t *kube_store_get(struct kube_store *store, const char *namespace, const char *name);
/* A new array of objects. */
json_t *kube_store_list(struct kube_store *store, const char *namespace, const char *owner);
/* Calls `function` for every key in the store (namespace, name). */
void kube_store_for_each(struct kube_store *store,
                         void (*function)(void *context, const char *namespace, const char *name),
                         void *context);
size_t kube_store_length(const struct kube_store *store);

#endif
