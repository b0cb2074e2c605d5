#include "restore/fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

#include "base/memory.h"
#include "restore/stage.h"
#include "restore/version.h"
#include "snapshot/check.h"
#include "snapshot/file.h"
#include "snapshot/stored.h"

#define MEBIBYTE UINT64_C(1048576)
/* etcd's log takes 64 MB before anything is in it, and a file system wants some for itself. */
#define ROOM_BESIDE (128 * MEBIBYTE)

const char *restore_room_problem(uint64_t free_bytes, uint64_t database_size, struct arena *arena)
{
    uint64_t needed = 2 * database_size + ROOM_BESIDE;

    return free_bytes >= needed
               ? NULL
               : arena_printf(arena,
                              "the volume has %" PRIu64 " MiB free, and to restore a database of "
                              "%" PRIu64 " MiB takes %" PRIu64
                              " MiB: the snapshot, what is made of it, and etcd's log; ask for "
                              "larger volumes",
                              free_bytes / MEBIBYTE, database_size / MEBIBYTE, needed / MEBIBYTE);
}

static int refuse(struct error *error, const char *why)
{
    return error_set(error, ERROR_EXISTS, "%s", why);
}

/* It is the backup that was meant, and the data can be run with the version that is asked for. */
static int check_manifest(const struct restore_fetch *fetch,
                          const struct snapshot_manifest *manifest, struct arena *arena,
                          struct error *error)
{
    const char *refusal = restore_version_refusal(manifest->etcd_version, manifest->storage_version,
                                                  fetch->etcd_version, arena);

    if (refusal) {
        return refuse(error, refusal);
    }
    if ((fetch->sha256 && strcasecmp(fetch->sha256, manifest->sha256) != 0) ||
        (fetch->revision && fetch->revision != manifest->revision)) {
        return error_set(error, ERROR_INVALID,
                         "the store holds another snapshot under the name %s than the one that "
                         "was backed up: SHA-256 %.12s, revision %" PRId64,
                         fetch->name, manifest->sha256, manifest->revision);
    }
    return 0;
}

static int check_room(const struct restore_fetch *fetch, const struct snapshot_manifest *manifest,
                      struct arena *arena, struct error *error)
{
    const char *directory = arena_printf(arena, "%s" MEMBER_VOLUME_DIR, fetch->root);
    struct statvfs volume;

    if (statvfs(directory, &volume)) {
        return error_set(error, ERROR_RETRYABLE, "look at the volume %s: %s", directory,
                         strerror(errno));
    }
    const char *problem = restore_room_problem((uint64_t)volume.f_bavail * volume.f_frsize,
                                               manifest->database_size, arena);
    return problem ? refuse(error, problem) : 0;
}

/* All that can be known before the snapshot comes. */
static int check_before(const struct restore_fetch *fetch, struct store *store, struct arena *arena,
                        struct snapshot_manifest *manifest, struct error *error)
{
    int result = snapshot_stored_load(store, fetch->name, arena, manifest, error);

    if (!result) {
        result = check_manifest(fetch, manifest, arena, error);
    }
    if (!result) {
        result = snapshot_stored_confirm(store, manifest, error);
    }
    return result ? result : check_room(fetch, manifest, arena, error);
}

/* To the store "denied" means its credentials; of the bytes, that no key fits. */
static int take(const struct restore_fetch *fetch, struct store *store,
                const struct snapshot_manifest *manifest, struct snapshot_sink out,
                struct error *error)
{
    bool refused;
    int result = snapshot_check_stored(store, manifest, &fetch->keys, out, &refused, error);

    if (result && refused) {
        error->kind = ERROR_INVALID;
        return -(int)ERROR_INVALID;
    }
    return result;
}

int restore_fetch(const struct restore_fetch *fetch, struct arena *arena,
                  struct snapshot_manifest *manifest, struct error *error)
{
    AUTO_STORE struct store *store = NULL;
    AUTO_SNAPSHOT_FILE struct snapshot_file file = {.fd = -1};

    int result = store_open(&fetch->store, &store, error);
    if (result) {
        return result == -(int)ERROR_INVALID ? refuse(error, arena_strdup(arena, error->message))
                                             : result;
    }
    result = check_before(fetch, store, arena, manifest, error);
    if (!result) {
        result = stage_clear(fetch->root, error);
    }
    if (!result) {
        result = snapshot_file_create(
            &file, arena_printf(arena, "%s" RESTORE_SNAPSHOT, fetch->root), error);
    }
    if (!result) {
        result = take(fetch, store, manifest, snapshot_file_sink(&file), error);
    }
    return result ? result : snapshot_file_commit(&file, error);
}
