#include "kube/events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "kube/event_cache.h"

/* pkg/apis/core/validation/events.go: limits of the newer events API, which others read ours by. */
#define MAX_NOTE     1024
#define MAX_INSTANCE 128

#define COMBINED "(combined from similar events): "

struct event_recorder {
    const struct kube_api *api;
    char *component, *instance;
    pthread_mutex_t lock; /* Of the cache; not held during a request. */
    struct event_cache *cache;
};

/* What one event needs on its way. */
struct note {
    const json_t *regarding;
    const char *type, *reason;
    char text[MAX_NOTE + 1];
    const char *namespace;
    int64_t now_ms;
    struct event_decision decision;
};

struct event_recorder *event_recorder_new(const struct kube_api *api, const char *component,
                                          const char *instance)
{
    struct event_recorder *recorder = xcalloc(1, sizeof *recorder);
    char host[MAX_INSTANCE] = "";

    if (!instance) {
        instance = getenv("POD_NAME");
    }
    if (!instance || !*instance) {
        gethostname(host, sizeof host - 1);
        instance = host;
    }
    recorder->api = api;
    recorder->component = xstrdup(component);
    recorder->instance = xasprintf("%.*s", MAX_INSTANCE, instance);
    recorder->cache = event_cache_new();
    pthread_mutex_init(&recorder->lock, NULL);
    return recorder;
}

void event_recorder_free(struct event_recorder *recorder)
{
    if (!recorder) {
        return;
    }
    event_cache_free(recorder->cache);
    pthread_mutex_destroy(&recorder->lock);
    free(recorder->component);
    free(recorder->instance);
    free(recorder);
}

/* --- The object -------------------------------------------------------------------------- */

static const char *metadata(const json_t *object, const char *field)
{
    return json_path_string(object, "metadata", field, NULL);
}

static json_t *involved_object(const json_t *object)
{
    return json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "apiVersion",
                     json_path_string(object, "apiVersion", NULL), "kind",
                     json_path_string(object, "kind", NULL), "namespace",
                     metadata(object, "namespace"), "name", metadata(object, "name"), "uid",
                     metadata(object, "uid"), "resourceVersion",
                     metadata(object, "resourceVersion"));
}

static json_t *new_event(const struct event_recorder *recorder, const struct note *note)
{
    char first[CLOCK_RFC3339_SIZE], last[CLOCK_RFC3339_SIZE];

    clock_rfc3339(note->decision.first_ms, first, sizeof first);
    clock_rfc3339(note->now_ms, last, sizeof last);
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s,"
                     " s:s, s:I}",
                     "apiVersion", "v1", "kind", "Event", "metadata", "name", note->decision.name,
                     "namespace", note->namespace, "involvedObject",
                     involved_object(note->regarding), "reason", note->reason, "message",
                     note->text, "type", note->type, "source", "component", recorder->component,
                     "host", recorder->instance, "reportingComponent", recorder->component,
                     "reportingInstance", recorder->instance, "firstTimestamp", first,
                     "lastTimestamp", last, "count", (json_int_t)note->decision.count);
}

static json_t *new_patch(const struct note *note)
{
    char last[CLOCK_RFC3339_SIZE];

    clock_rfc3339(note->now_ms, last, sizeof last);
    return json_pack("{s:s, s:s, s:I}", "message", note->text, "lastTimestamp", last, "count",
                     (json_int_t)note->decision.count);
}

/* Cuts at the limit, but not through a character of UTF-8. */
static void fill_text(struct note *note, const char *text)
{
    int length = snprintf(note->text, sizeof note->text, "%s%s",
                          note->decision.combined ? COMBINED : "", text);
    size_t end = MAX_NOTE;

    if (length <= MAX_NOTE) {
        return;
    }
    while (end && ((unsigned char)note->text[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    if (end && (unsigned char)note->text[end - 1] >= 0xc0) {
        end--;
    }
    note->text[end] = '\0';
}

/* --- Recording --------------------------------------------------------------------------- */

static void decide(struct event_recorder *recorder, struct note *note, const char *text)
{
    const char *uid = metadata(note->regarding, "uid");
    const char *name = metadata(note->regarding, "name");
    const struct event_subject subject = {.object = uid ? uid : name,
                                          .name = name,
                                          .type = note->type,
                                          .reason = note->reason,
                                          .note = text};
    char suffix[17];

    random_hex(suffix, 8);
    pthread_mutex_lock(&recorder->lock);
    event_cache_decide(recorder->cache, &subject, suffix, note->now_ms, &note->decision);
    pthread_mutex_unlock(&recorder->lock);
}

static void forget(struct event_recorder *recorder, const struct note *note)
{
    pthread_mutex_lock(&recorder->lock);
    event_cache_forget(recorder->cache, note->decision.name);
    pthread_mutex_unlock(&recorder->lock);
}

static int write_event(struct event_recorder *recorder, const struct note *note,
                       struct error *error)
{
    const struct kube_api *api = recorder->api;

    if (note->decision.action == EVENT_PATCH) {
        AUTO_JSON json_t *patch = new_patch(note);
        int result = api->merge_patch(api->context, &kube_events, note->namespace,
                                      note->decision.name, patch, NULL, error);
        if (result != -(int)ERROR_NOT_FOUND) {
            return result;
        }
        /* The API server keeps events for an hour: begin again, under the same name. */
    }
    AUTO_JSON json_t *event = new_event(recorder, note);
    int result = api->create(api->context, &kube_events, event, NULL, error);
    /* Another thread with the same event was faster, or the first try did arrive. */
    return result == -(int)ERROR_EXISTS ? 0 : result;
}

void event_recorder_record(struct event_recorder *recorder, const json_t *regarding,
                           const char *type, const char *reason, const char *text)
{
    struct error error = {0};
    const char *namespace = metadata(regarding, "namespace");
    struct note note = {.regarding = regarding,
                        .type = type,
                        .reason = reason,
                        .now_ms = clock_wall_ms(),
                        .namespace = namespace ? namespace : "default"};

    if (!metadata(regarding, "name")) {
        log_warning("event without an object", "reason", reason, "note", text, NULL);
        return;
    }
    decide(recorder, &note, text);
    if (note.decision.action == EVENT_DROP) {
        return;
    }
    fill_text(&note, text);
    if (write_event(recorder, &note, &error)) {
        forget(recorder, &note);
        log_warning("event not recorded", "object", metadata(regarding, "name"), "reason", reason,
                    "error", error.message, NULL);
    }
}
