/* Reads a whole file of text: tokens, certificates, configuration. */
#ifndef BASE_TEXT_FILE_H
#define BASE_TEXT_FILE_H 1

#include <stddef.h>

#include "base/error.h"

/* The content with a NUL behind it, malloc'ed, or NULL with `error` filled: ERROR_NOT_FOUND when
 * there is no such file, ERROR_INVALID when it cannot be read, is `limit` bytes or longer, or has a
 * NUL in it. For a secret, end with memory_wipe_text(). */
char *text_file_read(const char *path, size_t limit, struct error *error);

#endif
