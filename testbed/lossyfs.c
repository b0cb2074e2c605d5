/*
 * lossyfs [-f] SOURCE TARGET: shows the folder SOURCE at TARGET as a disk that loses what was not
 * synced.
 *
 * Written bytes stay in this process's memory, where every reader of TARGET sees them, until fsync
 * or fdatasync puts those of that file into SOURCE. However the process ends, by SIGKILL with all
 * else on a node that loses its power or by umount, SOURCE then has the synced bytes and no others.
 * All else is in SOURCE at once: names, sizes that truncate and fallocate set, owners. It knows no
 * links. (So a file that was made and not synced is there, and empty or full of zeros, as on many
 * real disks.)
 *
 * A file SOURCE.fsync_ms beside the folder holds how many milliseconds each sync takes; without one
 * none. It is looked at each time. With -f the process stays in the foreground.
 */
#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096 };

/* What of one file of SOURCE is not synced. */
struct unsynced {
    struct unsynced *next;
    ino_t inode;
    int fd;        /* also keeps the inode's number from being used again */
    off_t end;     /* of the furthest write: the file is at least so long */
    size_t length; /* of pages */
    char **pages;  /* by page number; NULL: as in SOURCE */
};

static int source;
static char delay_file[PATH_MAX];
static struct unsynced *all_unsynced;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *relative(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static int result(int returned)
{
    return returned < 0 ? -errno : 0;
}

/* --- Unsynced pages; the caller holds the lock --- */

static struct unsynced *unsynced_find(ino_t inode)
{
    struct unsynced *file = all_unsynced;

    while (file && file->inode != inode)
        file = file->next;
    return file;
}

static struct unsynced *unsynced_get(int fd, ino_t inode)
{
    struct unsynced *file = unsynced_find(inode);

    if (file)
        return file;
    file = calloc(1, sizeof *file);
    if (!file || (file->fd = dup(fd)) < 0)
        err(1, "a file that is written to");
    file->inode = inode;
    file->next = all_unsynced;
    all_unsynced = file;
    return file;
}

static void unsynced_drop(struct unsynced *file)
{
    struct unsynced **link = &all_unsynced;

    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    for (size_t i = 0; i < file->length; i++)
        free(file->pages[i]);
    free(file->pages);
    close(file->fd);
    free(file);
}

/* The page to write to; it begins as SOURCE has it. */
static char *unsynced_page(struct unsynced *file, size_t number)
{
    if (number >= file->length) {
        size_t length = number + 1 + number / 2;

        file->pages = reallocarray(file->pages, length, sizeof *file->pages);
        if (!file->pages)
            err(1, "pages");
        memset(file->pages + file->length, 0, (length - file->length) * sizeof *file->pages);
        file->length = length;
    }
    if (!file->pages[number]) {
        file->pages[number] = calloc(1, PAGE_SIZE);
        if (!file->pages[number] ||
            pread(file->fd, file->pages[number], PAGE_SIZE, (off_t)number * PAGE_SIZE) < 0)
            err(1, "a page");
    }
    return file->pages[number];
}

static off_t size_of(const struct unsynced *file, off_t synced)
{
    return file && file->end > synced ? file->end : synced;
}

static void unsynced_truncate(struct unsynced *file, off_t size)
{
    size_t keep = ((size_t)size + PAGE_SIZE - 1) / PAGE_SIZE, tail = (size_t)size % PAGE_SIZE;

    if (file->end > size)
        file->end = size;
    for (size_t i = keep; i < file->length; i++) {
        free(file->pages[i]);
        file->pages[i] = NULL;
    }
    if (tail && keep <= file->length && file->pages[keep - 1])
        memset(file->pages[keep - 1] + tail, 0, PAGE_SIZE - tail);
}

/* Puts the file's pages into SOURCE. */
static int unsynced_store(struct unsynced *file)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return -errno;
    off_t end = size_of(file, st.st_size);
    for (size_t i = 0; i < file->length; i++) {
        off_t at = (off_t)i * PAGE_SIZE;
        size_t size = end - at < PAGE_SIZE ? (size_t)(end - at) : PAGE_SIZE;

        if (file->pages[i] && pwrite(file->fd, file->pages[i], size, at) != (ssize_t)size)
            return errno ? -errno : -EIO;
    }
    unsynced_drop(file);
    return 0;
}

/* --- Contents --- */

static int lossy_read(const char *path, char *buffer, size_t size, off_t offset,
                      struct fuse_file_info *info)
{
    int fd = (int)info->fh;
    struct stat st;
    int done = 0;

    (void)path;
    pthread_mutex_lock(&lock);
    if (fstat(fd, &st) < 0) {
        done = -errno;
        goto out;
    }
    const struct unsynced *file = unsynced_find(st.st_ino);
    off_t end = size_of(file, st.st_size);
    if (offset >= end)
        goto out;
    if ((off_t)size > end - offset)
        size = (size_t)(end - offset);
    memset(buffer, 0, size);
    if (pread(fd, buffer, size, offset) < 0) {
        done = -errno;
        goto out;
    }
    for (size_t at = 0, part; file && at < size; at += part) {
        size_t number = ((size_t)offset + at) / PAGE_SIZE,
               within = ((size_t)offset + at) % PAGE_SIZE;

        part = PAGE_SIZE - within < size - at ? PAGE_SIZE - within : size - at;
        if (number < file->length && file->pages[number])
            memcpy(buffer + at, file->pages[number] + within, part);
    }
    done = (int)size;
out:
    pthread_mutex_unlock(&lock);
    return done;
}

static int lossy_write(const char *path, const char *bytes, size_t size, off_t offset,
                       struct fuse_file_info *info)
{
    struct stat st;

    (void)path;
    if (fstat((int)info->fh, &st) < 0)
        return -errno;
    pthread_mutex_lock(&lock);
    struct unsynced *file = unsynced_get((int)info->fh, st.st_ino);
    for (size_t at = 0, part; at < size; at += part) {
        size_t number = ((size_t)offset + at) / PAGE_SIZE,
               within = ((size_t)offset + at) % PAGE_SIZE;

        part = PAGE_SIZE - within < size - at ? PAGE_SIZE - within : size - at;
        memcpy(unsynced_page(file, number) + within, bytes + at, part);
    }
    file->end = size_of(file, offset + (off_t)size) > file->end ? offset + (off_t)size : file->end;
    pthread_mutex_unlock(&lock);
    return (int)size;
}

static int truncate_open(int fd, off_t size)
{
    struct stat st;
    int done;

    pthread_mutex_lock(&lock);
    done = fstat(fd, &st) < 0 || ftruncate(fd, size) < 0 ? -errno : 0;
    struct unsynced *file = done ? NULL : unsynced_find(st.st_ino);
    if (file)
        unsynced_truncate(file, size);
    pthread_mutex_unlock(&lock);
    return done;
}

static int lossy_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    if (info)
        return truncate_open((int)info->fh, size);
    int fd = openat(source, relative(path), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int done = truncate_open(fd, size);
    close(fd);
    return done;
}

static int lossy_fallocate(const char *path, int mode, off_t offset, off_t size,
                           struct fuse_file_info *info)
{
    (void)path;
    if (mode & ~FALLOC_FL_KEEP_SIZE)
        return -EOPNOTSUPP;
    return result(fallocate((int)info->fh, mode, offset, size));
}

static void wait_as_told(void)
{
    long milliseconds = 0;
    FILE *file = fopen(delay_file, "re");

    if (!file)
        return;
    if (fscanf(file, "%ld", &milliseconds) != 1)
        milliseconds = 0;
    fclose(file);
    struct timespec left = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&left, NULL);
}

static int lossy_fsync(const char *path, int only_data, struct fuse_file_info *info)
{
    struct stat st;

    (void)path, (void)only_data;
    wait_as_told();
    if (fstat((int)info->fh, &st) < 0)
        return -errno;
    pthread_mutex_lock(&lock);
    struct unsynced *file = unsynced_find(st.st_ino);
    int done = file ? unsynced_store(file) : 0;
    pthread_mutex_unlock(&lock);
    return done;
}

/* Always to read and write: pages are filled from SOURCE, and any descriptor may be synced. Where
   to write is known, so SOURCE's file never appends. */
static int lossy_open(const char *path, struct fuse_file_info *info)
{
    int fd = openat(source, relative(path), O_RDWR | O_NOFOLLOW | O_CLOEXEC);

    info->fh = (uint64_t)fd;
    return result(fd);
}

static int lossy_release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    return result(close((int)info->fh));
}

/* --- Names and attributes --- */

/* What was made belongs to the caller; a set-gid folder has given it a group already. */
static int hand_over(const char *path)
{
    struct fuse_context *caller = fuse_get_context();
    struct stat st;

    if (fstatat(source, relative(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    gid_t group = st.st_gid == getegid() ? caller->gid : (gid_t)-1;
    return result(fchownat(source, relative(path), caller->uid, group, AT_SYMLINK_NOFOLLOW));
}

static int lossy_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    int fd =
        openat(source, relative(path), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0)
        return -errno;
    info->fh = (uint64_t)fd;
    return hand_over(path);
}

static int lossy_mkdir(const char *path, mode_t mode)
{
    return mkdirat(source, relative(path), mode) < 0 ? -errno : hand_over(path);
}

static int lossy_unlink(const char *path)
{
    return result(unlinkat(source, relative(path), 0));
}

static int lossy_rmdir(const char *path)
{
    return result(unlinkat(source, relative(path), AT_REMOVEDIR));
}

static int lossy_rename(const char *from, const char *to, unsigned flags)
{
    return result(renameat2(source, relative(from), source, relative(to), flags));
}

static int lossy_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    (void)info;
    if (fstatat(source, relative(path), st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    pthread_mutex_lock(&lock);
    st->st_size = size_of(unsynced_find(st->st_ino), st->st_size);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int lossy_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    (void)info;
    return result(fchmodat(source, relative(path), mode, 0));
}

static int lossy_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info)
{
    (void)info;
    return result(fchownat(source, relative(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int lossy_utimens(const char *path, const struct timespec times[2],
                         struct fuse_file_info *info)
{
    (void)info;
    return result(utimensat(source, relative(path), times, AT_SYMLINK_NOFOLLOW));
}

static int lossy_statfs(const char *path, struct statvfs *st)
{
    (void)path;
    return result(fstatvfs(source, st));
}

static int lossy_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                         struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)offset, (void)info, (void)flags;
    int fd = openat(source, relative(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    if (!folder)
        return -errno;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (fill(buffer, entry->d_name, NULL, 0, 0))
            break;
    closedir(folder);
    return 0;
}

static void *lossy_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    /* So that O_TRUNC arrives as a truncate. */
    connection->want &= ~FUSE_CAP_ATOMIC_O_TRUNC;
    config->use_ino = 1;
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct fuse_operations operations = {
        .init = lossy_init,
        .getattr = lossy_getattr,
        .mkdir = lossy_mkdir,
        .unlink = lossy_unlink,
        .rmdir = lossy_rmdir,
        .rename = lossy_rename,
        .chmod = lossy_chmod,
        .chown = lossy_chown,
        .truncate = lossy_truncate,
        .utimens = lossy_utimens,
        .open = lossy_open,
        .create = lossy_create,
        .read = lossy_read,
        .write = lossy_write,
        .release = lossy_release,
        .fsync = lossy_fsync,
        .fallocate = lossy_fallocate,
        .readdir = lossy_readdir,
        .statfs = lossy_statfs,
    };
    char options[] = "allow_other,default_permissions,fsname=lossyfs";
    bool foreground = argc == 4 && strcmp(argv[1], "-f") == 0;
    char **names = argv + 1 + foreground;
    char resolved[PATH_MAX];

    if (argc != 3 + foreground)
        errx(2, "usage: lossyfs [-f] SOURCE TARGET");
    if (!realpath(names[0], resolved))
        err(1, "%s", names[0]);
    source = open(resolved, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (source < 0)
        err(1, "%s", resolved);
    int length = snprintf(delay_file, sizeof delay_file, "%s.fsync_ms", resolved);
    if (length >= (int)sizeof delay_file)
        errx(1, "%s: too long a name", resolved);
    char *arguments[] = {argv[0], "-o", options, names[1], foreground ? "-f" : NULL, NULL};
    umask(0);
    return fuse_main(foreground ? 5 : 4, arguments, &operations, NULL);
}
