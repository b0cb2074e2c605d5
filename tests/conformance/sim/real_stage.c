#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "kube/path.h"
#include "kube/status.h"
#include "kube/transport.h"
#include "stages.h"

#define MAX_ANSWER    ((size_t)16 * 1024 * 1024)
#define WATCH_SECONDS 1

static const struct kube_resource namespaces = {"v1", "Namespace", "namespaces", false};
static const struct kube_resource service_accounts = {"v1", "ServiceAccount", "serviceaccounts",
                                                      true};
static const struct kube_resource quotas = {"v1", "ResourceQuota", "resourcequotas", true};

struct real_cluster {
    struct kube_client *client, *other;
    struct kube_transport *transport; /* For what struct kube_api has no function for. */
};

struct real {
    struct kube_stage stage;
    struct real_cluster *cluster;
    char namespace[64];
};

int real_cluster_new(const struct kube_client_options *options, struct real_cluster **cluster,
                     struct error *error)
{
    struct real_cluster *made = xcalloc(1, sizeof *made);
    struct kube_client_options other = *options;

    other.field_manager = "somebody-else";
    *cluster = made;
    int result = kube_client_new(options, &made->client, error);
    if (!result) {
        result = kube_client_new(&other, &made->other, error);
    }
    return result ? result : kube_transport_new(options, &made->transport, error);
}

void real_cluster_free(struct real_cluster *cluster)
{
    kube_client_free(cluster->client);
    kube_client_free(cluster->other);
    kube_transport_free(cluster->transport);
    free(cluster);
}

static int64_t now_ms(void *context)
{
    (void)context;
    return clock_boot_ms();
}

static void pass(void *context, int64_t ms)
{
    (void)context;
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int get_body(const struct real *real, const struct kube_resource *resource, const char *verb,
                    const struct buffer *target, struct http_response *response,
                    struct error *error)
{
    const struct kube_call call = {.verb = verb,
                                   .resource = resource,
                                   .namespace = real->namespace,
                                   .method = "GET",
                                   .target = target->data,
                                   .timeout_ms = 30000,
                                   .max_response = MAX_ANSWER};

    return kube_transport_do(real->cluster->transport, &call, response, error);
}

static int list_page(void *context, const struct kube_resource *resource, const char *selector,
                     size_t limit, const char *token, json_t **list, struct error *error)
{
    struct real *real = context;
    AUTO_BUFFER struct buffer target = {0};
    AUTO_HTTP_RESPONSE struct http_response response = {0};

    kube_path_append(&target, resource, real->namespace, NULL, NULL);
    kube_path_query(&target, "labelSelector", selector);
    kube_path_query_number(&target, "limit", (long)limit);
    kube_path_query(&target, "continue", token);
    int result = get_body(real, resource, "list", &target, &response, error);
    if (!result) {
        *list = json_parse(response.body.data, response.body.size, "a list", error);
        result = *list ? 0 : -(int)error->kind;
    }
    return result;
}

/* An answer of lines, one event each. */
static json_t *parse_events(const struct buffer *body, struct error *error)
{
    json_t *events = json_array();
    const char *at = body->data;

    while (at && *at) {
        size_t length = strcspn(at, "\n");
        json_t *event = json_parse(at, length, "an event", error);
        if (!event) {
            json_decref(events);
            return NULL;
        }
        json_array_append_new(events, event);
        at += length + (at[length] == '\n');
    }
    return events;
}

static int watch(void *context, const struct kube_resource *resource, const char *selector,
                 const char *version, json_t **events, struct error *error)
{
    struct real *real = context;
    AUTO_BUFFER struct buffer target = {0};
    AUTO_HTTP_RESPONSE struct http_response response = {0};

    kube_path_append(&target, resource, real->namespace, NULL, NULL);
    kube_path_query(&target, "labelSelector", selector);
    kube_path_query(&target, "watch", "1");
    kube_path_query(&target, "resourceVersion", version);
    kube_path_query_number(&target, "timeoutSeconds", WATCH_SECONDS);
    int result = get_body(real, resource, "watch", &target, &response, error);
    if (result) {
        return result;
    }
    *events = parse_events(&response.body, error);
    if (!*events) {
        return -(int)error->kind;
    }
    const json_t *first = json_array_get(*events, 0);
    const char *type = json_path_string(first, "type", NULL);
    if (type && !strcmp(type, "ERROR")) {
        result = kube_status_object_error("watch", json_object_get(first, "object"), error);
        json_decref(*events);
        *events = NULL;
    }
    return result;
}

/* A quota of none; one that is not yet counted does not refuse. */
static void refuse_creates(void *context, const struct kube_resource *resource, bool refuse)
{
    struct real *real = context;
    struct kube_stage *stage = &real->stage;
    char field[64];

    snprintf(field, sizeof field, "count/%s", resource->plural);
    if (!refuse) {
        drop(stage, &quotas, "none");
        UNTIL(stage, !see(stage, &quotas, "none"));
        return;
    }
    make(stage, &quotas,
         json_of("{\"metadata\": {\"name\": \"none\"}, \"spec\": {\"hard\": {\"%s\": \"0\"}}}",
                 field));
    UNTIL(stage, json_path(see(stage, &quotas, "none"), "status", "used", field, NULL));
}

struct kube_stage *real_stage_new(struct real_cluster *cluster)
{
    struct real *real = xcalloc(1, sizeof *real);
    const struct kube_api *api = kube_client_api(cluster->client);
    struct error error;
    char suffix[9];

    random_hex(suffix, 4);
    snprintf(real->namespace, sizeof real->namespace, "kube-model-%s", suffix);
    real->cluster = cluster;
    real->stage = (struct kube_stage){
        .context = real,
        .api = api,
        .other = kube_client_api(cluster->other),
        .namespace = real->namespace,
        .arena = arena_new(),
        .now_ms = now_ms,
        .sleep = pass,
        .list_page = list_page,
        .watch = watch,
        .refuse_creates = refuse_creates,
    };
    AUTO_JSON json_t *namespace = json_of("{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", "
                                          "\"metadata\": {\"name\": \"%s\"}}",
                                          real->namespace);
    if (api->create(api->context, &namespaces, namespace, NULL, &error)) {
        say(&real->stage, "FAILED: %s", error.message);
    }
    /* Pods need them, and nothing else appears by itself. */
    UNTIL(&real->stage, see(&real->stage, &service_accounts, "default") &&
                            see(&real->stage, &kube_config_maps, "kube-root-ca.crt"));
    return &real->stage;
}

void real_stage_free(struct kube_stage *stage)
{
    struct real *real = stage->context;
    struct error error;

    stage->api->remove(stage->api->context, &namespaces, NULL, real->namespace, NULL, &error);
    arena_free(stage->arena);
    buffer_fini(&stage->outcome);
    free(real);
}
