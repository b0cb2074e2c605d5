#include "base/backoff.h"

int64_t backoff_next_ms(struct backoff *backoff, double chance)
{
    double delay = (double)backoff->base_ms;

    for (uint32_t i = 0; i < backoff->failures && delay < (double)backoff->max_ms; i++) {
        delay *= backoff->factor;
    }
    if (backoff->failures < UINT32_MAX) {
        backoff->failures++;
    }
    if (delay > (double)backoff->max_ms) {
        delay = (double)backoff->max_ms;
    }
    return (int64_t)(delay * (1 + backoff->jitter * chance));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
