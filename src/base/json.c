#include "base/json.h"

#include <stdarg.h>

#include "base/memory.h"

static json_t *walk(const json_t *json, va_list names)
{
    const char *name;

    while (json && (name = va_arg(names, const char *))) {
        json = json_object_get(json, name);
    }
    return (json_t *)json;
}

json_t *json_path(const json_t *json, ...)
{
    va_list names;
    va_start(names, json);
    json_t *found = walk(json, names);
    va_end(names);
    return found;
}

const char *json_path_string(const json_t *json, ...)
{
    va_list names;
    va_start(names, json);
    json_t *found = walk(json, names);
    va_end(names);
    return json_string_value(found);
}

json_int_t json_path_integer(const json_t *json, json_int_t missing, ...)
{
    va_list names;
    va_start(names, missing);
    json_t *found = walk(json, names);
    va_end(names);
    return json_is_integer(found) ? json_integer_value(found) : missing;
}

json_t *json_parse(const char *text, size_t size, const char *what, struct error *error)
{
    json_error_t problem;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);

    if (!json) {
        error_set(error, ERROR_INVALID, "%s is not valid JSON: line %d, column %d: %s", what,
                  problem.line, problem.column, problem.text);
    }
    return json;
}

char *json_canonical(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (!text) {
        memory_exhausted();
    }
    return text;
}

static void release_json(void *json)
{
    json_decref(json);
}

json_t *arena_json(struct arena *arena, json_t *json)
{
    if (json) {
        arena_defer(arena, release_json, json);
    }
    return json;
}

void json_wipe(json_t *json)
{
    const char *name;
    json_t *value;
    size_t index;

    if (json_is_string(json)) {
        memory_wipe((char *)json_string_value(json), json_string_length(json));
    }
    json_object_foreach(json, name, value)
    {
        json_wipe(value);
    }
    json_array_foreach(json, index, value)
    {
        json_wipe(value);
    }
}
