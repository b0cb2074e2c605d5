/* Small conveniences over jansson: a path of member names, and ownership by scope. */
#ifndef BASE_JSON_H
#define BASE_JSON_H 1

#include <jansson.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"

static inline void cleanup_json(json_t **json)
{
    json_decref(*json);
}
#define AUTO_JSON CLEANUP(cleanup_json)

/* The member at the end of the path of names ended by NULL, borrowed; NULL if any part is missing.
 * json_path(pod, "metadata", "uid", NULL) */
json_t *json_path(const json_t *json, ...) __attribute__((sentinel));

/* The same, as a string (NULL unless it is one) or an integer (`missing` unless it is one). */
const char *json_path_string(const json_t *json, ...) __attribute__((sentinel));
json_int_t json_path_integer(const json_t *json, json_int_t missing, ...) __attribute__((sentinel));

/* Parses text whose size has been checked by the caller. On failure says `what` and where. */
json_t *json_parse(const char *text, size_t size, const char *what, struct error *error);

/* The compact text with sorted keys: the form whose digest identifies the content. malloc'ed. */
char *json_canonical(const json_t *json);

/* Overwrites every string in it; for what holds secrets, before the last reference goes. */
void json_wipe(json_t *json);

/* Ties the reference that the caller holds to the arena's life; returns it. */
json_t *arena_json(struct arena *arena, json_t *json);

#endif
