#include "api/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

static void write_value(const json_t *json, int depth, struct buffer *out);

/* A string that YAML reads as itself without quotes: plainly a word or a sentence. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",  "on", "off",
                                        "True", "False", "Null", "Yes", "No",  "On", "Off",
                                        "y",    "n",     "Y",    "N",   "TRUE"};
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               " .,_/()+;$-";

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strcmp(text, words[i])) {
            return false;
        }
    }
    size_t length = strlen(text);
    return length && strchr(first, *text) && strspn(text, rest) == length &&
           text[length - 1] != ' ' && strcmp(text, ".") != 0;
}

static void write_string(const char *text, struct buffer *out)
{
    if (is_plain(text)) {
        buffer_printf(out, "%s", text);
        return;
    }
    /* JSON's quoted strings are YAML's (YAML 1.2, section 1.3). */
    json_t *json = json_string(text);
    AUTO_FREE char *quoted = json_dumps(json, JSON_ENCODE_ANY);
    json_decref(json);
    if (!quoted) {
        memory_exhausted();
    }
    buffer_printf(out, "%s", quoted);
}

static bool is_nested(const json_t *json)
{
    return json_object_size(json) || json_array_size(json);
}

static void indent(int depth, struct buffer *out)
{
    buffer_printf(out, "%*s", depth * 2, "");
}

static void write_scalar(const json_t *json, struct buffer *out)
{
    if (json_is_string(json)) {
        write_string(json_string_value(json), out);
        return;
    }
    AUTO_FREE char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!text) {
        memory_exhausted();
    }
    buffer_printf(out, "%s", text);
}

static void write_members(const json_t *json, int depth, bool first_is_indented, struct buffer *out)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)json, name, value)
    {
        if (!first_is_indented) {
            indent(depth, out);
        }
        first_is_indented = false;
        write_string(name, out);
        if (is_nested(value)) {
            buffer_printf(out, ":\n");
            write_value(value, json_is_array(value) ? depth : depth + 1, out);
        } else {
            buffer_printf(out, ": ");
            write_scalar(value, out);
            buffer_printf(out, "\n");
        }
    }
}

static void write_items(const json_t *json, int depth, struct buffer *out)
{
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *item = json_array_get(json, i);
        indent(depth, out);
        buffer_printf(out, "- ");
        if (json_object_size(item)) {
            write_members(item, depth + 1, true, out);
        } else {
            write_scalar(item, out);
            buffer_printf(out, "\n");
        }
    }
}

static void write_value(const json_t *json, int depth, struct buffer *out)
{
    if (json_is_object(json)) {
        write_members(json, depth, false, out);
    } else {
        write_items(json, depth, out);
    }
}

void yaml_write(const json_t *json, struct buffer *out)
{
    write_value(json, 0, out);
}
