/* Errors are values: every fallible function returns 0 or a negative kind and fills one
 * caller-owned `struct error` that its callers may wrap with context.  Nothing is printed where it
 * can be returned.
 *
 * The kind alone decides what a caller does next (back off, read again, give up).  The message is
 * for a person: what was attempted, on what, and what to do about it. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H 1

#include <stdint.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_RETRYABLE, /* May pass by itself: network, time-out, 429, 5xx. */
    ERROR_CONFLICT,  /* Somebody else changed it first: read again. */
    ERROR_NOT_FOUND, /* The object does not exist. */
    ERROR_EXISTS,    /* The object exists already. */
    ERROR_GONE,      /* The requested version is no longer served (HTTP 410). */
    ERROR_INVALID,   /* The input is wrong; the same input fails for ever. */
    ERROR_DENIED,    /* Not authenticated or not authorised. */
    ERROR_CANCELLED, /* The caller asked to stop. */
    ERROR_TERMINAL,  /* A bug or a broken environment. */
};

#define ERROR_MESSAGE_SIZE 512

struct error {
    enum error_kind kind;
    int64_t retry_after_ms; /* The server's wish (Retry-After), 0 if none. */
    char message[ERROR_MESSAGE_SIZE];
};

/* Fills `error` (which may be NULL) and returns -kind. A longer message is cut. */
int error_set(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message of `error` and returns -error->kind. */
int error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The kind's name for logs and metrics, for example "conflict". */
const char *error_kind_name(enum error_kind kind);

#endif
