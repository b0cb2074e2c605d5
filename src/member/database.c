#include "member/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "bbolt/format.h"
#include "member/database_walk.h"

#define FIRST_READ       4096 /* What bbolt wants to read of the file to believe page 0. */
#define PAGE_SIZES_TRIED 15   /* 1 KiB to 16 MiB. */

__attribute__((format(printf, 1, 2))) static struct database_facts bad(const char *format, ...)
{
    struct database_facts facts = {.state = DATABASE_BAD};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(facts.problem, sizeof facts.problem, format, arguments);
    va_end(arguments);
    return facts;
}

static bool read_meta(struct database_file *file, uint64_t page_offset, struct bbolt_meta *meta)
{
    return database_file_read(file, page_offset + BBOLT_META_OFFSET, meta, sizeof *meta) &&
           bbolt_meta_is_valid(meta);
}

/* The page size that the first valid meta record tells, or 0. With a broken page 0 nothing says
 * where page 1 begins. */
static uint64_t find_page_size(struct database_file *file)
{
    struct bbolt_meta meta;

    if (file->size >= FIRST_READ && read_meta(file, 0, &meta)) {
        return meta.page_size;
    }
    for (int i = 0; i < PAGE_SIZES_TRIED; i++) {
        uint64_t offset = (uint64_t)BBOLT_PAGE_SIZE_MIN << i;
        if (offset + BBOLT_PAGE_SIZE_MIN >= file->size) {
            break;
        }
        if (read_meta(file, offset, &meta)) {
            return meta.page_size;
        }
    }
    return 0;
}

/* The valid one with the higher transaction id. */
static bool newest_meta(struct database_file *file, uint64_t page_size, struct bbolt_meta *meta)
{
    struct bbolt_meta other;
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
    struct bbolt_page page;

    if (id > walk->file->mapped / walk->page_size ||
        !database_file_read(walk->file, id * walk->page_size, &page, sizeof page) ||
        page.flags & BBOLT_FREELIST) {
        return true;
    }
    snprintf(walk->problem, walk->problem_size, "page %llu is no list of free pages",
             (unsigned long long)id);
    return false;
}

static void check_pages(struct database_walk *walk, const struct bbolt_meta *meta, bool thorough)
{
    struct bbolt_page root;
    bool is_short = meta->high_water > walk->file->size / walk->page_size;
    bool walks = meta->freelist == BBOLT_NO_FREELIST;

    if (!meta->root.root || !database_walk_page(walk, meta->root.root, &root) ||
        (!walks && !check_freelist(walk, meta->freelist))) {
        return;
    }
    if (walks && (thorough || is_short)) {
        database_walk_tree(walk, meta->root.root);
    }
}

struct database_facts database_judge(int fd, bool thorough)
{
    AUTO_DATABASE_FILE struct database_file file;
    struct database_facts facts = {.state = DATABASE_OK};
    struct bbolt_meta meta;

    if (!database_file_init(&file, fd)) {
        return facts;
    }
    if (!file.size) {
        return (struct database_facts){.state = DATABASE_NONE};
    }
    uint64_t page_size = find_page_size(&file);
    bool valid = page_size && newest_meta(&file, page_size, &meta);
    if (file.failed || (page_size && (page_size < BBOLT_PAGE_SIZE_MIN || page_size % 8))) {
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
