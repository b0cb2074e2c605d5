#include "api/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/permit.h"
#include "base/json.h"
#include "base/memory.h"

void wire_fail(struct wire *wire, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list arguments;

    if (wire->status) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    wire->status = error_set(wire->error, ERROR_INVALID, "%s: %s", wire->what, message);
}

struct wire wire_open(const char *text, size_t size, size_t limit, const char *what,
                      struct arena *arena, struct error *error)
{
    struct wire wire = {.what = what, .arena = arena, .error = error};

    if (size > limit) {
        wire_fail(&wire, "%zu bytes are more than the %zu that are allowed", size, limit);
        return wire;
    }
    json_t *json = json_parse(text, size, what, error);
    if (!json) {
        wire.status = -(int)ERROR_INVALID;
        return wire;
    }
    wire.json = arena_json(arena, json);
    if (!json_is_object(json)) {
        wire_fail(&wire, "is not a JSON object");
    }
    wire_integer(&wire, "v", WIRE_VERSION, WIRE_VERSION, true, 0);
    return wire;
}

struct wire wire_member(struct wire *wire, const char *name, const char *what)
{
    struct wire member = {
        .what = what, .arena = wire->arena, .error = wire->error, .status = wire->status};
    const json_t *json = json_object_get(wire->json, name);

    if (json && !json_is_null(json)) {
        member.json = json;
        if (!json_is_object(json)) {
            wire_fail(&member, "is not a JSON object");
        }
    }
    return member;
}

/* The member, or NULL: absent (a problem when it is required) or an earlier problem. */
static const json_t *find(struct wire *wire, const char *name, bool required)
{
    if (wire->status) {
        return NULL;
    }
    const json_t *json = json_object_get(wire->json, name);
    if (json_is_null(json)) {
        json = NULL;
    }
    if (!json && required) {
        wire_fail(wire, "%s is missing", name);
    }
    return json;
}

static const char *find_string(struct wire *wire, const char *name, size_t limit, bool required,
                               size_t *length)
{
    const json_t *json = find(wire, name, required);
    if (!json) {
        return NULL;
    }
    *length = json_string_length(json);
    if (!json_is_string(json)) {
        wire_fail(wire, "%s is not a string", name);
        return NULL;
    }
    if (*length > limit) {
        wire_fail(wire, "%s has %zu bytes, more than %zu", name, *length, limit);
        return NULL;
    }
    return json_string_value(json);
}

const char *wire_token(struct wire *wire, const char *name, size_t limit, bool required)
{
    size_t length = 0;
    const char *text = find_string(wire, name, limit, required, &length);
    if (!text) {
        return NULL;
    }
    if (!length) {
        wire_fail(wire, "%s is empty", name);
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            wire_fail(wire, "%s holds a byte that is not printable ASCII", name);
            return NULL;
        }
    }
    return arena_strndup(wire->arena, text, length);
}

const char *wire_text(struct wire *wire, const char *name, size_t limit)
{
    size_t length = 0;
    const char *text = find_string(wire, name, limit, false, &length);
    return text ? arena_strndup(wire->arena, text, length) : NULL;
}

int64_t wire_integer(struct wire *wire, const char *name, int64_t minimum, int64_t maximum,
                     bool required, int64_t missing)
{
    const json_t *json = find(wire, name, required);
    if (!json) {
        return missing;
    }
    int64_t value = json_integer_value(json);
    if (!json_is_integer(json)) {
        wire_fail(wire, "%s is not an integer", name);
        return missing;
    }
    if (value < minimum || value > maximum) {
        wire_fail(wire, "%s: %lld is not within %lld and %lld", name, (long long)value,
                  (long long)minimum, (long long)maximum);
        return missing;
    }
    return value;
}

bool wire_bool(struct wire *wire, const char *name)
{
    const json_t *json = find(wire, name, false);
    if (json && !json_is_boolean(json)) {
        wire_fail(wire, "%s is neither true nor false", name);
    }
    return json_is_true(json);
}

uint64_t wire_id(struct wire *wire, const char *name, bool required)
{
    size_t length = 0;
    uint64_t id = 0;
    const char *text = find_string(wire, name, ID_HEX_SIZE - 1, required, &length);
    if (!text) {
        return 0;
    }
    if (!id_parse(text, &id)) {
        wire_fail(wire, "%s: \"%s\" is not an id of 1 to 16 hex digits", name, text);
    } else if (!id && required) {
        wire_fail(wire, "%s must not be 0", name);
    }
    return id;
}

static void set(json_t *object, const char *name, json_t *value)
{
    if (!value || json_object_set_new(object, name, value)) {
        memory_exhausted();
    }
}

void wire_set_string(json_t *object, const char *name, const char *value)
{
    if (value) {
        /* A name or a message with bytes that are not UTF-8 must not cost us the document. */
        json_t *json = json_string(value);
        set(object, name, json ? json : json_string("?"));
    }
}

void wire_set_id(json_t *object, const char *name, uint64_t id)
{
    char text[ID_HEX_SIZE];

    if (id) {
        set(object, name, json_string(id_format(id, text)));
    }
}

void wire_set_integer(json_t *object, const char *name, int64_t value)
{
    set(object, name, json_integer(value));
}

void wire_set_bool(json_t *object, const char *name, bool value)
{
    set(object, name, json_boolean(value));
}

json_t *wire_new(void)
{
    json_t *object = json_object();
    if (!object) {
        memory_exhausted();
    }
    wire_set_integer(object, "v", WIRE_VERSION);
    return object;
}

char *wire_dump(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    if (!text) {
        memory_exhausted();
    }
    json_decref(object);
    return text;
}

char *id_format(uint64_t id, char out[ID_HEX_SIZE])
{
    snprintf(out, ID_HEX_SIZE, "%016llx", (unsigned long long)id);
    return out;
}

bool id_parse(const char *text, uint64_t *id)
{
    uint64_t value = 0;
    size_t length = 0;

    for (; text[length]; length++) {
        char c = text[length];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (unsigned)(c - 'A') + 10;
        } else {
            return false;
        }
        if (length >= ID_HEX_SIZE - 1) {
            return false;
        }
        value = value << 4 | digit;
    }
    if (!length) {
        return false;
    }
    *id = value;
    return true;
}
