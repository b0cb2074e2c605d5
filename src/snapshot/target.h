/* Where a snapshot is written: a file, or an object of a store. Either way nothing of it is there
 * until snapshot_target_finish() has succeeded. One thread. */
#ifndef SNAPSHOT_TARGET_H
#define SNAPSHOT_TARGET_H 1

#include "snapshot/file.h"
#include "snapshot/manifest.h"
#include "store/store.h"

struct snapshot_pipe;

struct snapshot_target {
    struct store *store; /* NULL: a file. */
    const char *name;    /* The file's path, or the object's name. */
    struct snapshot_file file;
    struct store_put *put;      /* NULL: not begun. */
    struct snapshot_pipe *pipe; /* Before it: the source goes on while the store is slow. */
};

int snapshot_target_begin(struct snapshot_target *target, struct error *error);
struct snapshot_sink snapshot_target_sink(struct snapshot_target *target);
/* Completes and confirms it, and puts name, size and checksum into the manifest; the texts live in
 * the arena. */
int snapshot_target_finish(struct snapshot_target *target, struct arena *arena,
                           struct snapshot_manifest *manifest, struct error *error);
/* Removes what was begun and is not finished; it may begin again. */
void snapshot_target_abort(struct snapshot_target *target);

#define AUTO_SNAPSHOT_TARGET CLEANUP(snapshot_target_abort)

#endif
