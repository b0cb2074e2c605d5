#include "snapshot/prune.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

bool snapshot_group_has(const struct snapshot_group *group,
                        const struct snapshot_manifest *manifest)
{
    return same(group->schedule, manifest->schedule) &&
           (group->schedule || same(group->cluster, manifest->cluster));
}

int snapshot_prune_plan(struct store *store, const struct snapshot_group *group,
                        const struct snapshot_retention *retention, int64_t now_ms,
                        struct arena *arena, struct snapshot_kept **items, size_t *n,
                        struct error *error)
{
    struct snapshot_manifest *manifests;
    size_t n_manifests;
    int result = snapshot_stored_list(store, "", arena, &manifests, &n_manifests, error);

    *n = 0;
    *items = arena_alloc(arena, (n_manifests + 1) * sizeof **items);
    for (size_t i = 0; !result && i < n_manifests; i++) {
        if (snapshot_group_has(group, &manifests[i])) {
            (*items)[(*n)++] = (struct snapshot_kept){.name = manifests[i].name,
                                                      .taken_at_ms = manifests[i].taken_at_ms};
        }
    }
    snapshot_retention_apply(retention, now_ms, *items, *n);
    return result;
}
