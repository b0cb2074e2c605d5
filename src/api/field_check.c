/* Holds JSON that the operator writes against its table: a field that is not in the CRD would be
 * pruned without a word. */
#include <string.h>

#include "api/field.h"
#include "base/memory.h"

static const struct api_field *find_field(const struct api_field *fields, const char *name)
{
    for (; fields->name; fields++) {
        if (!strcmp(fields->name, name)) {
            return fields;
        }
    }
    return NULL;
}

static bool in_choices(const struct api_field *field, const json_t *json)
{
    const char *const *choice = field->one_of;

    if (!choice || !json_is_string(json)) {
        return true;
    }
    while (*choice && strcmp(*choice, json_string_value(json))) {
        choice++;
    }
    return *choice != NULL;
}

static bool has_type(const struct api_field *field, const json_t *json)
{
    int64_t number = json_integer_value(json);

    switch (field->type) {
    case API_OBJECT:
        return json_is_object(json);
    case API_LIST:
    case API_STRING_LIST:
        return json_is_array(json);
    case API_STRING:
    case API_DURATION:
    case API_TIME:
        return json_is_string(json);
    case API_INT32:
        return json_is_integer(json) && number >= INT32_MIN && number <= INT32_MAX;
    case API_INT64:
        return json_is_integer(json);
    case API_DECIMAL:
        return json_is_number(json);
    case API_BOOL:
        return json_is_boolean(json);
    case API_QUANTITY:
        return json_is_string(json) || json_is_integer(json);
    case API_JSON:
        return true;
    }
    return false;
}

static int check_value(const struct api_field *field, const json_t *json, const char *path,
                       struct error *error)
{
    if (!has_type(field, json)) {
        return error_set(error, ERROR_INVALID, "%s has the wrong type", path);
    }
    if (!in_choices(field, json)) {
        return error_set(error, ERROR_INVALID, "%s: %s is not supported", path,
                         json_string_value(json));
    }
    if (field->type == API_OBJECT) {
        return api_check_known(field->fields, json, path, error);
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        AUTO_FREE char *item_path = xasprintf("%s[%zu]", path, i);
        const json_t *item = json_array_get(json, i);
        if (field->type == API_LIST) {
            int status = api_check_known(field->fields, item, item_path, error);
            if (status) {
                return status;
            }
        } else if (field->type == API_STRING_LIST && !json_is_string(item)) {
            return error_set(error, ERROR_INVALID, "%s has the wrong type", item_path);
        }
    }
    return 0;
}

int api_check_known(const struct api_field *fields, const json_t *json, const char *path,
                    struct error *error)
{
    const char *name;
    json_t *value;

    if (!json_is_object(json)) {
        return error_set(error, ERROR_INVALID, "%s is not an object", path);
    }
    json_object_foreach((json_t *)json, name, value)
    {
        AUTO_FREE char *field_path = xasprintf("%s.%s", path, name);
        const struct api_field *field = find_field(fields, name);
        if (!field) {
            return error_set(error, ERROR_INVALID, "%s is not in the table", field_path);
        }
        int status = check_value(field, value, field_path, error);
        if (status) {
            return status;
        }
    }
    for (; fields->name; fields++) {
        if (fields->required && !json_object_get(json, fields->name)) {
            return error_set(error, ERROR_INVALID, "%s.%s is missing", path, fields->name);
        }
    }
    return 0;
}
