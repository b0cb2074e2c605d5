/* Reading the explanation's own document, for the two files that make it text. What is absent or
 * null reads as "", false or 0. */
#ifndef CLUSTER_EXPLAIN_TEXT_H
#define CLUSTER_EXPLAIN_TEXT_H 1

#include <jansson.h>
#include <stdbool.h>

#include "base/buffer.h"

static inline const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static inline bool is(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static inline bool has(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

static inline long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

/* The part `observed`. */
void explain_observed_text(const json_t *observed, struct buffer *out);

#endif
