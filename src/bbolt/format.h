/* What a bbolt file is made of, for whoever reads one: the start helper judges the database on a
 * volume (member/database.h), and a snapshot is proven while it streams (snapshot/reader.h).
 *
 * The file is a row of pages. Pages 0 and 1 hold a meta record each, with a checksum; commits write
 * them in turn, so that after a power cut the older one stands. The newer valid one names the root
 * page of a tree of branch and leaf pages, the bucket of buckets; a leaf's value may be the root of
 * a tree of its own, or a small bucket that lives in the value. Pages that no tree reaches hold old
 * bytes. Numbers are in the byte order of the machine.
 *
 * The structs lie in the file as they stand here (bbolt: internal/common/page.go, meta.go,
 * bucket.go). Pure; no I/O. */
#ifndef BBOLT_FORMAT_H
#define BBOLT_FORMAT_H 1

#include <stdbool.h>
#include <stdint.h>

/* What every page begins with. */
struct bbolt_page {
    uint64_t id;
    uint16_t flags;
    uint16_t count;    /* Of elements. */
    uint32_t overflow; /* Pages behind this one that belong to it. */
};

enum { BBOLT_BRANCH = 0x01, BBOLT_LEAF = 0x02, BBOLT_FREELIST = 0x10 };

/* The elements of a branch or a leaf follow its head. */
struct bbolt_branch_element {
    uint32_t position; /* Of the key, from the element's beginning. */
    uint32_t key_size;
    uint64_t page;
};

struct bbolt_leaf_element {
    uint32_t flags;
    uint32_t position;
    uint32_t key_size;
    uint32_t value_size; /* The value follows the key. */
};

#define BBOLT_ELEMENT_SIZE      16
#define BBOLT_ELEMENT_IS_BUCKET 0x01

/* The value of a bucket; with root 0 a page's head and elements follow. */
struct bbolt_bucket {
    uint64_t root;
    uint64_t sequence;
};

struct bbolt_meta {
    uint32_t magic;
    uint32_t version;
    uint32_t page_size;
    uint32_t flags;
    struct bbolt_bucket root;
    uint64_t freelist; /* Its page, or BBOLT_NO_FREELIST. */
    uint64_t high_water;
    uint64_t txid;
    uint64_t checksum; /* FNV-64a of all of the above. */
};

#define BBOLT_NO_FREELIST   UINT64_MAX
#define BBOLT_META_OFFSET   16 /* In its page, behind the head. */
#define BBOLT_PAGE_SIZE_MIN 1024
/* Every reach of an element ends before this (bbolt's maxAllocSize). */
#define BBOLT_REACH_MAX 0x7fffffff

/* Magic, version and checksum are right. */
bool bbolt_meta_is_valid(const struct bbolt_meta *meta);

#endif
