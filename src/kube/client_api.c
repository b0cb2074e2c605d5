/* The functions of struct kube_api over HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/client_internal.h"
#include "kube/path.h"
#include "kube/selector.h"

/* An object in etcd is at most 1.5 MiB by default, and JSON is longer than protobuf. */
#define MAX_OBJECT_SIZE ((size_t)8 * 1024 * 1024)
#define MAX_PAGE_SIZE   ((size_t)64 * 1024 * 1024)
#define PAGE_LENGTH     50
#define TIMEOUT_MS      30000
/* A lease that is renewed too late is lost: better to try again soon. */
#define LEASE_TIMEOUT_MS 5000

#define JSON_TYPE  "application/json"
#define APPLY_TYPE "application/apply-patch+yaml" /* JSON is YAML. */
#define MERGE_TYPE "application/merge-patch+json"

/* One request for one object, before it is a call. */
struct request {
    const char *verb, *method;
    const struct kube_resource *resource;
    const char *namespace, *name; /* `name` NULL: the collection. */
    const char *subresource;
    const char *content_type;
    const json_t *body;
    bool changing;
    int force; /* Of an apply; -1: no such parameter. */
};

/* --- Requests ---------------------------------------------------------------------------- */

static int check_names(const struct request *request, bool named, struct error *error)
{
    const char *namespace = request->namespace;

    if (request->resource->namespaced && !kube_path_name_ok(namespace)) {
        return error_set(error, ERROR_INVALID, "%s %s: \"%s\" is no namespace", request->verb,
                         request->resource->plural, namespace ? namespace : "");
    }
    if (named && !kube_path_name_ok(request->name)) {
        return error_set(error, ERROR_INVALID, "%s %s in %s: \"%s\" is no name", request->verb,
                         request->resource->plural, namespace ? namespace : "the cluster",
                         request->name ? request->name : "");
    }
    return 0;
}

/* Sends the request; `*out` is the object in the answer. */
static int exchange(struct kube_client *client, const struct request *request, json_t **out,
                    struct error *error)
{
    AUTO_BUFFER struct buffer target = {0};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    /* It may be a Secret. */
    CLEANUP(memory_wipe_text)
    char *body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
    bool lease = request->resource == &kube_leases;

    *out = NULL;
    kube_path_append(&target, request->resource, request->namespace, request->name,
                     request->subresource);
    if (request->changing && strcmp(request->method, "DELETE") != 0) {
        kube_path_query(&target, "fieldManager", client->field_manager);
    }
    if (request->force >= 0) {
        kube_path_query(&target, "force", request->force ? "true" : "false");
    }
    const struct kube_call call = {.verb = request->verb,
                                   .resource = request->resource,
                                   .namespace = request->namespace,
                                   .name = request->name,
                                   .method = request->method,
                                   .target = target.data,
                                   .content_type = request->content_type,
                                   .body = body,
                                   .body_size = body ? strlen(body) : 0,
                                   .changing = request->changing && !lease,
                                   .timeout_ms = lease ? LEASE_TIMEOUT_MS : TIMEOUT_MS,
                                   .max_response = MAX_OBJECT_SIZE};
    int result = kube_transport_do(client->transport, &call, &response, error);
    if (!result) {
        *out = json_parse(response.body.data, response.body.size, "the answer", error);
        if (!*out) {
            result = error_wrap(error, "%s %s %s", request->verb, request->resource->plural,
                                request->name ? request->name : "");
        }
    }
    if (response.body.data) {
        memory_wipe(response.body.data, response.body.size);
    }
    return result;
}

/* --- The stores -------------------------------------------------------------------------- */

static bool same_resource(const struct kube_resource *a, const struct kube_resource *b)
{
    return a == b || (!strcmp(a->plural, b->plural) && !strcmp(a->api_version, b->api_version));
}

static bool covers(const struct kube_watch *watch, const struct kube_resource *resource,
                   const char *namespace)
{
    return same_resource(watch->resource, resource) &&
           (!watch->namespace || (namespace && !strcmp(watch->namespace, namespace)));
}

/* The watch that would show objects of this kind in this namespace, or NULL. */
static const struct kube_watch *find_watch(const struct kube_client *client,
                                           const struct kube_resource *resource,
                                           const char *namespace)
{
    const struct kube_watch *watch = client->watches;

    while (watch && !covers(watch, resource, namespace)) {
        watch = watch->next;
    }
    return watch;
}

/* What the watch will not show would stay in the store for ever. */
static void write_through(const struct kube_client *client, const struct request *request,
                          const json_t *object)
{
    const struct kube_watch *watch = find_watch(
        client, request->resource, json_path_string(object, "metadata", "namespace", NULL));

    if (!watch || !kube_selector_matches(watch->label_selector,
                                         json_path(object, "metadata", "labels", NULL))) {
        return;
    }
    if (json_path(request->subresource ? request->body : NULL, "metadata", "resourceVersion",
                  NULL)) {
        kube_store_put_status(watch->store, object);
    } else {
        kube_store_put_written(watch->store, object);
    }
}

static int exchange_object(struct kube_client *client, const struct request *request, json_t **out,
                           struct error *error)
{
    AUTO_JSON json_t *object = NULL;
    int result = exchange(client, request, &object, error);

    if (out) {
        *out = NULL;
    }
    if (result) {
        return result;
    }
    write_through(client, request, object);
    if (out) {
        *out = json_incref(object);
    }
    return 0;
}

/* --- Reading ----------------------------------------------------------------------------- */

static int api_get(void *context, const struct kube_resource *resource, const char *namespace,
                   const char *name, json_t **out, struct error *error)
{
    const struct request request = {.verb = "get",
                                    .method = "GET",
                                    .resource = resource,
                                    .namespace = namespace,
                                    .name = name,
                                    .force = -1};
    int result = check_names(&request, true, error);

    return result ? result : exchange_object(context, &request, out, error);
}

static void complete_item(const struct kube_resource *resource, json_t *item)
{
    if (!json_object_get(item, "kind")) { /* The items of a list carry neither. */
        json_object_set_new(item, "kind", json_string(resource->kind));
        json_object_set_new(item, "apiVersion", json_string(resource->api_version));
    }
}

static int list_page(struct kube_client *client, const struct kube_resource *resource,
                     const char *namespace, const char *target, json_t **page, struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const struct kube_call call = {.verb = "list",
                                   .resource = resource,
                                   .namespace = namespace,
                                   .method = "GET",
                                   .target = target,
                                   .timeout_ms = TIMEOUT_MS,
                                   .max_response = MAX_PAGE_SIZE};
    int result = kube_transport_do(client->transport, &call, &response, error);

    if (result) {
        return result;
    }
    *page = json_parse(response.body.data, response.body.size, "a list", error);
    return *page ? 0 : error_wrap(error, "list %s", resource->plural);
}

static int api_list(void *context, const struct kube_resource *resource, const char *namespace,
                    const char *label_selector, const char *field_selector, json_t **out,
                    struct error *error)
{
    AUTO_JSON json_t *all = json_array();
    AUTO_FREE char *token = NULL;

    do {
        AUTO_BUFFER struct buffer target = {0};
        AUTO_JSON json_t *page = NULL;
        size_t index;
        json_t *item;

        kube_path_append(&target, resource, namespace, NULL, NULL);
        kube_path_query(&target, "labelSelector", label_selector);
        kube_path_query(&target, "fieldSelector", field_selector);
        kube_path_query_number(&target, "limit", PAGE_LENGTH);
        kube_path_query(&target, "continue", token);
        int result = list_page(context, resource, namespace, target.data, &page, error);
        if (result) {
            return result;
        }
        json_array_foreach(json_object_get(page, "items"), index, item)
        {
            complete_item(resource, item);
            json_array_append(all, item);
        }
        const char *next = json_path_string(page, "metadata", "continue", NULL);
        free(token);
        token = next && *next ? xstrdup(next) : NULL;
    } while (token);
    if (out) {
        *out = json_incref(all);
    }
    return 0;
}

/* --- Changing ---------------------------------------------------------------------------- */

static int api_create(void *context, const struct kube_resource *resource, json_t *object,
                      json_t **out, struct error *error)
{
    const struct request request = {.verb = "create",
                                    .method = "POST",
                                    .resource = resource,
                                    .namespace =
                                        json_path_string(object, "metadata", "namespace", NULL),
                                    .content_type = JSON_TYPE,
                                    .body = object,
                                    .changing = true,
                                    .force = -1};
    int result = check_names(&request, false, error);

    return result ? result : exchange_object(context, &request, out, error);
}

static int api_apply(void *context, const struct kube_resource *resource, json_t *object,
                     bool force, json_t **out, struct error *error)
{
    const struct request request = {.verb = "apply",
                                    .method = "PATCH",
                                    .resource = resource,
                                    .namespace =
                                        json_path_string(object, "metadata", "namespace", NULL),
                                    .name = json_path_string(object, "metadata", "name", NULL),
                                    .content_type = APPLY_TYPE,
                                    .body = object,
                                    .changing = true,
                                    .force = force};
    int result = check_names(&request, true, error);

    return result ? result : exchange_object(context, &request, out, error);
}

static int api_merge_patch(void *context, const struct kube_resource *resource,
                           const char *namespace, const char *name, json_t *patch, json_t **out,
                           struct error *error)
{
    const struct request request = {.verb = "patch",
                                    .method = "PATCH",
                                    .resource = resource,
                                    .namespace = namespace,
                                    .name = name,
                                    .content_type = MERGE_TYPE,
                                    .body = patch,
                                    .changing = true,
                                    .force = -1};
    int result = check_names(&request, true, error);

    return result ? result : exchange_object(context, &request, out, error);
}

/* PUT of an object, or of a subresource of it. */
static int put(void *context, const struct kube_resource *resource, json_t *object,
               const char *subresource, json_t **out, struct error *error)
{
    const struct request request = {.verb = "update",
                                    .method = "PUT",
                                    .resource = resource,
                                    .namespace =
                                        json_path_string(object, "metadata", "namespace", NULL),
                                    .name = json_path_string(object, "metadata", "name", NULL),
                                    .subresource = subresource,
                                    .content_type = JSON_TYPE,
                                    .body = object,
                                    .changing = true,
                                    .force = -1};
    int result = check_names(&request, true, error);

    return result ? result : exchange_object(context, &request, out, error);
}

static int api_replace_status(void *context, const struct kube_resource *resource, json_t *object,
                              json_t **out, struct error *error)
{
    return put(context, resource, object, "status", out, error);
}

static int api_replace(void *context, const struct kube_resource *resource, json_t *object,
                       json_t **out, struct error *error)
{
    return put(context, resource, object, NULL, out, error);
}

static int api_scale(void *context, const struct kube_resource *resource, const char *namespace,
                     const char *name, int replicas, struct error *error)
{
    AUTO_JSON json_t *patch = json_pack("{s:{s:i}}", "spec", "replicas", replicas);
    AUTO_JSON json_t *scale = NULL; /* The answer is a Scale, and nothing for a store. */
    const struct request request = {.verb = "patch",
                                    .method = "PATCH",
                                    .resource = resource,
                                    .namespace = namespace,
                                    .name = name,
                                    .subresource = "scale",
                                    .content_type = MERGE_TYPE,
                                    .body = patch,
                                    .changing = true,
                                    .force = -1};
    int result = check_names(&request, true, error);

    return result ? result : exchange(context, &request, &scale, error);
}

static json_t *delete_body(const struct kube_delete_options *options)
{
    json_t *body = json_pack("{s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions");

    if (!options) {
        return body;
    }
    if (options->uid || options->resource_version) {
        json_object_set_new(body, "preconditions",
                            json_pack("{s:s*, s:s*}", "uid", options->uid, "resourceVersion",
                                      options->resource_version));
    }
    if (options->grace_period_seconds >= 0) {
        json_object_set_new(body, "gracePeriodSeconds",
                            json_integer(options->grace_period_seconds));
    }
    if (options->propagation_policy) {
        json_object_set_new(body, "propagationPolicy", json_string(options->propagation_policy));
    }
    return body;
}

/* Whether the answer to a DELETE is the object that stays for a while (a grace period, finalizers),
 * and not a Status or the last sight of what is gone. */
static bool is_terminating(const json_t *answer)
{
    return json_path_string(answer, "metadata", "deletionTimestamp", NULL) &&
           (json_path_integer(answer, 0, "metadata", "deletionGracePeriodSeconds", NULL) > 0 ||
            json_array_size(json_path(answer, "metadata", "finalizers", NULL)) > 0);
}

static int api_remove(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, const struct kube_delete_options *options,
                      struct error *error)
{
    AUTO_JSON json_t *body = delete_body(options);
    AUTO_JSON json_t *answer = NULL;
    const struct request request = {.verb = "delete",
                                    .method = "DELETE",
                                    .resource = resource,
                                    .namespace = namespace,
                                    .name = name,
                                    .content_type = JSON_TYPE,
                                    .body = body,
                                    .changing = true,
                                    .force = -1};
    int result = check_names(&request, true, error);

    if (!result) {
        result = exchange(context, &request, &answer, error);
    }
    if (!result && is_terminating(answer)) {
        write_through(context, &request, answer);
    }
    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

static void api_event(void *context, const json_t *regarding, const char *type, const char *reason,
                      const char *note)
{
    struct kube_client *client = context;
    event_recorder_record(client->events, regarding, type, reason, note);
}

/* --- From the stores --------------------------------------------------------------------- */

static int synced_store(struct kube_client *client, const struct kube_resource *resource,
                        const char *namespace, struct kube_store **store, struct error *error)
{
    const struct kube_watch *watch = find_watch(client, resource, namespace);

    if (!watch) {
        return error_set(error, ERROR_TERMINAL, "%s of namespace %s are not watched",
                         resource->plural, namespace ? namespace : "(none)");
    }
    if (!kube_store_synced(watch->store)) {
        return error_set(error, ERROR_RETRYABLE, "%s have not been listed yet", resource->plural);
    }
    *store = watch->store;
    return 0;
}

static int api_cached_get(void *context, const struct kube_resource *resource,
                          const char *namespace, const char *name, json_t **out,
                          struct error *error)
{
    struct kube_store *store;
    int result = synced_store(context, resource, namespace, &store, error);

    if (result) {
        return result;
    }
    AUTO_JSON json_t *object = kube_store_get(store, namespace, name);
    if (!object) {
        return error_set(error, ERROR_NOT_FOUND, "get %s %s/%s: not in the store", resource->plural,
                         namespace ? namespace : "", name);
    }
    if (out) {
        *out = json_incref(object);
    }
    return 0;
}

static int api_cached_list(void *context, const struct kube_resource *resource,
                           const char *namespace, const char *owner, json_t **out,
                           struct error *error)
{
    struct kube_store *store;
    int result = synced_store(context, resource, namespace, &store, error);

    if (!result && out) {
        *out = kube_store_list(store, namespace, owner);
    }
    return result;
}

void kube_client_fill_api(struct kube_client *client)
{
    client->api = (struct kube_api){
        .context = client,
        .get = api_get,
        .list = api_list,
        .create = api_create,
        .apply = api_apply,
        .merge_patch = api_merge_patch,
        .replace_status = api_replace_status,
        .replace = api_replace,
        .scale = api_scale,
        .remove = api_remove,
        .event = api_event,
        .cached_get = api_cached_get,
        .cached_list = api_cached_list,
    };
}
