/* One table row per field: name, type, default, limits and documentation.  From the table are made
 * the CRD YAML (OpenAPI and CEL), the decoder with its defaults, the validation with its messages
 * and the reference page, so that these can never disagree.
 *
 * A row names where the field's C value stands in the kind's struct (offsetof).  Validation
 * messages say the path, the value and what would be right: spec.size: 4 is not supported; use one
 * of 1, 3, 5, 7, 9 */
#ifndef API_FIELD_H
#define API_FIELD_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

enum api_type {
    API_OBJECT, /* struct; `fields` describes it. */
    API_LIST,   /* pointer and count (struct api_list); `fields` describes the items' struct. */
    API_STRING, /* const char *, NULL when absent and without default. */
    API_STRING_LIST, /* struct api_string_list; `pattern` is each item's. */
    API_INT32,       /* int32_t. */
    API_INT64,       /* int64_t. */
    API_DECIMAL,     /* int32_t, thousandths; in JSON a number such as 2 or 1.5. */
    API_BOOL,        /* bool. */
    API_DURATION,    /* Milliseconds; Go duration text such as "10s" or "1h30m". int64_t, or int32_t
                      * where item_size says 4. */
    API_QUANTITY,    /* const char *: Kubernetes quantity, for example 8Gi. In JSON a string or an
                      * integer; in the CRD x-kubernetes-int-or-string. Kept as text. */
    API_JSON,        /* json_t *, borrowed from the decoded object: passed on as it is. */
    API_TIME,        /* const char *: RFC 3339 (status only). */
};

struct api_string_list {
    const char **items;
    size_t length;
};

struct api_list {
    void *items;
    size_t length;
};

struct api_field {
    const char *name; /* As in JSON; NULL ends a table. */
    enum api_type type;
    size_t offset;                  /* Of the C value in the enclosing struct. */
    const struct api_field *fields; /* Of API_OBJECT and API_LIST. */
    size_t item_size;               /* sizeof the item's struct, of API_LIST; of API_DURATION. */
    const char *documentation;      /* One or more whole sentences. */
    const char *default_json;       /* "3", "\"8Gi\"", "true"; NULL: none. */
    bool required;
    const char *const *one_of;    /* Allowed values as text (also of integers), ended by NULL. */
    int64_t minimum, maximum;     /* Of integers; of durations in milliseconds; of quantities and
                                   * decimals in whole units; of strings and lists their length. Both 0:
                                   * no limit but a generous bound (API_MAX_...). */
    const char *pattern;          /* POSIX extended and RE2 at once: ^...$ */
    const char *pattern_meaning;  /* What it asks for, in words, for the message. */
    const char *list_map_key;     /* x-kubernetes-list-map-keys, or NULL. */
    const struct api_rule *rules; /* CEL rules on this object, or NULL. */
};

#define API_MAX_STRING   4096 /* Characters of a string without a limit of its own. */
#define API_MAX_ITEM     253  /* Characters of an API_STRING_LIST's items. */
#define API_MAX_ITEMS    64   /* Items of a list without a limit of its own. */
#define API_MAX_DURATION 32   /* Characters of a duration's text. */

#define API_DURATION_PATTERN "^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$"
#define API_QUANTITY_PATTERN "^[0-9]+([.][0-9]+)?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$"

/* A rule between fields, as CEL for the API server; `self` is the field that carries the rule. The
 * kind's decode function holds the ones that do not compare with oldSelf in C, in the same words.
 * Ended by a row without `cel`. */
struct api_rule {
    const char *cel;     /* x-kubernetes-validations rule; works on Kubernetes 1.30. */
    const char *message; /* Names the field, and what would be right. */
};

struct api_kind {
    const char *group, *version, *kind, *list_kind, *plural, *singular;
    const char *const *short_names;
    const char *documentation;
    const struct api_field *spec, *status;
    size_t spec_size;
    const struct api_rule *rules; /* On the whole object (metadata.name, ...). */
    struct api_column {
        const char *name, *type, *json_path, *description;
        int priority;
    } const *columns;
    const char *scale_spec_path, *scale_status_path, *scale_selector_path; /* NULL: no scale. */
};

/* Decodes the `spec` JSON (NULL means {}) into `out` (spec_size bytes, zeroed by the caller),
 * defaults applied, strings in the arena. ERROR_INVALID lists every field that is wrong, joined by
 * "; ". An unknown field is not an error (the API server prunes it). */
int api_decode(const struct api_field *fields, json_t *json, const char *path, struct arena *arena,
               void *out, struct error *error);

/* Says what of `json` is not in the table or has the wrong type (used by tests to hold the status
 * that the operator writes against the CRD). */
int api_check_known(const struct api_field *fields, const json_t *json, const char *path,
                    struct error *error);

/* The whole CustomResourceDefinition as YAML. */
void api_crd_yaml(const struct api_kind *kind, struct buffer *out);

/* The reference page's section of the kind as Markdown. */
void api_reference(const struct api_kind *kind, struct buffer *out);

/* Go duration ("1h30m", "10s", "250ms") to milliseconds, rounded down; false if it is none or
 * negative. */
bool api_duration_parse(const char *text, int64_t *milliseconds);

/* The shortest text with one unit: "90m", "10s", "250ms". Returns out. */
char *api_duration_format(int64_t milliseconds, char *out, size_t size);

/* Kubernetes quantity to thousandths of its unit, saturating ("8Gi", "100m", "1.5", "1e3"); false
 * if it is none. */
bool api_quantity_parse(const char *text, int64_t *milli);

/* As strcmp, of two texts that are quantities. */
int api_quantity_compare(const char *a, const char *b);

/* Bytes as a quantity with the largest binary suffix that leaves no rest: "8Gi". Returns out. */
char *api_quantity_format(int64_t bytes, char *out, size_t size);

#endif
