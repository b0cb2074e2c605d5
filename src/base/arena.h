/* Arenas: everything that one request, decoded object or reconcile pass allocates goes away at
 * once.  An arena belongs to one thread. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H 1

#include <stddef.h>

#include "base/cleanup.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is allowed. */

/* Zeroed memory, aligned for any type; lives until arena_free(). Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *string); /* NULL gives NULL. */
char *arena_strndup(struct arena *arena, const char *string, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Calls `function(pointer)` at arena_free(), newest first: ties a json_t or any other resource to
 * the arena's life. */
void arena_defer(struct arena *arena, void (*function)(void *), void *pointer);

static inline void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}
#define AUTO_ARENA CLEANUP(cleanup_arena)

#endif
