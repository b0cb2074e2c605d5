/* malloc for the simulator, in place of libc's: one thread, which allocates and frees small things
 * all the time, tens of millions in a second of work.
 *
 * A block belongs to a class of sizes and knows it by the chunk that it lies in, which begins at a
 * multiple of CHUNK_SIZE; a freed one goes onto the list of its class and is the next to be given.
 * Chunks are not given back.  What is larger than all classes is a mapping of its own.
 *
 * A build with a sanitizer keeps the sanitizer's. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_SIZE ((size_t)1 << 20)
#define ALIGNMENT  ((size_t)16)
#define FINE_LIMIT ((size_t)1024)      /* Up to here a class for each multiple of the alignment, */
#define LIMIT      ((size_t)128 << 10) /* then one for each power of two. */
#define N_FINE     (FINE_LIMIT / ALIGNMENT)
#define N_CLASSES  (N_FINE + 7)

struct chunk {
    size_t size;   /* Of each block; of a mapping of its own: of that. */
    size_t class;  /* N_CLASSES: it is a mapping of its own. */
    size_t mapped; /* Bytes. */
    size_t padding;
};

struct free_block {
    struct free_block *next;
};

static struct free_block *lists[N_CLASSES];
static char *fresh[N_CLASSES], *fresh_end[N_CLASSES]; /* What was never given. */

static size_t class_of(size_t size)
{
    if (size <= FINE_LIMIT) {
        return size ? (size - 1) / ALIGNMENT : 0;
    }
    return N_FINE + (size_t)(63 - __builtin_clzll(size - 1)) - 10;
}

static size_t size_of(size_t class)
{
    return class < N_FINE ? (class + 1) * ALIGNMENT : FINE_LIMIT << (class - N_FINE + 1);
}

static struct chunk *chunk_of(const void *block)
{
    return (struct chunk *)((uintptr_t)block & ~(uintptr_t)(CHUNK_SIZE - 1));
}

/* A mapping that begins at a multiple of CHUNK_SIZE; NULL: there is no more. */
static struct chunk *map(size_t size)
{
    size = (size + 4095) & ~(size_t)4095;
    char *start = mmap(NULL, size + CHUNK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        errno = ENOMEM;
        return NULL;
    }
    char *aligned = (char *)chunk_of(start + CHUNK_SIZE - 1);
    if (aligned > start) {
        munmap(start, (size_t)(aligned - start));
    }
    munmap(aligned + size, (size_t)(start + CHUNK_SIZE - aligned));
    ((struct chunk *)aligned)->mapped = size;
    return (struct chunk *)aligned;
}

static void *large(size_t size)
{
    if (size > (size_t)-1 / 2) {
        errno = ENOMEM;
        return NULL;
    }
    struct chunk *chunk = map(size + sizeof *chunk);
    if (!chunk) {
        return NULL;
    }
    chunk->size = size;
    chunk->class = N_CLASSES;
    return chunk + 1;
}

static void *first_use(size_t class)
{
    size_t size = size_of(class);

    if ((size_t)(fresh_end[class] - fresh[class]) < size) {
        struct chunk *chunk = map(CHUNK_SIZE);
        if (!chunk) {
            return NULL;
        }
        chunk->size = size;
        chunk->class = class;
        fresh[class] = (char *)(chunk + 1);
        fresh_end[class] = (char *)chunk + CHUNK_SIZE;
    }
    void *block = fresh[class];
    fresh[class] += size;
    return block;
}

void *malloc(size_t size)
{
    if (size > LIMIT) {
        return large(size);
    }
    size_t class = class_of(size);
    struct free_block *block = lists[class];
    if (!block) {
        return first_use(class);
    }
    lists[class] = block->next;
    return block;
}

void free(void *block)
{
    if (!block) {
        return;
    }
    struct chunk *chunk = chunk_of(block);
    if (chunk->class == N_CLASSES) {
        munmap(chunk, chunk->mapped);
        return;
    }
    struct free_block *freed = block;
    freed->next = lists[chunk->class];
    lists[chunk->class] = freed;
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = malloc(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

void *realloc(void *block, size_t size)
{
    if (!block) {
        return malloc(size);
    }
    size_t old = chunk_of(block)->size;
    if (size <= old && size > old / 2) {
        return block;
    }
    void *moved = malloc(size);
    if (moved) {
        memcpy(moved, block, size < old ? size : old);
        free(block);
    }
    return moved;
}

size_t malloc_usable_size(void *block)
{
    return block ? chunk_of(block)->size : 0;
}

/* Nothing in the simulator wants more than malloc's alignment; libc's own would mix with ours. */

void *memalign(size_t alignment, size_t size)
{
    if (alignment > ALIGNMENT) {
        abort();
    }
    return malloc(size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

#endif
