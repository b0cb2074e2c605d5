#include "kube/kubeconfig_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "pki/base64.h"

int kubeconfig_entry_refuse(const struct kubeconfig_entry *entry, const char *field,
                            struct error *error, const char *format, ...)
{
    char reason[ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return error_set(error, ERROR_INVALID, "%s: %s \"%s\": %s%s %s", entry->file, entry->kind,
                     entry->name, entry->prefix, field, reason);
}

static void wipe(void *text)
{
    memory_wipe(text, strlen(text));
}

const char *kubeconfig_keep(struct arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);

    if (copy) {
        arena_defer(arena, wipe, copy);
    }
    return copy;
}

const char *kubeconfig_relative(struct arena *arena, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');

    return *path == '/' || !slash ? arena_strdup(arena, path)
                                  : arena_printf(arena, "%.*s/%s", (int)(slash - file), file, path);
}

/* Borrowed from the entry. */
static int look(const struct kubeconfig_entry *entry, const char *field, const char **out,
                struct error *error)
{
    const json_t *value = json_object_get(entry->fields, field);

    *out = json_string_value(value);
    if (*out && !**out) {
        *out = NULL;
    }
    return !value || json_is_string(value) || json_is_null(value)
               ? 0
               : kubeconfig_entry_refuse(entry, field, error, "must be a single text");
}

int kubeconfig_entry_text(const struct kubeconfig_entry *entry, const char *field, const char **out,
                          struct error *error)
{
    int result = look(entry, field, out, error);

    *out = kubeconfig_keep(entry->arena, *out);
    return result;
}

int kubeconfig_entry_path(const struct kubeconfig_entry *entry, const char *field, const char **out,
                          struct error *error)
{
    int result = look(entry, field, out, error);

    *out = *out ? kubeconfig_relative(entry->arena, entry->file, *out) : NULL;
    return result;
}

/* Without the line breaks that a block of YAML keeps; malloc'ed. */
static char *without_breaks(const char *text)
{
    char *copy = xmalloc(strlen(text) + 1);
    char *end = copy;

    for (; *text; text++) {
        if (!strchr(" \r\n", *text)) {
            *end++ = *text;
        }
    }
    *end = '\0';
    return copy;
}

int kubeconfig_entry_data(const struct kubeconfig_entry *entry, const char *field, const char **out,
                          struct error *error)
{
    const char *text;
    size_t size;
    int result = look(entry, field, &text, error);

    *out = NULL;
    if (result || !text) {
        return result;
    }
    CLEANUP(memory_wipe_text) char *encoded = without_breaks(text);
    CLEANUP(memory_wipe_text) char *decoded = (char *)base64_decode(encoded, &size);
    if (!decoded || strlen(decoded) != size) {
        return kubeconfig_entry_refuse(entry, field, error,
                                       "must be PEM text in base64, in one piece");
    }
    *out = kubeconfig_keep(entry->arena, decoded);
    return 0;
}

int kubeconfig_entry_flag(const struct kubeconfig_entry *entry, const char *field, bool *out,
                          struct error *error)
{
    const char *text;
    int result = look(entry, field, &text, error);

    *out = text && !strcmp(text, "true");
    if (!result && text && !*out && strcmp(text, "false") != 0) {
        result = kubeconfig_entry_refuse(entry, field, error, "must be true or false");
    }
    return result;
}

int kubeconfig_entry_forbid(const struct kubeconfig_entry *entry, const char *field,
                            const char *instead, struct error *error)
{
    const json_t *value = json_object_get(entry->fields, field);
    const char *text = json_string_value(value);
    bool given = value && !json_is_null(value) && (!text || *text);

    return given ? kubeconfig_entry_refuse(entry, field, error, "is not supported: %s", instead)
                 : 0;
}
