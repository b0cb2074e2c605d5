#include "sim/coverage.h"

#include <string.h>

static int find(struct sim_coverage *coverage, const char *rule)
{
    int i = 0;

    while (i < coverage->n_rules && strcmp(coverage->rules[i], rule) != 0) {
        i++;
    }
    if (i == coverage->n_rules && i < SIM_RULES) {
        coverage->rules[coverage->n_rules++] = rule;
    }
    return i < SIM_RULES ? i : SIM_RULES - 1;
}

static bool seen(const uint64_t *faults, int fault)
{
    return faults[fault / 64] >> (fault % 64) & 1;
}

void sim_coverage_rule(struct sim_coverage *coverage, const char *rule, bool fired,
                       const uint64_t *faults_seen)
{
    uint64_t bit = UINT64_C(1) << find(coverage, rule);

    if (!fired) {
        return;
    }
    coverage->rules_seen |= bit;
    for (int i = 0; i < N_SIM_FAULTS; i++) {
        coverage->pairs_seen[i] |= seen(faults_seen, i) ? bit : 0;
    }
}

void sim_coverage_end(struct sim_coverage *coverage, const uint64_t *faults_seen)
{
    for (int rule = 0; rule < coverage->n_rules; rule++) {
        coverage->seeds[rule] += coverage->rules_seen >> rule & 1;
        for (int fault = 0; fault < N_SIM_FAULTS; fault++) {
            coverage->pairs[fault][rule] += coverage->pairs_seen[fault] >> rule & 1;
        }
    }
    for (int fault = 0; fault < N_SIM_FAULTS; fault++) {
        coverage->faults[fault] += seen(faults_seen, fault);
    }
    coverage->rules_seen = 0;
    memset(coverage->pairs_seen, 0, sizeof coverage->pairs_seen);
}

void sim_coverage_add(struct sim_coverage *sum, const struct sim_coverage *other)
{
    for (int rule = 0; rule < other->n_rules; rule++) {
        int here = find(sum, other->rules[rule]);
        sum->seeds[here] += other->seeds[rule];
        for (int fault = 0; fault < N_SIM_FAULTS; fault++) {
            sum->pairs[fault][here] += other->pairs[fault][rule];
        }
    }
    for (int fault = 0; fault < N_SIM_FAULTS; fault++) {
        sum->faults[fault] += other->faults[fault];
    }
}

/* What the simulator has no part for: restores are tested over a small API server
 * (tests/unit/restore) and for real. */
static bool is_elsewhere(const char *rule)
{
    return !strcmp(rule, "AwaitRestore");
}

bool sim_coverage_print(const struct sim_coverage *coverage, FILE *out, uint64_t least)
{
    bool enough = true;

    fprintf(out, "%-24s %8s   most often after\n", "rule", "seeds");
    for (int rule = 0; rule < coverage->n_rules; rule++) {
        int best = 0, pairs = 0;
        for (int fault = 0; fault < N_SIM_FAULTS; fault++) {
            best = coverage->pairs[fault][rule] > coverage->pairs[best][rule] ? fault : best;
            pairs += coverage->pairs[fault][rule] > 0;
        }
        bool seldom = coverage->seeds[rule] < least && !is_elsewhere(coverage->rules[rule]);
        enough = enough && !seldom;
        fprintf(out, "%-24s %8llu   %s (%llu); after %d of %d faults%s\n", coverage->rules[rule],
                (unsigned long long)coverage->seeds[rule], sim_fault_name(best),
                (unsigned long long)coverage->pairs[best][rule], pairs, N_SIM_FAULTS,
                seldom ? "   TOO SELDOM" : "");
    }
    for (int fault = 0; fault < N_SIM_FAULTS; fault++) {
        if (!coverage->faults[fault] && least) {
            fprintf(out, "fault %s never came\n", sim_fault_name(fault));
            enough = false;
        }
    }
    return enough;
}
