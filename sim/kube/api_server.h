/* A simulated API server: objects, their versions, watches, and what Kubernetes does by itself with
 * owners, finalizers and preconditions.
 *
 * The functions act at once and without faults; latency and faults are put in front of them, where
 * a client is simulated (sim/operator/operator.c).  Objects are immutable once stored: a change
 * stores a copy, so what was handed out stays as it was.  What the client door hands out is shared
 * with the store and must not be changed; pages of a list and events of a watch are the caller's
 * own. */
#ifndef SIM_API_SERVER_H
#define SIM_API_SERVER_H 1

#include "kube/api.h"
#include "sim/sim.h"

struct sim_api_server;
struct sim_watch;

struct sim_api_server *sim_api_server_new(struct sim *sim);
void sim_api_server_free(struct sim_api_server *server);

/* The door as a client sees it, for the field manager of this name (static string). Its cached_get
 * and cached_list answer from the server itself; cached_list gives the objects whose label
 * etcd.etcd.io/cluster is `owner`. Lives as long as the server. */
const struct kube_api *sim_api_server_client(struct sim_api_server *server, const char *manager);

/* A page of a list as the wire carries it: {kind, apiVersion, metadata{resourceVersion, continue?},
 * items}. The list is of the moment of its first page. `continue_token` NULL: the first.
 * ERROR_GONE for a token whose moment was compacted. */
int sim_api_server_list_page(struct sim_api_server *server, const struct kube_resource *resource,
                             const char *namespace, const char *label_selector, size_t limit,
                             const char *continue_token, json_t **list, struct error *error);

/* A watch from a resource version on. ERROR_GONE when that was compacted. */
int sim_watch_open(struct sim_api_server *server, const struct kube_resource *resource,
                   const char *namespace, const char *label_selector, const char *resource_version,
                   struct sim_watch **watch, struct error *error);
/* The next event {type, object}, a new reference whose object is the stored one, not to be changed,
 * or NULL when there is none now. An object that no longer matches the selector is DELETED.
 */
json_t *sim_watch_next(struct sim_watch *watch);
/* A BOOKMARK of now. */
json_t *sim_watch_bookmark(const struct sim_watch *watch);
void sim_watch_close(struct sim_watch *watch);

/* Forgets the history: older resource versions are gone for watches and continue tokens. */
void sim_api_server_compact(struct sim_api_server *server);
uint64_t sim_api_server_version(const struct sim_api_server *server);

/* Events that clients recorded (`kube_api.event`): counted, not kept. */
uint64_t sim_api_server_events(const struct sim_api_server *server);

/* Called after each change, with the object as it is now (or was last, when `deleted`); borrowed.
 * It plans events (sim_after) and does not itself change anything here. */
void sim_api_server_subscribe(struct sim_api_server *server,
                              void (*changed)(void *context, const struct kube_resource *resource,
                                              const json_t *object, bool deleted),
                              void *context);

/* The live object, borrowed, or NULL: for controllers and invariants. */
const json_t *sim_api_server_peek(const struct sim_api_server *server,
                                  const struct kube_resource *resource, const char *namespace,
                                  const char *name);
/* Calls `function` for each live object of a kind, in the order of namespace/name. */
void sim_api_server_for_each(const struct sim_api_server *server,
                             const struct kube_resource *resource,
                             void (*function)(void *context, const json_t *object), void *context);

/* Creates of this kind are refused as a quota refuses them (DENIED, "exceeded quota"), or NULL:
 * of none. A fault. */
void sim_api_server_refuse_creates(struct sim_api_server *server,
                                   const struct kube_resource *resource);

#endif
