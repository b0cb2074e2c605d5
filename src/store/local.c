/* A directory as a store: a volume of its own, one hopes, not the disk that is to be backed up.
 *
 * Beside each object NAME lies .NAME.meta, JSON with its size, SHA-256 and metadata. What is being
 * written is .NAME.ID.part. No name of an object begins with a dot, so these are never mistaken. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text_file.h"
#include "store/backend.h"
#include "store/local_walk.h"

#define PIECE     ((size_t)256 * 1024)
#define ID_BYTES  8
#define META_SIZE (64 * 1024)

struct local {
    struct store base;
    char *directory;
};

struct local_put {
    struct store_put base;
    char *name, *path, *part; /* Where it will be, and where it is written. */
    int fd;
    json_t *metadata;
    EVP_MD_CTX *digest;
    uint64_t size;
    bool appeared;
};

static int failed(struct error *error, const char *step, const char *path)
{
    enum error_kind kind = errno == ENOENT                     ? ERROR_NOT_FOUND
                           : errno == EACCES || errno == EPERM ? ERROR_DENIED
                                                               : ERROR_INVALID;

    return error_set(error, kind, "%s %s: %s", step, path, strerror(errno));
}

static char *path_of(const struct store *store, const char *name)
{
    return xasprintf("%s/%s", ((const struct local *)store)->directory, name);
}

/* The hidden file that belongs to the object at `path`. */
static char *beside(const char *path, const char *suffix)
{
    const char *slash = strrchr(path, '/');

    return xasprintf("%.*s/.%s%s", (int)(slash - path), path, slash + 1, suffix);
}

static void local_close(struct store *store)
{
    free(((struct local *)store)->directory);
    free(store);
}

static int local_open(const struct store_destination *destination, const char *bucket,
                      const char *prefix, struct store **store, struct error *error)
{
    struct stat seen;

    (void)destination;
    if (*bucket) {
        return error_set(error, ERROR_INVALID, "a directory is file:///DIRECTORY, not file://%s",
                         bucket);
    }
    AUTO_FREE char *directory = xasprintf("/%s", prefix);
    if (stat(directory, &seen) < 0) {
        failed(error, "open the directory", directory);
        error->kind = ERROR_INVALID;
        return -(int)error->kind;
    }
    if (!S_ISDIR(seen.st_mode)) {
        return error_set(error, ERROR_INVALID, "%s is no directory", directory);
    }
    struct local *local = xcalloc(1, sizeof *local);
    local->directory = xstrdup(directory);
    *store = &local->base;
    return 0;
}

/* Makes what is done in the directory of `path` last. */
static int sync_directory(const char *path, struct error *error)
{
    AUTO_FREE char *directory = xasprintf("%.*s", (int)(strrchr(path, '/') - path) + 1, path);
    AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? 0 : failed(error, "sync the directory", directory);
}

/* The directories between the store's own and the object. */
static int make_directories(const struct store *store, const char *path, struct error *error)
{
    AUTO_FREE char *partial = xstrdup(path);
    char *slash = partial + strlen(((const struct local *)store)->directory);

    while ((slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        if (mkdir(partial, 0700) == 0) {
            int result = sync_directory(partial, error);
            if (result) {
                return result;
            }
        } else if (errno != EEXIST) {
            return failed(error, "make the directory", partial);
        }
        *slash = '/';
    }
    return 0;
}

static void local_put_free(struct store_put *base)
{
    struct local_put *put = (struct local_put *)base;

    cleanup_close(&put->fd);
    EVP_MD_CTX_free(put->digest);
    json_decref(put->metadata);
    free(put->name);
    free(put->path);
    free(put->part);
    free(put);
}

static int local_put_begin(struct store *store, const char *name, const struct store_pair *metadata,
                           struct store_put **out, struct error *error)
{
    char id[2 * ID_BYTES + 1];
    AUTO_FREE char *path = path_of(store, name);
    int result = make_directories(store, path, error);

    if (result) {
        return result;
    }
    random_hex(id, ID_BYTES);
    struct local_put *put = xcalloc(1, sizeof *put);
    AUTO_FREE char *suffix = xasprintf(".%s%s", id, LOCAL_PART);
    put->name = xstrdup(name);
    put->path = xstrdup(path);
    put->part = beside(path, suffix);
    put->metadata = json_object();
    for (; metadata && metadata->name; metadata++) {
        json_object_set_new(put->metadata, metadata->name, json_string(metadata->value));
    }
    put->digest = EVP_MD_CTX_new();
    if (!put->digest || !EVP_DigestInit_ex(put->digest, EVP_sha256(), NULL)) {
        memory_exhausted();
    }
    put->fd = open(put->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (put->fd < 0) {
        result = failed(error, "create", put->part);
        local_put_free(&put->base);
        return result;
    }
    *out = &put->base;
    return 0;
}

static int write_all(int fd, const char *data, size_t size, const char *path, struct error *error)
{
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR) {
            return failed(error, "write", path);
        }
        data += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int local_put_write(struct store_put *base, const void *data, size_t size,
                           struct error *error)
{
    struct local_put *put = (struct local_put *)base;
    int result = write_all(put->fd, data, size, put->part, error);

    if (!result) {
        EVP_DigestUpdate(put->digest, data, size);
        put->size += size;
    }
    return result;
}

static void hex_of(EVP_MD_CTX *digest, char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    EVP_DigestFinal_ex(digest, sum, &length);
    for (unsigned i = 0; i < length; i++) {
        snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
    }
}

/* Reads from the disk, not from what the kernel still holds of it, as far as it can be told to. */
static int read_back(struct local_put *put, char hex[2 * EVP_MAX_MD_SIZE + 1], struct error *error)
{
    AUTO_FREE char *piece = xmalloc(PIECE);
    uint64_t size = 0;
    ssize_t got;

    posix_fadvise(put->fd, 0, 0, POSIX_FADV_DONTNEED);
    EVP_DigestInit_ex(put->digest, EVP_sha256(), NULL);
    while ((got = pread(put->fd, piece, PIECE, (off_t)size)) != 0) {
        if (got < 0) {
            return failed(error, "read back", put->part);
        }
        EVP_DigestUpdate(put->digest, piece, (size_t)got);
        size += (uint64_t)got;
    }
    hex_of(put->digest, hex);
    return size == put->size
               ? 0
               : error_set(error, ERROR_INVALID, "%s has another size than written", put->part);
}

/* Whole or not at all, and lasting. */
static int write_meta(const struct local_put *put, const char *hex, struct error *error)
{
    AUTO_FREE char *path = beside(put->path, LOCAL_META), *part = xasprintf("%s~", put->part);
    AUTO_JSON json_t *meta = json_pack("{s:I, s:s, s:O}", "size", (json_int_t)put->size, "sha256",
                                       hex, "metadata", put->metadata);
    AUTO_FREE char *text = json_canonical(meta);
    AUTO_CLOSE int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0) {
        return failed(error, "create", part);
    }
    int result = write_all(fd, text, strlen(text), part, error);
    if (!result && (fsync(fd) < 0 || rename(part, path) < 0)) {
        result = failed(error, "write", path);
    }
    if (result) {
        unlink(part);
    }
    return result;
}

static int local_stat(struct store *store, const char *name, struct arena *arena,
                      struct store_object *object, struct error *error);

static int local_put_finish(struct store_put *base, struct arena *arena,
                            struct store_object *stored, struct error *error)
{
    struct local_put *put = (struct local_put *)base;
    char written[2 * EVP_MAX_MD_SIZE + 1], read[2 * EVP_MAX_MD_SIZE + 1];

    hex_of(put->digest, written);
    if (fsync(put->fd) < 0) {
        return failed(error, "sync", put->part);
    }
    int result = read_back(put, read, error);
    if (!result && strcmp(written, read) != 0) {
        result = error_set(error, ERROR_INVALID,
                           "%s does not hold what was written to it: check the disk", put->part);
    }
    if (!result) {
        result = write_meta(put, written, error);
    }
    if (!result && rename(put->part, put->path) < 0) {
        result = failed(error, "rename to", put->path);
    }
    put->appeared = !result;
    if (!result) {
        result = sync_directory(put->path, error);
    }
    return result ? result : local_stat(base->store, put->name, arena, stored, error);
}

static int remove_file(const char *path, struct error *error)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : failed(error, "remove", path);
}

static int remove_object(const char *path, struct error *error)
{
    AUTO_FREE char *meta = beside(path, LOCAL_META);
    int result = remove_file(path, error);

    result = result ? result : remove_file(meta, error);
    return result ? result : sync_directory(path, error);
}

static int local_put_abort(struct store_put *base, struct error *error)
{
    struct local_put *put = (struct local_put *)base;

    return put->appeared ? remove_object(put->path, error) : remove_file(put->part, error);
}

static int local_get(struct store *store, const char *name, const struct store_range *range,
                     int (*write)(void *context, const void *data, size_t size,
                                  struct error *error),
                     void *context, struct error *error)
{
    AUTO_FREE char *path = path_of(store, name), *piece = xmalloc(PIECE);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t at = range->offset, left = range->size ? range->size : UINT64_MAX;

    if (fd < 0) {
        return failed(error, "open", path);
    }
    while (left) {
        ssize_t got = pread(fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)at);
        if (got < 0) {
            return failed(error, "read", path);
        }
        if (!got) {
            break;
        }
        int result = write(context, piece, (size_t)got, error);
        if (result) {
            return result;
        }
        at += (uint64_t)got;
        left -= (uint64_t)got;
    }
    return 0;
}

static const struct store_pair *pairs_of(const json_t *metadata, struct arena *arena)
{
    struct store_pair *pairs = arena_alloc(arena, (json_object_size(metadata) + 1) * sizeof *pairs);
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)metadata, name, value)
    {
        if (json_is_string(value)) {
            pairs[n++] = (struct store_pair){arena_strdup(arena, name),
                                             arena_strdup(arena, json_string_value(value))};
        }
    }
    return pairs;
}

/* What lies beside the object, when it fits: somebody may have put the file there himself. */
static void take_meta(const char *path, struct arena *arena, struct store_object *object)
{
    AUTO_FREE char *meta_path = beside(path, LOCAL_META);
    struct error unreadable;
    AUTO_FREE char *text = text_file_read(meta_path, META_SIZE, &unreadable);
    AUTO_JSON json_t *meta =
        text ? json_parse(text, strlen(text), meta_path, &unreadable) : json_object();
    const char *hex = json_path_string(meta, "sha256", NULL);

    if (hex && (uint64_t)json_path_integer(meta, -1, "size", NULL) == object->size) {
        object->checksum = arena_printf(arena, "sha256:%s", hex);
    }
    object->metadata = pairs_of(json_path(meta, "metadata", NULL), arena);
}

static int local_stat(struct store *store, const char *name, struct arena *arena,
                      struct store_object *object, struct error *error)
{
    AUTO_FREE char *path = path_of(store, name);
    struct stat seen;

    if (stat(path, &seen) < 0) {
        return failed(error, "look at", path);
    }
    *object = (struct store_object){.name = arena_strdup(arena, name),
                                    .size = (uint64_t)seen.st_size,
                                    .modified_ms = (int64_t)seen.st_mtim.tv_sec * 1000};
    take_meta(path, arena, object);
    return 0;
}

static int local_list(struct store *store, const char *under,
                      int (*visit)(void *context, const struct store_object *object,
                                   struct error *error),
                      void *context, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct local_file *files;
    size_t count;
    int result =
        local_walk(((struct local *)store)->directory, under, arena, &files, &count, error);

    for (size_t i = 0; i < count && !result; i++) {
        const struct store_object object = {
            .name = files[i].name, .size = files[i].size, .modified_ms = files[i].modified_ms};
        result = files[i].part_id ? 0 : visit(context, &object, error);
    }
    return result;
}

static int local_remove(struct store *store, const char *name, struct error *error)
{
    AUTO_FREE char *path = path_of(store, name);

    return access(path, F_OK) < 0 && errno == ENOENT ? 0 : remove_object(path, error);
}

static int local_list_uploads(struct store *store, const char *under,
                              int (*visit)(void *context, const struct store_leftover *leftover,
                                           struct error *error),
                              void *context, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct local_file *files;
    size_t count;
    int result =
        local_walk(((struct local *)store)->directory, under, arena, &files, &count, error);

    for (size_t i = 0; i < count && !result; i++) {
        const struct store_leftover leftover = {
            .name = files[i].name, .id = files[i].part_id, .started_ms = files[i].modified_ms};
        result = files[i].part_id ? visit(context, &leftover, error) : 0;
    }
    return result;
}

static int local_abort_upload(struct store *store, const struct store_leftover *leftover,
                              struct error *error)
{
    AUTO_FREE char *path = path_of(store, leftover->name);
    AUTO_FREE char *suffix = xasprintf(".%s%s", leftover->id, LOCAL_PART);
    AUTO_FREE char *part = beside(path, suffix), *meta = xasprintf("%s~", part);
    int result = remove_file(part, error);

    return result ? result : remove_file(meta, error);
}

const struct store_backend store_local_backend = {.scheme = "file",
                                                  .open = local_open,
                                                  .close = local_close,
                                                  .put_begin = local_put_begin,
                                                  .put_write = local_put_write,
                                                  .put_finish = local_put_finish,
                                                  .put_abort = local_put_abort,
                                                  .put_free = local_put_free,
                                                  .get = local_get,
                                                  .stat = local_stat,
                                                  .list = local_list,
                                                  .remove = local_remove,
                                                  .list_uploads = local_list_uploads,
                                                  .abort_upload = local_abort_upload};
