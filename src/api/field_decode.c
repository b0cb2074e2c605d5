/* The decoder: walks a table and a JSON value together, applies defaults and collects what is
 * wrong. API_DURATION_PATTERN and API_QUANTITY_PATTERN are checked by parsing, the rest by
 * regcomp(3). */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/field.h"
#include "base/json.h"
#include "base/memory.h"

/* Where in the object the decoder is; made into text only for a message. */
struct path {
    const struct path *outer; /* NULL: the beginning. */
    const char *name;         /* NULL: an item of a list. */
    size_t index;
};

struct decoder {
    struct arena *arena;
    bool in_default;        /* The value is the table's own: its pattern need not be checked. */
    struct buffer problems; /* Joined by "; ". */
};

static void decode_object(struct decoder *decoder, const struct api_field *fields,
                          const json_t *json, const struct path *path, char *out);
static void decode_value(struct decoder *decoder, const struct api_field *field, json_t *json,
                         const struct path *path, void *target);

static void print_path(struct buffer *out, const struct path *path)
{
    if (path->outer) {
        print_path(out, path->outer);
    }
    if (path->name) {
        buffer_printf(out, "%s%s", path->outer ? "." : "", path->name);
    } else {
        buffer_printf(out, "[%zu]", path->index);
    }
}

__attribute__((format(printf, 3, 4))) static void
problem(struct decoder *decoder, const struct path *path, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (decoder->problems.size < ERROR_MESSAGE_SIZE) {
        buffer_printf(&decoder->problems, "%s", decoder->problems.size ? "; " : "");
        print_path(&decoder->problems, path);
        buffer_printf(&decoder->problems, ": %s", message);
    }
}

static void check_one_of(struct decoder *decoder, const struct api_field *field,
                         const struct path *path, const char *value)
{
    AUTO_BUFFER struct buffer choices = {0};

    if (!field->one_of) {
        return;
    }
    for (const char *const *choice = field->one_of; *choice; choice++) {
        if (!strcmp(value, *choice)) {
            return;
        }
        buffer_printf(&choices, "%s%s", choices.size ? ", " : "", **choice ? *choice : "\"\"");
    }
    problem(decoder, path, "%.100s is not supported; use one of %s", *value ? value : "\"\"",
            choices.data);
}

static void check_pattern(struct decoder *decoder, const struct api_field *field,
                          const struct path *path, const char *value)
{
    regex_t regex;

    if (!field->pattern || decoder->in_default) {
        return;
    }
    if (regcomp(&regex, field->pattern, REG_EXTENDED | REG_NOSUB)) {
        problem(decoder, path, "the pattern %s does not compile", field->pattern);
        return;
    }
    if (regexec(&regex, value, 0, NULL, 0)) {
        problem(decoder, path, "\"%.100s\" is not valid; use %s", value,
                field->pattern_meaning ? field->pattern_meaning : field->pattern);
    }
    regfree(&regex);
}

static int64_t bound(const struct api_field *field, int64_t generous)
{
    return field->maximum ? field->maximum : generous;
}

static void check_length(struct decoder *decoder, const struct api_field *field,
                         const struct path *path, size_t length, int64_t generous, const char *unit)
{
    if ((int64_t)length < field->minimum || (int64_t)length > bound(field, generous)) {
        problem(decoder, path, "has %zu %s; use %lld to %lld", length, unit,
                (long long)field->minimum, (long long)bound(field, generous));
    }
}

static void decode_string(struct decoder *decoder, const struct api_field *field, json_t *json,
                          const struct path *path, const char **out)
{
    const char *value = json_string_value(json);

    if (!value) {
        problem(decoder, path, "must be a string");
        return;
    }
    check_length(decoder, field, path, strlen(value), API_MAX_STRING, "characters");
    check_one_of(decoder, field, path, value);
    check_pattern(decoder, field, path, value);
    *out = arena_strdup(decoder->arena, value);
}

static void decode_string_list(struct decoder *decoder, const struct api_field *field, json_t *json,
                               const struct path *path, struct api_string_list *out)
{
    size_t length = json_array_size(json);

    if (!json_is_array(json)) {
        problem(decoder, path, "must be a list");
        return;
    }
    check_length(decoder, field, path, length, API_MAX_ITEMS, "items");
    out->items = arena_alloc(decoder->arena, (length + 1) * sizeof *out->items);
    for (size_t i = 0; i < length; i++) {
        struct path item_path = {path, NULL, i};
        const char *value = json_string_value(json_array_get(json, i));
        if (!value || strlen(value) > API_MAX_ITEM) {
            problem(decoder, &item_path, "must be a string of at most %d characters", API_MAX_ITEM);
            continue;
        }
        check_one_of(decoder, field, &item_path, value);
        check_pattern(decoder, field, &item_path, value);
        out->items[out->length++] = arena_strdup(decoder->arena, value);
    }
}

static void decode_integer(struct decoder *decoder, const struct api_field *field, json_t *json,
                           const struct path *path, void *target)
{
    char text[32];
    int64_t value = json_integer_value(json);
    bool small = field->type == API_INT32;
    int64_t lowest = small ? INT32_MIN : INT64_MIN, highest = small ? INT32_MAX : INT64_MAX;

    if (!json_is_integer(json)) {
        problem(decoder, path, "must be an integer");
        return;
    }
    if (field->minimum || field->maximum) {
        lowest = field->minimum;
        highest = bound(field, highest);
    }
    if (value < lowest || value > highest) {
        problem(decoder, path, "%lld is out of range; use %lld to %lld", (long long)value,
                (long long)lowest, (long long)highest);
        return;
    }
    snprintf(text, sizeof text, "%lld", (long long)value);
    check_one_of(decoder, field, path, text);
    if (small) {
        *(int32_t *)target = (int32_t)value;
    } else {
        *(int64_t *)target = value;
    }
}

static void decode_decimal(struct decoder *decoder, const struct api_field *field, json_t *json,
                           const struct path *path, int32_t *out)
{
    double value = json_number_value(json);

    if (!json_is_number(json)) {
        problem(decoder, path, "must be a number such as 2 or 1.5");
        return;
    }
    if (value < (double)field->minimum || value > (double)field->maximum) {
        problem(decoder, path, "%g is out of range; use %lld to %lld", value,
                (long long)field->minimum, (long long)field->maximum);
        return;
    }
    *out = (int32_t)(value * 1000 + 0.5);
}

static void decode_duration(struct decoder *decoder, const struct api_field *field, json_t *json,
                            const struct path *path, void *target)
{
    char low[32], high[32];
    int64_t value = 0;
    const char *text = json_string_value(json);

    if (!text || strlen(text) > API_MAX_DURATION || !api_duration_parse(text, &value)) {
        problem(decoder, path, "\"%.100s\" is not a duration; use one such as 250ms, 10s or 1h30m",
                text ? text : "");
        return;
    }
    bool narrow = field->item_size == sizeof(int32_t);
    int64_t highest = bound(field, narrow ? INT32_MAX : INT64_MAX);
    if (value < field->minimum || value > highest) {
        problem(decoder, path, "%s is out of range; use %s to %s", text,
                api_duration_format(field->minimum, low, sizeof low),
                api_duration_format(highest, high, sizeof high));
        return;
    }
    if (narrow) {
        *(int32_t *)target = (int32_t)value;
    } else {
        *(int64_t *)target = value;
    }
}

static void decode_quantity(struct decoder *decoder, const struct api_field *field, json_t *json,
                            const struct path *path, const char **out)
{
    char low[32], high[32];
    int64_t milli = 0;
    const char *text = json_string_value(json);

    if (json_is_integer(json)) {
        text = arena_printf(decoder->arena, "%lld", (long long)json_integer_value(json));
    }
    if (!text || !api_quantity_parse(text, &milli) || milli < 0) {
        problem(decoder, path, "\"%.100s\" is not a quantity; use one such as 100m, 1 or 8Gi",
                text ? text : "");
        return;
    }
    if (milli / 1000 < field->minimum || (field->maximum && milli / 1000 > field->maximum)) {
        api_quantity_format(field->minimum, low, sizeof low);
        api_quantity_format(field->maximum, high, sizeof high);
        problem(decoder, path, "%s is out of range; use %s%s%s", text,
                field->maximum ? low : "at least ", field->maximum ? " to " : low,
                field->maximum ? high : "");
        return;
    }
    *out = arena_strdup(decoder->arena, text);
}

/* The key that makes an item unique, as text. */
static const char *list_key(const struct api_field *field, const json_t *item)
{
    return field->list_map_key ? json_string_value(json_object_get(item, field->list_map_key))
                               : NULL;
}

static void check_unique(struct decoder *decoder, const struct api_field *field, const json_t *list,
                         size_t index, const struct path *path)
{
    const char *key = list_key(field, json_array_get(list, index));

    for (size_t i = 0; key && i < index; i++) {
        const char *other = list_key(field, json_array_get(list, i));
        if (other && !strcmp(key, other)) {
            problem(decoder, path, "%s \"%.100s\" is there twice", field->list_map_key, key);
            return;
        }
    }
}

static void decode_list(struct decoder *decoder, const struct api_field *field, json_t *json,
                        const struct path *path, struct api_list *out)
{
    size_t length = json_array_size(json);

    if (!json_is_array(json)) {
        problem(decoder, path, "must be a list");
        return;
    }
    check_length(decoder, field, path, length, API_MAX_ITEMS, "items");
    if ((int64_t)length > bound(field, API_MAX_ITEMS)) {
        return;
    }
    out->items = arena_alloc(decoder->arena, (length + 1) * field->item_size);
    out->length = length;
    for (size_t i = 0; i < length; i++) {
        struct path item_path = {path, NULL, i};
        check_unique(decoder, field, json, i, &item_path);
        decode_object(decoder, field->fields, json_array_get(json, i), &item_path,
                      (char *)out->items + i * field->item_size);
    }
}

static void decode_value(struct decoder *decoder, const struct api_field *field, json_t *json,
                         const struct path *path, void *target)
{
    switch (field->type) {
    case API_OBJECT:
        decode_object(decoder, field->fields, json, path, target);
        break;
    case API_LIST:
        decode_list(decoder, field, json, path, target);
        break;
    case API_STRING:
    case API_TIME:
        decode_string(decoder, field, json, path, target);
        break;
    case API_STRING_LIST:
        decode_string_list(decoder, field, json, path, target);
        break;
    case API_INT32:
    case API_INT64:
        decode_integer(decoder, field, json, path, target);
        break;
    case API_DECIMAL:
        decode_decimal(decoder, field, json, path, target);
        break;
    case API_BOOL:
        if (!json_is_boolean(json)) {
            problem(decoder, path, "must be true or false");
        }
        *(bool *)target = json_is_true(json);
        break;
    case API_DURATION:
        decode_duration(decoder, field, json, path, target);
        break;
    case API_QUANTITY:
        decode_quantity(decoder, field, json, path, target);
        break;
    case API_JSON:
        *(json_t **)target = json;
        break;
    }
}

static json_t *default_value(struct decoder *decoder, const struct api_field *field)
{
    if (!field->default_json) {
        return NULL;
    }
    json_t *json = json_loads(field->default_json, JSON_DECODE_ANY, NULL);
    return arena_json(decoder->arena, json);
}

static void decode_object(struct decoder *decoder, const struct api_field *fields,
                          const json_t *json, const struct path *path, char *out)
{
    if (json && !json_is_object(json)) {
        problem(decoder, path, "must be an object");
        return;
    }
    for (const struct api_field *field = fields; field->name; field++) {
        struct path field_path = {path, field->name, 0};
        json_t *value = json_object_get(json, field->name);
        if (!value || json_is_null(value)) {
            value = default_value(decoder, field);
            decoder->in_default = field->type != API_OBJECT;
        }
        if (value) { /* An object that is not there has no defaults within either. */
            decode_value(decoder, field, value, &field_path, out + field->offset);
        } else if (field->required) {
            problem(decoder, &field_path, "is required");
        }
        decoder->in_default = false;
    }
}

int api_decode(const struct api_field *fields, json_t *json, const char *path, struct arena *arena,
               void *out, struct error *error)
{
    struct decoder decoder = {.arena = arena};
    struct path start = {NULL, path, 0};
    int status = 0;

    decode_object(&decoder, fields, json_is_null(json) ? NULL : json, &start, out);
    if (decoder.problems.size) {
        status = error_set(error, ERROR_INVALID, "%s", decoder.problems.data);
    }
    buffer_fini(&decoder.problems);
    return status;
}
