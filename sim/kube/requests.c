/* The verbs that read, delete and record, and how a request finds its object. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "sim/kube/requests.h"

struct sim_request sim_request(void *context, const char *verb,
                               const struct kube_resource *resource, const char *namespace,
                               const char *name)
{
    struct sim_client *client = context;
    struct sim_kind *kind = sim_kind_of(client->server, resource);

    return (struct sim_request){client,
                                client->server,
                                verb,
                                kind,
                                namespace,
                                name ? name : "",
                                sim_entry_find(kind, namespace, name ? name : "")};
}

struct sim_request sim_request_for(void *context, const char *verb,
                                   const struct kube_resource *resource, const json_t *object)
{
    return sim_request(context, verb, resource,
                       json_path_string(object, "metadata", "namespace", NULL),
                       json_path_string(object, "metadata", "name", NULL));
}

int sim_give(json_t *object, json_t **out)
{
    if (out) {
        *out = json_incref(object);
    }
    return 0;
}

bool sim_is_terminating(const json_t *object)
{
    return json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

/* --- Reading ----------------------------------------------------------------------------- */

static int client_get(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t **out, struct error *error)
{
    struct sim_request r = sim_request(context, "get", resource, namespace, name);

    if (out) {
        *out = NULL;
    }
    return r.entry ? sim_give(r.entry->object, out) : sim_refuse_missing(&r, error);
}

/* The member at "a.b.c" equals the value; text only. */
static bool field_equals(const json_t *object, const char *path, size_t length, const char *value,
                         size_t value_length)
{
    const char *end = path + length;

    while (object && path < end) {
        const char *dot = memchr(path, '.', (size_t)(end - path));
        size_t part = (size_t)((dot ? dot : end) - path);
        object = json_object_getn(object, path, part);
        path += part + 1;
    }
    const char *found = json_string_value(object);
    found = found ? found : "";
    return strlen(found) == value_length && !memcmp(found, value, value_length);
}

/* A field selector: "a.b=c,d!=e". */
static bool fields_match(const json_t *object, const char *selector)
{
    while (selector && *selector) {
        size_t length = strcspn(selector, ","), name = strcspn(selector, "!=");
        const char *value = selector + name + strspn(selector + name, "!=");
        bool unequal = selector[name] == '!';
        if (field_equals(object, selector, name, value, (size_t)(selector + length - value)) ==
            unequal) {
            return false;
        }
        selector += length + (selector[length] == ',');
    }
    return true;
}

static int client_list(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *label_selector, const char *field_selector, json_t **out,
                       struct error *error)
{
    struct sim_request r = sim_request(context, "list", resource, namespace, NULL);
    json_t *items = json_array();

    (void)error;
    for (size_t i = 0; i < r.kind->length; i++) {
        json_t *object = r.kind->items[i]->object;
        if (sim_is_selected(object, namespace, label_selector) &&
            fields_match(object, field_selector)) {
            json_array_append(items, object);
        }
    }
    if (out) {
        *out = items;
    } else {
        json_decref(items);
    }
    return 0;
}

static int client_cached_list(void *context, const struct kube_resource *resource,
                              const char *namespace, const char *owner, json_t **out,
                              struct error *error)
{
    char selector[300];

    snprintf(selector, sizeof selector, "etcd.etcd.io/cluster=%s", owner);
    return client_list(context, resource, namespace, selector, NULL, out, error);
}

/* --- Deleting ---------------------------------------------------------------------------- */

static int client_remove(void *context, const struct kube_resource *resource, const char *namespace,
                         const char *name, const struct kube_delete_options *options,
                         struct error *error)
{
    static const struct kube_delete_options plain = {.grace_period_seconds = -1};
    struct sim_request r = sim_request(context, "delete", resource, namespace, name);
    const json_t *metadata = r.entry ? json_object_get(r.entry->object, "metadata") : NULL;
    char why[400];

    options = options ? options : &plain;
    if (!r.entry) {
        return 0; /* As the real client has it. */
    }
    const char *uid = json_path_string(metadata, "uid", NULL);
    if (options->uid && strcmp(options->uid, uid) != 0) {
        snprintf(why, sizeof why,
                 "the UID in the precondition (%s) does not match the UID in record (%s). The "
                 "object might have been deleted and then recreated",
                 options->uid, uid);
        return sim_refuse_conflict(&r, why, error);
    }
    const char *version = json_path_string(metadata, "resourceVersion", NULL);
    if (options->resource_version && strcmp(options->resource_version, version) != 0) {
        snprintf(why, sizeof why,
                 "the ResourceVersion in the precondition (%s) does not match the ResourceVersion "
                 "in record (%s). The object might have been modified",
                 options->resource_version, version);
        return sim_refuse_conflict(&r, why, error);
    }
    sim_delete(r.server, r.kind, r.entry, options);
    return 0;
}

static void client_event(void *context, const json_t *regarding, const char *type,
                         const char *reason, const char *note)
{
    struct sim_client *client = context;

    client->server->n_events++;
    sim_trace(client->server->sim, "event %s %s %s: %s",
              json_path_string(regarding, "metadata", "name", NULL), type, reason, note);
}

void sim_client_fill(struct sim_client *client)
{
    client->api = (struct kube_api){
        .context = client,
        .get = client_get,
        .list = client_list,
        .remove = client_remove,
        .event = client_event,
        .cached_get = client_get,
        .cached_list = client_cached_list,
    };
    sim_client_fill_writes(&client->api);
}
