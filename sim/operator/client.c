/* What stands between a pass and the API server: the same table as in the real process. */
#include <string.h>

#include "base/json.h"
#include "kube/selector.h"
#include "sim/operator/operator.h"

#define REQUEST_TIMEOUT_MS 30000
#define LEASE_TIMEOUT_MS   5000

static bool draw(struct sim_operator *operator, double probability)
{
    return probability > 0 && sim_chance(operator->options.sim, SIM_STREAM_API, probability);
}

static void take_time(struct sim_operator *operator, int64_t low_ms, int64_t high_ms)
{
    double slow = operator->options.wire->slow;
    int64_t delay = sim_between(operator->options.sim, SIM_STREAM_API, low_ms, high_ms);

    sim_sleep(operator->options.sim, (int64_t)((double)delay * slow));
}

static bool is_lease(const struct sim_request *request)
{
    return request->resource == &kube_leases;
}

static bool is_change(const struct sim_request *request)
{
    return request->verb != SIM_GET && request->verb != SIM_LIST;
}

/* The guard that libcurl asks before each send (kube_client_options.allow_change). */
static bool allowed(struct sim_operator *operator, const struct sim_request * request)
{
    return !is_change(request) || is_lease(request) ||
           elector_may_change(&operator->elector, sim_operator_boot_ms(operator));
}

static int cancelled(struct error *error)
{
    return error_set(error, ERROR_CANCELLED, "the request was not allowed to leave");
}

void sim_operator_count_down(struct sim_operator *operator)
{
    if (operator->calls_until_crash && !-- operator->calls_until_crash) {
        sim_operator_kill(operator);
    }
    if (operator->calls_until_stop && !-- operator->calls_until_stop) {
        sim_operator_freeze(operator, operator->stop_ms);
    }
}

static int perform(struct sim_operator *operator, const struct sim_request * request, json_t **out,
                   struct error *error)
{
    const struct kube_api *server = operator->server;

    if (is_change(request)) {
        operator->options.arrived(operator->options.context, operator, request);
    }
    switch (request->verb) {
    case SIM_GET:
        return server->get(server->context, request->resource, request->namespace, request->name,
                           out, error);
    case SIM_LIST:
        return server->list(server->context, request->resource, request->namespace,
                            request->label_selector, request->field_selector, out, error);
    case SIM_CREATE:
        return server->create(server->context, request->resource, request->object, out, error);
    case SIM_APPLY:
        return server->apply(server->context, request->resource, request->object, request->force,
                             out, error);
    case SIM_PATCH:
        return server->merge_patch(server->context, request->resource, request->namespace,
                                   request->name, request->object, out, error);
    case SIM_STATUS:
        return server->replace_status(server->context, request->resource, request->object, out,
                                      error);
    case SIM_REPLACE:
        return server->replace(server->context, request->resource, request->object, out, error);
    case SIM_REMOVE:
        return server->remove(server->context, request->resource, request->namespace, request->name,
                              request->options, error);
    }
    return 0;
}

static int fail_before(struct sim_operator *operator, struct error * error)
{
    switch (sim_below(operator->options.sim, SIM_STREAM_API, 4)) {
    case 0:
        error_set(error, ERROR_RETRYABLE, "HTTP 429 Too Many Requests");
        error->retry_after_ms = 1000;
        return -(int)ERROR_RETRYABLE;
    case 1:
        return error_set(error, ERROR_RETRYABLE, "HTTP 500 Internal Server Error");
    case 2:
        return error_set(error, ERROR_RETRYABLE, "HTTP 503 Service Unavailable");
    default:
        return error_set(error, ERROR_RETRYABLE, "the connection was cut");
    }
}

/* The way there, the answer, the way back. */
static int travel(struct sim_operator *operator, const struct sim_request * request, json_t **out,
                  struct error *error)
{
    const struct sim_wire *wire = operator->options.wire;

    take_time(operator, 0, 4);
    if (sim_operator_pause(operator) || !allowed(operator, request)) {
        return cancelled(error);
    }
    if (wire->down || !sim_site_reaches_api(operator->options.site, operator->address)) {
        bool refused = wire->down;
        sim_sleep(operator->options.sim, refused             ? 1
                                         : is_lease(request) ? LEASE_TIMEOUT_MS
                                                             : REQUEST_TIMEOUT_MS);
        return error_set(error, ERROR_RETRYABLE, "the API server cannot be reached");
    }
    if (draw(operator, wire->fail)) {
        return fail_before(operator, error);
    }
    int result = perform(operator, request, out, error);
    if (draw(operator, wire->resend)) { /* The answer died with its connection. */
        take_time(operator, 1, 20);
        if (out) {
            json_decref(*out);
            *out = NULL;
        }
        if (sim_operator_pause(operator) || !allowed(operator, request)) {
            return cancelled(error);
        }
        result = perform(operator, request, out, error);
    }
    if (draw(operator, wire->lose_answer)) {
        if (out) {
            json_decref(*out);
            *out = NULL;
        }
        return error_set(error, ERROR_RETRYABLE, "the answer was lost");
    }
    take_time(operator, 0, 4);
    return result;
}

int sim_operator_exchange(struct sim_operator *operator, const struct sim_request * request,
                          json_t **out, struct error *error)
{
    operator->nested++;
    sim_operator_count_down(operator);
    int result = operator->dead ? cancelled(error) : travel(operator, request, out, error);
    if (sim_operator_pause(operator)) {
        if (!result && out) {
            json_decref(*out);
            *out = NULL;
        }
        result = cancelled(error);
    }
    operator->nested--;
    return result;
}

/* What src/kube/client_api.c does with an answer. */
static void write_through(struct sim_operator *operator, const struct kube_resource * resource,
                          const json_t *object, bool is_status)
{
    for (size_t i = 0; object && i < N_WATCHED_OF_CLUSTERS; i++) {
        const struct watched_kind *kind = &watched_kinds[i];
        if (kind->resource == resource &&
            kube_selector_matches(kind->label_selector,
                                  json_path(object, "metadata", "labels", NULL))) {
            is_status ? kube_store_put_status(operator->feeds[i].store, object)
                      : kube_store_put_written(operator->feeds[i].store, object);
        }
    }
}

static int exchange_object(struct sim_operator *operator, const struct sim_request * request,
                           json_t **out, struct error *error)
{
    json_t *answer = NULL;
    int result = sim_operator_exchange(operator, request, &answer, error);

    if (!result) {
        write_through(operator, request->resource, answer,
                      request->verb == SIM_STATUS &&
                          json_path(request->object, "metadata", "resourceVersion", NULL));
    }
    if (out) {
        *out = result ? NULL : answer;
    }
    if (result || !out) {
        json_decref(result ? NULL : answer);
    }
    return result;
}

static int client_get(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t **out, struct error *error)
{
    const struct sim_request request = {SIM_GET, resource, namespace, name};
    return exchange_object(context, &request, out, error);
}

static int client_list(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *label_selector, const char *field_selector, json_t **out,
                       struct error *error)
{
    const struct sim_request request = {.verb = SIM_LIST,
                                        .resource = resource,
                                        .namespace = namespace,
                                        .label_selector = label_selector,
                                        .field_selector = field_selector};
    return sim_operator_exchange(context, &request, out, error);
}

static const char *name_of(const json_t *object)
{
    return json_path_string(object, "metadata", "name", NULL);
}

static int client_create(void *context, const struct kube_resource *resource, json_t *object,
                         json_t **out, struct error *error)
{
    const struct sim_request request = {SIM_CREATE, resource, SIM_NAMESPACE, name_of(object),
                                        object};
    return exchange_object(context, &request, out, error);
}

static int client_apply(void *context, const struct kube_resource *resource, json_t *object,
                        bool force, json_t **out, struct error *error)
{
    const struct sim_request request = {SIM_APPLY,       resource, SIM_NAMESPACE,
                                        name_of(object), object,   force};
    return exchange_object(context, &request, out, error);
}

static int client_merge_patch(void *context, const struct kube_resource *resource,
                              const char *namespace, const char *name, json_t *patch, json_t **out,
                              struct error *error)
{
    const struct sim_request request = {SIM_PATCH, resource, namespace, name, patch};
    return exchange_object(context, &request, out, error);
}

static int client_replace_status(void *context, const struct kube_resource *resource,
                                 json_t *object, json_t **out, struct error *error)
{
    const struct sim_request request = {SIM_STATUS, resource, SIM_NAMESPACE, name_of(object),
                                        object};
    return exchange_object(context, &request, out, error);
}

static int client_replace(void *context, const struct kube_resource *resource, json_t *object,
                          json_t **out, struct error *error)
{
    const struct sim_request request = {SIM_REPLACE, resource, SIM_NAMESPACE, name_of(object),
                                        object};
    return exchange_object(context, &request, out, error);
}

static int client_remove(void *context, const struct kube_resource *resource, const char *namespace,
                         const char *name, const struct kube_delete_options *options,
                         struct error *error)
{
    struct sim_operator *operator= context;
    const struct sim_request request = {.verb = SIM_REMOVE,
                                        .resource = resource,
                                        .namespace = namespace,
                                        .name = name,
                                        .options = options};
    int result = sim_operator_exchange(operator, & request, NULL, error);

    if (!result) { /* What stays for a while is seen as ending at once. */
        const json_t *left =
            sim_api_server_peek(operator->options.server, resource, namespace, name);
        if (left && json_path(left, "metadata", "deletionTimestamp", NULL)) {
            write_through(operator, resource, left, false);
        }
    }
    return result;
}

static void client_event(void *context, const json_t *regarding, const char *type,
                         const char *reason, const char *note)
{
    struct sim_operator *operator= context;

    (void)regarding;
    sim_trace(operator->options.sim, "%s: event %s %s: %s", operator->address, type, reason, note);
}

static struct kube_store *store_of(struct sim_operator *operator,
                                   const struct kube_resource * resource)
{
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        if (watched_kinds[i].resource == resource) {
            return operator->feeds[i].store;
        }
    }
    return NULL;
}

static int client_cached_get(void *context, const struct kube_resource *resource,
                             const char *namespace, const char *name, json_t **out,
                             struct error *error)
{
    *out = kube_store_get(store_of(context, resource), namespace, name);
    return *out ? 0 : error_set(error, ERROR_NOT_FOUND, "%s is not in the store", name);
}

static int client_cached_list(void *context, const struct kube_resource *resource,
                              const char *namespace, const char *owner, json_t **out,
                              struct error *error)
{
    (void)error;
    *out = kube_store_list(store_of(context, resource), namespace, owner);
    return 0;
}

void sim_operator_fill_client(struct sim_operator *operator)
{
    operator->server = sim_api_server_client(operator->options.server, "etcd-operator");
    operator->kube =(struct kube_api){.context = operator,
                                      .get = client_get,
                                      .list = client_list,
                                      .create = client_create,
                                      .apply = client_apply,
                                      .merge_patch = client_merge_patch,
                                      .replace_status = client_replace_status,
                                      .replace = client_replace,
                                      .remove = client_remove,
                                      .event = client_event,
                                      .cached_get = client_cached_get,
                                      .cached_list = client_cached_list};
    sim_operator_fill_etcd_client(operator);
}
