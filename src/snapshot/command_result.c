#include <sodium.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "snapshot/command_internal.h"

static json_t *document(const struct command_result *result)
{
    const struct snapshot_facts *facts = &result->facts;
    const struct snapshot_source *source = result->source;
    char sha256[2 * SNAPSHOT_SHA256_SIZE + 1], id[SNAPSHOT_KEY_ID_TEXT];

    sodium_bin2hex(sha256, sizeof sha256, facts->sha256, sizeof facts->sha256);
    snapshot_key_id_text(result->form.key_id, id);
    json_t *json = json_pack(
        "{s:s, s:I, s:I, s:I, s:s, s:s*, s:b}", "file", result->file, "revision",
        (json_int_t)facts->contents.revision, "records", (json_int_t)facts->contents.records,
        "size", (json_int_t)facts->size, "sha256", sha256, "storageVersion",
        *facts->contents.storage_version ? facts->contents.storage_version : NULL, "compressed",
        result->form.compressed);
    if (json && result->form.encrypted) {
        json_object_set_new(json, "encryptionKey", json_string(id));
    }
    if (json && source) {
        json_object_set_new(json, "member",
                            json_sprintf("%016llx", (unsigned long long)source->status.member_id));
        json_object_set_new(json, "role", json_string(source->role));
        json_object_set_new(json, "etcdVersion", json_string(source->status.version));
    }
    return json ? json : (memory_exhausted(), NULL);
}

/* In the order of the document; a name as wide as the widest. */
static void print_text(const json_t *json, struct buffer *out)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)json, name, value)
    {
        AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY);
        buffer_printf(out, "%-14s %s\n", name,
                      json_is_string(value) ? json_string_value(value) : text);
    }
}

int command_print(const struct command *command, const struct command_result *result,
                  struct error *error)
{
    AUTO_JSON json_t *json = document(result);
    AUTO_BUFFER struct buffer out = {0};

    if (command->json) {
        AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));
        buffer_printf(&out, "%s\n", text);
    } else {
        print_text(json, &out);
    }
    if (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout)) {
        return error_set(error, ERROR_TERMINAL, "writing to standard output failed");
    }
    return 0;
}
