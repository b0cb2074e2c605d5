/* Memory that is either there or ends the process: state is level-triggered and a restart is safe,
 * so no caller handles exhaustion.  Sizes that come from outside are checked against a limit before
 * they reach these functions. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H 1

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *pointer, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *string) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* Says "out of memory" and aborts. */
void memory_exhausted(void) __attribute__((noreturn));

/* Overwrites `size` bytes in a way that the compiler keeps; for secrets. */
void memory_wipe(void *pointer, size_t size);

/* Overwrites and frees a string, and sets it to NULL; NULL is allowed. Also as a cleanup. */
void memory_wipe_text(char **text);

#endif
