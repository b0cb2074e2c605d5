#include "store/uri.h"

#include <stddef.h>
#include <string.h>

/* Not isalnum(), which asks the locale. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

void uri_encode(struct buffer *out, const char *text, bool keep_slash)
{
    for (; *text; text++) {
        if (is_unreserved(*text) || (keep_slash && *text == '/')) {
            buffer_printf(out, "%c", *text);
        } else {
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
        }
    }
}

void uri_query(struct buffer *out, const char *const *pairs)
{
    for (size_t i = 0; pairs && pairs[i]; i += 2) {
        buffer_printf(out, i ? "&" : "");
        uri_encode(out, pairs[i], false);
        buffer_printf(out, "=");
        uri_encode(out, pairs[i + 1], false);
    }
}
