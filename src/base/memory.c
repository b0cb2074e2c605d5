#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void memory_exhausted(void)
{
    static const char message[] = "out of memory: ending; the work continues after the restart\n";
    fputs(message, stderr);
    abort();
}

void *xmalloc(size_t size)
{
    void *pointer = malloc(size ? size : 1);
    if (!pointer) {
        memory_exhausted();
    }
    return pointer;
}

void *xcalloc(size_t count, size_t size)
{
    void *pointer = calloc(count ? count : 1, size ? size : 1);
    if (!pointer) {
        memory_exhausted();
    }
    return pointer;
}

void *xrealloc(void *old, size_t size)
{
    void *pointer = realloc(old, size ? size : 1);
    if (!pointer) {
        memory_exhausted();
    }
    return pointer;
}

char *xstrdup(const char *string)
{
    size_t size = strlen(string) + 1;
    return memcpy(xmalloc(size), string, size);
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    char *string;

    va_start(arguments, format);
    int length = vasprintf(&string, format, arguments);
    va_end(arguments);
    if (length < 0) {
        memory_exhausted();
    }
    return string;
}

void memory_wipe(void *pointer, size_t size)
{
    explicit_bzero(pointer, size);
}

void memory_wipe_text(char **text)
{
    if (*text) {
        memory_wipe(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}
