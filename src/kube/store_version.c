/* One version of an object: parsed while it is among the recent ones, else as its text, which is
 * made when it is first needed.  In a time of many changes most versions never get one. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/store_internal.h"

struct kube_recent {
    pthread_mutex_t lock; /* Of all below, and of `parsed` and `text` in all versions. */
    TAILQ_HEAD(versions, version)
    versions; /* The parsed ones, a reference to each; newest first. */
    size_t used, size;
};

static void unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}
#define RECENT_LOCKED(recent)                                                                      \
    CLEANUP(unlock) pthread_mutex_t *locked = &(recent)->lock;                                     \
    pthread_mutex_lock(locked)

struct kube_recent *kube_recent_new(size_t size)
{
    struct kube_recent *recent = xcalloc(1, sizeof *recent);

    pthread_mutex_init(&recent->lock, NULL);
    TAILQ_INIT(&recent->versions);
    recent->size = size;
    return recent;
}

/* What jansson allocates for it, about. */
static size_t weigh(const json_t *json)
{
    size_t weight = json_is_object(json)   ? 240
                    : json_is_array(json)  ? 112
                    : json_is_string(json) ? 72 + json_string_length(json)
                                           : 32;

    for (void *i = json_object_iter((json_t *)json); i;
         i = json_object_iter_next((json_t *)json, i)) {
        weight += 72 + strlen(json_object_iter_key(i)) + weigh(json_object_iter_value(i));
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        weight += 8 + weigh(json_array_get(json, i));
    }
    return weight;
}

/* With the lock. */
static void take_out(struct kube_recent *recent, struct version *version)
{
    TAILQ_REMOVE(&recent->versions, version, recent);
    recent->used -= version->weight;
    json_decref(version->parsed);
    version->parsed = NULL;
    kube_version_unref(version);
}

/* The version comes first; the last ones go, until all fit. With the lock. */
static void bring_in(struct kube_recent *recent, struct version *version, json_t *parsed)
{
    version->parsed = json_incref(parsed);
    recent->used += version->weight;
    kube_version_ref(version); /* The macro looks at what it is given several times. */
    TAILQ_INSERT_HEAD(&recent->versions, version, recent);
    while (recent->used > recent->size) {
        struct version *last = TAILQ_LAST(&recent->versions, versions);
        if (!last->text) {
            last->text = kube_text_new(last->parsed);
        }
        take_out(recent, last);
    }
}

void kube_recent_free(struct kube_recent *recent)
{
    if (recent) {
        while (!TAILQ_EMPTY(&recent->versions)) {
            take_out(recent, TAILQ_FIRST(&recent->versions));
        }
        pthread_mutex_destroy(&recent->lock);
        free(recent);
    }
}

struct version *kube_version_new(struct kube_recent *recent, json_t *object)
{
    struct version *version = xcalloc(1, sizeof *version);

    atomic_init(&version->references, 1);
    version->uid_hash = kube_store_uid_hash(object);
    if (recent) {
        version->weight = weigh(object);
        RECENT_LOCKED(recent);
        bring_in(recent, version, object);
    } else {
        version->text = kube_text_new(object);
    }
    return version;
}

/* The parsed object, a new reference; NULL: there is a text. */
static json_t *find(struct kube_recent *recent, struct version *version)
{
    RECENT_LOCKED(recent);
    if (version->parsed) {
        TAILQ_REMOVE(&recent->versions, version, recent);
        TAILQ_INSERT_HEAD(&recent->versions, version, recent);
    }
    return json_incref(version->parsed);
}

json_t *kube_version_read(struct kube_recent *recent, struct version *version)
{
    json_t *parsed = recent ? find(recent, version) : NULL;

    if (!parsed) { /* The text stays as it is, once it is there. */
        parsed = kube_text_parse(version->text);
        if (recent) {
            RECENT_LOCKED(recent);
            if (!version->parsed) { /* Else another reader was faster. */
                bring_in(recent, version, parsed);
            }
        }
    }
    return parsed;
}

void kube_version_retire(struct kube_recent *recent, struct version *version)
{
    if (recent) {
        RECENT_LOCKED(recent);
        /* Ours and the list's: no reader has it. Else it leaves when its turn comes. */
        if (version->parsed && atomic_load(&version->references) == 2) {
            take_out(recent, version);
        }
    }
    kube_version_unref(version);
}
