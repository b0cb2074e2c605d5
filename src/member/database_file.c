#include "member/database_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define BLOCK_SIZE 4096
#define BLOCKS     256 /* A way from the root to a leaf, and a run of leaves. */

struct database_block {
    uint64_t number; /* Of the block in the file, plus one; 0: empty. */
    uint8_t bytes[BLOCK_SIZE];
};

bool database_file_init(struct database_file *file, int fd)
{
    uint64_t memory_page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct stat status;

    *file = (struct database_file){.fd = fd};
    if (fstat(fd, &status)) {
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return false;
    }
    file->size = (uint64_t)status.st_size;
    file->mapped = (file->size + memory_page - 1) / memory_page * memory_page;
    file->blocks = xcalloc(BLOCKS, sizeof *file->blocks);
    return true;
}

void database_file_fini(struct database_file *file)
{
    free(file->blocks);
    file->blocks = NULL;
}

static bool fill(struct database_file *file, uint64_t number, struct database_block *block)
{
    size_t have = 0;

    while (have < BLOCK_SIZE) {
        ssize_t got = pread(file->fd, block->bytes + have, BLOCK_SIZE - have,
                            (off_t)(number * BLOCK_SIZE + have));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            file->failed = true;
            block->number = 0;
            return false;
        }
        if (!got) {
            break;
        }
        have += (size_t)got;
    }
    memset(block->bytes + have, 0, BLOCK_SIZE - have);
    block->number = number + 1;
    return true;
}

bool database_file_read(struct database_file *file, uint64_t offset, void *out, size_t size)
{
    uint8_t *to = out;

    if (file->failed || offset > file->mapped || size > file->mapped - offset) {
        return false;
    }
    while (size) {
        uint64_t number = offset / BLOCK_SIZE;
        struct database_block *block = &file->blocks[number % BLOCKS];
        size_t within = offset % BLOCK_SIZE;
        size_t part = size < BLOCK_SIZE - within ? size : BLOCK_SIZE - within;
        if (block->number != number + 1 && !fill(file, number, block)) {
            return false;
        }
        memcpy(to, block->bytes + within, part);
        to += part;
        offset += part;
        size -= part;
    }
    return true;
}
