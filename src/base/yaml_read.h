/* Reads YAML that people write (a kubeconfig, the operator's configuration file) as JSON.
 *
 * Every scalar becomes a string with the text that stands in the file, but a plain null, ~ or
 * nothing, which becomes null: whoever wants a number or a truth value reads the text and can quote
 * it when it is wrong.  JSON is YAML, so it is read too.
 *
 * The text may come from anybody: its size, its depth and the number of values, aliases counted as
 * often as they stand, are limited.  A key that stands twice in one mapping is an error. */
#ifndef BASE_YAML_READ_H
#define BASE_YAML_READ_H 1

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/* A kubeconfig with a hundred clusters and their certificates has about 700 kB. */
#define YAML_READ_MAX_SIZE   ((size_t)2 * 1024 * 1024)
#define YAML_READ_MAX_DEPTH  32
#define YAML_READ_MAX_VALUES 100000

/* The one document of the text as a new reference; an object without members if there is none.
 * NULL with `error` filled (ERROR_INVALID: `what`, line and reason, never a value). `lines` may be
 * NULL; else it is a new object of the lines (from 1) where the members of the document begin. The
 * text is not kept, and what the parser held of it is wiped. */
json_t *yaml_read(const char *text, size_t size, const char *what, json_t **lines,
                  struct error *error);

#endif
