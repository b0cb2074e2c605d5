#include "kube/selector.h"

#include <string.h>

/* Length of a label's key or value at `text`: what the API server allows in them. */
static size_t word(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");
}

static bool equals(const char *value, const char *wanted, size_t length)
{
    return value && strlen(value) == length && !memcmp(value, wanted, length);
}

static const char *label(const json_t *labels, const char *key, size_t length)
{
    return json_string_value(json_object_getn(labels, key, length));
}

/* One requirement; moves `*text` behind it. False if it is not met or not understood. */
static bool requirement(const char **text, const json_t *labels)
{
    const char *at = *text;
    bool negated = *at == '!';

    at += negated;
    size_t length = word(at);
    if (!length) {
        return false;
    }
    const char *value = label(labels, at, length);
    at += length;
    if (negated || *at == ',' || !*at) {
        *text = at;
        return (value != NULL) != negated;
    }
    bool unequal = *at == '!';
    if (unequal ? at[1] != '=' : *at != '=') {
        return false;
    }
    at += at[1] == '=' ? 2 : 1;
    length = word(at);
    *text = at + length;
    return equals(value, at, length) != unequal;
}

bool kube_selector_matches(const char *selector, const json_t *labels)
{
    if (!selector || !*selector) {
        return true;
    }
    for (const char *at = selector;; at++) {
        if (!requirement(&at, labels)) {
            return false;
        }
        if (!*at) {
            return true;
        }
        if (*at != ',') {
            return false;
        }
    }
}
