/* Reading the small JSON documents of permit.h with every bound checked.  The first problem is kept
 * in the reader and the rest of the reads do nothing, so that a decoder is a list of its members
 * with one check at the end.  Private to api/. */
#ifndef API_WIRE_H
#define API_WIRE_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define WIRE_VERSION      1
#define WIRE_MAX_UID      64
#define WIRE_MAX_NAME     253
#define WIRE_MAX_ORDINAL  9999
#define WIRE_MAX_INTEGER  (INT64_C(1) << 53) /* What every JSON reader holds exactly. */
#define WIRE_MAX_DOCUMENT 65536

struct wire {
    const json_t *json; /* Borrowed from the arena. */
    const char *what;   /* "the start permit": for messages. */
    struct arena *arena;
    struct error *error;
    int status; /* 0, or the first problem. */
};

/* Parses `text`, which must be an object with "v": 1. Check `status` at the end of the reads. */
struct wire wire_open(const char *text, size_t size, size_t limit, const char *what,
                      struct arena *arena, struct error *error);

/* A reader of one member, an object; json NULL when it is absent. */
struct wire wire_member(struct wire *wire, const char *name, const char *what);

/* Printable ASCII without spaces, 1 to `limit` bytes; NULL when absent and not required. */
const char *wire_token(struct wire *wire, const char *name, size_t limit, bool required);

/* Any text up to `limit` bytes. */
const char *wire_text(struct wire *wire, const char *name, size_t limit);

int64_t wire_integer(struct wire *wire, const char *name, int64_t minimum, int64_t maximum,
                     bool required, int64_t missing);
bool wire_bool(struct wire *wire, const char *name);

/* Hex digits; 0 when absent and not required. A required id is never 0. */
uint64_t wire_id(struct wire *wire, const char *name, bool required);

/* Records a problem: "<what>: <message>". */
void wire_fail(struct wire *wire, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets a member; a NULL or zero value is left out. */
void wire_set_string(json_t *object, const char *name, const char *value);
void wire_set_id(json_t *object, const char *name, uint64_t id);
void wire_set_integer(json_t *object, const char *name, int64_t value);
void wire_set_bool(json_t *object, const char *name, bool value);

/* A new object with "v": 1, and its compact text (which drops the reference). */
json_t *wire_new(void);
char *wire_dump(json_t *object);

#endif
