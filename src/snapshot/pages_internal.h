/* What the notes (pages.c) and the walk (pages_walk.c) share; nobody else includes it. */
#ifndef SNAPSHOT_PAGES_INTERNAL_H
#define SNAPSHOT_PAGES_INTERNAL_H 1

#include <stdbool.h>
#include <stddef.h>

#include "snapshot/pages.h"

#define REVISION_UNKNOWN (-1) /* The last key is none of a revision. */

enum note_kind {
    NOTE_OTHER, /* No part of a tree, or one that does not hold together. */
    NOTE_BRANCH,
    NOTE_LEAF,
    NOTE_SPECIAL, /* A leaf with buckets, or with etcd's storage version. */
};

struct note {
    union {
        int64_t revision;  /* LEAF: of its last key. */
        uint32_t children; /* BRANCH: where they begin. */
        uint32_t special;  /* SPECIAL: its place among those. */
    };
    uint32_t overflow;
    uint16_t count; /* Of elements. */
    uint8_t kind;
};

/* A leaf of the bucket of buckets, or of the bucket "meta". */
struct special {
    uint32_t children, n_children; /* The root pages of its buckets. */
    uint32_t inline_keys;          /* Of small buckets within it. */
    uint32_t key_root, meta_root;  /* Of the buckets "key" and "meta"; 0: not here, or small. */
    bool has_small_key;            /* The bucket "key" is here, and small. */
    int64_t small_revision;        /* Its newest. */
    char storage_version[16];      /* Of this page or of its small bucket "meta". */
};

/* A last key that lies in a page to come: what is behind it of a large value. */
struct want {
    uint64_t offset;  /* In the database. */
    uint32_t page;    /* Whose key it is. */
    uint8_t have;     /* Bytes of the revision that are here. */
    uint8_t bytes[8]; /* Them. */
};

struct snapshot_pages {
    uint32_t page_size;
    struct bbolt_meta metas[2];
    bool has_meta[2];
    struct note *notes;
    size_t n, capacity;
    uint32_t *children; /* Of all branches and specials. */
    size_t n_children, children_capacity;
    struct special *specials;
    size_t n_specials, specials_capacity;
    struct want *wants; /* A heap: the least offset first. */
    size_t n_wants, wants_capacity;
};

#endif
