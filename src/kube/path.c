#include "kube/path.h"

#include <string.h>

/* RFC 3986, section 2.3: the unreserved characters stand for themselves. */
static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void append_encoded(struct buffer *url, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        buffer_printf(url, unreserved(*c) ? "%c" : "%%%02X", *c);
    }
}

static void append_segment(struct buffer *url, const char *segment)
{
    buffer_printf(url, "/");
    append_encoded(url, segment);
}

void kube_path_append(struct buffer *url, const struct kube_resource *resource,
                      const char *namespace, const char *name, const char *subresource)
{
    bool core = !strchr(resource->api_version, '/');

    buffer_printf(url, "%s/%s", core ? "/api" : "/apis", resource->api_version);
    if (resource->namespaced && namespace && *namespace) {
        buffer_printf(url, "/namespaces");
        append_segment(url, namespace);
    }
    append_segment(url, resource->plural);
    if (name) {
        append_segment(url, name);
    }
    if (subresource) {
        append_segment(url, subresource);
    }
}

void kube_path_query(struct buffer *url, const char *key, const char *value)
{
    if (!value) {
        return;
    }
    bool first = !url->data || !strchr(url->data, '?');
    buffer_printf(url, "%c%s=", first ? '?' : '&', key);
    append_encoded(url, value);
}

void kube_path_query_number(struct buffer *url, const char *key, long value)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    kube_path_query(url, key, text);
}

bool kube_path_name_ok(const char *name)
{
    return name && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           !strpbrk(name, "/%");
}
