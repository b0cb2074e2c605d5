#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define BLOCK_SIZE 4096

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *next;
    void (*function)(void *);
    void *pointer;
};

struct arena {
    struct block *blocks;
    struct deferred *deferred;
};

struct arena *arena_new(void)
{
    return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena) {
        return;
    }
    for (struct deferred *d = arena->deferred; d; d = d->next) {
        d->function(d->pointer);
    }
    for (struct block *block = arena->blocks; block;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

/* Memory as it is found. */
static void *take(struct arena *arena, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    struct block *block = arena->blocks;

    if (size > (size_t)-1 / 2) {
        memory_exhausted();
    }
    size = (size + alignment - 1) / alignment * alignment;
    if (!block || block->size - block->used < size) {
        size_t capacity = size > BLOCK_SIZE - sizeof *block ? size : BLOCK_SIZE - sizeof *block;
        block = xmalloc(sizeof *block + capacity);
        block->used = 0;
        block->size = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *pointer = block->data + block->used;
    block->used += size;
    return pointer;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

char *arena_strndup(struct arena *arena, const char *string, size_t length)
{
    char *copy = take(arena, length + 1);
    memcpy(copy, string, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *string)
{
    return string ? arena_strndup(arena, string, strlen(string)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    const struct block *block = arena->blocks;
    size_t room = block ? block->size - block->used : 0;
    va_list arguments;

    /* Mostly it fits where the next piece would be, and need not be written twice. */
    va_start(arguments, format);
    int length =
        vsnprintf(room ? arena->blocks->data + block->used : NULL, room, format, arguments);
    va_end(arguments);
    char *string = take(arena, (size_t)length + 1);
    if ((size_t)length < room) {
        return string;
    }
    va_start(arguments, format);
    vsnprintf(string, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return string;
}

void arena_defer(struct arena *arena, void (*function)(void *), void *pointer)
{
    struct deferred *d = arena_alloc(arena, sizeof *d);
    d->function = function;
    d->pointer = pointer;
    d->next = arena->deferred;
    arena->deferred = d;
}
