/* Lists in pages: each page is of the moment of the first, which the history gives back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "sim/kube/api_internal.h"

/* Objects of a kind at a moment, in order; borrowed. */
struct snapshot {
    const json_t **items;
    size_t length;
};

#define TOKEN_SIZE 600

/* "VERSION NAMESPACE/NAME": the moment, and the last object that was delivered. */
struct token {
    uint64_t version;
    char namespace[254], name[254];
};

static bool token_parse(const char *text, struct token *token)
{
    unsigned long long version;
    int at = 0;

    if (sscanf(text, "%llu %n", &version, &at) != 1 || !at) {
        return false;
    }
    const char *slash = strchr(text + at, '/');
    if (!slash || slash - text - at >= (long)sizeof token->namespace) {
        return false;
    }
    token->version = version;
    snprintf(token->namespace, sizeof token->namespace, "%.*s", (int)(slash - text - at),
             text + at);
    snprintf(token->name, sizeof token->name, "%s", slash + 1);
    return true;
}

static int compare_objects(const json_t *a, const json_t *b)
{
    const char *first = json_path_string(a, "metadata", "namespace", NULL);
    const char *second = json_path_string(b, "metadata", "namespace", NULL);
    int order = strcmp(first ? first : "", second ? second : "");

    return order ? order
                 : strcmp(json_path_string(a, "metadata", "name", NULL),
                          json_path_string(b, "metadata", "name", NULL));
}

static size_t position(const struct snapshot *snapshot, const json_t *object)
{
    size_t at = 0;

    while (at < snapshot->length && compare_objects(snapshot->items[at], object) < 0) {
        at++;
    }
    return at;
}

static void undo(struct snapshot *snapshot, const struct sim_change *change)
{
    size_t at = position(snapshot, change->after);

    if (change->before && change->deleted) {
        memmove(snapshot->items + at + 1, snapshot->items + at,
                (snapshot->length++ - at) * sizeof *snapshot->items);
        snapshot->items[at] = change->before;
    } else if (change->before) {
        snapshot->items[at] = change->before;
    } else {
        memmove(snapshot->items + at, snapshot->items + at + 1,
                (--snapshot->length - at) * sizeof *snapshot->items);
    }
}

static struct snapshot snapshot_of(const struct sim_api_server *server, const struct sim_kind *kind,
                                   uint64_t version)
{
    struct snapshot snapshot = {
        .items = xcalloc(kind->length + server->length + 1, sizeof *snapshot.items),
        .length = kind->length,
    };

    for (size_t i = 0; i < kind->length; i++) {
        snapshot.items[i] = kind->items[i]->object;
    }
    for (size_t i = server->length; i && server->history[i - 1].version > version; i--) {
        if (server->history[i - 1].kind == kind) {
            undo(&snapshot, &server->history[i - 1]);
        }
    }
    return snapshot;
}

static json_t *item(const struct kube_resource *resource, const json_t *object)
{
    json_t *copy = json_copy((json_t *)object);

    if (resource != &kube_etcd_clusters) { /* Only custom resources say it in a list. */
        json_object_del(copy, "kind");
        json_object_del(copy, "apiVersion");
    }
    return copy;
}

static json_t *list_of(const struct kube_resource *resource, uint64_t version, json_t *items)
{
    char text[24], kind[64];

    snprintf(text, sizeof text, "%llu", (unsigned long long)version);
    snprintf(kind, sizeof kind, "%sList", resource->kind);
    return json_pack("{s:s, s:s, s:{s:s}, s:o}", "kind", kind, "apiVersion", resource->api_version,
                     "metadata", "resourceVersion", text, "items", items);
}

static void set_token(json_t *list, uint64_t version, const json_t *last)
{
    const char *namespace = json_path_string(last, "metadata", "namespace", NULL);
    char text[TOKEN_SIZE];

    snprintf(text, sizeof text, "%llu %s/%s", (unsigned long long)version,
             namespace ? namespace : "", json_path_string(last, "metadata", "name", NULL));
    json_object_set_new(json_object_get(list, "metadata"), "continue", json_string(text));
}

static size_t first_after(const struct snapshot *snapshot, const struct token *token)
{
    AUTO_JSON json_t *last =
        json_pack("{s:{s:s, s:s}}", "metadata", "namespace", token->namespace, "name", token->name);
    size_t at = position(snapshot, last);

    return at < snapshot->length && !compare_objects(snapshot->items[at], last) ? at + 1 : at;
}

int sim_api_server_list_page(struct sim_api_server *server, const struct kube_resource *resource,
                             const char *namespace, const char *label_selector, size_t limit,
                             const char *continue_token, json_t **list, struct error *error)
{
    struct token token = {.version = server->version};

    *list = NULL;
    if (continue_token && !token_parse(continue_token, &token)) {
        return error_set(error, ERROR_INVALID,
                         "list %s: HTTP 400 BadRequest: continue key is not valid",
                         resource->plural);
    }
    if (token.version < server->compacted) {
        return error_set(error, ERROR_GONE,
                         "list %s: HTTP 410 Expired: The provided continue parameter is too old to "
                         "display a consistent list result. You can start a new list without the "
                         "continue parameter.",
                         resource->plural);
    }
    struct snapshot snapshot = snapshot_of(server, sim_kind_of(server, resource), token.version);
    json_t *items = json_array();
    const json_t *last = NULL, *more = NULL;
    for (size_t i = continue_token ? first_after(&snapshot, &token) : 0;
         i < snapshot.length && !more; i++) {
        const json_t *object = snapshot.items[i];
        if (!sim_is_selected(object, namespace, label_selector)) {
            continue;
        }
        if (limit && json_array_size(items) == limit) {
            more = object;
        } else {
            json_array_append_new(items, item(resource, object));
            last = object;
        }
    }
    *list = list_of(resource, token.version, items);
    if (more) {
        set_token(*list, token.version, last);
    }
    free(snapshot.items);
    return 0;
}
