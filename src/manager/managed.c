#include "manager/managed.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* The plural that begins owners and keys; of EtcdCluster none. */
static bool has_prefix(const struct kube_resource *resource)
{
    return resource != &kube_etcd_clusters;
}

bool managed_owner(const struct kube_resource *resource, const char *name, char *out, size_t size)
{
    int length = has_prefix(resource) ? snprintf(out, size, "%s/%s", resource->plural, name)
                                      : snprintf(out, size, "%s", name);
    return (size_t)length < size;
}

char *managed_key(const char *namespace, const char *owner)
{
    const char *slash = strchr(owner, '/');

    return slash ? xasprintf("%.*s/%s%s", (int)(slash - owner), owner, namespace, slash)
                 : xasprintf("%s/%s", namespace, owner);
}

const struct managed_kind *managed_find(const struct managed_kind *kinds, size_t n_kinds,
                                        const char *key, const char **rest)
{
    const char *slash = strchr(key, '/');
    bool prefixed = slash && strchr(slash + 1, '/');

    for (size_t i = 0; i < n_kinds; i++) {
        const char *plural = kinds[i].resource->plural;
        size_t length = strlen(plural);
        bool is_it = has_prefix(kinds[i].resource)
                         ? prefixed && !strncmp(key, plural, length) && key[length] == '/'
                         : !prefixed;
        if (is_it) {
            *rest = prefixed ? slash + 1 : key;
            return &kinds[i];
        }
    }
    return NULL;
}
