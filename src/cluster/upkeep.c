#include "cluster/upkeep.h"

#include <string.h>

void upkeep_note_revision(struct upkeep *upkeep, int64_t revision, int64_t now_ms)
{
    const struct upkeep_sample *last =
        upkeep->n_samples ? &upkeep->samples[upkeep->n_samples - 1] : NULL;

    if (last && revision < last->revision) { /* Another store: what is known is of no use. */
        *upkeep = (struct upkeep){.since_ms = upkeep->since_ms};
        last = NULL;
    }
    if (last && now_ms - last->at_ms < UPKEEP_HISTORY_MS / 8) {
        return;
    }
    if (upkeep->n_samples == UPKEEP_SAMPLES) {
        memmove(upkeep->samples, upkeep->samples + 1,
                (UPKEEP_SAMPLES - 1) * sizeof *upkeep->samples);
        upkeep->n_samples--;
    }
    upkeep->samples[upkeep->n_samples++] = (struct upkeep_sample){revision, now_ms};
}

int64_t upkeep_old_revision(const struct upkeep *upkeep, int64_t now_ms)
{
    for (int i = upkeep->n_samples - 1; i >= 0; i--) {
        if (now_ms - upkeep->samples[i].at_ms >= UPKEEP_HISTORY_MS) {
            return upkeep->samples[i].revision;
        }
    }
    return 0;
}
