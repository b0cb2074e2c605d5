#include "store/local_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

#define MAX_DEPTH 64 /* A name has 512 bytes. */

struct walk {
    const char *directory, *under;
    struct arena *arena;
    struct local_file *files; /* malloc'ed, so that it can grow. */
    size_t count, room;
};

static void cleanup_dir(DIR **directory)
{
    if (*directory) {
        closedir(*directory);
    }
}

static void add(struct walk *walk, const struct local_file *file)
{
    if (strncmp(file->name, walk->under, strlen(walk->under)) != 0) {
        return;
    }
    if (walk->count == walk->room) {
        walk->room = walk->room ? 2 * walk->room : 64;
        walk->files = xrealloc(walk->files, walk->room * sizeof *walk->files);
    }
    walk->files[walk->count++] = *file;
}

/* ".NAME.ID.part": cuts it into name and id. */
static bool is_part(struct walk *walk, const char *below, const char *entry,
                    struct local_file *file)
{
    size_t length = strlen(entry), suffix = strlen(LOCAL_PART);

    if (length <= suffix || strcmp(entry + length - suffix, LOCAL_PART) != 0) {
        return false;
    }
    char *middle = arena_strndup(walk->arena, entry + 1, length - 1 - suffix);
    char *dot = strrchr(middle, '.');
    if (!dot || dot == middle) {
        return false;
    }
    *dot = '\0';
    file->part_id = dot + 1;
    file->name = arena_printf(walk->arena, "%s%s", below, middle);
    return true;
}

/* `below` is "" or ends with a slash. */
static int descend(struct walk *walk, const char *below, unsigned depth, struct error *error)
{
    AUTO_FREE char *path = xasprintf("%s/%s", walk->directory, below);
    CLEANUP(cleanup_dir) DIR *directory = opendir(path);
    struct dirent *entry;
    int result = 0;

    if (!directory) {
        return error_set(error, ERROR_INVALID, "read the directory %s: %s", path, strerror(errno));
    }
    while (!result && (entry = readdir(directory))) {
        struct local_file file = {0};
        struct stat seen;
        if (fstatat(dirfd(directory), entry->d_name, &seen, AT_SYMLINK_NOFOLLOW) < 0) {
            continue; /* Gone meanwhile. */
        }
        file.size = (uint64_t)seen.st_size;
        file.modified_ms = (int64_t)seen.st_mtim.tv_sec * 1000;
        if (entry->d_name[0] == '.') {
            if (S_ISREG(seen.st_mode) && is_part(walk, below, entry->d_name, &file)) {
                add(walk, &file);
            }
        } else if (S_ISDIR(seen.st_mode) && depth < MAX_DEPTH) {
            AUTO_FREE char *deeper = xasprintf("%s%s/", below, entry->d_name);
            result = descend(walk, deeper, depth + 1, error);
        } else if (S_ISREG(seen.st_mode)) {
            file.name = arena_printf(walk->arena, "%s%s", below, entry->d_name);
            add(walk, &file);
        }
    }
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct local_file *)a)->name, ((const struct local_file *)b)->name);
}

int local_walk(const char *directory, const char *under, struct arena *arena,
               struct local_file **files, size_t *count, struct error *error)
{
    struct walk walk = {.directory = directory, .under = under, .arena = arena};
    int result = descend(&walk, "", 0, error);

    if (walk.count) {
        qsort(walk.files, walk.count, sizeof *walk.files, by_name);
        arena_defer(arena, free, walk.files);
    }
    *files = walk.files;
    *count = result ? 0 : walk.count;
    return result;
}
