/* The CustomResourceDefinition from the tables: a structural OpenAPI v3 schema
 * (apiextensions.k8s.io/v1) in which every object that may not be missing has a default, so that
 * the API server fills in nested defaults too, and every string and list a bound, so that the
 * estimated cost of the CEL rules stays small. */
#include <stdlib.h>
#include <string.h>

#include "api/field.h"
#include "api/yaml.h"
#include "base/json.h"
#include "base/memory.h"

static json_t *object_schema(const struct api_field *fields, const char *documentation);

static void set(json_t *object, const char *name, json_t *value)
{
    if (!value || json_object_set_new(object, name, value)) {
        memory_exhausted();
    }
}

static void add(json_t *array, json_t *value)
{
    if (!value || json_array_append_new(array, value)) {
        memory_exhausted();
    }
}

static void set_string(json_t *object, const char *name, const char *value)
{
    set(object, name, json_string(value));
}

static void add_rule(json_t *schema, const char *cel, const char *message)
{
    json_t *rules = json_object_get(schema, "x-kubernetes-validations");
    json_t *rule = json_object();

    if (!rules) {
        rules = json_array();
        set(schema, "x-kubernetes-validations", rules);
    }
    set_string(rule, "rule", cel);
    set_string(rule, "message", message);
    add(rules, rule);
}

static void add_rules(json_t *schema, const struct api_rule *rules)
{
    for (; rules && rules->cel; rules++) {
        add_rule(schema, rules->cel, rules->message);
    }
}

static void set_enum(json_t *schema, const struct api_field *field, bool integers)
{
    json_t *values = json_array();

    for (const char *const *value = field->one_of; *value; value++) {
        add(values, integers ? json_integer(strtoll(*value, NULL, 10)) : json_string(*value));
    }
    set(schema, "enum", values);
}

static void string_schema(json_t *schema, const struct api_field *field)
{
    set_string(schema, "type", "string");
    if (field->type == API_TIME) {
        set_string(schema, "format", "date-time");
    } else if (field->one_of) {
        set_enum(schema, field, false);
    } else {
        if (field->minimum) {
            set(schema, "minLength", json_integer(field->minimum));
        }
        set(schema, "maxLength", json_integer(field->maximum ? field->maximum : API_MAX_STRING));
    }
    if (field->pattern) {
        set_string(schema, "pattern", field->pattern);
    }
}

static void integer_schema(json_t *schema, const struct api_field *field)
{
    set_string(schema, "type", "integer");
    set_string(schema, "format", field->type == API_INT32 ? "int32" : "int64");
    if (field->one_of) {
        set_enum(schema, field, true);
    } else if (field->minimum || field->maximum) {
        set(schema, "minimum", json_integer(field->minimum));
        set(schema, "maximum", json_integer(field->maximum));
    }
}

static void duration_schema(json_t *schema, const struct api_field *field)
{
    char low[32], high[32];

    set_string(schema, "type", "string");
    set(schema, "maxLength", json_integer(API_MAX_DURATION));
    set_string(schema, "pattern", API_DURATION_PATTERN);
    if (field->maximum) {
        api_duration_format(field->minimum, low, sizeof low);
        api_duration_format(field->maximum, high, sizeof high);
        AUTO_FREE char *cel = xasprintf(
            "duration(self) >= duration('%s') && duration(self) <= duration('%s')", low, high);
        AUTO_FREE char *message =
            xasprintf("%s is out of range: use %s to %s", field->name, low, high);
        add_rule(schema, cel, message);
    }
}

static void quantity_schema(json_t *schema, const struct api_field *field)
{
    char low[32], high[32];
    json_t *types = json_array();

    add(types, json_pack("{s:s}", "type", "integer"));
    add(types, json_pack("{s:s}", "type", "string"));
    set(schema, "anyOf", types);
    set_string(schema, "pattern", API_QUANTITY_PATTERN);
    set(schema, "minimum", json_integer(0));
    set(schema, "maxLength", json_integer(API_MAX_DURATION));
    set(schema, "x-kubernetes-int-or-string", json_true());
    if (field->maximum) {
        api_quantity_format(field->minimum, low, sizeof low);
        api_quantity_format(field->maximum, high, sizeof high);
        AUTO_FREE char *cel = xasprintf("quantity(string(self)).compareTo(quantity('%s')) >= 0 && "
                                        "quantity(string(self)).compareTo(quantity('%s')) <= 0",
                                        low, high);
        AUTO_FREE char *message =
            xasprintf("%s is out of range: use %s to %s", field->name, low, high);
        add_rule(schema, cel, message);
    }
}

static void list_schema(json_t *schema, const struct api_field *field)
{
    set_string(schema, "type", "array");
    if (field->minimum) {
        set(schema, "minItems", json_integer(field->minimum));
    }
    set(schema, "maxItems", json_integer(field->maximum ? field->maximum : API_MAX_ITEMS));
    if (field->list_map_key) {
        set_string(schema, "x-kubernetes-list-type", "map");
        set(schema, "x-kubernetes-list-map-keys", json_pack("[s]", field->list_map_key));
    } else {
        set_string(schema, "x-kubernetes-list-type", "atomic");
    }
    if (field->type == API_LIST) {
        set(schema, "items", object_schema(field->fields, NULL));
        return;
    }
    json_t *items = json_pack("{s:s, s:i}", "type", "string", "maxLength", API_MAX_ITEM);
    if (field->pattern) {
        set_string(items, "pattern", field->pattern);
    }
    set(schema, "items", items);
}

static void set_type(json_t *schema, const struct api_field *field)
{
    switch (field->type) {
    case API_OBJECT:
        break; /* object_schema() */
    case API_LIST:
    case API_STRING_LIST:
        list_schema(schema, field);
        break;
    case API_STRING:
    case API_TIME:
        string_schema(schema, field);
        break;
    case API_INT32:
    case API_INT64:
        integer_schema(schema, field);
        break;
    case API_DECIMAL:
        set_string(schema, "type", "number");
        set(schema, "minimum", json_integer(field->minimum));
        set(schema, "maximum", json_integer(field->maximum));
        break;
    case API_BOOL:
        set_string(schema, "type", "boolean");
        break;
    case API_DURATION:
        duration_schema(schema, field);
        break;
    case API_QUANTITY:
        quantity_schema(schema, field);
        break;
    case API_JSON:
        set(schema, "x-kubernetes-preserve-unknown-fields", json_true());
        break;
    }
}

/* An object's default is written out with its members' defaults: the API server would fill in {}
 * too, but holds the default itself against the object's rules before it does. */
static json_t *default_value(const struct api_field *field)
{
    json_t *value = json_loads(field->default_json, JSON_DECODE_ANY, NULL);

    for (const struct api_field *inner = field->type == API_OBJECT ? field->fields : NULL;
         inner && inner->name; inner++) {
        if (inner->default_json) {
            set(value, inner->name, default_value(inner));
        }
    }
    return value;
}

static json_t *field_schema(const struct api_field *field)
{
    json_t *schema = field->type == API_OBJECT
                         ? object_schema(field->fields, field->documentation)
                         : json_pack("{s:s}", "description", field->documentation);

    set_type(schema, field);
    if (field->default_json) {
        set(schema, "default", default_value(field));
    }
    add_rules(schema, field->rules);
    return schema;
}

static json_t *object_schema(const struct api_field *fields, const char *documentation)
{
    json_t *schema = json_object();
    json_t *properties = json_object();
    json_t *required = json_array();

    if (documentation) {
        set_string(schema, "description", documentation);
    }
    set_string(schema, "type", "object");
    for (; fields->name; fields++) {
        set(properties, fields->name, field_schema(fields));
        if (fields->required) {
            add(required, json_string(fields->name));
        }
    }
    if (json_array_size(required)) {
        set(schema, "required", json_incref(required));
    }
    json_decref(required);
    set(schema, "properties", properties);
    return schema;
}

static json_t *root_schema(const struct api_kind *kind)
{
    json_t *schema = json_pack("{s:s, s:s}", "description", kind->documentation, "type", "object");
    json_t *properties = json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "apiVersion", "type", "string",
                                   "kind", "type", "string", "metadata", "type", "object");
    json_t *spec = object_schema(kind->spec, "What is wanted.");

    if (json_object_get(spec, "required")) { /* {} would not hold itself. */
        set(schema, "required", json_pack("[s]", "spec"));
    } else {
        set(spec, "default", json_object());
    }
    set(properties, "spec", spec);
    set(properties, "status",
        object_schema(kind->status, "What there is; the operator writes it."));
    set(schema, "properties", properties);
    add_rules(schema, kind->rules);
    return schema;
}

static json_t *column_list(const struct api_kind *kind)
{
    json_t *columns = json_array();

    for (const struct api_column *column = kind->columns; column->name; column++) {
        json_t *item = json_pack("{s:s, s:s, s:s, s:s}", "name", column->name, "type", column->type,
                                 "jsonPath", column->json_path, "description", column->description);
        if (column->priority) {
            set(item, "priority", json_integer(column->priority));
        }
        add(columns, item);
    }
    return columns;
}

static json_t *version(const struct api_kind *kind)
{
    json_t *subresources = json_pack("{s:{}}", "status");

    if (kind->scale_spec_path) {
        set(subresources, "scale",
            json_pack("{s:s, s:s, s:s}", "specReplicasPath", kind->scale_spec_path,
                      "statusReplicasPath", kind->scale_status_path, "labelSelectorPath",
                      kind->scale_selector_path));
    }
    return json_pack("{s:s, s:b, s:b, s:o, s:o, s:{s:o}}", "name", kind->version, "served", 1,
                     "storage", 1, "subresources", subresources, "additionalPrinterColumns",
                     column_list(kind), "schema", "openAPIV3Schema", root_schema(kind));
}

static json_t *names(const struct api_kind *kind)
{
    json_t *short_names = json_array();

    for (const char *const *name = kind->short_names; *name; name++) {
        add(short_names, json_string(*name));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:[s]}", "kind", kind->kind, "listKind",
                     kind->list_kind, "plural", kind->plural, "singular", kind->singular,
                     "shortNames", short_names, "categories", "all");
}

void api_crd_yaml(const struct api_kind *kind, struct buffer *out)
{
    AUTO_FREE char *name = xasprintf("%s.%s", kind->plural, kind->group);
    AUTO_JSON json_t *crd = json_pack(
        "{s:s, s:s, s:{s:s}, s:{s:s, s:o, s:s, s:[o]}}", "apiVersion", "apiextensions.k8s.io/v1",
        "kind", "CustomResourceDefinition", "metadata", "name", name, "spec", "group", kind->group,
        "names", names(kind), "scope", "Namespaced", "versions", version(kind));

    if (!crd) {
        memory_exhausted();
    }
    buffer_printf(out, "# Generated from the field tables in src/api by crd-gen; do not edit.\n");
    yaml_write(crd, out);
}
