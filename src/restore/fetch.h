/* The first step of a restore on a member's volume: the snapshot comes from the store, is opened,
 * and is proven while it comes, and lies on the volume afterwards as etcd sent it.  Nothing on the
 * volume is touched before all that can be known beforehand is in order. */
#ifndef RESTORE_FETCH_H
#define RESTORE_FETCH_H 1

#include "snapshot/key.h"
#include "snapshot/manifest.h"
#include "store/store.h"

struct restore_fetch {
    const char *root; /* In front of every path; "" but in tests. */
    struct store_destination store;
    const char *name; /* Of the object; that of its manifest is NAME.json. */
    struct snapshot_keys keys;
    const char *etcd_version; /* That the data is to be run with. */
    const char *sha256;       /* Of the database, if that is known; or NULL. */
    int64_t revision;         /* Likewise; 0: not known. */
};

/* `manifest` is what the backup was found to be. ERROR_INVALID: it is not good, or no key fits.
 * ERROR_EXISTS: refused, in words, and another try does not help. Else as the store says. */
int restore_fetch(const struct restore_fetch *fetch, struct arena *arena,
                  struct snapshot_manifest *manifest, struct error *error);

/* NULL: a volume with this many free bytes has room for a database of that size: for the snapshot
 * and what is made of it. */
const char *restore_room_problem(uint64_t free_bytes, uint64_t database_size, struct arena *arena);

#endif
