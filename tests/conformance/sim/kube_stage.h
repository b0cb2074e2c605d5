/* A stage on which a scenario plays: the simulated API server with the simulated controllers, or
 * the real ones.  A scenario sees no difference, and writes down what it saw without what differs
 * in any two runs (UIDs, versions, times). */
#ifndef CONFORMANCE_KUBE_STAGE_H
#define CONFORMANCE_KUBE_STAGE_H 1

#include "base/arena.h"
#include "base/buffer.h"
#include "base/json.h"
#include "kube/api.h"

struct kube_stage {
    void *context;
    const struct kube_api *api;   /* The operator. */
    const struct kube_api *other; /* Somebody else. */
    const char *namespace;        /* The scenario's own, empty. */
    struct arena *arena;          /* Of this scenario. */
    struct buffer outcome;

    int64_t deadline_ms; /* Of the UNTIL under way. */
    int64_t (*now_ms)(void *context);
    void (*sleep)(void *context, int64_t ms);

    int (*list_page)(void *context, const struct kube_resource *resource, const char *selector,
                     size_t limit, const char *token, json_t **list, struct error *error);
    /* What a watch from this version shows until now, as one array. */
    int (*watch)(void *context, const struct kube_resource *resource, const char *selector,
                 const char *version, json_t **events, struct error *error);
    /* No more objects of this kind (in pods' case), or as many as one likes again. */
    void (*refuse_creates)(void *context, const struct kube_resource *resource, bool refuse);
};

/* --- Words --------------------------------------------------------------------------------- */

/* A line of the outcome. */
void say(struct kube_stage *stage, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "what: ok", or the error's kind and the server's words. */
void say_result(struct kube_stage *stage, const char *what, int result, const struct error *error);
/* The value as JSON with sorted keys, "missing" for NULL. */
void say_json(struct kube_stage *stage, const char *what, const json_t *json);

/* --- Requests; `json` and `patch` are taken over ----------------------------------------- */

json_t *json_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
int create(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
           struct error *error);
int apply(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
          struct error *error);
int patch(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
          json_t *patch, struct error *error);
int patch_by_other(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
                   json_t *patch, struct error *error);
int replace(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
            struct error *error);
int replace_status(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
                   struct error *error);
int delete_object(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
                  const struct kube_delete_options *options, struct error *error);
/* What must work for the scenario to mean anything; a failure is said. */
void make(struct kube_stage *stage, const struct kube_resource *resource, json_t *json);
void change(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
            json_t *patch);
void drop(struct kube_stage *stage, const struct kube_resource *resource, const char *name);

/* The object, or NULL; lives as long as the scenario. */
json_t *see(struct kube_stage *stage, const struct kube_resource *resource, const char *name);
json_t *see_all(struct kube_stage *stage, const struct kube_resource *resource,
                const char *selector);
const char *uid_of(struct kube_stage *stage, const struct kube_resource *resource,
                   const char *name);
const char *version_of(struct kube_stage *stage, const struct kube_resource *resource,
                       const char *name);
json_int_t generation_of(struct kube_stage *stage, const struct kube_resource *resource,
                         const char *name);
bool is_terminating(struct kube_stage *stage, const struct kube_resource *resource,
                    const char *name);

/* --- Time ---------------------------------------------------------------------------------- */

/* Waits until the condition holds; says so when it never does. */
#define UNTIL(stage, condition)                                                                    \
    for (until_begin(stage); !(condition) && until_wait(stage, #condition);) {                     \
    }
void until_begin(struct kube_stage *stage);
bool until_wait(struct kube_stage *stage, const char *condition);
/* Long enough for controllers to do what they must not do. */
void settle(struct kube_stage *stage);

#endif
