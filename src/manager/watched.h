/* The kinds that the manager watches: what is kept of each, and whose object it is. */
#ifndef MANAGER_WATCHED_H
#define MANAGER_WATCHED_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kube/resource.h"

struct watched_kind {
    const struct kube_resource *resource;
    const char *label_selector; /* NULL: all objects. */
    json_t *(*trim)(const json_t *object);
    bool (*owner)(const json_t *object, char *out, size_t size); /* manager/managed.h. */
};

/* The first ones are all that the passes of EtcdClusters read; the very first is EtcdCluster. */
#define N_WATCHED_OF_CLUSTERS 7
#define N_WATCHED             10
extern const struct watched_kind watched_kinds[N_WATCHED];

#endif
