#include <string.h>

#include "api/permit.h"
#include "api/wire.h"
#include "base/json.h"
#include "base/memory.h"

#define MAX_ARGS 256
#define MAX_ARG  4096

char *member_config_encode(const struct member_config *config)
{
    json_t *object = wire_new();
    json_t *args = json_array();

    wire_set_string(object, "clusterUID", config->cluster_uid);
    if (config->generation) {
        wire_set_integer(object, "generation", config->generation);
    }
    for (size_t i = 0; i < config->n_args; i++) {
        if (json_array_append_new(args, json_string(config->args[i]))) {
            memory_exhausted();
        }
    }
    if (json_object_set_new(object, "args", args)) {
        memory_exhausted();
    }
    return wire_dump(object);
}

static void read_args(struct wire *wire, struct member_config *out)
{
    const json_t *args = json_object_get(wire->json, "args");

    if (wire->status) {
        return;
    }
    if (!json_is_array(args)) {
        wire_fail(wire, "args is not a list");
        return;
    }
    if (json_array_size(args) > MAX_ARGS) {
        wire_fail(wire, "args has %zu items, more than %d", json_array_size(args), MAX_ARGS);
        return;
    }
    out->args = arena_alloc(wire->arena, (json_array_size(args) + 1) * sizeof *out->args);
    for (size_t i = 0; i < json_array_size(args); i++) {
        const json_t *arg = json_array_get(args, i);
        const char *text = json_string_value(arg);
        if (!text || strncmp(text, "--", 2) || json_string_length(arg) > MAX_ARG) {
            wire_fail(wire, "args[%zu] is not a flag that begins with -- of at most %d bytes", i,
                      MAX_ARG);
            return;
        }
        out->args[out->n_args++] = arena_strdup(wire->arena, text);
    }
}

int member_config_decode(const char *text, size_t size, struct arena *arena,
                         struct member_config *out, struct error *error)
{
    struct wire wire =
        wire_open(text, size, WIRE_MAX_DOCUMENT, "the member's configuration", arena, error);

    *out = (struct member_config){
        .cluster_uid = wire_token(&wire, "clusterUID", WIRE_MAX_UID, true),
        .generation = wire_integer(&wire, "generation", 1, WIRE_MAX_INTEGER, false, 0),
    };
    read_args(&wire, out);
    return wire.status;
}
