#include "manager/config_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "base/yaml_read.h"

bool config_file_takes(const struct manager_option *option)
{
    return option->argument && strcmp(option->name, "config") != 0;
}

static int unknown_key(const char *where, struct error *error)
{
    AUTO_BUFFER struct buffer names = {0};

    for (size_t i = 0; i < manager_option_count; i++) {
        if (config_file_takes(&manager_option_table[i])) {
            buffer_printf(&names, ", %s", manager_option_table[i].name);
        }
    }
    return error_set(error, ERROR_INVALID, "%s is unknown; there are apiVersion, kind%s", where,
                     names.data);
}

/* The value as the flag would have it; NULL: it cannot be said so. */
static char *text_of(const struct manager_option *option, const json_t *value)
{
    AUTO_BUFFER struct buffer text = {0};
    size_t index;
    json_t *element;

    if (json_is_null(value) || json_is_string(value)) {
        return xstrdup(json_is_string(value) ? json_string_value(value) : "");
    }
    if (!json_is_array(value) || !option->separator) {
        return NULL;
    }
    json_array_foreach(value, index, element)
    {
        const char *one = json_string_value(element);
        if (!one || !*one || strchr(one, option->separator)) {
            return NULL;
        }
        buffer_printf(&text, "%s%.1s", one,
                      index + 1 < json_array_size(value) ? &option->separator : "");
    }
    return xstrdup(text.data ? text.data : "");
}

static int apply_key(const char *key, const json_t *value, const char *where,
                     struct manager_options *options, struct error *error)
{
    const struct manager_option *option = manager_option_find(key, strlen(key));

    if (!option || !config_file_takes(option)) {
        return unknown_key(where, error);
    }
    AUTO_FREE char *text = text_of(option, value);
    if (!text) {
        AUTO_FREE char *shown = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        return error_set(error, ERROR_INVALID, "%s: '%.64s' is not allowed; allowed is %s", where,
                         shown, option->allowed);
    }
    return manager_option_set(option, options, where, text, error);
}

/* `key` must be there with exactly that value. */
static int check_head(const json_t *file, const json_t *lines, const char *path, const char *key,
                      const char *wanted, struct error *error)
{
    const char *value = json_string_value(json_object_get(file, key));

    if (value && !strcmp(value, wanted)) {
        return 0;
    }
    if (!json_object_get(file, key)) {
        return error_set(error, ERROR_INVALID, "%s: %s is missing; it must be %s", path, key,
                         wanted);
    }
    return error_set(
        error, ERROR_INVALID, "%s, line %lld: %s: '%.64s' is not allowed; it must be %s", path,
        json_integer_value(json_object_get(lines, key)), key, value ? value : "", wanted);
}

int config_file_apply(const char *text, size_t size, const char *path,
                      struct manager_options *options, struct error *error)
{
    AUTO_JSON json_t *lines = NULL;
    AUTO_JSON json_t *file = yaml_read(text, size, path, &lines, error);
    const char *key;
    json_t *value;

    if (!file) {
        return -(int)ERROR_INVALID;
    }
    if (!json_is_object(file)) {
        return error_set(error, ERROR_INVALID, "%s: it is no mapping of keys to values", path);
    }
    int result = check_head(file, lines, path, "apiVersion", CONFIG_FILE_API_VERSION, error);
    if (!result) {
        result = check_head(file, lines, path, "kind", CONFIG_FILE_KIND, error);
    }
    json_object_foreach(file, key, value)
    {
        if (result || !strcmp(key, "apiVersion") || !strcmp(key, "kind")) {
            continue;
        }
        AUTO_FREE char *where = xasprintf("%s, line %lld: %.64s", path,
                                          json_integer_value(json_object_get(lines, key)), key);
        result = apply_key(key, value, where, options, error);
    }
    return result;
}

int config_file_read(const char *path, struct manager_options *options, struct error *error)
{
    AUTO_FREE char *text = text_file_read(path, YAML_READ_MAX_SIZE, error);

    return text ? config_file_apply(text, strlen(text), path, options, error)
                : error_wrap(error, "the configuration file");
}
