#include "base/yaml_read.h"

#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"
#include "base/memory.h"

struct reading {
    yaml_document_t *document;
    const char *what;
    size_t values;
    struct error *error;
};

static int line_of(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

/* Returns NULL. */
static json_t *refuse(const struct reading *reading, const yaml_node_t *node, const char *reason)
{
    error_set(reading->error, ERROR_INVALID, "%s, line %d: %s", reading->what, line_of(node),
              reason);
    return NULL;
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    bool found = false;

    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
        found |= !strcmp(text_of(node), nulls[i]);
    }
    return found && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool has_nul(const yaml_node_t *node)
{
    return strlen(text_of(node)) != node->data.scalar.length;
}

static json_t *convert(struct reading *reading, const yaml_node_t *node, unsigned depth);

static json_t *convert_scalar(const struct reading *reading, const yaml_node_t *node)
{
    if (has_nul(node)) {
        return refuse(reading, node, "a text has a NUL in it");
    }
    json_t *json = is_null(node) ? json_null() : json_string(text_of(node));
    return json ? json : refuse(reading, node, "a text is not UTF-8");
}

static json_t *convert_sequence(struct reading *reading, const yaml_node_t *node, unsigned depth)
{
    AUTO_JSON json_t *array = json_array();
    const yaml_node_item_t *item = node->data.sequence.items.start;

    for (; item < node->data.sequence.items.top; item++) {
        json_t *value =
            convert(reading, yaml_document_get_node(reading->document, *item), depth + 1);
        if (!value) {
            return NULL;
        }
        json_array_append_new(array, value);
    }
    return json_incref(array);
}

static json_t *convert_mapping(struct reading *reading, const yaml_node_t *node, unsigned depth)
{
    AUTO_JSON json_t *object = json_object();
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(reading->document, pair->key);
        if (key->type != YAML_SCALAR_NODE || has_nul(key)) {
            return refuse(reading, key, "a key is no plain text");
        }
        if (json_object_get(object, text_of(key))) {
            error_set(reading->error, ERROR_INVALID,
                      "%s, line %d: the key '%.64s' stands here for the second time in its mapping",
                      reading->what, line_of(key), text_of(key));
            return NULL;
        }
        json_t *value =
            convert(reading, yaml_document_get_node(reading->document, pair->value), depth + 1);
        if (!value) {
            return NULL;
        }
        if (json_object_set_new(object, text_of(key), value)) {
            return refuse(reading, key, "a key is not UTF-8");
        }
    }
    return json_incref(object);
}

/* An alias is the node that it stands for: a loop of them is as deep as anything can be. */
static json_t *convert(struct reading *reading, const yaml_node_t *node, unsigned depth)
{
    if (depth > YAML_READ_MAX_DEPTH) {
        return refuse(reading, node, "values are nested too deeply");
    }
    if (++reading->values > YAML_READ_MAX_VALUES) {
        return refuse(reading, node, "there are too many values");
    }
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        return convert_sequence(reading, node, depth);
    case YAML_MAPPING_NODE:
        return convert_mapping(reading, node, depth);
    default:
        return convert_scalar(reading, node);
    }
}

static json_t *lines_of(yaml_document_t *document, const yaml_node_t *root)
{
    json_t *lines = json_object();

    if (root && root->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
        for (; pair < root->data.mapping.pairs.top; pair++) {
            const yaml_node_t *key = yaml_document_get_node(document, pair->key);
            json_object_set_new(lines, text_of(key), json_integer(line_of(key)));
        }
    }
    return lines;
}

static void wipe_document(yaml_document_t *document)
{
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
        if (node->type == YAML_SCALAR_NODE) {
            memory_wipe(node->data.scalar.value, node->data.scalar.length);
        }
    }
    yaml_document_delete(document);
}

static void wipe_parser(yaml_parser_t *parser)
{
    memory_wipe(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
    memory_wipe(parser->raw_buffer.start,
                (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
    yaml_parser_delete(parser);
}

static int load(yaml_parser_t *parser, yaml_document_t *document, const char *what,
                struct error *error)
{
    if (yaml_parser_load(parser, document)) {
        return 0;
    }
    if (parser->error == YAML_MEMORY_ERROR) {
        memory_exhausted();
    }
    return error_set(error, ERROR_INVALID, "%s, line %zu: this is no YAML: %s", what,
                     parser->problem_mark.line + 1, parser->problem ? parser->problem : "");
}

/* The text holds no further document. */
static int check_end(yaml_parser_t *parser, const char *what, struct error *error)
{
    yaml_document_t document;

    if (load(parser, &document, what, error)) {
        return -(int)ERROR_INVALID;
    }
    bool another = yaml_document_get_root_node(&document) != NULL;
    wipe_document(&document);
    return another ? error_set(error, ERROR_INVALID, "%s: there are several documents in it", what)
                   : 0;
}

json_t *yaml_read(const char *text, size_t size, const char *what, json_t **lines,
                  struct error *error)
{
    yaml_parser_t parser;
    yaml_document_t document;
    json_t *json = NULL;

    if (size > YAML_READ_MAX_SIZE) {
        error_set(error, ERROR_INVALID, "%s: more than %zu bytes are not read", what,
                  YAML_READ_MAX_SIZE);
        return NULL;
    }
    if (!yaml_parser_initialize(&parser)) {
        memory_exhausted();
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!load(&parser, &document, what, error)) {
        struct reading reading = {.document = &document, .what = what, .error = error};
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        json = root ? convert(&reading, root, 0) : json_object();
        if (json && root && check_end(&parser, what, error)) {
            json_decref(json);
            json = NULL;
        }
        if (json && lines) {
            *lines = lines_of(&document, root);
        }
        wipe_document(&document);
    }
    wipe_parser(&parser);
    return json;
}
