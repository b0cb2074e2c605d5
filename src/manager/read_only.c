#include "manager/read_only.h"

#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "cluster/names.h"
#include "manager/watched.h"

static int refuse(const char *what, const struct kube_resource *resource, struct error *error)
{
    return error_set(error, ERROR_DENIED, "explain changes nothing: it does not %s %s", what,
                     resource->plural);
}

static int get(void *context, const struct kube_resource *resource, const char *namespace,
               const char *name, json_t **out, struct error *error)
{
    const struct kube_api *kube = context;
    return kube->get(kube->context, resource, namespace, name, out, error);
}

static int list(void *context, const struct kube_resource *resource, const char *namespace,
                const char *label_selector, const char *field_selector, json_t **out,
                struct error *error)
{
    const struct kube_api *kube = context;
    return kube->list(kube->context, resource, namespace, label_selector, field_selector, out,
                      error);
}

static int create(void *context, const struct kube_resource *resource, json_t *object, json_t **out,
                  struct error *error)
{
    (void)context, (void)object, (void)out;
    return refuse("create", resource, error);
}

static int apply(void *context, const struct kube_resource *resource, json_t *object, bool force,
                 json_t **out, struct error *error)
{
    (void)context, (void)object, (void)force, (void)out;
    return refuse("apply", resource, error);
}

static int merge_patch(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *name, json_t *patch, json_t **out, struct error *error)
{
    (void)context, (void)namespace, (void)name, (void)patch, (void)out;
    return refuse("patch", resource, error);
}

static int replace(void *context, const struct kube_resource *resource, json_t *object,
                   json_t **out, struct error *error)
{
    (void)context, (void)object, (void)out;
    return refuse("replace", resource, error);
}

static int scale(void *context, const struct kube_resource *resource, const char *namespace,
                 const char *name, int replicas, struct error *error)
{
    (void)context, (void)namespace, (void)name, (void)replicas;
    return refuse("scale", resource, error);
}

static int remove_object(void *context, const struct kube_resource *resource, const char *namespace,
                         const char *name, const struct kube_delete_options *options,
                         struct error *error)
{
    (void)context, (void)namespace, (void)name, (void)options;
    return refuse("delete", resource, error);
}

static void event(void *context, const json_t *regarding, const char *type, const char *reason,
                  const char *note)
{
    (void)context, (void)regarding, (void)type, (void)reason, (void)note;
}

static const struct watched_kind *find_kind(const struct kube_resource *resource)
{
    for (size_t i = 0; i < N_WATCHED; i++) {
        if (!strcmp(watched_kinds[i].resource->plural, resource->plural)) {
            return &watched_kinds[i];
        }
    }
    return NULL;
}

/* The list as the store of its kind would hold it. */
static int list_watched(const struct kube_api *kube, const struct kube_resource *resource,
                        const char *namespace, const char *labels, const char *fields, json_t **out,
                        struct error *error)
{
    const struct watched_kind *kind = find_kind(resource);
    AUTO_BUFFER struct buffer selector = {0};
    json_t *items = NULL, *item;
    size_t i;

    if (!kind) {
        return error_set(error, ERROR_INVALID, "%s are not watched", resource->plural);
    }
    buffer_printf(&selector, "%s%s%s", kind->label_selector ? kind->label_selector : "",
                  kind->label_selector && labels ? "," : "", labels ? labels : "");
    int result = kube->list(kube->context, resource, namespace,
                            *selector.data ? selector.data : NULL, fields, &items, error);
    if (result) {
        return result;
    }
    json_array_foreach(items, i, item)
    {
        json_array_set_new(items, i, kind->trim(item));
    }
    *out = items;
    return 0;
}

/* A list of one: the operator may list EtcdClusters and not get one. */
static int cached_get(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t **out, struct error *error)
{
    AUTO_BUFFER struct buffer field = {0};
    AUTO_JSON json_t *items = NULL;

    buffer_printf(&field, "metadata.name=%s", name);
    int result = list_watched(context, resource, namespace, NULL, field.data, &items, error);
    if (result == -(int)ERROR_NOT_FOUND) {
        return error_set(error, ERROR_INVALID,
                         "the API server knows no %s: is the CustomResourceDefinition installed?",
                         resource->plural);
    }
    if (result) {
        return result;
    }
    if (!json_array_size(items)) {
        return error_set(error, ERROR_NOT_FOUND, "%s %s/%s does not exist", resource->kind,
                         namespace, name);
    }
    *out = json_incref(json_array_get(items, 0));
    return 0;
}

static int cached_list(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *owner, json_t **out, struct error *error)
{
    AUTO_BUFFER struct buffer label = {0};

    buffer_printf(&label, LABEL_CLUSTER "=%s", owner);
    return list_watched(context, resource, namespace, label.data, NULL, out, error);
}

struct kube_api read_only_api(const struct kube_api *kube)
{
    return (struct kube_api){
        .context = (void *)kube, /* The functions above know it as const. */
        .get = get,
        .list = list,
        .create = create,
        .apply = apply,
        .merge_patch = merge_patch,
        .replace_status = replace,
        .replace = replace,
        .scale = scale,
        .remove = remove_object,
        .event = event,
        .cached_get = cached_get,
        .cached_list = cached_list,
    };
}
