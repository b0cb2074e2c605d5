/* The pages of a database as they stream by, and the walk over them afterwards.
 *
 * The stream comes in the order of the file and not of the trees, with pages among it that no tree
 * reaches any more and that may be newer than what the meta record reaches. So of each page as much
 * is noted as the walk may need: kind, count of elements, children, the revision of the last key.
 * That is 16 bytes for a page and 4 for each child of a branch: about 10 MB for 2 GiB.
 *
 * The bucket "key" has a key for each change: 8 bytes of revision (big endian), '_', 8 bytes of
 * sub-revision, and 't' for a deletion (etcd: server/storage/mvcc/revision.go). */
#ifndef SNAPSHOT_PAGES_H
#define SNAPSHOT_PAGES_H 1

#include <stdint.h>

#include "base/error.h"
#include "bbolt/format.h"

struct snapshot_contents {
    int64_t revision; /* Of the newest change; 0: none was ever made. */
    /* Elements of all buckets: what `etcdutl snapshot status` of 3.5 calls totalKey. Later ones
     * count the keys that are not deleted, for which they have all of them in memory. */
    uint64_t records;
    char storage_version[16]; /* "3.6.0"; "" before 3.6. */
};

struct snapshot_pages;

struct snapshot_pages *snapshot_pages_new(uint32_t page_size);
void snapshot_pages_free(struct snapshot_pages *pages); /* NULL is allowed. */

/* The next page, of page_size bytes; the first one is page 0. */
void snapshot_pages_take(struct snapshot_pages *pages, const uint8_t *bytes);

/* The newer valid meta record of the pages so far; NULL: there is none. */
const struct bbolt_meta *snapshot_pages_meta(const struct snapshot_pages *pages);

/* When all pages have come. ERROR_INVALID says which page does not fit. */
int snapshot_pages_walk(const struct snapshot_pages *pages, struct snapshot_contents *contents,
                        struct error *error);

#endif
