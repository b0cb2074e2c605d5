#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "snapshot/command_internal.h"

json_t *command_document(const struct command *command, const struct snapshot_manifest *manifest)
{
    json_t *json = snapshot_manifest_json(manifest);

    json_object_del(json, "v");
    if (command->store) {
        const char *url = command->destination.url;
        size_t length = strlen(url);
        while (length && url[length - 1] == '/') {
            length--;
        }
        json_object_set_new(json, "location",
                            json_sprintf("%.*s/%s", (int)length, url, manifest->name));
    }
    return json;
}

/* In the order of the document; a name as wide as the widest. */
static void print_text(json_t *json, struct buffer *out)
{
    const char *name;
    json_t *value;

    json_object_foreach(json, name, value)
    {
        AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY);
        buffer_printf(out, "%-14s %s\n", name,
                      json_is_string(value) ? json_string_value(value) : text);
    }
}

int command_print(const struct command *command, json_t *document, struct error *error)
{
    AUTO_BUFFER struct buffer out = {0};

    if (command->json) {
        AUTO_FREE char *text = json_dumps(document, JSON_INDENT(2));
        buffer_printf(&out, "%s\n", text);
    } else {
        print_text(document, &out);
    }
    if (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout)) {
        return error_set(error, ERROR_TERMINAL, "writing to standard output failed");
    }
    return 0;
}

/* In place: the file may be a mount of its own, as a pod's termination message is. */
void command_write_result(const struct command *command, json_t *document)
{
    if (!command->result_file) {
        return;
    }
    AUTO_FREE char *text = json_dumps(document, JSON_COMPACT);
    FILE *file = fopen(command->result_file, "we");
    bool written = file && fprintf(file, "%s\n", text) > 0;
    if ((file && fclose(file)) || !written) {
        log_warning("the result cannot be written", "file", command->result_file, NULL);
    }
}

/* Messages quote servers, and may be cut within a character: only ASCII is text for certain. */
static json_t *text_of(const char *message)
{
    char text[ERROR_MESSAGE_SIZE];
    json_t *json = json_string(message);

    if (!json) {
        snprintf(text, sizeof text, "%s", message);
        for (char *c = text; *c; c++) {
            *c = (unsigned char)*c < 0x80 ? *c : '?';
        }
        json = json_string(text);
    }
    return json;
}

void command_write_failure(const struct command *command, const struct error *error, bool retry)
{
    AUTO_JSON json_t *json = json_pack("{s:o, s:s, s:b}", "error", text_of(error->message), "step",
                                       snapshot_step_name(command->progress.step), "retry", retry);

    command_write_result(command, json);
}
