/* Requests to one API server: where it is, who we are, and what its answers mean.  Any thread. */
#ifndef KUBE_TRANSPORT_H
#define KUBE_TRANSPORT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/client.h"
#include "kube/resource.h"
#include "net/http.h"

struct kube_transport;

/* Takes all of the options but field_manager and those of events. */
int kube_transport_new(const struct kube_client_options *options, struct kube_transport **transport,
                       struct error *error);
void kube_transport_free(struct kube_transport *transport);

struct kube_call {
    const char *verb; /* For messages and metrics, see kube_client_options.observe. */
    const struct kube_resource *resource; /* NULL for what is no resource. */
    const char *namespace, *name;         /* For messages; may be NULL. */
    const char *method;                   /* "GET", "POST", ... */
    const char *target;                   /* Path and query. */
    const char *content_type;             /* Of the body; NULL: there is none. */
    const char *body;
    size_t body_size;
    bool changing;      /* Subject to kube_client_options.allow_change. */
    int64_t timeout_ms; /* As in http_request, and so are those below. */
    int64_t idle_timeout_ms;
    size_t max_response;
    int (*on_body)(void *context, const void *data, size_t size, struct error *error);
    void *on_body_context;
    bool (*cancelled)(void *context);
    void *cancelled_context;
};

/* 0 for an answer of 2xx, else a kind as kube/api.h says. Call http_response_fini() in either
 * case. */
int kube_transport_do(struct kube_transport *transport, const struct kube_call *call,
                      struct http_response *response, struct error *error);

#endif
