#include "member/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "member/database_walk.h"

#define META_MAGIC       0xED0CDAED
#define META_VERSION     2
#define META_OFFSET      16 /* In its page, behind the head. */
#define NO_FREELIST      UINT64_MAX
#define FIRST_READ       4096 /* What bbolt wants to read of the file to believe page 0. */
#define SMALLEST_PAGE    1024
#define PAGE_SIZES_TRIED 15 /* 1 KiB to 16 MiB. */

struct meta {
    uint32_t magic;
    uint32_t version;
    uint32_t page_size;
    uint32_t flags;
    uint64_t root; /* The bucket of buckets: its page, and a counter. */
    uint64_t sequence;
    uint64_t freelist; /* Its page, or NO_FREELIST. */
    uint64_t high_water;
    uint64_t txid;
    uint64_t checksum; /* FNV-64a of all of the above. */
};

__attribute__((format(printf, 1, 2))) static struct database_facts bad(const char *format, ...)
{
    struct database_facts facts = {.state = DATABASE_BAD};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(facts.problem, sizeof facts.problem, format, arguments);
    va_end(arguments);
    return facts;
}

static uint64_t fnv64a(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool read_meta(struct database_file *file, uint64_t page_offset, struct meta *meta)
{
    return database_file_read(file, page_offset + META_OFFSET, meta, sizeof *meta) &&
           meta->magic == META_MAGIC && meta->version == META_VERSION &&
           meta->checksum == fnv64a(meta, offsetof(struct meta, checksum));
}

/* The page size that the first valid meta record tells, or 0. With a broken page 0 nothing says
 * where page 1 begins. */
static uint64_t find_page_size(struct database_file *file)
{
    struct meta meta;

    if (file->size >= FIRST_READ && read_meta(file, 0, &meta)) {
        return meta.page_size;
    }
    for (int i = 0; i < PAGE_SIZES_TRIED; i++) {
        uint64_t offset = (uint64_t)SMALLEST_PAGE << i;
        if (offset + SMALLEST_PAGE >= file->size) {
            break;
        }
        if (read_meta(file, offset, &meta)) {
            return meta.page_size;
        }
    }
    return 0;
}

/* The valid one with the higher transaction id. */
static bool newest_meta(struct database_file *file, uint64_t page_size, struct meta *meta)
{
    struct meta other;
    bool first = read_meta(file, 0, meta), second = read_meta(file, page_size, &other);

    if (second && (!first || other.txid > meta->txid)) {
        *meta = other;
    }
    return first || second;
}

/* A list of free pages on disk is what bbolt reads instead of the trees. etcd's databases have one
 * until the first commit. */
static bool check_freelist(struct database_walk *walk, uint64_t id)
{
    struct database_page page;

    if (id > walk->file->mapped / walk->page_size ||
        !database_file_read(walk->file, id * walk->page_size, &page, sizeof page) ||
        page.flags & DATABASE_FREELIST) {
        return true;
    }
    snprintf(walk->problem, walk->problem_size, "page %llu is no list of free pages",
             (unsigned long long)id);
    return false;
}

static void check_pages(struct database_walk *walk, const struct meta *meta, bool thorough)
{
    struct database_page root;
    bool is_short = meta->high_water > walk->file->size / walk->page_size;
    bool walks = meta->freelist == NO_FREELIST;

    if (!meta->root || !database_walk_page(walk, meta->root, &root) ||
        (!walks && !check_freelist(walk, meta->freelist))) {
        return;
    }
    if (walks && (thorough || is_short)) {
        database_walk_tree(walk, meta->root);
    }
}

struct database_facts database_judge(int fd, bool thorough)
{
    AUTO_DATABASE_FILE struct database_file file;
    struct database_facts facts = {.state = DATABASE_OK};
    struct meta meta;

    if (!database_file_init(&file, fd)) {
        return facts;
    }
    if (!file.size) {
        return (struct database_facts){.state = DATABASE_NONE};
    }
    uint64_t page_size = find_page_size(&file);
    bool valid = page_size && newest_meta(&file, page_size, &meta);
    if (file.failed || (page_size && (page_size < SMALLEST_PAGE || page_size % 8))) {
        return facts;
    }
    if (!valid) {
        return bad("neither of its first two pages is the head of a database");
    }
    if (file.size < 2 * page_size) {
        return bad("it is shorter than two pages");
    }
    struct database_walk walk = {.file = &file,
                                 .page_size = page_size,
                                 .high_water = meta.high_water,
                                 .problem = facts.problem,
                                 .problem_size = sizeof facts.problem};
    check_pages(&walk, &meta, thorough);
    facts.state = !file.failed && *facts.problem ? DATABASE_BAD : DATABASE_OK;
    return facts;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct database_facts database_inspect(const char *data_dir, bool thorough,
                                       struct database_memory *memory)
{
    AUTO_FREE char *path = xasprintf("%s/member/snap/db", data_dir);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status)) {
        return (struct database_facts){.state = errno == ENOENT ? DATABASE_NONE : DATABASE_OK};
    }
    if (!memory->any || memory->thorough != thorough || !is_same(&memory->file, &status)) {
        *memory = (struct database_memory){
            .any = true,
            .thorough = thorough,
            .file = status,
            .facts = database_judge(fd, thorough),
        };
    }
    return memory->facts;
}
