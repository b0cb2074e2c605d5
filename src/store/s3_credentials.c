#include "store/s3_credentials.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text_file.h"

#define FILE_LIMIT (64 * 1024)

static void set(char **field, const char *value, size_t length)
{
    memory_wipe_text(field);
    *field = xasprintf("%.*s", (int)length, value);
}

static void take_line(struct s3_credentials *out, const char *line, size_t length)
{
    const struct {
        const char *name;
        char **field;
    } settings[] = {{"aws_access_key_id", &out->access_key},
                    {"aws_secret_access_key", &out->secret_key},
                    {"aws_session_token", &out->session_token}};
    const char *equals = memchr(line, '=', length), *end = line + length;

    if (!equals) {
        return;
    }
    size_t name = strcspn(line, " \t=");
    const char *value = equals + 1 + strspn(equals + 1, " \t");
    while (end > value && strchr(" \t\r", end[-1])) {
        end--;
    }
    for (size_t i = 0; i < sizeof settings / sizeof *settings && end > value; i++) {
        if (name == strlen(settings[i].name) && !strncasecmp(line, settings[i].name, name)) {
            set(settings[i].field, value, (size_t)(end - value));
        }
    }
}

bool s3_credentials_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

int s3_credentials_parse(const char *text, const char *source, struct s3_credentials *out,
                         struct error *error)
{
    bool ours = true;

    *out = (struct s3_credentials){0};
    while (*text) {
        size_t length = strcspn(text, "\n"), blank = strspn(text, " \t");
        const char *line = text + (blank < length ? blank : length);
        if (*line == '[') {
            ours = !strncmp(line, "[default]", strlen("[default]"));
        } else if (ours && *line != '#' && *line != ';') {
            take_line(out, line, (size_t)(text + length - line));
        }
        text += length + (text[length] == '\n');
    }
    if (out->access_key && out->secret_key && s3_credentials_plain(out->access_key) &&
        (!out->session_token || s3_credentials_plain(out->session_token))) {
        return 0;
    }
    s3_credentials_fini(out);
    return error_set(error, ERROR_INVALID,
                     "%s holds no S3 credentials: it needs lines aws_access_key_id = ... and "
                     "aws_secret_access_key = ..., and aws_session_token with temporary keys",
                     source);
}

int s3_credentials_read(const char *path, struct s3_credentials *out, struct error *error)
{
    char *text = text_file_read(path, FILE_LIMIT, error);

    *out = (struct s3_credentials){0};
    if (!text) {
        error->kind = ERROR_INVALID; /* It is not the object that was not found. */
        return error_wrap(error, "read the S3 credentials");
    }
    int result = s3_credentials_parse(text, path, out, error);
    memory_wipe_text(&text);
    return result;
}

void s3_credentials_fini(struct s3_credentials *credentials)
{
    memory_wipe_text(&credentials->access_key);
    memory_wipe_text(&credentials->secret_key);
    memory_wipe_text(&credentials->session_token);
}
