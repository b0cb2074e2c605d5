#include "restore/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "member/database.h"
#include "member/file.h"
#include "member/paths.h"
#include "member/wal.h"

#define MAX_MARKER 4096

static int failed(struct error *error, const char *path, const char *what)
{
    return error_set(error, ERROR_RETRYABLE, "%s cannot be %s: %s", path, what, strerror(errno));
}

int stage_clear(const char *root, struct error *error)
{
    AUTO_FREE char *stage = xasprintf("%s" RESTORE_STAGE_DIR, root);
    int result = directory_remove(stage, error);

    if (!result && mkdir(stage, 0700)) {
        return failed(error, stage, "created");
    }
    return result;
}

static bool same_marker(const struct marker *a, const struct marker *b)
{
    return !strcmp(a->cluster_uid, b->cluster_uid) && a->generation == b->generation &&
           a->ordinal == b->ordinal && a->member_id == b->member_id;
}

/* An earlier attempt came to its end: the data is in its place, and the marker says so. */
static bool is_committed(const struct member_paths *paths, const struct marker *wanted,
                         uint64_t *cluster_id)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct wal_facts wal = wal_inspect(paths->data);
    struct marker marker;
    struct error error;
    size_t size;
    char *text;

    *cluster_id = wal.cluster_id;
    return wal.state == WAL_OK && wal.member_id == wanted->member_id &&
           !file_read(paths->marker, MAX_MARKER, arena, &text, &size, &error) &&
           !marker_decode(text, size, arena, &marker, &error) && same_marker(&marker, wanted);
}

/* What the start helper would find wrong with it. All pages are looked at, for etcd would, once it
 * had panicked. */
static int check_staged(const char *staged, const struct marker *marker, uint64_t *cluster_id,
                        struct error *error)
{
    const struct wal_facts wal = wal_inspect(staged);
    struct database_memory memory = {0};
    const struct database_facts database = database_inspect(staged, true, &memory);

    if (wal.state != WAL_OK) {
        return error_set(error, ERROR_INVALID, "%s holds no restored data: %s", staged,
                         wal.state == WAL_NONE ? "there is no log" : wal.problem);
    }
    if (wal.member_id != marker->member_id) {
        return error_set(error, ERROR_INVALID, "%s is the data of member %llx, not of %llx", staged,
                         (unsigned long long)wal.member_id, (unsigned long long)marker->member_id);
    }
    if (database.state != DATABASE_OK) {
        return error_set(error, ERROR_INVALID, "the database in %s cannot be opened by etcd: %s",
                         staged,
                         database.state == DATABASE_NONE ? "it is empty" : database.problem);
    }
    *cluster_id = wal.cluster_id;
    return 0;
}

static int sync_entry(const char *path, const struct stat *info, int type, struct FTW *position)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    (void)info;
    (void)type;
    (void)position;
    return fd < 0 || fsync(fd) ? -1 : 0;
}

static int take_into_use(const struct member_paths *paths, const char *staged, struct error *error)
{
    if (rename(staged, paths->data)) { /* Over an empty directory, too. */
        return failed(error, staged, "moved to the data directory");
    }
    return directory_sync(paths->volume, error);
}

int stage_commit(const char *root, const struct marker *marker, uint64_t *cluster_id,
                 struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct member_paths paths = member_paths(root, arena);
    const char *stage = arena_printf(arena, "%s" RESTORE_STAGE_DIR, root);
    const char *staged = arena_printf(arena, "%s" RESTORE_STAGED_DATA, root);
    AUTO_FREE char *text = marker_encode(marker);

    if (is_committed(&paths, marker, cluster_id)) {
        return directory_remove(stage, error);
    }
    int result = directory_has_entries(paths.data, error);
    if (result > 0) {
        return error_set(error, ERROR_EXISTS,
                         "%s holds other data, which is left as it is: a restore needs an empty "
                         "volume",
                         paths.data);
    }
    if (!result) {
        result = check_staged(staged, marker, cluster_id, error);
    }
    if (!result && nftw(staged, sync_entry, 16, FTW_DEPTH | FTW_PHYS)) {
        result = failed(error, staged, "synced");
    }
    /* A marker without data starts nothing; data without a marker neither, but looks like a loss.
     */
    if (!result) {
        result = file_write(paths.marker, text, error);
    }
    if (!result) {
        result = take_into_use(&paths, staged, error);
    }
    return result ? result : directory_remove(stage, error);
}
