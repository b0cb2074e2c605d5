/* From HTTP answers to typed errors: the Status object (apimachinery, meta/v1/types.go) and the
 * HTTP status around it. */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H 1

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The kind that an HTTP status and a Status's reason (may be NULL) stand for; see kube/api.h. */
enum error_kind kube_status_kind(long http_status, const char *reason);

/* Fills `error` from a failed answer: "WHAT: HTTP 409 Conflict: the server's message". A body that
 * is no Status is quoted in part. `retry_after` is the header's value or NULL. Returns -kind. */
int kube_status_error(const char *what, long http_status, const char *body, size_t size,
                      const char *retry_after, struct error *error);

/* The same from a decoded Status object, as an ERROR event of a watch carries it. */
int kube_status_object_error(const char *what, const json_t *status, struct error *error);

#endif
