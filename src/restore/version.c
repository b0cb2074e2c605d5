#include "restore/version.h"

#include "cluster/version_guard.h"

#define FIRST_MINOR 5 /* Supported; before 3.6 the storage has no version. */
#define LAST_MINOR  7

const char *restore_version_refusal(const char *taken_with, const char *storage, const char *target,
                                    struct arena *arena)
{
    int minor = version_minor(target), of_snapshot = FIRST_MINOR;

    if (minor < FIRST_MINOR || minor > LAST_MINOR) {
        return arena_printf(arena, "a snapshot can be restored into etcd 3.%d to 3.%d, not into %s",
                            FIRST_MINOR, LAST_MINOR, target);
    }
    if (version_minor(taken_with) > of_snapshot) {
        of_snapshot = version_minor(taken_with);
    }
    if (version_minor(storage) > of_snapshot) {
        of_snapshot = version_minor(storage);
    }
    return of_snapshot <= minor
               ? NULL
               : arena_printf(arena,
                              "the snapshot is of etcd 3.%d, and %s cannot read what a later "
                              "version wrote: restore into 3.%d or later",
                              of_snapshot, target, of_snapshot);
}
