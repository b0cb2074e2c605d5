/* What Kubernetes' own controllers do with a cluster's objects: the StatefulSet controller
 * (Parallel, OnDelete, claims from templates, status with observedGeneration and revisions; from
 * the top when it scales in) and the garbage collector (owner references, background).  They see
 * each change after a while, as the real ones do, and work from what they then find. */
#ifndef SIM_CONTROLLERS_H
#define SIM_CONTROLLERS_H 1

#include "sim/kube/api_server.h"

struct sim_controllers;

struct sim_controllers *sim_controllers_new(struct sim *sim, struct sim_api_server *server);
void sim_controllers_free(struct sim_controllers *controllers);
/* While stopped nothing is done (kube-controller-manager is away); a fault. */
void sim_controllers_set_stopped(struct sim_controllers *controllers, bool stopped);

#endif
