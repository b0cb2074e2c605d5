/* The least that makes pods go: each gets a node and its claims, runs, is ready at once, and ends
 * when it is told to; one with a node selector finds no node.  For tests of what stands around
 * pods; the simulator has a kubelet of its own. */
#ifndef TESTS_TINY_KUBELET_H
#define TESTS_TINY_KUBELET_H 1

#include "sim/kube/api_server.h"

struct tiny_kubelet {
    struct sim *sim;
    struct sim_api_server *server;
    const struct kube_api *api;
    bool planned;
    bool lingers; /* Pods that are told to end do not. */
};

void tiny_kubelet_init(struct tiny_kubelet *kubelet, struct sim *sim,
                       struct sim_api_server *server);
/* Looks at all pods again, some time from now. */
void tiny_kubelet_wake(struct tiny_kubelet *kubelet);
void tiny_kubelet_fini(struct tiny_kubelet *kubelet);

#endif
