/* Keeps a store equal to the API server's list of one kind: list in pages, then watch.
 *
 * The step function decides (what to ask for next, how long to wait); the thread shell in
 * reflector_thread.c only carries it out.  It never blocks, never reads a clock, and is what the
 * simulator drives.
 *
 * Behaviour (client-go's tools/cache/reflector.go gives the numbers): back-off 800 ms doubled to
 * 30 s with jitter 1; watch time-out random in 5 to 10 min; bookmarks; 410 Gone (as HTTP status or
 * as ERROR event) relists; silence for longer than KUBE_WATCH_IDLE_MS breaks the watch.
 *
 * A watch that has lived for a second and delivered anything is taken up again at once when it
 * ends.  What it delivers starts the back-off anew; one that ends sooner, or with nothing to show,
 * waits for it, so that a proxy that cuts every watch is not hammered.  After
 * REFLECTOR_WATCH_TRIES failures in a row the list is read again, and also after a watch that was
 * open for KUBE_WATCH_IDLE_MS without even a bookmark: an API server whose storage was restored
 * answers 200 to a version that it has not reached yet, and then says nothing. */
#ifndef KUBE_REFLECTOR_H
#define KUBE_REFLECTOR_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/error.h"
#include "kube/resource.h"
#include "kube/store.h"

/* Objects in a page of a list: a parsed page costs about 11 times its bytes. */
#define REFLECTOR_PAGE_LENGTH 50
/* Bookmarks come about once a minute, so silence for this long is death. */
#define KUBE_WATCH_IDLE_MS    (3 * 60 * 1000)
#define REFLECTOR_WATCH_TRIES 5

enum reflector_state { REFLECTOR_LIST, REFLECTOR_WATCH, REFLECTOR_WAIT };

struct reflector {
    enum reflector_state state;
    struct kube_store *store;
    const char *namespace;     /* Of the watch, borrowed; NULL: all. */
    char resource_version[32]; /* To watch from. */
    char *continue_token;      /* Of the list under way, or NULL. */
    int64_t wait_until_ms;     /* In REFLECTOR_WAIT: when to go on. */
    enum reflector_state after_wait;
    struct backoff backoff;
    int64_t watch_started_ms;
    bool progress;        /* The watch under way has delivered something. */
    unsigned watch_tries; /* Watches in a row that failed with nothing delivered. */
};

/* What to do now. */
enum reflector_action { REFLECTOR_DO_LIST, REFLECTOR_DO_WATCH, REFLECTOR_DO_WAIT };

struct reflector_request {
    enum reflector_action action;
    int64_t wait_ms;              /* For REFLECTOR_DO_WAIT. */
    const char *continue_token;   /* For REFLECTOR_DO_LIST: borrowed, or NULL for the first page. */
    const char *resource_version; /* For REFLECTOR_DO_WATCH: borrowed. */
    int watch_timeout_seconds;    /* For REFLECTOR_DO_WATCH. */
};

/* Announces the scope to the store. `namespace` (NULL: all) must outlive the reflector. */
void reflector_init(struct reflector *reflector, struct kube_store *store, const char *namespace);
void reflector_fini(struct reflector *reflector);

/* `chance` is uniform in [0, 1), here and below. */
void reflector_next(struct reflector *reflector, int64_t now_ms, double chance,
                    struct reflector_request *request);

/* What came of it. A page of a list: the List object; its items become shared. 0, or
 * ERROR_INVALID when it is no list, which is then to be told to reflector_ended(). */
int reflector_listed(struct reflector *reflector, json_t *list, struct error *error);
/* One line of the watch, decoded: {"type": ADDED|MODIFIED|DELETED|BOOKMARK|ERROR, "object": ...}.
 * 0, or a negative kind when the watch must end (ERROR_GONE, ERROR_INVALID, ERROR_RETRYABLE). */
int reflector_watched(struct reflector *reflector, json_t *event, struct error *error);
/* The watch ended by itself (`kind` ERROR_NONE) or the list or watch failed. */
void reflector_ended(struct reflector *reflector, enum error_kind kind, int64_t retry_after_ms,
                     int64_t now_ms, double chance);

#endif
