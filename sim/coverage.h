/* What the seeds have visited: each rule of the planner, and each pair of a fault and a rule that
 * was applied after it. */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H 1

#include <stdio.h>

#include "sim/schedule.h"

#define SIM_RULES 40

struct sim_coverage {
    const char *rules[SIM_RULES]; /* Names, static. */
    uint64_t seeds[SIM_RULES];    /* In how many seeds it was applied. */
    uint64_t pairs[N_SIM_FAULTS][SIM_RULES];
    uint64_t faults[N_SIM_FAULTS]; /* In how many seeds it came. */
    int n_rules;
    /* Of the seed under way. */
    uint64_t rules_seen;
    uint64_t pairs_seen[N_SIM_FAULTS];
};

/* The planner knows this rule (so that one that never fires is told of), and it fired or not: it
 * acted, waited, blocked, or held something back. */
void sim_coverage_rule(struct sim_coverage *coverage, const char *rule, bool fired,
                       const uint64_t *faults_seen);
/* A seed is over. */
void sim_coverage_end(struct sim_coverage *coverage, const uint64_t *faults_seen);
void sim_coverage_add(struct sim_coverage *sum, const struct sim_coverage *other);
/* The table; false when a rule was applied in fewer than `least` seeds, or never. */
bool sim_coverage_print(const struct sim_coverage *coverage, FILE *out, uint64_t least);

#endif
