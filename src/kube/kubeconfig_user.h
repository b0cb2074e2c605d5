/* The user of a kubeconfig's context.  Private to kubeconfig*.c. */
#ifndef KUBE_KUBECONFIG_USER_H
#define KUBE_KUBECONFIG_USER_H 1

#include "kube/kubeconfig.h"
#include "kube/kubeconfig_entry.h"

/* Fills what of `out` comes from the user; `out` has the cluster's part, and an exec plugin may ask
 * for it. */
int kubeconfig_resolve_user(const struct kubeconfig_entry *user,
                            const struct kubeconfig_entry *cluster, struct kubeconfig *out,
                            struct error *error);

#endif
