/* A door to Kubernetes that only reads, for who wants to look without watches: what the manager's
 * stores would hold is asked of the API server, cut as the stores cut it, and every change is
 * refused (ERROR_DENIED). Needs no right that the operator has not. */
#ifndef MANAGER_READ_ONLY_H
#define MANAGER_READ_ONLY_H 1

#include "kube/api.h"

/* `kube` stands behind the table and outlives it. */
struct kube_api read_only_api(const struct kube_api *kube);

#endif
