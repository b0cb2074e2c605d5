/* The desired child objects of a cluster, as whole objects for server-side apply, and the question
 * whether a live one differs from them. Pure. */
#ifndef CLUSTER_OBJECTS_H
#define CLUSTER_OBJECTS_H 1

#include <jansson.h>

#include "cluster/world.h"
#include "kube/resource.h"

#define MAX_CHILDREN 5

struct child {
    const struct kube_resource *resource;
    json_t *object; /* In the arena. */
    const char *name;
};

struct children {
    struct child items[MAX_CHILDREN]; /* In the order in which they are made; StatefulSet last. */
    int length;
    const char *config_name;   /* Of the ConfigMap that the template names. */
    const char *template_hash; /* What pods of the newest template bear. */
    const char *version;       /* The etcd version that the template has. */
    const char *image;         /* That the template has. */
    const char *version_held;  /* Why that is not what the spec asks for, or NULL: it is. */
    int replicas;
    bool budget; /* There is a disruption budget. */
};

/* What world->drawing has is used as far as it fits, and replaced otherwise. */
void children_desired(const struct world *world, struct arena *arena, struct children *out);

/* The claim of an ordinal, as the StatefulSet's controller would make it. New. */
json_t *claim_desired(const struct world *world, int ordinal, struct arena *arena);

/* A disruption budget is wanted: not for a single member, which nothing could move then. */
bool children_want_budget(const struct world *world);

/* What differs between the desired and the live object (which may be NULL), as a path or a reason
 * for the log; NULL if nothing. Only what the desired object names is compared: others' fields and
 * additions to lists stay theirs. Quantities are compared by value. */
const char *object_difference(struct arena *arena, const json_t *desired, const json_t *live);

/* {apiVersion, kind, name, uid, controller, blockOwnerDeletion} of the EtcdCluster. New. */
json_t *owner_reference(const json_t *cluster);

/* The live child of this kind and name, or NULL. Borrowed. */
json_t *world_child(const struct world *world, const struct kube_resource *resource,
                    const char *name);

#endif
