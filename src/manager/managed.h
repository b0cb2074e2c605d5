/* The kinds whose objects get passes, and their keys in the one work queue.
 *
 * A store tells whose object changed (manager/watched.h): "NAME" is an EtcdCluster, "PLURAL/NAME"
 * an object of another kind; no name has a slash in it. The key has the namespace besides:
 * "NAMESPACE/NAME" or "PLURAL/NAMESPACE/NAME", which is also what the log shows.
 *
 * To manage another kind: a row in watched_kinds for it and for each kind of child objects, and a
 * row in the manager's table of kinds (manager.c) with the function that makes its passes. */
#ifndef MANAGER_MANAGED_H
#define MANAGER_MANAGED_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "kube/resource.h"
#include "kube/work_pool.h"

struct managed_kind {
    const struct kube_resource *resource;
    /* One pass for "namespace/name"; else as work_pool_options.work, with this context. */
    int (*pass)(void *context, const char *key, struct work_result *result, struct error *error);
    void *context;
};

/* What an owner function of a store writes for the object of this name; false if it is too long. */
bool managed_owner(const struct kube_resource *resource, const char *name, char *out, size_t size);

/* The key of such an owner. New. */
char *managed_key(const char *namespace, const char *owner);

/* Whose key it is; `*rest` is then its "namespace/name". NULL: of none of these kinds. */
const struct managed_kind *managed_find(const struct managed_kind *kinds, size_t n_kinds,
                                        const char *key, const char **rest);

#endif
