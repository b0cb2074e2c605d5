/* The simulator's heart: time that only events move, chance that a seed decides, and a trace.
 *
 * One thread, one seed, no clock and no randomness of the machine, so a seed replays exactly.
 * What happens later is an event: a function called at a moment of simulated time; of two at the
 * same moment the one that was planned first goes first.  A function may itself let time pass
 * (sim_sleep), as a process that waits for an answer does: other events run meanwhile, nested. */
#ifndef SIM_SIM_H
#define SIM_SIM_H 1

#include <stdbool.h>
#include <stdint.h>

struct sim;

/* Chance comes in streams, so that leaving out a fault (when a schedule is shrunk) does not change
 * what the rest draws more than it must. */
enum sim_stream {
    SIM_STREAM_FAULTS,   /* Which faults, when, where. */
    SIM_STREAM_API,      /* UIDs, latencies of the API server and its controllers. */
    SIM_STREAM_KUBELET,  /* Starts, stops, probes. */
    SIM_STREAM_ETCD,     /* Elections, restarts. */
    SIM_STREAM_OPERATOR, /* What the operator itself draws. */
    N_SIM_STREAMS
};

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim);

/* Milliseconds since the start; the wall clock begins at SIM_WALL_START_MS. */
int64_t sim_now(const struct sim *sim);
int64_t sim_wall_ms(const struct sim *sim);
#define SIM_WALL_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

typedef void sim_event(void *context, uint64_t argument);

/* Plans an event, `delay_ms` from now. Whoever frees what `context` points to first calls
 * sim_cancel() with it. */
void sim_after(struct sim *sim, int64_t delay_ms, sim_event *function, void *context,
               uint64_t argument);
/* Forgets all planned events with this context. */
void sim_cancel(struct sim *sim, const void *context);

/* Runs the next event, and moves time to it; false when there is none before or at `until_ms`
 * (time is then `until_ms`). */
bool sim_step(struct sim *sim, int64_t until_ms);
/* Lets this much time pass; the events in it run. */
void sim_sleep(struct sim *sim, int64_t duration_ms);

/* Uniform in [0, bound); bound at least 1. */
uint64_t sim_below(struct sim *sim, enum sim_stream stream, uint64_t bound);
/* Uniform in [low, high]. */
int64_t sim_between(struct sim *sim, enum sim_stream stream, int64_t low, int64_t high);
/* True with this probability. */
bool sim_chance(struct sim *sim, enum sim_stream stream, double probability);
void sim_random_bytes(struct sim *sim, enum sim_stream stream, void *out, uint64_t size);

/* One line, with the time in front; costs nothing unless tracing is on. */
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_set_trace(struct sim *sim, void (*line)(void *context, const char *text), void *context);

/* Something that must never be was seen: the first one is kept, and ends the run. `invariant` is a
 * static CamelCase name. */
void sim_violate(struct sim *sim, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* NULL: all is well. */
const char *sim_violation(const struct sim *sim, const char **invariant);

#endif
