#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct event {
    int64_t at_ms;
    uint64_t order; /* Of two at one moment the one planned first goes first. */
    sim_event *function;
    void *context;
    uint64_t argument;
};

/* No honest run comes near. */
#define SIM_MOST_EVENTS 1000000

struct sim {
    int64_t now_ms;
    uint64_t planned; /* Events so far. */
    struct event *heap;
    size_t length, capacity;
    uint64_t streams[N_SIM_STREAMS];
    void (*trace)(void *context, const char *text);
    void *trace_context;
    const char *invariant;
    char violation[512];
};

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014), the finalizer that is
 * known as SplitMix64. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct sim *sim_new(uint64_t seed)
{
    struct sim *sim = xcalloc(1, sizeof *sim);

    for (int i = 0; i < N_SIM_STREAMS; i++) {
        sim->streams[i] = next(&seed);
    }
    return sim;
}

void sim_free(struct sim *sim)
{
    if (sim) {
        free(sim->heap);
        free(sim);
    }
}

int64_t sim_now(const struct sim *sim)
{
    return sim->now_ms;
}

int64_t sim_wall_ms(const struct sim *sim)
{
    return SIM_WALL_START_MS + sim->now_ms;
}

/* A binary heap, the earliest event at its root. */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
    struct event kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct sim *sim, size_t i)
{
    for (; i && before(&sim->heap[i], &sim->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        swap(&sim->heap[i], &sim->heap[(i - 1) / 2]);
    }
}

static void sift_down(struct sim *sim, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < sim->length && before(&sim->heap[child + 1], &sim->heap[child])) {
            child++;
        }
        if (child >= sim->length || !before(&sim->heap[child], &sim->heap[i])) {
            return;
        }
        swap(&sim->heap[i], &sim->heap[child]);
        i = child;
    }
}

void sim_after(struct sim *sim, int64_t delay_ms, sim_event *function, void *context,
               uint64_t argument)
{
    if (sim->length == sim->capacity) {
        sim->capacity = sim->capacity ? 2 * sim->capacity : 64;
        sim->heap = xrealloc(sim->heap, sim->capacity * sizeof *sim->heap);
    }
    if (sim->planned > SIM_MOST_EVENTS) {
        sim_violate(sim, "Endless", "more than %d events were planned", SIM_MOST_EVENTS);
    }
    sim->heap[sim->length] = (struct event){sim->now_ms + (delay_ms > 0 ? delay_ms : 0),
                                            sim->planned++, function, context, argument};
    sift_up(sim, sim->length++);
}

void sim_cancel(struct sim *sim, const void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < sim->length; i++) {
        if (sim->heap[i].context != context) {
            sim->heap[kept++] = sim->heap[i];
        }
    }
    sim->length = kept;
    for (size_t i = kept / 2; i-- > 0;) {
        sift_down(sim, i);
    }
}

bool sim_step(struct sim *sim, int64_t until_ms)
{
    if (!sim->length || sim->heap[0].at_ms > until_ms) {
        sim->now_ms = until_ms > sim->now_ms ? until_ms : sim->now_ms;
        return false;
    }
    struct event event = sim->heap[0];
    sim->heap[0] = sim->heap[--sim->length];
    sift_down(sim, 0);
    /* A nested sleep may have carried time past it already. */
    sim->now_ms = event.at_ms > sim->now_ms ? event.at_ms : sim->now_ms;
    event.function(event.context, event.argument);
    return true;
}

void sim_sleep(struct sim *sim, int64_t duration_ms)
{
    int64_t until_ms = sim->now_ms + duration_ms;

    while (!sim->invariant && sim_step(sim, until_ms)) {
    }
}

uint64_t sim_below(struct sim *sim, enum sim_stream stream, uint64_t bound)
{
    /* The bias of the remainder is far below what any simulation could notice. */
    return next(&sim->streams[stream]) % bound;
}

int64_t sim_between(struct sim *sim, enum sim_stream stream, int64_t low, int64_t high)
{
    return low + (int64_t)sim_below(sim, stream, (uint64_t)(high - low) + 1);
}

bool sim_chance(struct sim *sim, enum sim_stream stream, double probability)
{
    return (double)(next(&sim->streams[stream]) >> 11) * 0x1p-53 < probability;
}

void sim_random_bytes(struct sim *sim, enum sim_stream stream, void *out, uint64_t size)
{
    unsigned char *bytes = out;

    for (uint64_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)next(&sim->streams[stream]);
    }
}

void sim_set_trace(struct sim *sim, void (*line)(void *context, const char *text), void *context)
{
    sim->trace = line;
    sim->trace_context = context;
}

void sim_trace(struct sim *sim, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (!sim->trace) {
        return;
    }
    int head = snprintf(text, sizeof text, "%10.3f  ", (double)sim->now_ms / 1000);
    va_start(arguments, format);
    vsnprintf(text + head, sizeof text - (size_t)head, format, arguments);
    va_end(arguments);
    sim->trace(sim->trace_context, text);
}

void sim_violate(struct sim *sim, const char *invariant, const char *format, ...)
{
    va_list arguments;

    if (sim->invariant) {
        return;
    }
    sim->invariant = invariant;
    va_start(arguments, format);
    vsnprintf(sim->violation, sizeof sim->violation, format, arguments);
    va_end(arguments);
    sim_trace(sim, "VIOLATION %s: %s", invariant, sim->violation);
}

const char *sim_violation(const struct sim *sim, const char **invariant)
{
    if (sim->invariant && invariant) {
        *invariant = sim->invariant;
    }
    return sim->invariant ? sim->violation : NULL;
}
