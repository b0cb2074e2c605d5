#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

static enum log_level threshold = LOG_INFO;
static enum log_format log_format = LOG_FORMAT_TEXT;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

void log_configure(enum log_level level, enum log_format format)
{
    threshold = level;
    log_format = format;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (!strcmp(name, level_names[i])) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(const char *name, enum log_format *format)
{
    if (!strcmp(name, "json")) {
        *format = LOG_FORMAT_JSON;
        return true;
    }
    if (!strcmp(name, "text")) {
        *format = LOG_FORMAT_TEXT;
        return true;
    }
    return false;
}

/* Bytes of the UTF-8 sequence (RFC 3629) that begins here, 0 if none does. */
static size_t sequence_length(const unsigned char *c)
{
    size_t length = *c < 0x80                 ? 1
                    : *c >= 0xc2 && *c < 0xe0 ? 2
                    : *c >= 0xe0 && *c < 0xf0 ? 3
                    : *c >= 0xf0 && *c < 0xf5 ? 4
                                              : 0;
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

/* A JSON string (RFC 8259, section 7), which also is what the text format quotes with. Bytes that
 * are not UTF-8 become U+FFFD. */
static void quote(struct buffer *line, const char *text)
{
    buffer_printf(line, "\"");
    size_t length = 1;
    for (const unsigned char *c = (const unsigned char *)text; *c; c += length ? length : 1) {
        length = sequence_length(c);
        if (!length) {
            buffer_printf(line, "\\ufffd");
        } else if (*c == '"' || *c == '\\') {
            buffer_printf(line, "\\%c", *c);
        } else if (*c == '\n') {
            buffer_printf(line, "\\n");
        } else if (*c < 0x20 || *c == 0x7f) {
            buffer_printf(line, "\\u%04x", *c);
        } else {
            buffer_printf(line, "%.*s", (int)length, c);
        }
    }
    buffer_printf(line, "\"");
}

static bool needs_quotes(const char *text)
{
    return !*text || strpbrk(text, " \"\\\n\t=") != NULL;
}

static void write_all(const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(STDERR_FILENO, data, size);
        if (written <= 0) {
            return; /* There is nowhere to complain. */
        }
        data += written;
        size -= (size_t)written;
    }
}

void log_write(enum log_level level, const char *message, ...)
{
    AUTO_BUFFER struct buffer line = {0};
    char date[CLOCK_RFC3339_SIZE];
    va_list arguments;
    const char *key;

    if (level < threshold) {
        return;
    }
    clock_rfc3339_micro(clock_wall_ms(), date, sizeof date);
    if (log_format == LOG_FORMAT_JSON) {
        buffer_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", date,
                      level_names[level]);
        quote(&line, message);
    } else {
        buffer_printf(&line, "%s %-7s %s", date, level_names[level], message);
    }
    va_start(arguments, message);
    while ((key = va_arg(arguments, const char *))) {
        const char *value = va_arg(arguments, const char *);
        if (!value) {
            continue;
        }
        if (log_format == LOG_FORMAT_JSON) {
            buffer_printf(&line, ",");
            quote(&line, key);
            buffer_printf(&line, ":");
            quote(&line, value);
        } else {
            buffer_printf(&line, " %s=", key);
            if (needs_quotes(value)) {
                quote(&line, value);
            } else {
                buffer_printf(&line, "%s", value);
            }
        }
    }
    va_end(arguments);
    buffer_printf(&line, log_format == LOG_FORMAT_JSON ? "}\n" : "\n");
    write_all(line.data, line.size);
}
