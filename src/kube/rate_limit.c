#include "kube/rate_limit.h"

void kube_rate_limit_init(struct kube_rate_limit *limit, uint32_t per_second, uint32_t burst,
                          int64_t now_ms)
{
    *limit = (struct kube_rate_limit){
        .per_second = per_second, .burst = burst ? burst : 1, .at_ms = now_ms};
    limit->tokens = limit->burst;
}

int64_t kube_rate_limit_take(struct kube_rate_limit *limit, int64_t now_ms)
{
    if (limit->per_second <= 0) {
        return 0;
    }
    if (now_ms > limit->at_ms) {
        limit->tokens += (double)(now_ms - limit->at_ms) * limit->per_second / 1000;
        limit->tokens = limit->tokens < limit->burst ? limit->tokens : limit->burst;
        limit->at_ms = now_ms;
    }
    limit->tokens -= 1;
    if (limit->tokens >= 0) {
        return 0;
    }
    return (int64_t)(-limit->tokens * 1000 / limit->per_second) + 1; /* Rather late than early. */
}
