/* The real Kubernetes client: HTTP/1.1 over net/http.h, who we are (kube/credentials.h), and the
 * watches that fill the stores.
 *
 * The successful answers of get, create, apply, merge_patch, replace_status and of a remove that
 * leaves the object terminating go into the store of their kind at once, if a watch covers them
 * (namespace and label selector). */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/api.h"
#include "kube/store.h"

struct kube_client;

struct kube_client_options {
    const char *server;     /* "https://10.0.0.1:443"; NULL: as kubeconfig and context say, or from
                             * the environment of a pod (KUBERNETES_SERVICE_HOST and _PORT), or, when
                             * this is none, from the kubeconfig that kubectl would read. */
    const char *ca_file;    /* With `server` or in a pod. NULL: the service account's. */
    const char *token_file; /* Likewise (NULL: no token for a server without TLS). */
    const char *kubeconfig; /* Files separated by ':', see kube/kubeconfig.h. */
    const char *context;    /* Of the kubeconfig; NULL: its current-context. */
    const char *field_manager;  /* NULL: "etcd-operator" */
    const char *event_source;   /* reportingComponent of events; NULL: "etcd-operator" */
    const char *event_instance; /* reportingInstance; NULL: POD_NAME of the environment, or the
                                 * host's name. */
    /* Counts each answer: verb ("get", "list", "watch", "create", "apply", "patch", "update",
     * "delete"), resource plural, HTTP status (0: no answer) and milliseconds. May be NULL. */
    void (*observe)(void *context, const char *verb, const char *resource, long status,
                    int64_t milliseconds);
    void *observe_context;
    /* See http_options.allow: asked before every changing request, but those on Leases: these
     * decide who may, and are guarded by their own resourceVersion. NULL: always allowed. */
    bool (*allow_change)(void *context);
    void *allow_change_context;
    /* Requests for each second and how many at once after a silence; what is more waits. Watches
     * stay and Leases must not be late: both are not counted. 0: no limit. */
    uint32_t per_second, burst;
};

int kube_client_new(const struct kube_client_options *options, struct kube_client **client,
                    struct error *error);
void kube_client_free(struct kube_client *client); /* Stops first. NULL is allowed. */

/* Registers a kind to be watched into `store` (owned by the caller, outlives the client) in one
 * namespace or, with NULL, in all; a label selector or NULL. Several namespaces of one kind may
 * share a store. Before kube_client_start(). */
void kube_client_watch(struct kube_client *client, const struct kube_resource *resource,
                       const char *namespace, const char *label_selector, struct kube_store *store);
/* One thread per watch. */
int kube_client_start(struct kube_client *client, struct error *error);
/* True when every store has synced; waits at most timeout_ms. */
bool kube_client_wait_synced(struct kube_client *client, int64_t timeout_ms);
/* Ends the watches and waits for their threads; requests of other threads go on. */
void kube_client_stop(struct kube_client *client);

/* The table that reconcile passes use; lives as long as the client. */
const struct kube_api *kube_client_api(struct kube_client *client);

/* Reads GET /version once: 0 when the API server answers. */
int kube_client_ping(struct kube_client *client, struct error *error);

#endif
