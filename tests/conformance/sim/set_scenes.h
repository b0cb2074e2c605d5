/* What scenarios with StatefulSets share: the set "c", its pods and its claims. */
#ifndef CONFORMANCE_SET_SCENES_H
#define CONFORMANCE_SET_SCENES_H 1

#include "kube_stage.h"

/* Parallel and OnDelete, with a claim template. Pods that cannot be `placed` get no node. */
json_t *set_of(int replicas, bool placed, const char *label);
void scale_set(struct kube_stage *stage, int replicas);
/* The template's label is what tells its pods apart. */
void relabel_set(struct kube_stage *stage, const char *label);

const char *pod_label(struct kube_stage *stage, const char *pod);
bool pod_there(struct kube_stage *stage, const char *pod);
size_t pods_there(struct kube_stage *stage);
json_int_t set_status(struct kube_stage *stage, const char *field);
/* The status is of the set as it is now, and shows so many replicas and ready ones. */
bool set_settled(struct kube_stage *stage, int replicas, int ready);

/* Each pod and claim by name, and the numbers of the set's status. */
void say_pods(struct kube_stage *stage);
void say_claims(struct kube_stage *stage);
void say_status(struct kube_stage *stage);

#endif
