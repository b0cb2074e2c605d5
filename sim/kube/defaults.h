/* What the API server fills in, and what it leaves out because it says nothing (empty lists, false
 * where false is meant anyway). */
#ifndef SIM_DEFAULTS_H
#define SIM_DEFAULTS_H 1

#include "sim/kube/api_internal.h"

/* An object that is about to be created, nobody else's. */
void sim_defaults_create(struct sim_api_server *server, const struct kube_resource *resource,
                         json_t *object);
/* One that is about to replace another. What it shares with that has been completed before. */
void sim_defaults_update(const struct kube_resource *resource, const json_t *before,
                         json_t *object);
/* What an apply of this object applies: a new copy without the status and the metadata that are not
 * the client's to set. */
json_t *sim_defaults_applied(const struct sim_kind *kind, const json_t *object);

#endif
