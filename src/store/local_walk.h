/* What lies in a directory that is a store. */
#ifndef STORE_LOCAL_WALK_H
#define STORE_LOCAL_WALK_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define LOCAL_PART ".part"
#define LOCAL_META ".meta"

struct local_file {
    const char *name;    /* Of the object, relative to the directory. */
    const char *part_id; /* Of what is being written; NULL: an object. */
    uint64_t size;
    int64_t modified_ms;
};

/* Objects, and parts of such, whose names begin with `under`, in the order of names. */
int local_walk(const char *directory, const char *under, struct arena *arena,
               struct local_file **files, size_t *count, struct error *error);

#endif
