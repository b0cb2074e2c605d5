/* Into which version of etcd a snapshot may be restored. Pure. */
#ifndef RESTORE_VERSION_H
#define RESTORE_VERSION_H 1

#include "base/arena.h"

/* NULL: it may. Else why not, in words. `taken_with` is the version of the member that the snapshot
 * is of, `storage` that of its storage; NULL or "" where it is not known (storage before 3.6). */
const char *restore_version_refusal(const char *taken_with, const char *storage, const char *target,
                                    struct arena *arena);

#endif
