/* The store: kinds, their objects, the one counter of versions, and the history of changes. */
#include "sim/kube/api_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "sim/kube/api_internal.h"

#define FIRST_CAPACITY 64
#define FIRST_VERSION  1000 /* A real one has had a life before, too. */

struct sim_api_server *sim_api_server_new(struct sim *sim)
{
    struct sim_api_server *server = xcalloc(1, sizeof *server);

    server->sim = sim;
    server->version = server->compacted = FIRST_VERSION;
    return server;
}

static void free_entry(struct sim_entry *entry)
{
    json_decref(entry->object);
    sim_fields_fini(&entry->fields);
    free(entry->namespace);
    free(entry->name);
    free(entry);
}

static void forget_changes(struct sim_api_server *server, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_decref(server->history[i].before);
        json_decref(server->history[i].after);
    }
    server->length -= count;
    server->forgotten += count;
    memmove(server->history, server->history + count, server->length * sizeof *server->history);
}

void sim_api_server_free(struct sim_api_server *server)
{
    if (!server) {
        return;
    }
    sim_watches_close_all(server);
    for (size_t k = 0; k < server->n_kinds; k++) {
        for (size_t i = 0; i < server->kinds[k].length; i++) {
            free_entry(server->kinds[k].items[i]);
        }
        free(server->kinds[k].items);
    }
    for (size_t i = 0; i < server->n_clients; i++) {
        free(server->clients[i]);
    }
    if (server->length) {
        forget_changes(server, server->length);
    }
    free(server->history);
    free(server);
}

/* --- Kinds ------------------------------------------------------------------------------- */

static bool one_of(const struct kube_resource *resource, const struct kube_resource *const *list)
{
    while (*list && *list != resource) {
        list++;
    }
    return *list;
}

struct sim_kind *sim_kind_of(struct sim_api_server *server, const struct kube_resource *resource)
{
    static const struct kube_resource *const with_status[] = {&kube_pods,
                                                              &kube_services,
                                                              &kube_persistent_volume_claims,
                                                              &kube_stateful_sets,
                                                              &kube_etcd_clusters,
                                                              &kube_pod_disruption_budgets,
                                                              &kube_nodes,
                                                              NULL};
    static const struct kube_resource *const with_generation[] = {
        &kube_pods, &kube_stateful_sets, &kube_etcd_clusters, &kube_pod_disruption_budgets, NULL};
    static const struct kube_resource *const with_version[] = {&kube_etcd_clusters, &kube_leases,
                                                               &kube_pod_disruption_budgets, NULL};

    for (size_t k = 0; k < server->n_kinds; k++) {
        if (server->kinds[k].resource == resource) {
            return &server->kinds[k];
        }
    }
    assert(server->n_kinds < SIM_MAX_KINDS);
    struct sim_kind *kind = &server->kinds[server->n_kinds++];
    *kind = (struct sim_kind){
        .resource = resource,
        .has_status = one_of(resource, with_status),
        .has_generation = one_of(resource, with_generation),
        .needs_version = one_of(resource, with_version),
    };
    return kind;
}

/* --- Objects ----------------------------------------------------------------------------- */

static int compare(const struct sim_entry *entry, const char *namespace, const char *name)
{
    int order = strcmp(entry->namespace, namespace ? namespace : "");
    return order ? order : strcmp(entry->name, name);
}

size_t sim_entry_position(const struct sim_kind *kind, const char *namespace, const char *name)
{
    size_t low = 0, high = kind->length;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(kind->items[middle], namespace, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct sim_entry *sim_entry_find(const struct sim_kind *kind, const char *namespace,
                                 const char *name)
{
    size_t at = sim_entry_position(kind, namespace, name);

    return at < kind->length && !compare(kind->items[at], namespace, name) ? kind->items[at] : NULL;
}

json_t *sim_object_copy(const json_t *object)
{
    json_t *copy = json_copy((json_t *)object);
    json_t *metadata = json_object_get(object, "metadata");

    json_object_set_new(copy, "metadata", metadata ? json_copy(metadata) : json_object());
    return copy;
}

json_t *sim_date(const struct sim_api_server *server)
{
    char date[CLOCK_RFC3339_SIZE];
    return json_string(clock_rfc3339(sim_wall_ms(server->sim), date, sizeof date));
}

/* --- Changes ----------------------------------------------------------------------------- */

static void remember(struct sim_api_server *server, const struct sim_kind *kind, json_t *before,
                     json_t *after, bool deleted)
{
    if (server->length == server->capacity) {
        server->capacity = server->capacity ? 2 * server->capacity : FIRST_CAPACITY;
        server->history = xrealloc(server->history, server->capacity * sizeof *server->history);
    }
    server->history[server->length++] =
        (struct sim_change){server->version, kind, before, json_incref(after), deleted};
}

static void set_version(struct sim_api_server *server, json_t *object)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)++server->version);
    json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string(text));
}

static void tell(struct sim_api_server *server, const struct sim_kind *kind, const json_t *object,
                 bool deleted)
{
    /* One of them may change the object again, or free it. */
    AUTO_JSON json_t *hold = json_incref((json_t *)object);

    for (size_t i = 0; i < server->n_subscribers; i++) {
        server->subscribers[i].changed(server->subscribers[i].context, kind->resource, hold,
                                       deleted);
    }
}

void sim_store_add(struct sim_api_server *server, struct sim_kind *kind, json_t *object,
                   const struct sim_fields *fields)
{
    const char *namespace = json_path_string(object, "metadata", "namespace", NULL);
    const char *name = json_path_string(object, "metadata", "name", NULL);
    size_t at = sim_entry_position(kind, namespace, name);
    struct sim_entry *entry = xcalloc(1, sizeof *entry);

    entry->namespace = xstrdup(namespace ? namespace : "");
    entry->name = xstrdup(name);
    entry->object = object;
    if (fields) {
        entry->fields = *fields;
    }
    if (kind->length == kind->capacity) {
        kind->capacity = kind->capacity ? 2 * kind->capacity : 8;
        kind->items = xrealloc(kind->items, kind->capacity * sizeof *kind->items);
    }
    memmove(kind->items + at + 1, kind->items + at, (kind->length - at) * sizeof *kind->items);
    kind->items[at] = entry;
    kind->length++;
    set_version(server, object);
    remember(server, kind, NULL, object, false);
    tell(server, kind, object, false);
}

void sim_store_change(struct sim_api_server *server, struct sim_kind *kind, struct sim_entry *entry,
                      json_t *object)
{
    json_t *before = entry->object;

    set_version(server, object);
    entry->object = object;
    remember(server, kind, before, object, false);
    tell(server, kind, object, false);
}

void sim_store_drop(struct sim_api_server *server, struct sim_kind *kind, struct sim_entry *entry)
{
    AUTO_JSON json_t *last = sim_object_copy(entry->object);
    size_t at = 0;

    while (kind->items[at] != entry) {
        at++;
    }
    kind->length--;
    memmove(kind->items + at, kind->items + at + 1, (kind->length - at) * sizeof *kind->items);
    set_version(server, last);
    remember(server, kind, json_incref(entry->object), last, true);
    free_entry(entry);
    tell(server, kind, last, true);
}

void sim_api_server_compact(struct sim_api_server *server)
{
    size_t oldest = sim_watches_oldest(server, server->forgotten + server->length);

    server->compacted = server->version;
    forget_changes(server, oldest - server->forgotten);
}

uint64_t sim_api_server_version(const struct sim_api_server *server)
{
    return server->version;
}

uint64_t sim_api_server_events(const struct sim_api_server *server)
{
    return server->n_events;
}

/* --- For controllers and invariants ------------------------------------------------------ */

void sim_api_server_subscribe(struct sim_api_server *server,
                              void (*changed)(void *context, const struct kube_resource *resource,
                                              const json_t *object, bool deleted),
                              void *context)
{
    assert(server->n_subscribers < SIM_MAX_SUBSCRIBERS);
    server->subscribers[server->n_subscribers++] = (struct sim_subscriber){changed, context};
}

static const struct sim_kind *known_kind(const struct sim_api_server *server,
                                         const struct kube_resource *resource)
{
    for (size_t k = 0; k < server->n_kinds; k++) {
        if (server->kinds[k].resource == resource) {
            return &server->kinds[k];
        }
    }
    return NULL;
}

const json_t *sim_api_server_peek(const struct sim_api_server *server,
                                  const struct kube_resource *resource, const char *namespace,
                                  const char *name)
{
    const struct sim_kind *kind = known_kind(server, resource);
    const struct sim_entry *entry = kind ? sim_entry_find(kind, namespace, name) : NULL;

    return entry ? entry->object : NULL;
}

void sim_api_server_for_each(const struct sim_api_server *server,
                             const struct kube_resource *resource,
                             void (*function)(void *context, const json_t *object), void *context)
{
    const struct sim_kind *kind = known_kind(server, resource);

    for (size_t i = 0; kind && i < kind->length; i++) {
        function(context, kind->items[i]->object);
    }
}

void sim_api_server_refuse_creates(struct sim_api_server *server,
                                   const struct kube_resource *resource)
{
    server->refused = resource;
}

const struct kube_api *sim_api_server_client(struct sim_api_server *server, const char *manager)
{
    for (size_t i = 0; i < server->n_clients; i++) {
        if (!strcmp(server->clients[i]->manager, manager)) {
            return &server->clients[i]->api;
        }
    }
    assert(server->n_clients < SIM_MAX_CLIENTS);
    struct sim_client *client = xcalloc(1, sizeof *client);
    client->server = server;
    client->manager = manager;
    sim_client_fill(client);
    server->clients[server->n_clients++] = client;
    return &client->api;
}
