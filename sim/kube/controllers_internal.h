/* What the controllers' files share. Only they include it. */
#ifndef SIM_CONTROLLERS_INTERNAL_H
#define SIM_CONTROLLERS_INTERNAL_H 1

#include "sim/kube/controllers.h"

/* What a controller knows of one kind: the changes that the server has made reach it in their
 * order, but late. */
enum sim_informer_kind { INFORMER_SETS, INFORMER_PODS, INFORMER_CLAIMS, N_INFORMERS };

struct sim_notice {
    json_t *object;
    bool deleted;
};

struct sim_informer {
    const struct kube_resource *resource;
    json_t *cache; /* By "namespace/name". */
    struct sim_notice *queue;
    size_t length, capacity;
    bool planned; /* Its delivery. */
};

struct sim_revision {
    json_t *template;
    char hash[16];
};

/* A StatefulSet that was seen once. */
struct sim_set {
    char *key;
    unsigned failures; /* In a row. */
    bool retry_planned;
    struct sim_revision *revisions; /* Templates that it has had. */
    size_t n_revisions;
};

struct sim_controllers {
    struct sim *sim;
    struct sim_api_server *server;
    const struct kube_api *api;
    bool stopped;
    struct sim_informer informers[N_INFORMERS];
    struct sim_set *sets;
    size_t n_sets;
    bool collection_planned, protection_planned;
};

#define SIM_KEY_SIZE 520

/* --- stateful_set.c ---------------------------------------------------------------------- */

/* Does what is to be done for a StatefulSet as the caches show it. */
int sim_stateful_set_sync(struct sim_controllers *controllers, struct sim_set *set,
                          struct error *error);

/* --- stateful_pod.c ---------------------------------------------------------------------- */

/* New objects as the controller makes them. */
json_t *sim_stateful_pod(const json_t *set, int ordinal, const char *revision);
json_t *sim_stateful_claim(const json_t *set, const json_t *claim_template, const char *pod);
/* The owner reference that makes the set the controller of a pod. */
json_t *sim_controller_reference(const json_t *set);
/* The object's owner that is its controller, or NULL. */
const json_t *sim_controller_of(const json_t *object);
/* The ordinal of a pod's name, or -1 if it is none of the set's names. */
int sim_stateful_ordinal(const json_t *set, const json_t *pod);

/* --- garbage.c --------------------------------------------------------------------------- */

/* Deletes what has no owner left, and ends deletions that wait for dependents. */
void sim_collect_garbage(struct sim_controllers *controllers);
/* Lets go of the claims that are being deleted and that no pod uses. */
void sim_release_claims(struct sim_controllers *controllers);

#endif
