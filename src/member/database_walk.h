/* The trees of a database, walked as bbolt walks them when it opens one. */
#ifndef MEMBER_DATABASE_WALK_H
#define MEMBER_DATABASE_WALK_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bbolt/format.h"
#include "member/database_file.h"

struct database_walk {
    struct database_file *file;
    uint64_t page_size;
    uint64_t high_water; /* Pages from this one on were never used. */
    char *problem;       /* Of problem_size bytes: what is wrong; "" when nothing was found. */
    size_t problem_size;
    uint64_t n_seen;
    uint8_t *seen; /* A bit for each of n_seen pages. */
};

/* Reads the head of page `id`, which must be a branch or a leaf. False with the problem set when it
 * is not, or with none when the file cannot be read. */
bool database_walk_page(struct database_walk *walk, uint64_t id, struct bbolt_page *page);

/* Sets `walk->problem` to the first thing that bbolt panics at in the tree below page `root`. */
void database_walk_tree(struct database_walk *walk, uint64_t root);

#endif
