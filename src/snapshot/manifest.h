/* What is known of a backup: the small object NAME.json beside the object NAME of a store. It is
 * written last, so it is what makes a backup count.
 *
 * {"v":1,"name":"a/b","size":123,"checksum":"sha256:...","databaseSize":456,"sha256":"...",
 *  "revision":7,"records":8,"compressed":true,"takenAt":"2026-11-24T10:00:00Z",
 *  "etcdVersion":"3.6.1","clusterID":"1f","member":"2e", ...}
 *
 * What is not known is left out; what a later version adds is ignored. */
#ifndef SNAPSHOT_MANIFEST_H
#define SNAPSHOT_MANIFEST_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

#define SNAPSHOT_MANIFEST_LIMIT 16384 /* Bytes; ours have 3 KiB at most. */

/* Texts are NULL where nothing is known. */
struct snapshot_manifest {
    const char *name;
    uint64_t size;        /* As it is stored, in bytes. */
    const char *checksum; /* The store's (store/store.h). */
    uint64_t database_size;
    const char *sha256; /* Of the database, in hex. */
    int64_t revision;
    uint64_t records;
    const char *storage_version;
    bool compressed;
    const char *encryption_key;                            /* The key's id; NULL: not encrypted. */
    const char *etcd_version, *cluster_id, *member, *role; /* Of whom it was taken; ids in hex. */
    bool has_hash;                                         /* hashKV, which etcd could tell. */
    uint32_t hash;
    int64_t hash_revision, hash_compact_revision;
    int64_t taken_at_ms;                  /* Since 1970; in whole seconds. */
    const char *cluster, *uid, *schedule; /* Of Kubernetes, as save was told them. */
};

json_t *snapshot_manifest_json(const struct snapshot_manifest *manifest);

/* The texts live in the arena. ERROR_INVALID says what does not fit. */
int snapshot_manifest_parse(const char *text, size_t size, struct arena *arena,
                            struct snapshot_manifest *manifest, struct error *error);

#endif
