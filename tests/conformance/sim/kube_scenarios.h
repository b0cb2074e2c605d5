/* What Kubernetes does, in scenes: each is played before the simulated API server and controllers
 * and before the real ones, and both outcomes must be the same.  So what the simulator believes of
 * Kubernetes is compared with Kubernetes, and nothing is written down twice. */
#ifndef CONFORMANCE_KUBE_SCENARIOS_H
#define CONFORMANCE_KUBE_SCENARIOS_H 1

#include "kube_stage.h"

struct kube_scenario {
    const char *name;
    void (*play)(struct kube_stage *stage);
};

/* Ended by one without a name. */
extern const struct kube_scenario object_scenarios[], apply_scenarios[], watch_scenarios[],
    set_scenarios[], owner_scenarios[], pod_scenarios[], children_scenarios[];

#endif
