/* Exponential back-off as a step function: it holds the number of failures and takes chance as an
 * argument, so that it replays in a simulation. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H 1

#include <stdint.h>

struct backoff {
    int64_t base_ms;   /* The first delay. */
    int64_t max_ms;    /* No delay is longer. */
    double factor;     /* Growth per failure, for example 2. */
    double jitter;     /* 0: none; 1: up to twice the delay, as client-go's reflector does. */
    uint32_t failures; /* Failures since the last backoff_reset(). */
};

/* The delay before the next try; counts one more failure. `chance` is uniform in [0, 1). */
int64_t backoff_next_ms(struct backoff *backoff, double chance);
void backoff_reset(struct backoff *backoff);

#endif
