/* Proving what was stored: whatever comes from a file or a store is decrypted, decompressed and
 * proven while it streams, and the plain snapshot goes on to `out`. Memory is flat; one thread. */
#ifndef SNAPSHOT_CHECK_H
#define SNAPSHOT_CHECK_H 1

#include "snapshot/container.h"
#include "snapshot/manifest.h"
#include "snapshot/reader.h"
#include "store/store.h"

struct snapshot_check;

/* `keys` are borrowed. `out.write` may be NULL: the snapshot is proven and not kept. */
struct snapshot_check *snapshot_check_new(const struct snapshot_keys *keys,
                                          struct snapshot_sink out);
void snapshot_check_free(struct snapshot_check *check); /* NULL is allowed. */

struct snapshot_sink snapshot_check_sink(struct snapshot_check *check);
/* When all has come. */
int snapshot_check_finish(struct snapshot_check *check, struct snapshot_form *form,
                          struct snapshot_facts *facts, struct error *error);
/* Whether it was the bytes that were refused (ERROR_INVALID: not a good snapshot; ERROR_DENIED: no
 * key fits), and not a file or a store that failed. */
bool snapshot_check_refused(const struct snapshot_check *check);
uint64_t snapshot_check_size(const struct snapshot_check *check); /* Of what came, in bytes. */

/* Streams the backup's object through all of that, and compares what is found with what its
 * manifest says. `*refused` as above. */
int snapshot_check_stored(struct store *store, const struct snapshot_manifest *manifest,
                          const struct snapshot_keys *keys, struct snapshot_sink out, bool *refused,
                          struct error *error);

/* Puts what was proven into a manifest; the texts live in the arena. */
void snapshot_check_describe(const struct snapshot_facts *facts, const struct snapshot_form *form,
                             struct arena *arena, struct snapshot_manifest *manifest);

#endif
