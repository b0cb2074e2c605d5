#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "net/http.h"

/* The value of the line if it is a header of that name, without surrounding blanks. */
static bool header_value(const char *line, size_t length, const char *name, const char **value,
                         size_t *value_length)
{
    size_t name_length = strlen(name);

    if (length <= name_length || line[name_length] != ':' ||
        strncasecmp(line, name, name_length) != 0) {
        return false;
    }
    const char *start = line + name_length + 1, *end = line + length;
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        end--;
    }
    *value = start;
    *value_length = (size_t)(end - start);
    return true;
}

bool http_response_header(const struct http_response *response, const char *name, char *out,
                          size_t size)
{
    const char *line = response->headers.data, *value;
    size_t value_length;
    bool found = false;

    while (line && *line) {
        size_t length = strcspn(line, "\n");
        if (header_value(line, length, name, &value, &value_length)) {
            snprintf(out, size, "%.*s", (int)value_length, value);
            found = true;
        }
        line += length;
        line += *line == '\n';
    }
    return found;
}

void http_response_fini(struct http_response *response)
{
    if (response->body.data) {
        memory_wipe(response->body.data, response->body.size); /* It may have been a Secret. */
    }
    buffer_fini(&response->body);
    buffer_fini(&response->headers);
}
