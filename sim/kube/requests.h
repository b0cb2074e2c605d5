/* What the verbs' files share: a request, and the words of refusals. Only they include it. */
#ifndef SIM_REQUESTS_H
#define SIM_REQUESTS_H 1

#include "sim/kube/api_internal.h"

/* What a request is about. */
struct sim_request {
    struct sim_client *client;
    struct sim_api_server *server;
    const char *verb;
    struct sim_kind *kind;
    const char *namespace, *name;
    struct sim_entry *entry; /* NULL: there is none. */
};

/* --- requests.c -------------------------------------------------------------------------- */

/* `context` is the client. */
struct sim_request sim_request(void *context, const char *verb,
                               const struct kube_resource *resource, const char *namespace,
                               const char *name);
/* About the object that this one names. */
struct sim_request sim_request_for(void *context, const char *verb,
                                   const struct kube_resource *resource, const json_t *object);
/* 0, with a new reference in `out` unless that is NULL. */
int sim_give(json_t *object, json_t **out);

/* --- writes.c ---------------------------------------------------------------------------- */

void sim_client_fill_writes(struct kube_api *api);

/* --- refusals.c -------------------------------------------------------------------------- */

/* As kube/transport.c words an answer of this status ("404 NotFound"). */
int sim_refuse(const struct sim_request *request, enum error_kind kind, const char *status,
               const char *words, struct error *error);
int sim_refuse_missing(const struct sim_request *request, struct error *error);
int sim_refuse_existing(const struct sim_request *request, struct error *error);
int sim_refuse_conflict(const struct sim_request *request, const char *why, struct error *error);
/* `kind`: what the words call it, which is mostly the kind. */
int sim_refuse_invalid(const struct sim_request *request, const char *kind, const char *why,
                       struct error *error);
int sim_refuse_over_quota(const struct sim_request *request, struct error *error);
/* What the caller's object or patch asks the live one to be. */
int sim_check_preconditions(const struct sim_request *request, const json_t *asked,
                            struct error *error);

#endif
