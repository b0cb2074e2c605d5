/* Writes a JSON value as YAML in block style, members in the order in which they were set.  Private
 * to api/. */
#ifndef API_YAML_H
#define API_YAML_H 1

#include <jansson.h>

#include "base/buffer.h"

void yaml_write(const json_t *json, struct buffer *out);

#endif
