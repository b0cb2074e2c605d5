/* How many requests a second may go to the API server: a token bucket as a step function.  It takes
 * no lock and reads no clock.
 *
 * The bucket holds `burst` tokens and gains `per_second`.  A taker who finds none is told when its
 * own will be there and has it: takers that come together are spread in the order of their asking,
 * and nobody asks twice. */
#ifndef KUBE_RATE_LIMIT_H
#define KUBE_RATE_LIMIT_H 1

#include <stdint.h>

struct kube_rate_limit {
    double per_second; /* 0: no limit. */
    double burst;      /* At least 1. */
    double tokens;     /* Below 0: that many takers are waiting. */
    int64_t at_ms;     /* When `tokens` was counted. */
};

/* The bucket is full at first. */
void kube_rate_limit_init(struct kube_rate_limit *limit, uint32_t per_second, uint32_t burst,
                          int64_t now_ms);

/* Takes one token; returns in how many milliseconds it may be used. */
int64_t kube_rate_limit_take(struct kube_rate_limit *limit, int64_t now_ms);

#endif
