/* URLs of the Kubernetes API: /api/v1/... for the core group, /apis/GROUP/VERSION/... for others
 * (the API server's own request-info resolver reads them back the same way). */
#ifndef KUBE_PATH_H
#define KUBE_PATH_H 1

#include <stdbool.h>

#include "base/buffer.h"
#include "kube/resource.h"

/* Appends the path of a collection (`name` NULL) or an object, and of its subresource (or NULL).
 * `namespace` NULL or "" means all namespaces, or a kind without any. */
void kube_path_append(struct buffer *url, const struct kube_resource *resource,
                      const char *namespace, const char *name, const char *subresource);

/* Appends ?key=value or &key=value, percent-encoded; nothing if `value` is NULL. */
void kube_path_query(struct buffer *url, const char *key, const char *value);
void kube_path_query_number(struct buffer *url, const char *key, long value);

/* Whether `name` can be one segment of a path.  An empty name would address the whole collection (a
 * DELETE of it deletes everything), "." and ".." would be resolved away, "/" and "%" would be read
 * as something else.  The API server refuses the same (apimachinery, IsValidPathSegmentName). */
bool kube_path_name_ok(const char *name);

#endif
