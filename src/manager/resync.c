#include "manager/resync.h"

#include <stddef.h>

void resync_init(struct resync *resync, int64_t period_ms, uint64_t seed, int64_t now_ms)
{
    resync->slice_ms = period_ms / RESYNC_SLICES > 0 ? period_ms / RESYNC_SLICES : 1;
    resync->next_ms = now_ms + resync->slice_ms;
    resync->slice = 0;
    resync->seed = seed;
}

bool resync_due(struct resync *resync, int64_t now_ms)
{
    if (now_ms < resync->next_ms) {
        return false;
    }
    resync->slice = (resync->slice + 1) % RESYNC_SLICES;
    /* After a sleep of the machine the slices that were missed come one after another, but not
     * more than one period of them. */
    if (now_ms - resync->next_ms > resync->slice_ms * RESYNC_SLICES) {
        resync->next_ms = now_ms - resync->slice_ms * RESYNC_SLICES;
    }
    resync->next_ms += resync->slice_ms;
    return true;
}

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

bool resync_wants(const struct resync *resync, const char *namespace, const char *name)
{
    uint64_t hash =
        mix(mix(mix(resync->seed ^ UINT64_C(0xcbf29ce484222325), namespace), "/"), name);
    hash ^= hash >> 32; /* The low bits alone are weak. */
    return hash % RESYNC_SLICES == resync->slice;
}
