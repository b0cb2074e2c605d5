/* What etcd is known to do, each as one function that plays it and writes down what it saw. Nothing
 * here says what the outcome should be: it is what etcd does. */
#ifndef TEST_CONFORMANCE_SIM_ETCD_SCENARIOS_H
#define TEST_CONFORMANCE_SIM_ETCD_SCENARIOS_H 1

#include "place.h"

struct scenario {
    const char *name;
    void (*play)(struct place *place);
    bool needs_old; /* A binary of the minor version before. */
};

extern const struct scenario etcd_scenarios[];
extern const size_t n_etcd_scenarios;

#endif
