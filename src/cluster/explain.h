/* The answer to "what does the operator see, and why does it do that?": what was observed, what
 * each rule said of it and what comes next, as one JSON document, and that document as text for a
 * person.  Pure; the keys are documented in docs/operations.md and stay. */
#ifndef CLUSTER_EXPLAIN_H
#define CLUSTER_EXPLAIN_H 1

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "cluster/plan.h"
#include "cluster/world.h"

/* What the asking process could not see of the world, and what was taken instead. */
struct explain_view {
    const char *secrets_unread; /* Why the TLS Secrets could not be read, or NULL. */
    const char *etcd_unread;    /* Why no member could be asked, or NULL: etcd had its say. */
};

/* For a process that is not where the operator is, or has not its rights: silence that may be its
 * own is not taken for a member's. Certificates that it may not read are taken to be good; when no
 * member answers it, one whose pod is Ready is taken to serve, for that is what the readiness probe
 * asks etcd. Before plan_make(). (explain_view.c) */
void explain_assume(struct world *world, struct arena *arena, struct explain_view *view);

/* The options with which the operator runs are its own: how the start helper comes into the pods is
 * taken from the live StatefulSet, so that it does not seem to differ. Before plan_make(). */
void explain_take_helper(struct world *world);

/* The whole document, a new reference. */
json_t *explain_document(const struct world *world, const struct plan *plan,
                         const struct explain_view *view, struct arena *arena);

/* The document as text. (explain_text.c) */
void explain_text(const json_t *document, struct buffer *out);

/* The part `observed` of the document, new. (explain_observed.c) */
json_t *explain_observed(const struct world *world, const struct plan *plan,
                         const struct explain_view *view, struct arena *arena);

/* The part `next`, new. (explain_next.c) */
json_t *explain_next(const struct world *world, const struct plan *plan);

/* For the parts: sets a text, null for NULL; an id as 16 hex digits, null for 0. What was cut in
 * the middle of a character must not cost the whole document. */
void explain_set_text(json_t *object, const char *key, const char *text);
void explain_set_id(json_t *object, const char *key, uint64_t id);

#endif
