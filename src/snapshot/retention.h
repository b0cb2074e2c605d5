/* Which backups of one schedule are kept, as a pure function.
 *
 * `last` and `age_ms` are limits: a backup stays while it is one of the newest `last` and younger
 * than `age_ms` (both, where both are given).  What they would drop stays all the same when it is
 * the newest of its day, ISO week or month (UTC), for so many of the newest days, weeks and months
 * that have a backup at all.  Where only those are given, nothing else is kept.  The newest backup
 * always stays, and so does all when nothing is given. */
#ifndef SNAPSHOT_RETENTION_H
#define SNAPSHOT_RETENTION_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_retention {
    uint32_t last, daily, weekly, monthly; /* 0: not given. */
    int64_t age_ms;                        /* Likewise. */
};

struct snapshot_kept {
    const char *name;
    int64_t taken_at_ms; /* Since 1970. */
    bool goes;           /* What snapshot_retention_apply() decided. */
};

bool snapshot_retention_is_set(const struct snapshot_retention *retention);

/* Sorts the items, the newest first (of two at one moment, by name), and decides on each. */
void snapshot_retention_apply(const struct snapshot_retention *retention, int64_t now_ms,
                              struct snapshot_kept *items, size_t n);

#endif
