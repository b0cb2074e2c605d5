/* What etcd's write-ahead log says about whose it is: the first segment's first records, read with
 * every bound checked.  Nothing is written.
 *
 * A segment (server/storage/wal in etcd) is a row of frames: a little-endian 64-bit length, whose
 * low 56 bits count the record's bytes and whose high byte is 0x80 | n when n bytes of padding
 * follow; then the record, a protobuf message {type = 1, crc = 2, data = 3}.  Every segment begins
 * with a crc record (type 4, the checksum so far) and a metadata record (type 1, data {NodeID = 1,
 * ClusterID = 2}).
 *
 * etcd makes a log in member/wal.tmp and renames it when its first records are on disk, so a
 * directory member/wal with a segment in it that does not begin so was damaged; an empty one is
 * none (etcd sees it the same way). */
#ifndef MEMBER_WAL_H
#define MEMBER_WAL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wal_state { WAL_NONE, WAL_OK, WAL_UNREADABLE };

struct wal_facts {
    enum wal_state state;
    uint64_t member_id, cluster_id; /* WAL_OK */
    bool begun;                     /* WAL_OK: something was saved after the head. */
    char problem[160];              /* WAL_UNREADABLE: what was wrong, in words. */
};

#define WAL_HEAD_SIZE 65536 /* Bytes of the segment that are looked at. */

/* Looks into `data_dir`/member/wal. */
struct wal_facts wal_inspect(const char *data_dir);

/* The same for the beginning of a segment, in memory. */
struct wal_facts wal_parse(const uint8_t *head, size_t size);

#endif
