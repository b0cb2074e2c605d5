/* The garbage collector, and the controller that keeps claims while pods use them. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "sim/kube/api_internal.h"
#include "sim/kube/controllers_internal.h"

/* Objects that were found, to be changed when nobody looks through the store any more. */
struct found {
    struct {
        const struct kube_resource *resource;
        json_t *object;
    } * items;
    size_t length, capacity;
};

static void add(struct found *found, const struct kube_resource *resource, json_t *object)
{
    if (found->length == found->capacity) {
        found->capacity = found->capacity ? 2 * found->capacity : 16;
        found->items = xrealloc(found->items, found->capacity * sizeof *found->items);
    }
    found->items[found->length].resource = resource;
    found->items[found->length++].object = json_incref(object);
}

static void forget(struct found *found)
{
    for (size_t i = 0; i < found->length; i++) {
        json_decref(found->items[i].object);
    }
    free(found->items);
}

static struct found find(const struct sim_api_server *server,
                         bool (*wanted)(const struct sim_api_server *server, const json_t *object,
                                        const void *context),
                         const void *context)
{
    struct found found = {0};

    for (size_t k = 0; k < server->n_kinds; k++) {
        const struct sim_kind *kind = &server->kinds[k];
        for (size_t i = 0; i < kind->length; i++) {
            if (wanted(server, kind->items[i]->object, context)) {
                add(&found, kind->resource, kind->items[i]->object);
            }
        }
    }
    return found;
}

static bool has_finalizer(const json_t *object, const char *name)
{
    size_t i;
    json_t *finalizer;

    json_array_foreach(json_path(object, "metadata", "finalizers", NULL), i, finalizer)
    {
        if (!strcmp(json_string_value(finalizer), name)) {
            return true;
        }
    }
    return false;
}

/* The members of a list that are not `unwanted` in this respect: new. */
static json_t *without(const json_t *list, const char *member, const json_t *unwanted)
{
    json_t *left = json_array(), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (!json_equal(member ? json_object_get(item, member) : item, unwanted)) {
            json_array_append(left, item);
        }
    }
    return left;
}

static void set_list(const struct sim_controllers *controllers,
                     const struct kube_resource *resource, const json_t *object, const char *name,
                     json_t *list)
{
    const struct kube_api *api = controllers->api;
    const json_t *metadata = json_object_get(object, "metadata");
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:O, s:O, s:o}}", "metadata", "uid", json_object_get(metadata, "uid"),
                  "resourceVersion", json_object_get(metadata, "resourceVersion"), name, list);

    /* Whoever was first makes another change, and this runs again. */
    api->merge_patch(api->context, resource, json_path_string(metadata, "namespace", NULL),
                     json_path_string(metadata, "name", NULL), patch, NULL, NULL);
}

static void drop_finalizer(const struct sim_controllers *controllers,
                           const struct kube_resource *resource, const json_t *object,
                           const char *name)
{
    AUTO_JSON json_t *unwanted = json_string(name);
    json_t *left = without(json_path(object, "metadata", "finalizers", NULL), NULL, unwanted);

    set_list(controllers, resource, object, "finalizers", left);
}

static void delete_object(const struct sim_controllers *controllers,
                          const struct kube_resource *resource, const json_t *object)
{
    const struct kube_api *api = controllers->api;
    const json_t *metadata = json_object_get(object, "metadata");
    const struct kube_delete_options options = {.uid = json_path_string(metadata, "uid", NULL),
                                                .grace_period_seconds = -1,
                                                .propagation_policy = "Background"};

    api->remove(api->context, resource, json_path_string(metadata, "namespace", NULL),
                json_path_string(metadata, "name", NULL), &options, NULL);
}

/* --- Owners ------------------------------------------------------------------------------ */

/* An owner is in the namespace of its dependent, or in none. */
static bool owner_is_there(const struct sim_api_server *server, const json_t *dependent,
                           const json_t *reference)
{
    const char *kind = json_path_string(reference, "kind", NULL);
    const char *namespace = json_path_string(dependent, "metadata", "namespace", NULL);

    for (size_t k = 0; k < server->n_kinds; k++) {
        const struct kube_resource *resource = server->kinds[k].resource;
        if (!strcmp(resource->kind, kind)) {
            const json_t *owner =
                sim_api_server_peek(server, resource, resource->namespaced ? namespace : NULL,
                                    json_path_string(reference, "name", NULL));
            return json_equal(json_path(owner, "metadata", "uid", NULL),
                              json_object_get(reference, "uid"));
        }
    }
    return false;
}

/* How many of the object's owners are there; their references are appended to `there` (or NULL). */
static size_t count_owners(const struct sim_api_server *server, const json_t *object, json_t *there)
{
    json_t *references = json_path(object, "metadata", "ownerReferences", NULL), *reference;
    size_t i, count = 0;

    json_array_foreach(references, i, reference)
    {
        if (owner_is_there(server, object, reference)) {
            json_array_append(there, reference);
            count++;
        }
    }
    return count;
}

/* At least one of its owners is gone. */
static bool lacks_owners(const struct sim_api_server *server, const json_t *object,
                         const void *context)
{
    json_t *references = json_path(object, "metadata", "ownerReferences", NULL);

    (void)context;
    return json_array_size(references) && !sim_is_terminating(object) &&
           count_owners(server, object, NULL) < json_array_size(references);
}

/* Without any owner it goes; else only the reference does. */
static void end_ownership(const struct sim_controllers *controllers,
                          const struct kube_resource *resource, const json_t *object)
{
    json_t *left = json_array();

    if (count_owners(controllers->server, object, left)) {
        set_list(controllers, resource, object, "ownerReferences", left);
    } else {
        json_decref(left);
        delete_object(controllers, resource, object);
    }
}

static bool is_owned(const struct sim_api_server *server, const json_t *object, const void *owner)
{
    size_t i;
    json_t *reference;

    (void)server;
    json_array_foreach(json_path(object, "metadata", "ownerReferences", NULL), i, reference)
    {
        if (json_equal(json_object_get(reference, "uid"),
                       json_path(owner, "metadata", "uid", NULL))) {
            return true;
        }
    }
    return false;
}

static bool waits_for_dependents(const struct sim_api_server *server, const json_t *object,
                                 const void *context)
{
    (void)server, (void)context;
    return sim_is_terminating(object) &&
           (has_finalizer(object, "orphan") || has_finalizer(object, "foregroundDeletion"));
}

static void end_deletion(const struct sim_controllers *controllers,
                         const struct kube_resource *resource, const json_t *owner)
{
    struct found dependents = find(controllers->server, is_owned, owner);
    bool orphans = has_finalizer(owner, "orphan");

    for (size_t i = 0; i < dependents.length; i++) {
        json_t *object = dependents.items[i].object;
        if (orphans) {
            json_t *left = without(json_path(object, "metadata", "ownerReferences", NULL), "uid",
                                   json_path(owner, "metadata", "uid", NULL));
            set_list(controllers, dependents.items[i].resource, object, "ownerReferences", left);
        } else if (!sim_is_terminating(object)) {
            delete_object(controllers, dependents.items[i].resource, object);
        }
    }
    if (orphans || !dependents.length) {
        drop_finalizer(controllers, resource, owner, orphans ? "orphan" : "foregroundDeletion");
    }
    forget(&dependents);
}

void sim_collect_garbage(struct sim_controllers *controllers)
{
    struct found waiting = find(controllers->server, waits_for_dependents, NULL);
    for (size_t i = 0; i < waiting.length; i++) {
        end_deletion(controllers, waiting.items[i].resource, waiting.items[i].object);
    }
    forget(&waiting);
    struct found bereft = find(controllers->server, lacks_owners, NULL);
    for (size_t i = 0; i < bereft.length; i++) {
        end_ownership(controllers, bereft.items[i].resource, bereft.items[i].object);
    }
    forget(&bereft);
}

/* --- Claims ------------------------------------------------------------------------------ */

#define CLAIM_FINALIZER "kubernetes.io/pvc-protection"

static bool is_protected(const struct sim_api_server *server, const json_t *object,
                         const void *context)
{
    (void)server, (void)context;
    return sim_is_terminating(object) && has_finalizer(object, CLAIM_FINALIZER);
}

struct use {
    const json_t *claim;
    bool found;
};

/* A pod that has no node yet will not be started with a claim that is being deleted. */
static void check_use(void *context, const json_t *pod)
{
    struct use *use = context;
    json_t *volume;
    size_t i;

    if (!json_path_string(pod, "spec", "nodeName", NULL) ||
        !json_equal(json_path(pod, "metadata", "namespace", NULL),
                    json_path(use->claim, "metadata", "namespace", NULL))) {
        return;
    }
    json_array_foreach(json_path(pod, "spec", "volumes", NULL), i, volume)
    {
        json_t *name = json_path(volume, "persistentVolumeClaim", "claimName", NULL);
        use->found = use->found ||
                     (name && json_equal(name, json_path(use->claim, "metadata", "name", NULL)));
    }
}

void sim_release_claims(struct sim_controllers *controllers)
{
    struct found claims = find(controllers->server, is_protected, NULL);

    for (size_t i = 0; i < claims.length; i++) {
        struct use use = {.claim = claims.items[i].object};
        sim_api_server_for_each(controllers->server, &kube_pods, check_use, &use);
        if (!use.found) {
            drop_finalizer(controllers, claims.items[i].resource, use.claim, CLAIM_FINALIZER);
        }
    }
    forget(&claims);
}
