/* Removing the backups of a store that are no longer kept. Blocks; one thread. */
#ifndef SNAPSHOT_PRUNE_H
#define SNAPSHOT_PRUNE_H 1

#include "snapshot/retention.h"
#include "snapshot/stored.h"

/* Whose backups are counted together: those of a schedule (its uid, as the manifests have it), or,
 * with `schedule` NULL, those of a cluster that no schedule made. */
struct snapshot_group {
    const char *schedule, *cluster;
};

bool snapshot_group_has(const struct snapshot_group *group,
                        const struct snapshot_manifest *manifest);

/* Finds which of the group's backups go, the newest first, in the arena: `items[i].goes`. */
int snapshot_prune_plan(struct store *store, const struct snapshot_group *group,
                        const struct snapshot_retention *retention, int64_t now_ms,
                        struct arena *arena, struct snapshot_kept **items, size_t *n,
                        struct error *error);

#endif
