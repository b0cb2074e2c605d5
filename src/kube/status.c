#include "kube/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* Enough of a proxy's error page to recognise it. */
#define QUOTE_SIZE 160

/* More than any server asks for; a larger number is a mistake. */
#define MAX_RETRY_AFTER_SECONDS 3600

enum error_kind kube_status_kind(long http_status, const char *reason)
{
    switch (http_status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 408:
    case 429:
        return ERROR_RETRYABLE;
    case 409:
        return reason && !strcmp(reason, "AlreadyExists") ? ERROR_EXISTS : ERROR_CONFLICT;
    case 410:
        return ERROR_GONE;
    default:
        return http_status >= 500 || http_status < 300 ? ERROR_RETRYABLE : ERROR_INVALID;
    }
}

/* A patch or an apply that names another UID than the object's is answered as a change of an
 * immutable field: it means that another object bears the name now. */
static bool is_other_object(const json_t *status)
{
    size_t index;
    json_t *cause;

    json_array_foreach(json_path(status, "details", "causes", NULL), index, cause)
    {
        const char *field = json_path_string(cause, "field", NULL);
        if (field && !strcmp(field, "metadata.uid")) {
            return true;
        }
    }
    return false;
}

static int64_t retry_after_ms(json_int_t seconds)
{
    if (seconds <= 0) {
        return 0;
    }
    return (seconds > MAX_RETRY_AFTER_SECONDS ? MAX_RETRY_AFTER_SECONDS : seconds) * (int64_t)1000;
}

static int fill(const char *what, long http_status, const json_t *status, struct error *error)
{
    const char *reason = json_path_string(status, "reason", NULL);
    const char *message = json_path_string(status, "message", NULL);
    enum error_kind kind = kube_status_kind(http_status, reason);

    if (http_status == 422 && is_other_object(status)) {
        kind = ERROR_CONFLICT;
    }
    error_set(error, kind, "%s: HTTP %ld %s: %s", what, http_status, reason ? reason : "",
              message ? message : "no message");
    if (error && kind == ERROR_RETRYABLE) {
        error->retry_after_ms =
            retry_after_ms(json_path_integer(status, 0, "details", "retryAfterSeconds", NULL));
    }
    return -(int)kind;
}

/* The beginning of a text that may be anything, on one line. */
static void quote(char out[QUOTE_SIZE], const char *body, size_t size)
{
    size_t length = size < QUOTE_SIZE - 1 ? size : QUOTE_SIZE - 1;

    for (size_t i = 0; i < length; i++) {
        out[i] = body[i] >= ' ' && body[i] <= '~' ? body[i] : ' ';
    }
    out[length] = '\0';
}

static json_t *parse_status(const char *body, size_t size)
{
    json_t *status = size ? json_loadb(body, size, 0, NULL) : NULL;
    const char *kind = json_path_string(status, "kind", NULL);

    if (!kind || strcmp(kind, "Status") != 0) {
        json_decref(status);
        return NULL;
    }
    return status;
}

int kube_status_error(const char *what, long http_status, const char *body, size_t size,
                      const char *retry_after, struct error *error)
{
    AUTO_JSON json_t *status = parse_status(body, size);
    enum error_kind kind;

    if (status) {
        kind = (enum error_kind) - fill(what, http_status, status, error);
    } else {
        char text[QUOTE_SIZE];
        quote(text, body, size);
        kind = kube_status_kind(http_status, NULL);
        error_set(error, kind, "%s: HTTP %ld without a Status: %s", what, http_status, text);
    }
    /* RFC 9110 also allows a date here; Kubernetes sends seconds. */
    if (error && kind == ERROR_RETRYABLE && retry_after && !error->retry_after_ms) {
        error->retry_after_ms = retry_after_ms(strtol(retry_after, NULL, 10));
    }
    return -(int)kind;
}

int kube_status_object_error(const char *what, const json_t *status, struct error *error)
{
    const char *reason = json_path_string(status, "reason", NULL);
    long code = (long)json_path_integer(status, 500, "code", NULL);

    /* A watch says that its version is too old as code 410, reason Expired; older ones as Gone. */
    if (reason && (!strcmp(reason, "Expired") || !strcmp(reason, "Gone"))) {
        code = 410;
    }
    return fill(what, code, status, error);
}
