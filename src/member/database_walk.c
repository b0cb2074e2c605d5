#include "member/database_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PAGE_HEAD_SIZE   sizeof(struct bbolt_page)
#define BUCKET_HEAD_SIZE sizeof(struct bbolt_bucket)
#define MAX_DEPTH        64  /* A real tree has a handful; below it nothing is judged. */
#define CHUNK            256 /* Keys are compared in pieces. */

/* Where a key is in the file. bbolt compares a key that it does not have as one without bytes. */
struct key {
    bool exists;
    uint64_t offset;
    uint64_t size;
};

struct bounds {
    struct key least; /* The first key is not less. */
    struct key limit; /* All are less, if it exists. */
};

__attribute__((format(printf, 2, 3))) static bool bad(struct database_walk *walk,
                                                      const char *format, ...)
{
    va_list arguments;

    if (!walk->file->failed) {
        va_start(arguments, format);
        vsnprintf(walk->problem, walk->problem_size, format, arguments);
        va_end(arguments);
    }
    return false;
}

bool database_walk_page(struct database_walk *walk, uint64_t id, struct bbolt_page *page)
{
    if (id > walk->file->mapped / walk->page_size ||
        !database_file_read(walk->file, id * walk->page_size, page, sizeof *page)) {
        return bad(walk, "page %llu is behind the end of the file", (unsigned long long)id);
    }
    if (page->id != id) {
        return bad(walk, "page %llu says that it is page %llu", (unsigned long long)id,
                   (unsigned long long)page->id);
    }
    if (page->flags != BBOLT_BRANCH && page->flags != BBOLT_LEAF) {
        return bad(walk, "page %llu has flags 0x%02x and is no part of a tree",
                   (unsigned long long)id, page->flags);
    }
    return true;
}

/* A page and what overflows from it are in one place of one tree. */
static bool claim(struct database_walk *walk, const struct bbolt_page *page)
{
    if (page->id > walk->high_water) {
        return bad(walk, "page %llu is in use, but only %llu pages are",
                   (unsigned long long)page->id, (unsigned long long)walk->high_water);
    }
    for (uint64_t i = page->id; i <= page->id + page->overflow && i < walk->n_seen; i++) {
        if (walk->seen[i / 8] & 1 << i % 8) {
            return bad(walk, "page %llu is in two places", (unsigned long long)i);
        }
        walk->seen[i / 8] |= (uint8_t)(1 << i % 8);
    }
    return true;
}

/* Less than 0, 0 or more as memcmp; *known is false when a part is behind the end of the file. */
static int compare(struct database_walk *walk, struct key a, struct key b, bool *known)
{
    uint64_t size = a.size < b.size ? a.size : b.size;

    *known = true;
    for (uint64_t done = 0; done < size; done += CHUNK) {
        uint8_t left[CHUNK], right[CHUNK];
        size_t part = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
        if (!database_file_read(walk->file, a.offset + done, left, part) ||
            !database_file_read(walk->file, b.offset + done, right, part)) {
            *known = false;
            return 0;
        }
        int order = memcmp(left, right, part);
        if (order) {
            return order;
        }
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

static bool check_order(struct database_walk *walk, uint64_t page, unsigned index, struct key key,
                        struct bounds bounds)
{
    bool known;

    if (index || bounds.least.exists) {
        int order = compare(walk, bounds.least, key, &known);
        if (known && (order > 0 || (index && order == 0))) {
            return bad(walk, "key %u of page %llu is not in order", index,
                       (unsigned long long)page);
        }
    }
    if (bounds.limit.exists && compare(walk, key, bounds.limit, &known) >= 0 && known) {
        return bad(walk, "key %u of page %llu belongs behind that page", index,
                   (unsigned long long)page);
    }
    return !walk->file->failed;
}

/* The offset of an element of a page, read into `element`. */
static bool read_element(struct database_walk *walk, uint64_t page, unsigned index, void *element,
                         uint64_t *offset)
{
    *offset = page * walk->page_size + PAGE_HEAD_SIZE + (uint64_t)index * BBOLT_ELEMENT_SIZE;
    return database_file_read(walk->file, *offset, element, BBOLT_ELEMENT_SIZE) ||
           bad(walk, "page %llu reaches behind the end of the file", (unsigned long long)page);
}

static bool check_reach(struct database_walk *walk, uint64_t page, unsigned index, uint64_t reach)
{
    return reach <= BBOLT_REACH_MAX ||
           bad(walk, "element %u of page %llu is larger than any can be", index,
               (unsigned long long)page);
}

static bool read_branch(struct database_walk *walk, uint64_t page, unsigned index, struct key *key,
                        uint64_t *child)
{
    struct bbolt_branch_element element;
    uint64_t offset;

    if (!read_element(walk, page, index, &element, &offset) ||
        !check_reach(walk, page, index, (uint64_t)element.position + element.key_size)) {
        return false;
    }
    *key = (struct key){true, offset + element.position, element.key_size};
    *child = element.page;
    return true;
}

static bool visit(struct database_walk *walk, uint64_t id, struct bounds bounds, int depth,
                  struct key *last);

static bool visit_branch(struct database_walk *walk, const struct bbolt_page *page,
                         struct bounds bounds, int depth, struct key *last)
{
    for (unsigned i = 0; i < page->count; i++) {
        struct bounds below = {.limit = bounds.limit};
        uint64_t child, next;
        if (!read_branch(walk, page->id, i, &below.least, &child) ||
            !check_order(walk, page->id, i, below.least, bounds) ||
            (i + 1U < page->count && !read_branch(walk, page->id, i + 1, &below.limit, &next)) ||
            !visit(walk, child, below, depth + 1, last)) {
            return false;
        }
        bounds.least = *last;
    }
    return true;
}

/* A value that is the root of a tree of its own, or a small bucket that lives in the value. */
static bool visit_bucket(struct database_walk *walk, uint64_t page, unsigned index, uint64_t value,
                         uint32_t size, int depth)
{
    uint64_t root;
    struct key last;

    if (!size) {
        return bad(walk, "element %u of page %llu is a bucket without a value", index,
                   (unsigned long long)page);
    }
    if (size < BUCKET_HEAD_SIZE) {
        return true; /* bbolt reads what is behind it. */
    }
    if (!database_file_read(walk->file, value, &root, sizeof root)) {
        return bad(walk, "page %llu reaches behind the end of the file", (unsigned long long)page);
    }
    if (!root && size == BUCKET_HEAD_SIZE) {
        return bad(walk, "element %u of page %llu is a bucket without a page", index,
                   (unsigned long long)page);
    }
    return !root || visit(walk, root, (struct bounds){0}, depth + 1, &last);
}

static bool visit_leaf(struct database_walk *walk, const struct bbolt_page *page,
                       struct bounds bounds, int depth, struct key *last)
{
    for (unsigned i = 0; i < page->count; i++) {
        struct bbolt_leaf_element element;
        uint64_t offset;
        if (!read_element(walk, page->id, i, &element, &offset)) {
            return false;
        }
        uint64_t value = (uint64_t)element.position + element.key_size;
        *last = (struct key){true, offset + element.position, element.key_size};
        if (!check_reach(walk, page->id, i, value + element.value_size) ||
            !check_order(walk, page->id, i, *last, bounds) ||
            (element.flags & BBOLT_ELEMENT_IS_BUCKET &&
             !visit_bucket(walk, page->id, i, offset + value, element.value_size, depth))) {
            return false;
        }
        bounds.least = *last;
    }
    return true;
}

/* The tree below page `id`; `last` becomes its last key. False ends the walk. */
static bool visit(struct database_walk *walk, uint64_t id, struct bounds bounds, int depth,
                  struct key *last)
{
    struct bbolt_page page = {0};

    *last = (struct key){0};
    if (depth > MAX_DEPTH || !database_walk_page(walk, id, &page) || !claim(walk, &page)) {
        return false;
    }
    return page.flags == BBOLT_BRANCH ? visit_branch(walk, &page, bounds, depth, last)
                                      : visit_leaf(walk, &page, bounds, depth, last);
}

void database_walk_tree(struct database_walk *walk, uint64_t root)
{
    uint64_t in_file = walk->file->mapped / walk->page_size + 1;
    struct key last;

    walk->n_seen = walk->high_water < in_file ? walk->high_water + 1 : in_file;
    walk->seen = xcalloc(walk->n_seen / 8 + 1, 1);
    visit(walk, root, (struct bounds){0}, 0, &last);
    free(walk->seen);
    walk->seen = NULL;
}
