#include "kube/reflector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "kube/status.h"

/* client-go, tools/cache/reflector.go: the back-off, and the least time of an honest watch. */
#define BACKOFF_BASE_MS 800
#define BACKOFF_MAX_MS  30000
#define SHORT_WATCH_MS  1000
#define WATCH_SECONDS   300

void reflector_init(struct reflector *reflector, struct kube_store *store, const char *namespace)
{
    *reflector = (struct reflector){
        .state = REFLECTOR_LIST,
        .store = store,
        .namespace = namespace,
        .backoff = {.base_ms = BACKOFF_BASE_MS, .max_ms = BACKOFF_MAX_MS, .factor = 2, .jitter = 1},
    };
    kube_store_add_scope(store, namespace);
}

void reflector_fini(struct reflector *reflector)
{
    free(reflector->continue_token);
    reflector->continue_token = NULL;
}

void reflector_next(struct reflector *reflector, int64_t now_ms, double chance,
                    struct reflector_request *request)
{
    *request = (struct reflector_request){0};
    if (reflector->state == REFLECTOR_WAIT) {
        if (now_ms < reflector->wait_until_ms) {
            request->action = REFLECTOR_DO_WAIT;
            request->wait_ms = reflector->wait_until_ms - now_ms;
            return;
        }
        reflector->state = reflector->after_wait;
    }
    if (reflector->state == REFLECTOR_LIST) {
        request->action = REFLECTOR_DO_LIST;
        request->continue_token = reflector->continue_token;
        return;
    }
    reflector->watch_started_ms = now_ms;
    reflector->progress = false;
    request->action = REFLECTOR_DO_WATCH;
    request->resource_version = reflector->resource_version;
    request->watch_timeout_seconds = WATCH_SECONDS + (int)(chance * WATCH_SECONDS);
}

/* --- List -------------------------------------------------------------------------------- */

/* The items of a list carry neither apiVersion nor kind; those of a watch do. */
static void name_kind(const json_t *list, json_t *item)
{
    const char *kind = json_path_string(list, "kind", NULL);
    size_t length = kind ? strlen(kind) : 0;

    if (length <= 4 || strcmp(kind + length - 4, "List") != 0 || json_object_get(item, "kind")) {
        return;
    }
    json_object_set_new(item, "kind", json_stringn(kind, length - 4));
    json_object_set(item, "apiVersion", json_object_get(list, "apiVersion"));
}

static void restart_list(struct reflector *reflector)
{
    free(reflector->continue_token);
    reflector->continue_token = NULL;
}

static void set_version(struct reflector *reflector, uint64_t version)
{
    snprintf(reflector->resource_version, sizeof reflector->resource_version, "%llu",
             (unsigned long long)version);
}

int reflector_listed(struct reflector *reflector, json_t *list, struct error *error)
{
    uint64_t version = kube_resource_version(list);
    const json_t *items = json_object_get(list, "items");
    const char *token = json_path_string(list, "metadata", "continue", NULL);
    size_t index;
    json_t *item;

    /* An empty list of a Go server may say null. */
    if (!version || (items && !json_is_array(items) && !json_is_null(items))) {
        return error_set(error, ERROR_INVALID, "the answer to a list is no list with a version");
    }
    if (!reflector->continue_token) {
        kube_store_relist_begin(reflector->store, reflector->namespace, version);
    }
    json_array_foreach(items, index, item)
    {
        name_kind(list, item);
        kube_store_put(reflector->store, item);
    }
    restart_list(reflector);
    if (token && *token) {
        reflector->continue_token = xstrdup(token);
        return 0;
    }
    kube_store_relist_end(reflector->store, reflector->namespace, version);
    set_version(reflector, version);
    reflector->state = REFLECTOR_WATCH;
    reflector->watch_tries = 0;
    return 0;
}

/* --- Watch ------------------------------------------------------------------------------- */

/* The watch lives: what went wrong before is over. */
static void advance(struct reflector *reflector, uint64_t version)
{
    if (version > kube_resource_version_parse(reflector->resource_version)) {
        set_version(reflector, version);
    }
    reflector->progress = true;
    reflector->watch_tries = 0;
    backoff_reset(&reflector->backoff);
}

int reflector_watched(struct reflector *reflector, json_t *event, struct error *error)
{
    const char *type = json_path_string(event, "type", NULL);
    json_t *object = json_object_get(event, "object");
    uint64_t version = kube_resource_version(object);

    if (!type || !json_is_object(object)) {
        return error_set(error, ERROR_INVALID, "a line of the watch is no event");
    }
    if (!strcmp(type, "ERROR")) {
        return kube_status_object_error("watch", object, error);
    }
    if (!version) {
        return error_set(error, ERROR_INVALID, "an event of the watch has no resource version");
    }
    if (!strcmp(type, "BOOKMARK")) {
        kube_store_bookmark(reflector->store, reflector->namespace, version);
    } else if (!json_path_string(object, "metadata", "name", NULL)) {
        return error_set(error, ERROR_INVALID, "an event of the watch has no name");
    } else if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED")) {
        kube_store_put(reflector->store, object);
    } else if (!strcmp(type, "DELETED")) {
        kube_store_remove(reflector->store, object);
    } else {
        return error_set(error, ERROR_INVALID, "an event of the watch has an unknown type");
    }
    advance(reflector, version);
    return 0;
}

/* --- Ends -------------------------------------------------------------------------------- */

static void wait_then(struct reflector *reflector, enum reflector_state next,
                      int64_t retry_after_ms, int64_t now_ms, double chance)
{
    int64_t delay = backoff_next_ms(&reflector->backoff, chance);

    reflector->wait_until_ms = now_ms + (retry_after_ms > delay ? retry_after_ms : delay);
    reflector->after_wait = next;
    reflector->state = REFLECTOR_WAIT;
}

static void watch_failed(struct reflector *reflector, int64_t retry_after_ms, int64_t now_ms,
                         double chance)
{
    bool relist = ++reflector->watch_tries >= REFLECTOR_WATCH_TRIES;
    wait_then(reflector, relist ? REFLECTOR_LIST : REFLECTOR_WATCH, retry_after_ms, now_ms, chance);
}

static void watch_ended(struct reflector *reflector, enum error_kind kind, int64_t retry_after_ms,
                        int64_t now_ms, double chance)
{
    int64_t lasted_ms = now_ms - reflector->watch_started_ms;
    bool honest = lasted_ms >= SHORT_WATCH_MS && (reflector->progress || kind == ERROR_NONE);
    bool mute = !reflector->progress && lasted_ms >= KUBE_WATCH_IDLE_MS;

    if (kind == ERROR_GONE && MUTANT(GoneIgnored)) {
        wait_then(reflector, REFLECTOR_WATCH, retry_after_ms, now_ms, chance);
    } else if (kind == ERROR_GONE && honest) {
        reflector->state = REFLECTOR_LIST;
    } else if (mute || (kind != ERROR_NONE && kind != ERROR_RETRYABLE)) {
        wait_then(reflector, REFLECTOR_LIST, retry_after_ms, now_ms, chance);
    } else if (honest && !retry_after_ms) {
        backoff_reset(&reflector->backoff);
        reflector->watch_tries = 0;
    } else {
        watch_failed(reflector, retry_after_ms, now_ms, chance);
    }
}

void reflector_ended(struct reflector *reflector, enum error_kind kind, int64_t retry_after_ms,
                     int64_t now_ms, double chance)
{
    if (reflector->state == REFLECTOR_WATCH) {
        watch_ended(reflector, kind, retry_after_ms, now_ms, chance);
        return;
    }
    /* A page that did not come is asked for again; any other failure (an expired token above all)
     * starts the list anew. */
    if (kind != ERROR_RETRYABLE) {
        restart_list(reflector);
    }
    wait_then(reflector, REFLECTOR_LIST, retry_after_ms, now_ms, chance);
}
