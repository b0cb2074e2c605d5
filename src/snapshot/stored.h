/* Backups in a store: the object NAME, which holds the snapshot, and the small object NAME.json,
 * its manifest (snapshot/manifest.h).  The object comes first and the manifest goes first, so a
 * manifest is never without its object, and an object without a manifest is no backup: one that is
 * under way, was given up, or was left when its manifest had been removed. Blocks; one thread. */
#ifndef SNAPSHOT_STORED_H
#define SNAPSHOT_STORED_H 1

#include "snapshot/manifest.h"
#include "store/store.h"

/* ERROR_INVALID for names that could be taken for a manifest's. */
int snapshot_stored_check_name(const char *name, struct error *error);

/* The manifest of NAME. ERROR_NOT_FOUND: there is no such backup. ERROR_EXISTS: something else lies
 * where its manifest should. */
int snapshot_stored_load(struct store *store, const char *name, struct arena *arena,
                         struct snapshot_manifest *manifest, struct error *error);
/* Writes the manifest, whose object has been confirmed: from now on it is a backup. */
int snapshot_stored_commit(struct store *store, const struct snapshot_manifest *manifest,
                           struct error *error);
/* Asks the store whether the object is what the manifest says. ERROR_NOT_FOUND: it is not there;
 * ERROR_INVALID: it is another. */
int snapshot_stored_confirm(struct store *store, const struct snapshot_manifest *manifest,
                            struct error *error);
/* 0 also when nothing, or only a part, was there; unfinished uploads of the name go as well. */
int snapshot_stored_remove(struct store *store, const char *name, struct error *error);

/* All backups whose name begins with `under`, with their objects there at the right size, in the
 * order of names, in the arena. What is no manifest of ours is passed over. */
int snapshot_stored_list(struct store *store, const char *under, struct arena *arena,
                         struct snapshot_manifest **manifests, size_t *n, struct error *error);

#endif
