/* Writes core v1 Events (k8s.io/api/core/v1) about objects, through any struct kube_api. */
#ifndef KUBE_EVENTS_H
#define KUBE_EVENTS_H 1

#include "kube/api.h"

struct event_recorder;

/* Uses create and merge_patch of `api`, which outlives the recorder. `component` names the software
 * in the events; `instance` the process: NULL means POD_NAME of the environment or, without that,
 * the host's name. */
struct event_recorder *event_recorder_new(const struct kube_api *api, const char *component,
                                          const char *instance);
void event_recorder_free(struct event_recorder *recorder);

/* See kube_api.event. Any thread; blocks for one request, or for none when the event is dropped. */
void event_recorder_record(struct event_recorder *recorder, const json_t *regarding,
                           const char *type, const char *reason, const char *note);

#endif
