/* The two stages. Each is new for every scenario. */
#ifndef CONFORMANCE_STAGES_H
#define CONFORMANCE_STAGES_H 1

#include "kube/client.h"
#include "kube_stage.h"

struct kube_stage *model_stage_new(void);
void model_stage_free(struct kube_stage *stage);

/* Where the real API server is; the clients are shared by all scenarios. */
struct real_cluster;
int real_cluster_new(const struct kube_client_options *options, struct real_cluster **cluster,
                     struct error *error);
void real_cluster_free(struct real_cluster *cluster);

/* Makes a namespace, and deletes it. */
struct kube_stage *real_stage_new(struct real_cluster *cluster);
void real_stage_free(struct kube_stage *stage);

#endif
