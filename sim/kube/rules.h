/* What the API server refuses as invalid, as far as the operator can meet it. */
#ifndef SIM_RULES_H
#define SIM_RULES_H 1

#include "kube/resource.h"

#include <jansson.h>

#define SIM_RULE_SIZE 480

/* False: `why` says what is wrong, in the server's words. */
bool sim_rules_create(const struct kube_resource *resource, const json_t *object,
                      char why[SIM_RULE_SIZE]);
bool sim_rules_update(const struct kube_resource *resource, const json_t *before,
                      const json_t *after, char why[SIM_RULE_SIZE]);

#endif
