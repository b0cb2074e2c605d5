/* Small files: read with a limit, written so that after a power cut there is the old one or the new
 * one; and directories. */
#ifndef MEMBER_FILE_H
#define MEMBER_FILE_H 1

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* The content with a NUL behind it, from the arena. ERROR_NOT_FOUND if there is no such file,
 * ERROR_INVALID if it is larger than `limit`, else ERROR_RETRYABLE with errno's words. */
int file_read(const char *path, size_t limit, struct arena *arena, char **data, size_t *size,
              struct error *error);

/* Writes a temporary file beside `path`, syncs it, renames it and syncs the directory. */
int file_write(const char *path, const char *text, struct error *error);

/* 1 if the directory holds anything, 0 if it is empty or missing, or a negative kind. */
int directory_has_entries(const char *path, struct error *error);

/* Syncs a directory's names to disk. */
int directory_sync(const char *path, struct error *error);

/* Removes a directory and all in it; what is missing is success. Follows no symbolic links. */
int directory_remove(const char *path, struct error *error);

#endif
