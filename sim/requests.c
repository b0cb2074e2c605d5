/* The verbs: what the API server does with a request, and the words of its refusals. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kube/selector.h"
#include "sim/api_internal.h"
#include "sim/defaults.h"
#include "sim/merge_patch.h"
#include "sim/rules.h"

/* What a request is about. */
struct request {
    struct sim_client *client;
    struct sim_api_server *server;
    const char *verb;
    struct sim_kind *kind;
    const char *namespace, *name;
    struct sim_entry *entry; /* NULL: there is none. */
};

static struct request request(void *context, const char *verb, const struct kube_resource *resource,
                              const char *namespace, const char *name)
{
    struct sim_client *client = context;
    struct sim_kind *kind = sim_kind_of(client->server, resource);

    return (struct request){client,
                            client->server,
                            verb,
                            kind,
                            namespace,
                            name ? name : "",
                            sim_entry_find(kind, namespace, name ? name : "")};
}

static struct request request_for(void *context, const char *verb,
                                  const struct kube_resource *resource, const json_t *object)
{
    return request(context, verb, resource, json_path_string(object, "metadata", "namespace", NULL),
                   json_path_string(object, "metadata", "name", NULL));
}

/* --- Refusals ---------------------------------------------------------------------------- */

const char *sim_qualified(char out[SIM_QUALIFIED_SIZE], const struct kube_resource *resource,
                          const char *word)
{
    const char *slash = strchr(resource->api_version, '/');

    snprintf(out, SIM_QUALIFIED_SIZE, "%s%s%.*s", word, slash ? "." : "",
             slash ? (int)(slash - resource->api_version) : 0, resource->api_version);
    return out;
}

/* As kube/transport.c words it. */
static int refuse(const struct request *request, enum error_kind kind, const char *status,
                  const char *words, struct error *error)
{
    return error_set(error, kind, "%s %s %s%s%s: HTTP %s: %s", request->verb,
                     request->kind->resource->plural, request->namespace ? request->namespace : "",
                     request->namespace ? "/" : "", request->name, status, words);
}

static int not_found(const struct request *request, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "%s \"%s\" not found",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name);
    return refuse(request, ERROR_NOT_FOUND, "404 NotFound", words, error);
}

static int exists(const struct request *request, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "%s%s \"%s\" already exists",
             sim_is_terminating(request->entry->object) ? "object is being deleted: " : "",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name);
    return refuse(request, ERROR_EXISTS, "409 AlreadyExists", words, error);
}

static int conflict(const struct request *request, const char *why, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "Operation cannot be fulfilled on %s \"%s\": %s",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name, why);
    return refuse(request, ERROR_CONFLICT, "409 Conflict", words, error);
}

/* `kind`: what the words call it, which is mostly the kind. */
static int invalid(const struct request *request, const char *kind, const char *why,
                   struct error *error)
{
    char words[512], qualified[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "%s \"%s\" is invalid: %s",
             sim_qualified(qualified, request->kind->resource, kind), request->name, why);
    return refuse(request, ERROR_INVALID, "422 Invalid", words, error);
}

static int over_quota(const struct request *request, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words,
             "%s \"%s\" is forbidden: exceeded quota: simulated, requested: count/%s=1, used: "
             "count/%s=0, limited: count/%s=0",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name, kind, kind, kind);
    return refuse(request, ERROR_DENIED, "403 Forbidden", words, error);
}

/* What the caller's object or patch asks the live one to be. */
static int check_preconditions(const struct request *request, const json_t *asked,
                               struct error *error)
{
    const json_t *metadata = json_object_get(asked, "metadata");
    const json_t *live = json_object_get(request->entry->object, "metadata");
    const char *uid = json_path_string(metadata, "uid", NULL);
    const char *version = json_path_string(metadata, "resourceVersion", NULL);

    if (uid && strcmp(uid, json_path_string(live, "uid", NULL)) != 0) {
        return conflict(request, "the UID is another one", error);
    }
    if (version && *version && strcmp(version, json_path_string(live, "resourceVersion", NULL))) {
        return conflict(request,
                        "the object has been modified; please apply your changes to the latest "
                        "version and try again",
                        error);
    }
    return 0;
}

/* --- Reading ----------------------------------------------------------------------------- */

static int give(json_t *object, json_t **out)
{
    if (out) {
        *out = json_incref(object);
    }
    return 0;
}

static int client_get(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t **out, struct error *error)
{
    struct request r = request(context, "get", resource, namespace, name);

    if (out) {
        *out = NULL;
    }
    return r.entry ? give(r.entry->object, out) : not_found(&r, error);
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
    struct request r = request(context, "list", resource, namespace, NULL);
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

/* --- Creating ---------------------------------------------------------------------------- */

bool sim_is_terminating(const json_t *object)
{
    return json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

static void set_identity(const struct request *request, json_t *object)
{
    json_t *metadata = json_object_get(object, "metadata");
    unsigned char random[16];
    char uid[37];

    sim_random_bytes(request->server->sim, SIM_STREAM_API, random, sizeof random);
    snprintf(uid, sizeof uid, "%02x%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x",
             random[0], random[1], random[2], random[3], random[4], random[5], random[6] & 15,
             random[7], random[8] & 15, random[9], random[10], random[11], random[12], random[13],
             random[14], random[15]);
    json_object_set_new(metadata, "uid", json_string(uid));
    json_object_set_new(metadata, "creationTimestamp", sim_date(request->server));
    json_object_del(metadata, "deletionTimestamp");
    json_object_del(metadata, "deletionGracePeriodSeconds");
    json_object_del(metadata, "managedFields");
    if (request->kind->has_generation) {
        json_object_set_new(metadata, "generation", json_integer(1));
    } else {
        json_object_del(metadata, "generation");
    }
}

/* Stores an object that nobody else has, and gives it. */
static int add(const struct request *request, json_t *object, const struct sim_fields *fields,
               json_t **out, struct error *error)
{
    AUTO_JSON json_t *hold = object;
    const struct kube_resource *resource = request->kind->resource;
    char why[SIM_RULE_SIZE];

    if (request->server->refused == resource) {
        return over_quota(request, error);
    }
    if (request->kind->has_status) {
        json_object_del(object, "status");
    }
    json_object_set_new(object, "kind", json_string(resource->kind));
    json_object_set_new(object, "apiVersion", json_string(resource->api_version));
    set_identity(request, object);
    sim_defaults_create(request->server, resource, object);
    if (!sim_rules_create(resource, object, why)) {
        return invalid(request, resource->kind, why, error);
    }
    sim_store_add(request->server, request->kind, json_incref(object), fields);
    return give(object, out);
}

static int client_create(void *context, const struct kube_resource *resource, json_t *object,
                         json_t **out, struct error *error)
{
    struct request r = request_for(context, "create", resource, object);

    if (out) {
        *out = NULL;
    }
    if (r.entry) {
        return exists(&r, error);
    }
    if (json_path(object, "metadata", "resourceVersion", NULL)) {
        return refuse(&r, ERROR_RETRYABLE, "500 ",
                      "resourceVersion should not be set on objects to be created", error);
    }
    return add(&r, json_deep_copy(object), NULL, out, error);
}

/* --- Changing ---------------------------------------------------------------------------- */

/* What a client may not change by an update. */
static void keep_identity(const struct request *request, json_t *object)
{
    static const char *const kept[] = {"name",
                                       "namespace",
                                       "uid",
                                       "creationTimestamp",
                                       "deletionTimestamp",
                                       "deletionGracePeriodSeconds",
                                       "generation",
                                       "resourceVersion"};
    const json_t *live = json_object_get(request->entry->object, "metadata");
    json_t *metadata = json_object_get(object, "metadata");

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        json_t *value = json_object_get(live, kept[i]);
        if (value) {
            json_object_set(metadata, kept[i], value);
        } else {
            json_object_del(metadata, kept[i]);
        }
    }
    json_object_del(metadata, "managedFields");
    json_object_set(object, "kind", json_object_get(request->entry->object, "kind"));
    json_object_set(object, "apiVersion", json_object_get(request->entry->object, "apiVersion"));
}

/* When an object ends is not a client's to say; leaving it out says nothing. */
static bool sets_its_end(const struct request *request, const json_t *object,
                         char why[SIM_RULE_SIZE])
{
    const json_t *live = json_object_get(request->entry->object, "metadata");
    const json_t *grace = json_path(object, "metadata", "deletionGracePeriodSeconds", NULL);

    if (!grace || json_equal(grace, json_object_get(live, "deletionGracePeriodSeconds"))) {
        return false;
    }
    snprintf(why, SIM_RULE_SIZE,
             "metadata.deletionGracePeriodSeconds: Invalid value: %lld: field is immutable",
             (long long)json_integer_value(grace));
    return true;
}

static void take_member(json_t *object, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    if (value) {
        json_object_set(object, name, value);
    } else {
        json_object_del(object, name);
    }
}

/* That a pod gets its node is no change of what is wanted. */
static bool is_binding(const json_t *before, const json_t *after)
{
    AUTO_JSON json_t *unbound = json_copy(json_object_get(after, "spec"));

    return !json_path(before, "spec", "nodeName", NULL) && !json_object_del(unbound, "nodeName") &&
           json_equal(unbound, json_object_get(before, "spec"));
}

static void count_generation(const struct request *request, json_t *object)
{
    const json_t *live = request->entry->object;
    json_t *metadata = json_object_get(object, "metadata");

    if (request->kind->has_generation &&
        !json_equal(json_object_get(live, "spec"), json_object_get(object, "spec")) &&
        !is_binding(live, object)) {
        json_object_set_new(metadata, "generation",
                            json_integer(json_path_integer(metadata, 0, "generation", NULL) + 1));
    }
}

/* Stores a changed object, whose top level and metadata nobody else has; or nothing, if it is the
 * same; or drops it, if that was the last finalizer. `fields` NULL: an update, no apply. */
static int change(const struct request *request, json_t *object, const struct sim_fields *fields,
                  json_t **out, struct error *error)
{
    AUTO_JSON json_t *hold = object;
    struct sim_entry *entry = request->entry;
    const struct kube_resource *resource = request->kind->resource;
    char why[SIM_RULE_SIZE];

    if (sets_its_end(request, object, why)) {
        return invalid(request, resource->kind, why, error);
    }
    keep_identity(request, object);
    if (request->kind->has_status) {
        take_member(object, entry->object, "status");
    }
    sim_defaults_update(resource, entry->object, object);
    if (!sim_rules_update(resource, entry->object, object, why)) {
        return invalid(request, resource->kind, why, error);
    }
    count_generation(request, object);
    if (fields) {
        sim_fields_fini(&entry->fields);
        entry->fields = *fields;
    } else {
        sim_fields_update(&entry->fields, entry->object, object);
    }
    if (json_equal(entry->object, object)) {
        return give(entry->object, out);
    }
    give(object, out);
    if (sim_deletion_due(object)) {
        sim_store_drop(request->server, request->kind, entry);
    } else {
        sim_store_change(request->server, request->kind, entry, json_incref(object));
    }
    return 0;
}

static int client_merge_patch(void *context, const struct kube_resource *resource,
                              const char *namespace, const char *name, json_t *patch, json_t **out,
                              struct error *error)
{
    struct request r = request(context, "patch", resource, namespace, name);

    if (out) {
        *out = NULL;
    }
    if (!r.entry) {
        return not_found(&r, error);
    }
    int result = check_preconditions(&r, patch, error);
    if (result) {
        return result;
    }
    AUTO_JSON json_t *copy = json_deep_copy(patch);
    AUTO_JSON json_t *merged = sim_merge_patch(r.entry->object, copy);
    return change(&r, sim_object_copy(merged), NULL, out, error);
}

static int check_replacement(const struct request *request, const json_t *object,
                             struct error *error)
{
    if (!request->entry) {
        return not_found(request, error);
    }
    if (request->kind->needs_version && !json_path(object, "metadata", "resourceVersion", NULL)) {
        return invalid(request, request->kind->resource->plural,
                       "metadata.resourceVersion: Invalid value: 0: must be specified for an "
                       "update",
                       error);
    }
    return check_preconditions(request, object, error);
}

static int client_replace(void *context, const struct kube_resource *resource, json_t *object,
                          json_t **out, struct error *error)
{
    struct request r = request_for(context, "update", resource, object);
    int result = check_replacement(&r, object, error);

    if (out) {
        *out = NULL;
    }
    return result ? result : change(&r, json_deep_copy(object), NULL, out, error);
}

static int client_replace_status(void *context, const struct kube_resource *resource,
                                 json_t *object, json_t **out, struct error *error)
{
    struct request r = request_for(context, "update", resource, object);
    int result = check_replacement(&r, object, error);

    if (out) {
        *out = NULL;
    }
    if (result) {
        return result;
    }
    if (!r.kind->has_status) {
        return not_found(&r, error);
    }
    json_t *status = json_object_get(object, "status");
    if (json_equal(status, json_object_get(r.entry->object, "status"))) {
        return give(r.entry->object, out);
    }
    json_t *changed = sim_object_copy(r.entry->object);
    if (status) {
        json_object_set_new(changed, "status", json_deep_copy(status));
    } else {
        json_object_del(changed, "status");
    }
    give(changed, out);
    sim_store_change(r.server, r.kind, r.entry, changed);
    return 0;
}

static int client_scale(void *context, const struct kube_resource *resource, const char *namespace,
                        const char *name, int replicas, struct error *error)
{
    AUTO_JSON json_t *patch = json_pack("{s:{s:i}}", "spec", "replicas", replicas);
    return client_merge_patch(context, resource, namespace, name, patch, NULL, error);
}

/* --- Applying ---------------------------------------------------------------------------- */

static int apply_new(const struct request *request, json_t *object, json_t **out,
                     struct error *error)
{
    struct sim_fields fields = {0};

    json_t *made = sim_fields_apply(&fields, request->client->manager, NULL, object);
    int result = add(request, made, &fields, out, error);
    if (result) {
        sim_fields_fini(&fields);
    }
    return result;
}

static int client_apply(void *context, const struct kube_resource *resource, json_t *object,
                        bool force, json_t **out, struct error *error)
{
    struct request r = request_for(context, "apply", resource, object);
    AUTO_JSON json_t *applied = sim_defaults_applied(r.kind, object);
    char path[256], words[512];

    if (out) {
        *out = NULL;
    }
    if (!r.entry) { /* Even with a version in it. */
        return apply_new(&r, applied, out, error);
    }
    int result = check_preconditions(&r, object, error);
    if (result) {
        return result;
    }
    const char *other = force ? NULL
                              : sim_fields_conflict(&r.entry->fields, r.client->manager,
                                                    r.entry->object, applied, path, sizeof path);
    if (other) {
        snprintf(words, sizeof words, "Apply failed with 1 conflict: conflict with \"%s\": %s",
                 other, path);
        return refuse(&r, ERROR_CONFLICT, "409 Conflict", words, error);
    }
    struct sim_fields fields = sim_fields_copy(&r.entry->fields);
    AUTO_JSON json_t *merged =
        sim_fields_apply(&fields, r.client->manager, r.entry->object, applied);
    result = change(&r, sim_object_copy(merged), &fields, out, error);
    if (result) {
        sim_fields_fini(&fields);
    }
    return result;
}

/* --- Deleting ---------------------------------------------------------------------------- */

static int client_remove(void *context, const struct kube_resource *resource, const char *namespace,
                         const char *name, const struct kube_delete_options *options,
                         struct error *error)
{
    static const struct kube_delete_options plain = {.grace_period_seconds = -1};
    struct request r = request(context, "delete", resource, namespace, name);
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
        return conflict(&r, why, error);
    }
    const char *version = json_path_string(metadata, "resourceVersion", NULL);
    if (options->resource_version && strcmp(options->resource_version, version) != 0) {
        snprintf(why, sizeof why,
                 "the ResourceVersion in the precondition (%s) does not match the ResourceVersion "
                 "in record (%s). The object might have been modified",
                 options->resource_version, version);
        return conflict(&r, why, error);
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
        .create = client_create,
        .apply = client_apply,
        .merge_patch = client_merge_patch,
        .replace_status = client_replace_status,
        .replace = client_replace,
        .scale = client_scale,
        .remove = client_remove,
        .event = client_event,
        .cached_get = client_get,
        .cached_list = client_cached_list,
    };
}
