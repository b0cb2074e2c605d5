#include "kube/event_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "kube/table.h"

/* Object names have up to 253 characters, and a dot and the suffix must fit too. */
#define NAME_PART 200

/* Three sorts of entries share one table and one order of use:
 *   "b/OBJECT"                     the bucket of tokens of an object
 *   "g/OBJECT/TYPE/REASON"         the different notes of a group of similar events
 *   "e/OBJECT/TYPE/REASON/HASH"    an Event object that was written, by its note
 *   "e/OBJECT/TYPE/REASON/all"     the one that was written for a whole group */
struct entry {
    struct kube_table_node node;
    struct entry *older, *newer;
    int64_t last_ms;
    union {
        struct {
            double tokens;
        } bucket;
        struct {
            uint64_t notes[EVENT_SIMILAR_MAX];
            size_t length;
        } group;
        struct {
            int64_t count, first_ms;
            char *name; /* NULL: not written. */
        } event;
    };
    bool is_event;
    char key[];
};

struct event_cache {
    struct kube_table table;
    struct entry *oldest, *newest;
};

struct event_cache *event_cache_new(void)
{
    return xcalloc(1, sizeof(struct event_cache));
}

static void release(struct kube_table_node *node)
{
    struct entry *entry = KUBE_CONTAINER(node, struct entry, node);

    if (entry->is_event) {
        free(entry->event.name);
    }
    free(entry);
}

void event_cache_free(struct event_cache *cache)
{
    if (cache) {
        kube_table_fini(&cache->table, release);
        free(cache);
    }
}

/* --- The order of use -------------------------------------------------------------------- */

static void detach(struct event_cache *cache, struct entry *entry)
{
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    entry->older = entry->newer = NULL;
}

static void attach(struct event_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void evict(struct event_cache *cache, struct entry *entry)
{
    detach(cache, entry);
    kube_table_remove(&cache->table, &entry->node);
    release(&entry->node);
}

/* The entry, new (`*fresh`) or known; it is the most recently used one then. */
static struct entry *touch(struct event_cache *cache, const char *key, bool *fresh)
{
    struct kube_table_node *node = kube_table_find(&cache->table, key);
    struct entry *entry;

    *fresh = !node;
    if (node) {
        entry = KUBE_CONTAINER(node, struct entry, node);
        detach(cache, entry);
    } else {
        size_t size = strlen(key) + 1;
        while (cache->table.length >= EVENT_CACHE_LENGTH) {
            evict(cache, cache->oldest);
        }
        entry = xcalloc(1, sizeof *entry + size);
        memcpy(entry->key, key, size);
        entry->node.key = entry->key;
        kube_table_insert(&cache->table, &entry->node);
    }
    attach(cache, entry);
    return entry;
}

/* --- The three questions ----------------------------------------------------------------- */

/* Whether the group has had more different notes lately than are written by themselves. */
static bool too_many_similar(struct event_cache *cache, const struct event_subject *subject,
                             uint64_t note, int64_t now_ms)
{
    AUTO_FREE char *key = xasprintf("g/%s/%s/%s", subject->object, subject->type, subject->reason);
    bool fresh;
    struct entry *entry = touch(cache, key, &fresh);

    if (now_ms - entry->last_ms > EVENT_WINDOW_MS) {
        entry->group.length = 0;
    }
    entry->last_ms = now_ms;
    for (size_t i = 0; i < entry->group.length; i++) {
        if (entry->group.notes[i] == note) {
            return false;
        }
    }
    if (entry->group.length == EVENT_SIMILAR_MAX) {
        return true;
    }
    entry->group.notes[entry->group.length++] = note;
    return false;
}

/* Whether the object still has a token, and takes it. */
static bool take_token(struct event_cache *cache, const char *object, int64_t now_ms)
{
    AUTO_FREE char *key = xasprintf("b/%s", object);
    bool fresh;
    struct entry *entry = touch(cache, key, &fresh);
    double refilled = (double)(now_ms - entry->last_ms) / EVENT_REFILL_MS;

    if (fresh) {
        entry->bucket.tokens = EVENT_BURST;
    } else if (refilled > 0) {
        entry->bucket.tokens += refilled;
    }
    if (entry->bucket.tokens > EVENT_BURST) {
        entry->bucket.tokens = EVENT_BURST;
    }
    entry->last_ms = now_ms;
    if (entry->bucket.tokens < 1) {
        return false;
    }
    entry->bucket.tokens -= 1;
    return true;
}

/* Counts one more occurrence. */
static struct entry *count_event(struct event_cache *cache, const struct event_subject *subject,
                                 bool combined, uint64_t note, int64_t now_ms)
{
    char hash[20] = "all";
    bool fresh;

    if (!combined) {
        snprintf(hash, sizeof hash, "%016llx", (unsigned long long)note);
    }
    AUTO_FREE char *key =
        xasprintf("e/%s/%s/%s/%s", subject->object, subject->type, subject->reason, hash);
    struct entry *entry = touch(cache, key, &fresh);
    entry->is_event = true;
    if (now_ms - entry->last_ms > EVENT_WINDOW_MS) {
        free(entry->event.name);
        entry->event.name = NULL;
        entry->event.count = 0;
    }
    if (!entry->event.count++) {
        entry->event.first_ms = now_ms;
    }
    entry->last_ms = now_ms;
    return entry;
}

void event_cache_decide(struct event_cache *cache, const struct event_subject *subject,
                        const char *suffix, int64_t now_ms, struct event_decision *decision)
{
    uint64_t note = kube_hash(subject->note, strlen(subject->note));
    bool combined = too_many_similar(cache, subject, note, now_ms);
    bool allowed = take_token(cache, subject->object, now_ms);
    /* What is not written is counted all the same: the next write tells the sum. */
    struct entry *entry = count_event(cache, subject, combined, note, now_ms);

    *decision = (struct event_decision){.action = EVENT_DROP,
                                        .count = entry->event.count,
                                        .first_ms = entry->event.first_ms,
                                        .combined = combined};
    if (!allowed) {
        return;
    }
    decision->action = entry->event.name ? EVENT_PATCH : EVENT_CREATE;
    if (!entry->event.name) {
        entry->event.name = xasprintf("%.*s.%s", NAME_PART, subject->name, suffix);
    }
    snprintf(decision->name, sizeof decision->name, "%s", entry->event.name);
}

void event_cache_forget(struct event_cache *cache, const char *event_name)
{
    struct entry *entry = cache->newest;

    while (entry &&
           (!entry->is_event || !entry->event.name || strcmp(entry->event.name, event_name) != 0)) {
        entry = entry->older;
    }
    if (entry) {
        free(entry->event.name);
        entry->event.name = NULL;
    }
}
