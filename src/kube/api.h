/* The door to Kubernetes: the one table of functions through which a reconcile pass reaches it.
 * Behind it stand the real client (kube/client.h, with kube/store.h as its cache) and the
 * simulator.  All functions may be called from any worker thread.
 *
 * Objects are jansson values.  `*out` is a new reference for the caller; `out` may be NULL.
 * Kinds of errors, from the HTTP status and the Status object's reason: 404 NOT_FOUND, 409
 * AlreadyExists EXISTS, other 409 CONFLICT, 410 GONE, 400/405/415/422 INVALID, 401/403 DENIED (403
 * with "exceeded quota" too: the message says so), 429 and 5xx and network RETRYABLE with
 * retry_after_ms where the server gave it. The message quotes the server's own. */
#ifndef KUBE_API_H
#define KUBE_API_H 1

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "kube/resource.h"

struct kube_delete_options {
    const char *uid;                /* Precondition, or NULL. */
    const char *resource_version;   /* Precondition, or NULL. */
    int grace_period_seconds;       /* -1: the object's own. */
    const char *propagation_policy; /* "Background", "Foreground", "Orphan" or NULL. */
};

struct kube_api {
    void *context;

    /* From the API server itself. */
    int (*get)(void *context, const struct kube_resource *resource, const char *namespace,
               const char *name, json_t **out, struct error *error);
    /* All pages of the list as one array of items. The selectors may be NULL. Only for small lists
     * (events of one object). */
    int (*list)(void *context, const struct kube_resource *resource, const char *namespace,
                const char *label_selector, const char *field_selector, json_t **out,
                struct error *error);
    int (*create)(void *context, const struct kube_resource *resource, json_t *object, json_t **out,
                  struct error *error);
    /* Server-side apply as field manager "etcd-operator"; `force` takes fields over from others.
     * A metadata.resourceVersion in the object is a precondition. */
    int (*apply)(void *context, const struct kube_resource *resource, json_t *object, bool force,
                 json_t **out, struct error *error);
    /* JSON merge patch (RFC 7386); a metadata.uid or resourceVersion in it is a precondition, whose
     * failure is CONFLICT. */
    int (*merge_patch)(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *name, json_t *patch, json_t **out, struct error *error);
    /* Replaces the status subresource; the object carries name, namespace and resourceVersion. */
    int (*replace_status)(void *context, const struct kube_resource *resource, json_t *object,
                          json_t **out, struct error *error);
    /* Replaces the whole object, which carries its resourceVersion (CONFLICT when that is old). */
    int (*replace)(void *context, const struct kube_resource *resource, json_t *object,
                   json_t **out, struct error *error);
    /* Sets spec.replicas through the scale subresource. */
    int (*scale)(void *context, const struct kube_resource *resource, const char *namespace,
                 const char *name, int replicas, struct error *error);
    /* An object that is gone already is success. */
    int (*remove)(void *context, const struct kube_resource *resource, const char *namespace,
                  const char *name, const struct kube_delete_options *options, struct error *error);
    /* Records an event on the object (aggregated; failures are logged and forgotten).
     * type: "Normal" or "Warning"; reason: CamelCase; note: a sentence for a person. */
    void (*event)(void *context, const json_t *regarding, const char *type, const char *reason,
                  const char *note);

    /* From the local store, which the watches fill; only the kinds that the manager watches, and
     * only the fields that their trim function keeps. */
    int (*cached_get)(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t **out, struct error *error);
    /* Array of the objects whose owner key (see kube/store.h) is `namespace`/`owner`. */
    int (*cached_list)(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *owner, json_t **out, struct error *error);
};

#endif
