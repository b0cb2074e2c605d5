/* The verbs that write: create, update and apply. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "sim/kube/defaults.h"
#include "sim/kube/merge_patch.h"
#include "sim/kube/requests.h"
#include "sim/kube/rules.h"

/* --- Creating ---------------------------------------------------------------------------- */

static void set_identity(const struct sim_request *request, json_t *object)
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
static int add(const struct sim_request *request, json_t *object, const struct sim_fields *fields,
               json_t **out, struct error *error)
{
    AUTO_JSON json_t *hold = object;
    const struct kube_resource *resource = request->kind->resource;
    char why[SIM_RULE_SIZE];

    if (request->server->refused == resource) {
        return sim_refuse_over_quota(request, error);
    }
    if (request->kind->has_status) {
        json_object_del(object, "status");
    }
    json_object_set_new(object, "kind", json_string(resource->kind));
    json_object_set_new(object, "apiVersion", json_string(resource->api_version));
    set_identity(request, object);
    sim_defaults_create(request->server, resource, object);
    if (!sim_rules_create(resource, object, why)) {
        return sim_refuse_invalid(request, resource->kind, why, error);
    }
    sim_store_add(request->server, request->kind, json_incref(object), fields);
    return sim_give(object, out);
}

static int client_create(void *context, const struct kube_resource *resource, json_t *object,
                         json_t **out, struct error *error)
{
    struct sim_request r = sim_request_for(context, "create", resource, object);

    if (out) {
        *out = NULL;
    }
    if (r.entry) {
        return sim_refuse_existing(&r, error);
    }
    if (json_path(object, "metadata", "resourceVersion", NULL)) {
        return sim_refuse(&r, ERROR_RETRYABLE, "500 ",
                          "resourceVersion should not be set on objects to be created", error);
    }
    return add(&r, json_deep_copy(object), NULL, out, error);
}

/* --- Changing ---------------------------------------------------------------------------- */

/* What a client may not change by an update. */
static void keep_identity(const struct sim_request *request, json_t *object)
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
static bool sets_its_end(const struct sim_request *request, const json_t *object,
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

static void count_generation(const struct sim_request *request, json_t *object)
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
static int change(const struct sim_request *request, json_t *object,
                  const struct sim_fields *fields, json_t **out, struct error *error)
{
    AUTO_JSON json_t *hold = object;
    struct sim_entry *entry = request->entry;
    const struct kube_resource *resource = request->kind->resource;
    char why[SIM_RULE_SIZE];

    if (sets_its_end(request, object, why)) {
        return sim_refuse_invalid(request, resource->kind, why, error);
    }
    keep_identity(request, object);
    if (request->kind->has_status) {
        take_member(object, entry->object, "status");
    }
    sim_defaults_update(resource, entry->object, object);
    if (!sim_rules_update(resource, entry->object, object, why)) {
        return sim_refuse_invalid(request, resource->kind, why, error);
    }
    count_generation(request, object);
    if (fields) {
        sim_fields_fini(&entry->fields);
        entry->fields = *fields;
    } else {
        sim_fields_update(&entry->fields, entry->object, object);
    }
    if (json_equal(entry->object, object)) {
        return sim_give(entry->object, out);
    }
    sim_give(object, out);
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
    struct sim_request r = sim_request(context, "patch", resource, namespace, name);

    if (out) {
        *out = NULL;
    }
    if (!r.entry) {
        return sim_refuse_missing(&r, error);
    }
    int result = sim_check_preconditions(&r, patch, error);
    if (result) {
        return result;
    }
    AUTO_JSON json_t *copy = json_deep_copy(patch);
    AUTO_JSON json_t *merged = sim_merge_patch(r.entry->object, copy);
    return change(&r, sim_object_copy(merged), NULL, out, error);
}

static int check_replacement(const struct sim_request *request, const json_t *object,
                             struct error *error)
{
    if (!request->entry) {
        return sim_refuse_missing(request, error);
    }
    if (request->kind->needs_version && !json_path(object, "metadata", "resourceVersion", NULL)) {
        return sim_refuse_invalid(
            request, request->kind->resource->plural,
            "metadata.resourceVersion: Invalid value: 0: must be specified for an "
            "update",
            error);
    }
    return sim_check_preconditions(request, object, error);
}

static int client_replace(void *context, const struct kube_resource *resource, json_t *object,
                          json_t **out, struct error *error)
{
    struct sim_request r = sim_request_for(context, "update", resource, object);
    int result = check_replacement(&r, object, error);

    if (out) {
        *out = NULL;
    }
    return result ? result : change(&r, json_deep_copy(object), NULL, out, error);
}

static int client_replace_status(void *context, const struct kube_resource *resource,
                                 json_t *object, json_t **out, struct error *error)
{
    struct sim_request r = sim_request_for(context, "update", resource, object);
    int result = check_replacement(&r, object, error);

    if (out) {
        *out = NULL;
    }
    if (result) {
        return result;
    }
    if (!r.kind->has_status) {
        return sim_refuse_missing(&r, error);
    }
    json_t *status = json_object_get(object, "status");
    if (json_equal(status, json_object_get(r.entry->object, "status"))) {
        return sim_give(r.entry->object, out);
    }
    json_t *changed = sim_object_copy(r.entry->object);
    if (status) {
        json_object_set_new(changed, "status", json_deep_copy(status));
    } else {
        json_object_del(changed, "status");
    }
    sim_give(changed, out);
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

static int apply_new(const struct sim_request *request, json_t *object, json_t **out,
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
    struct sim_request r = sim_request_for(context, "apply", resource, object);
    AUTO_JSON json_t *applied = sim_defaults_applied(r.kind, object);
    char path[256], words[512];

    if (out) {
        *out = NULL;
    }
    if (!r.entry) { /* Even with a version in it. */
        return apply_new(&r, applied, out, error);
    }
    int result = sim_check_preconditions(&r, object, error);
    if (result) {
        return result;
    }
    const char *other = force ? NULL
                              : sim_fields_conflict(&r.entry->fields, r.client->manager,
                                                    r.entry->object, applied, path, sizeof path);
    if (other) {
        snprintf(words, sizeof words, "Apply failed with 1 conflict: conflict with \"%s\": %s",
                 other, path);
        return sim_refuse(&r, ERROR_CONFLICT, "409 Conflict", words, error);
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

void sim_client_fill_writes(struct kube_api *api)
{
    api->create = client_create;
    api->apply = client_apply;
    api->merge_patch = client_merge_patch;
    api->replace_status = client_replace_status;
    api->replace = client_replace;
    api->scale = client_scale;
}
