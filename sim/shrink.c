/* The shortest schedule that still fails the same way, found by leaving things out one by one. */
#include <string.h>

#include "sim/run.h"

static bool fails(const struct sim_schedule *schedule, const char *invariant)
{
    struct sim_result result;

    sim_run(schedule, NULL, NULL, NULL, &result);
    return result.invariant && !strcmp(result.invariant, invariant);
}

static bool keep_if_fails(struct sim_schedule *schedule, const struct sim_schedule *smaller,
                          const char *invariant)
{
    if (!fails(smaller, invariant)) {
        return false;
    }
    *schedule = *smaller;
    return true;
}

static struct sim_schedule without(const struct sim_schedule *schedule, int fault)
{
    struct sim_schedule smaller = *schedule;

    smaller.n_faults--;
    memmove(&smaller.faults[fault], &smaller.faults[fault + 1],
            (size_t)(smaller.n_faults - fault) * sizeof *smaller.faults);
    return smaller;
}

void sim_shrink(struct sim_schedule *schedule, const char *invariant)
{
    struct sim_schedule smaller;
    bool shrunk = true;

    while (shrunk) { /* What could not go before may go now. */
        shrunk = false;
        for (int i = schedule->n_faults - 1; i >= 0; i--) {
            smaller = without(schedule, i);
            shrunk = keep_if_fails(schedule, &smaller, invariant) || shrunk;
        }
        if (schedule->operators > 1) {
            smaller = *schedule;
            smaller.operators = 1;
            shrunk = keep_if_fails(schedule, &smaller, invariant) || shrunk;
        }
        if (schedule->size > 1) {
            smaller = *schedule;
            smaller.size -= 2;
            shrunk = keep_if_fails(schedule, &smaller, invariant) || shrunk;
        }
    }
    for (int i = 0; i < schedule->n_faults; i++) { /* Shorter faults are easier to read. */
        smaller = *schedule;
        smaller.faults[i].duration_ms = 1000;
        if (schedule->faults[i].duration_ms > 1000) {
            keep_if_fails(schedule, &smaller, invariant);
        }
    }
}
