/* How patient healing must be: what spec.recovery says, counted from outside.  Only voters count
 * here, so there may have been more replacements than are seen, and never fewer. */
#include <string.h>

#include "base/json.h"
#include "sim/run.h"

#define MAX_BACKOFF_MS  INT64_C(300000) /* The default, which no schedule changes. */
#define DEFAULT_RETRIES 5
#define DEFAULT_SECONDS 10
/* The status has whole seconds, and the time is that of the pass's begin, which may have waited for
 * members that are silent. */
#define TOLERANCE_MS 5000

static int64_t interval_ms(const json_t *cluster, int repeats)
{
    const char *text = json_path_string(cluster, "spec", "recovery", "retryInterval", NULL);
    int64_t wait_ms = DEFAULT_SECONDS * INT64_C(1000);

    if (text) {
        api_duration_parse(text, &wait_ms);
    }
    for (int i = 1; i < repeats && wait_ms < MAX_BACKOFF_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < MAX_BACKOFF_MS ? wait_ms : MAX_BACKOFF_MS;
}

void sim_invariants_replaced(struct sim_run *run, int ordinal)
{
    struct sim_replacement *seen = &run->replacements[ordinal];
    const json_t *cluster = sim_cluster(run);
    int64_t now_ms = sim_now(run->sim), age_ms = now_ms - seen->at_ms;
    int most =
        (int)json_path_integer(cluster, DEFAULT_RETRIES, "spec", "recovery", "maxRetries", NULL);
    bool clocks_jump =
        run->faults_seen[SIM_FAULT_OperatorClockJumps / 64] >> (SIM_FAULT_OperatorClockJumps % 64) &
        1;

    if (json_path_integer(cluster, 0, "status", "recovery", "generation", NULL) !=
        run->replaced_generation) {
        return; /* Decided on a spec that has changed since. */
    }
    if (seen->repeats && !clocks_jump &&
        age_ms + TOLERANCE_MS < interval_ms(cluster, seen->repeats)) {
        sim_violate(run->sim, "ReplacedTooSoon",
                    "ordinal %d is replaced %lld ms after the last time, %d in a row, and not %lld",
                    ordinal, (long long)age_ms, seen->repeats,
                    (long long)interval_ms(cluster, seen->repeats));
    }
    if (seen->attempts >= most) {
        sim_violate(run->sim, "ReplacedTooOften",
                    "ordinal %d is replaced for the %d. time, and %d are allowed", ordinal,
                    seen->attempts + 1, most);
    }
    seen->repeats = seen->repeats && age_ms < 2 * MAX_BACKOFF_MS ? seen->repeats + 1 : 1;
    seen->attempts++;
    seen->at_ms = now_ms;
}

static bool is_whole(const json_t *cluster)
{
    const char *phase = json_path_string(cluster, "status", "phase", NULL);

    return phase && (!strcmp(phase, "Running") || !strcmp(phase, "Upgrading")) &&
           json_path_integer(cluster, -1, "status", "readyReplicas", NULL) ==
               json_path_integer(cluster, 0, "status", "bootstrap", "size", NULL);
}

void sim_invariants_recovery_told(struct sim_run *run, const json_t *cluster)
{
    int64_t generation = json_path_integer(cluster, 0, "metadata", "generation", NULL);
    bool begins_anew = generation != run->replaced_generation;

    run->replaced_generation = generation;
    for (int i = 0; i < SIM_ORDINALS; i++) {
        if (begins_anew) {
            run->replacements[i] = (struct sim_replacement){0};
        } else if (is_whole(cluster)) {
            run->replacements[i].attempts = 0;
        }
    }
}
