/* A snapshot that is proven while it streams: whatever passes through is hashed and noted, and at
 * the end it is known whether it is whole, and what is in it.  Memory is flat: one page, and the
 * notes of snapshot/pages.h.  One thread.
 *
 * A snapshot is the database as bbolt writes it (bbolt/format.h) and behind it 32 bytes, the
 * SHA-256 of the database: what Maintenance.Snapshot sends, and what `etcdctl snapshot save` makes
 * a file of. */
#ifndef SNAPSHOT_READER_H
#define SNAPSHOT_READER_H 1

#include <stdint.h>

#include "snapshot/pages.h"
#include "snapshot/sink.h"

#define SNAPSHOT_SHA256_SIZE 32

struct snapshot_facts {
    struct snapshot_contents contents;
    uint64_t size;                        /* Of the database, without its hash. */
    uint8_t sha256[SNAPSHOT_SHA256_SIZE]; /* Of the database: its last 32 bytes. */
};

struct snapshot_reader;

struct snapshot_reader *snapshot_reader_new(void);
void snapshot_reader_free(struct snapshot_reader *reader); /* NULL is allowed. */

/* Takes bytes in pieces of any size; never fails before the end. */
struct snapshot_sink snapshot_reader_sink(struct snapshot_reader *reader);

/* When all has come. ERROR_INVALID says what is wrong: it is no snapshot, cut short, has no hash,
 * another hash, or a page that does not fit. */
int snapshot_reader_finish(struct snapshot_reader *reader, struct snapshot_facts *facts,
                           struct error *error);

#endif
