/* Whether and how an event is worth a write: what repeats is counted, what resembles is summed up,
 * what floods is dropped (client-go, tools/record/events_cache.go gives the numbers).
 *
 * Plain state without lock or clock.  Bounded: what was used least recently is forgotten, and an
 * event that was forgotten simply is written anew. */
#ifndef KUBE_EVENT_CACHE_H
#define KUBE_EVENT_CACHE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_CACHE_LENGTH 1024   /* Entries of all sorts. */
#define EVENT_WINDOW_MS    600000 /* What is further apart belongs together no more. */
#define EVENT_SIMILAR_MAX  10     /* Different notes of one reason written by themselves. */
#define EVENT_BURST        25     /* Events of one object at once, */
#define EVENT_REFILL_MS    300000 /* and then one in this time. */
#define EVENT_NAME_SIZE    254

struct event_cache;

struct event_cache *event_cache_new(void);
void event_cache_free(struct event_cache *cache);

struct event_subject {
    const char *object; /* Identifies the object: its UID. */
    const char *name;   /* The object's name: Event objects are named after it. */
    const char *type, *reason, *note;
};

enum event_action { EVENT_DROP, EVENT_CREATE, EVENT_PATCH };

struct event_decision {
    enum event_action action;
    char name[EVENT_NAME_SIZE]; /* Of the Event object to create or patch. */
    int64_t count;
    int64_t first_ms;
    bool combined; /* It stands for several similar ones: its note must say so. */
};

/* `suffix` makes the name of a new Event object unique. */
void event_cache_decide(struct event_cache *cache, const struct event_subject *subject,
                        const char *suffix, int64_t now_ms, struct event_decision *decision);

/* The Event object is not there (any more): the next such event is created anew. */
void event_cache_forget(struct event_cache *cache, const char *event_name);

#endif
