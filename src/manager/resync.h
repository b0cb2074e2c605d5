/* The periodic resync as a step function: within each period every key is added once, at a moment
 * of its own that its hash chooses, so that a thousand clusters do not come at once. */
#ifndef MANAGER_RESYNC_H
#define MANAGER_RESYNC_H 1

#include <stdbool.h>
#include <stdint.h>

/* A period is cut into this many slices; all keys of one slice are added together. */
#define RESYNC_SLICES 60

struct resync {
    int64_t slice_ms;
    int64_t next_ms; /* When the next slice is due. */
    uint32_t slice;  /* Which one. */
    uint64_t seed;   /* So that two operators do not keep time. */
};

void resync_init(struct resync *resync, int64_t period_ms, uint64_t seed, int64_t now_ms);
/* True if a slice is due; then `resync->slice` holds until the next call. */
bool resync_due(struct resync *resync, int64_t now_ms);
/* Whether the key belongs to the slice that is due. */
bool resync_wants(const struct resync *resync, const char *namespace, const char *name);

#endif
