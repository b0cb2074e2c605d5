/* Watches: a place in the history, and what is to be seen from there on. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/selector.h"
#include "kube/store.h"
#include "sim/kube/api_internal.h"

struct sim_watch {
    struct sim_api_server *server;
    const struct sim_kind *kind;
    char *namespace, *selector; /* Or NULL. */
    size_t at;                  /* The number of the next change to look at. */
    struct sim_watch *next;
};

static size_t after_version(const struct sim_api_server *server, uint64_t version)
{
    size_t at = server->length;

    while (at && server->history[at - 1].version > version) {
        at--;
    }
    return server->forgotten + at;
}

int sim_watch_open(struct sim_api_server *server, const struct kube_resource *resource,
                   const char *namespace, const char *label_selector, const char *resource_version,
                   struct sim_watch **watch, struct error *error)
{
    uint64_t version = kube_resource_version_parse(resource_version);

    assert(version); /* 0, "any", is not served. */
    if (version < server->compacted) {
        return error_set(
            error, ERROR_GONE, "watch %s: HTTP 410 Expired: too old resource version: %llu (%llu)",
            resource->plural, (unsigned long long)version, (unsigned long long)server->compacted);
    }
    if (version > server->version) {
        return error_set(error, ERROR_RETRYABLE,
                         "watch %s: HTTP 504 Timeout: Too large resource version: %llu, current: "
                         "%llu",
                         resource->plural, (unsigned long long)version,
                         (unsigned long long)server->version);
    }
    struct sim_watch *opened = xcalloc(1, sizeof *opened);
    *opened = (struct sim_watch){
        .server = server,
        .kind = sim_kind_of(server, resource),
        .namespace = namespace ? xstrdup(namespace) : NULL,
        .selector = label_selector ? xstrdup(label_selector) : NULL,
        .at = after_version(server, version),
        .next = server->watches,
    };
    server->watches = opened;
    *watch = opened;
    return 0;
}

bool sim_is_selected(const json_t *object, const char *namespace, const char *selector)
{
    const json_t *metadata = json_object_get(object, "metadata");

    return (!namespace || !strcmp(namespace, json_path_string(metadata, "namespace", NULL))) &&
           kube_selector_matches(selector, json_object_get(metadata, "labels"));
}

static json_t *event(const char *type, json_t *object)
{
    return json_pack("{s:s, s:o}", "type", type, "object", object);
}

/* What left the selector is shown as it was when it was last in it, with the version of now. */
static json_t *departed(const struct sim_change *change)
{
    json_t *last = sim_object_copy(change->before);

    json_object_set(json_object_get(last, "metadata"), "resourceVersion",
                    json_path(change->after, "metadata", "resourceVersion", NULL));
    return event("DELETED", last);
}

static json_t *seen(const struct sim_watch *watch, const struct sim_change *change)
{
    if (change->kind != watch->kind) {
        return NULL;
    }
    bool was = change->before && sim_is_selected(change->before, watch->namespace, watch->selector);
    bool is = !change->deleted && sim_is_selected(change->after, watch->namespace, watch->selector);
    if (is) {
        return event(was ? "MODIFIED" : "ADDED", json_incref(change->after));
    }
    return was ? departed(change) : NULL;
}

json_t *sim_watch_next(struct sim_watch *watch)
{
    const struct sim_api_server *server = watch->server;

    while (watch->at - server->forgotten < server->length) {
        json_t *found = seen(watch, &server->history[watch->at++ - server->forgotten]);
        if (found) {
            return found;
        }
    }
    return NULL;
}

json_t *sim_watch_bookmark(const struct sim_watch *watch)
{
    const struct sim_api_server *server = watch->server;
    size_t next = watch->at - server->forgotten;
    /* Not past what is still to be delivered. */
    uint64_t version = next < server->length ? server->history[next].version - 1 : server->version;
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)version);
    return event("BOOKMARK", json_pack("{s:s, s:s, s:{s:s}}", "kind", watch->kind->resource->kind,
                                       "apiVersion", watch->kind->resource->api_version, "metadata",
                                       "resourceVersion", text));
}

void sim_watch_close(struct sim_watch *watch)
{
    if (!watch) {
        return;
    }
    struct sim_watch **link = &watch->server->watches;
    while (*link != watch) {
        link = &(*link)->next;
    }
    *link = watch->next;
    free(watch->namespace);
    free(watch->selector);
    free(watch);
}

size_t sim_watches_oldest(const struct sim_api_server *server, size_t none)
{
    for (const struct sim_watch *watch = server->watches; watch; watch = watch->next) {
        none = watch->at < none ? watch->at : none;
    }
    return none;
}

void sim_watches_close_all(struct sim_api_server *server)
{
    while (server->watches) {
        sim_watch_close(server->watches);
    }
}
