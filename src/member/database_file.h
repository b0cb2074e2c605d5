/* The bytes of a database file, read with pread through a small cache: a file that shrinks or a bad
 * sector is an error here, where a mapped file would end the process. */
#ifndef MEMBER_DATABASE_FILE_H
#define MEMBER_DATABASE_FILE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct database_block;

struct database_file {
    int fd; /* The caller's. */
    uint64_t size;
    uint64_t mapped; /* `size` in whole pages of memory: what a mapping shows without a fault. */
    bool failed;     /* A read went wrong: nothing that was seen since counts. */
    struct database_block *blocks;
};

/* False with errno set when `fd` is no file whose size is known. */
bool database_file_init(struct database_file *file, int fd);
void database_file_fini(struct database_file *file);
#define AUTO_DATABASE_FILE CLEANUP(database_file_fini)

/* Whether the `size` bytes at `offset` are below `mapped`; behind the file's end they are zeros. */
bool database_file_read(struct database_file *file, uint64_t offset, void *out, size_t size);

#endif
