/* The reference page's section of a kind: one Markdown table for the spec and one for the status,
 * nested fields with their whole path. */
#include <string.h>

#include "api/field.h"
#include "base/memory.h"

static const char *type_name(enum api_type type)
{
    switch (type) {
    case API_OBJECT:
        return "object";
    case API_LIST:
        return "list of objects";
    case API_STRING:
        return "string";
    case API_STRING_LIST:
        return "list of strings";
    case API_INT32:
        return "int32";
    case API_INT64:
        return "int64";
    case API_DECIMAL:
        return "number";
    case API_BOOL:
        return "boolean";
    case API_DURATION:
        return "duration";
    case API_QUANTITY:
        return "quantity";
    case API_JSON:
        return "any";
    case API_TIME:
        return "time";
    }
    return "";
}

static void write_choices(const struct api_field *field, struct buffer *out)
{
    buffer_printf(out, " One of");
    for (const char *const *choice = field->one_of; *choice; choice++) {
        buffer_printf(out, "%s `%s`", choice == field->one_of ? "" : ",",
                      **choice ? *choice : "\"\"");
    }
    buffer_printf(out, ".");
}

static void write_limits(const struct api_field *field, struct buffer *out)
{
    char low[32], high[32];

    if (field->one_of) {
        write_choices(field, out);
    } else if (field->pattern_meaning) {
        buffer_printf(out, " %s must be %s.", field->type == API_STRING_LIST ? "Each" : "It",
                      field->pattern_meaning);
    }
    if (!field->maximum) {
        return;
    }
    switch (field->type) {
    case API_INT32:
    case API_INT64:
    case API_DECIMAL:
        buffer_printf(out, " From %lld to %lld.", (long long)field->minimum,
                      (long long)field->maximum);
        break;
    case API_DURATION:
        buffer_printf(out, " From %s to %s.", api_duration_format(field->minimum, low, sizeof low),
                      api_duration_format(field->maximum, high, sizeof high));
        break;
    case API_QUANTITY:
        buffer_printf(out, " From %s to %s.", api_quantity_format(field->minimum, low, sizeof low),
                      api_quantity_format(field->maximum, high, sizeof high));
        break;
    case API_LIST:
    case API_STRING_LIST:
        buffer_printf(out, " At most %lld items.", (long long)field->maximum);
        break;
    default:
        break;
    }
}

static void write_rules(const struct api_rule *rules, struct buffer *out)
{
    for (; rules && rules->cel; rules++) {
        buffer_printf(out, "- %s.\n", rules->message);
    }
}

static void write_fields(const struct api_field *fields, const char *path, struct buffer *out)
{
    for (; fields->name; fields++) {
        const char *brackets = fields->type == API_LIST ? "[]" : "";
        AUTO_FREE char *inner =
            xasprintf("%s%s%s%s", path, *path ? "." : "", fields->name, brackets);
        bool shows_default = fields->default_json && fields->type != API_OBJECT;
        buffer_printf(out, "| `%s` | %s | %s%s%s | %s%s", inner, type_name(fields->type),
                      shows_default ? "`" : "", shows_default ? fields->default_json : "",
                      shows_default ? "`" : "", fields->documentation,
                      fields->required ? " Required." : "");
        write_limits(fields, out);
        buffer_printf(out, " |\n");
        if (fields->fields) {
            write_fields(fields->fields, inner, out);
        }
    }
}

static void write_field_rules(const struct api_field *fields, struct buffer *out)
{
    for (; fields->name; fields++) {
        write_rules(fields->rules, out);
        if (fields->fields) {
            write_field_rules(fields->fields, out);
        }
    }
}

void api_reference(const struct api_kind *kind, struct buffer *out)
{
    buffer_printf(out, "## %s\n\n`apiVersion: %s/%s`, `kind: %s`, namespaced; short name `%s`.\n\n",
                  kind->kind, kind->group, kind->version, kind->kind, kind->short_names[0]);
    buffer_printf(out, "%s\n\n### Spec\n\n", kind->documentation);
    buffer_printf(out, "| field | type | default | description |\n| --- | --- | --- | --- |\n");
    write_fields(kind->spec, "", out);
    buffer_printf(out,
                  "\n### Rules\n\nThe API server refuses an object that breaks one of these.\n\n");
    write_rules(kind->rules, out);
    write_field_rules(kind->spec, out);
    buffer_printf(out, "\n### Status\n\n");
    buffer_printf(out, "| field | type | default | description |\n| --- | --- | --- | --- |\n");
    write_fields(kind->status, "", out);
    buffer_printf(out, "\n");
}
