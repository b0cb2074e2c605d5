/* The template of a member's pod, and etcd's arguments. Pure. */
#ifndef CLUSTER_POD_TEMPLATE_H
#define CLUSTER_POD_TEMPLATE_H 1

#include <jansson.h>

#include "cluster/world.h"

/* The content of member.json (api/permit.h): etcd's flags for this version, without those of the
 * start. malloc'ed. */
char *pod_member_config(const struct world *world, const char *version);

/* The pod template. `hash` is set to our own hash of what matters in it: all but how the start
 * helper comes in and from which image, or each release of the operator would roll every cluster.
 * It is in the template's annotations too. New. */
json_t *pod_template(const struct world *world, const char *image, const char *config_name,
                     struct arena *arena, const char **hash);

#endif
