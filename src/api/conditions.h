/* The conditions in a status (metav1.Condition): their rows of the table, and their JSON. */
#ifndef API_CONDITIONS_H
#define API_CONDITIONS_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/field.h"

#define API_MAX_MESSAGE 32768 /* As metav1.Condition. */

struct condition {
    bool status, is_unknown; /* Unknown is neither True nor False. */
    const char *reason, *message;
};

extern const struct api_field api_condition_fields[];

/* `names` are the types of the `length` conditions. They keep the lastTransitionTime that the
 * status `old` (may be NULL) has where their status is the same, so that a status that says nothing
 * new is equal to the old one. New. */
json_t *conditions_encode(const char *const *names, const struct condition *conditions,
                          size_t length, const json_t *old, int64_t generation,
                          int64_t now_wall_ms);

#endif
