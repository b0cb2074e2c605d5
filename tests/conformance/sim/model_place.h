/* The simulated etcd as a place for scenarios. */
#ifndef TEST_CONFORMANCE_SIM_MODEL_PLACE_H
#define TEST_CONFORMANCE_SIM_MODEL_PLACE_H 1

#include "place.h"

struct model;

struct model_place {
    struct place place; /* First. */
    struct model *model;
};

/* `old_version` may be NULL. */
void model_place_init(struct model_place *place, uint64_t seed, const char *version,
                      const char *old_version);
void model_place_fini(struct model_place *place);

#endif
