/* What the files of the simulated API server share. Only they include it. */
#ifndef SIM_API_INTERNAL_H
#define SIM_API_INTERNAL_H 1

#include "sim/kube/api_server.h"
#include "sim/kube/fields.h"

#define SIM_MAX_KINDS       24
#define SIM_MAX_SUBSCRIBERS 8
#define SIM_MAX_CLIENTS     16

struct sim_entry {
    char *namespace, *name; /* The namespace is "" for kinds without. */
    json_t *object;
    struct sim_fields fields; /* Who set what; empty until somebody applies it. */
};

struct sim_kind {
    const struct kube_resource *resource;
    bool has_status;          /* A subresource of its own. */
    bool has_generation;      /* Counts the changes of its spec. */
    bool needs_version;       /* An update without a resource version is refused. */
    struct sim_entry **items; /* By namespace, then by name. */
    size_t length, capacity;
};

/* One change. Of a creation `before` is NULL; of a deletion `after` is the last that was seen, with
 * the version of the deletion. */
struct sim_change {
    uint64_t version;
    const struct sim_kind *kind;
    json_t *before, *after;
    bool deleted;
};

struct sim_subscriber {
    void (*changed)(void *context, const struct kube_resource *resource, const json_t *object,
                    bool deleted);
    void *context;
};

struct sim_client {
    struct sim_api_server *server;
    const char *manager;
    struct kube_api api;
};

struct sim_api_server {
    struct sim *sim;
    uint64_t version;   /* Of the newest change. */
    uint64_t compacted; /* What is older cannot be asked for. */
    struct sim_kind kinds[SIM_MAX_KINDS];
    size_t n_kinds;
    /* Changes number `forgotten` and on; those before were compacted and nobody waits for them. */
    struct sim_change *history;
    size_t forgotten, length, capacity;
    struct sim_watch *watches; /* Open ones. */
    struct sim_subscriber subscribers[SIM_MAX_SUBSCRIBERS];
    size_t n_subscribers;
    struct sim_client *clients[SIM_MAX_CLIENTS];
    size_t n_clients;
    const struct kube_resource *refused;
    uint64_t n_events;
};

/* --- api_server.c ------------------------------------------------------------------------ */

struct sim_kind *sim_kind_of(struct sim_api_server *server, const struct kube_resource *resource);
/* `namespace` may be NULL. */
struct sim_entry *sim_entry_find(const struct sim_kind *kind, const char *namespace,
                                 const char *name);
/* Where it is, or would be. */
size_t sim_entry_position(const struct sim_kind *kind, const char *namespace, const char *name);

/* Each takes over the reference to `object`, whose top level and metadata nobody else has, gives it
 * the next resource version, and tells the subscribers. `fields` (may be NULL) is taken over. */
void sim_store_add(struct sim_api_server *server, struct sim_kind *kind, json_t *object,
                   const struct sim_fields *fields);
void sim_store_change(struct sim_api_server *server, struct sim_kind *kind, struct sim_entry *entry,
                      json_t *object);
void sim_store_drop(struct sim_api_server *server, struct sim_kind *kind, struct sim_entry *entry);

/* A copy with a metadata of its own; all else is shared. */
json_t *sim_object_copy(const json_t *object);
/* Now, as metav1.Time. */
json_t *sim_date(const struct sim_api_server *server);

/* --- requests.c -------------------------------------------------------------------------- */

void sim_client_fill(struct sim_client *client); /* With its functions. */
/* "statefulsets.apps" and "StatefulSet.apps": what messages call a kind. */
#define SIM_QUALIFIED_SIZE 96
const char *sim_qualified(char out[SIM_QUALIFIED_SIZE], const struct kube_resource *resource,
                          const char *word);
bool sim_is_terminating(const json_t *object);

/* --- deletion.c -------------------------------------------------------------------------- */

/* The preconditions hold. */
void sim_delete(struct sim_api_server *server, struct sim_kind *kind, struct sim_entry *entry,
                const struct kube_delete_options *options);
/* Nothing holds this object any more, which is being deleted. */
bool sim_deletion_due(const json_t *object);

/* --- watch.c ----------------------------------------------------------------------------- */

bool sim_is_selected(const json_t *object, const char *namespace, const char *selector);
/* The change with the lowest number that a watch waits for, or `none`. */
size_t sim_watches_oldest(const struct sim_api_server *server, size_t none);
void sim_watches_close_all(struct sim_api_server *server);

#endif
