#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Takes away the UTF-8 sequence (RFC 3629) that the end of a full message cut in two. */
static void mend_end(char *message)
{
    size_t length = strlen(message), start = length;

    if (length + 1 < ERROR_MESSAGE_SIZE) {
        return;
    }
    while (start > 0 && length - start < 4 && (message[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start > 0 && (message[start - 1] & 0x80)) {
        message[start - 1] = '\0'; /* Its first byte; whole or not, the loss is one character. */
    }
}

int error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    if (error) {
        va_list arguments;
        error->kind = kind;
        error->retry_after_ms = 0;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        mend_end(error->message);
    }
    return -(int)kind;
}

int error_wrap(struct error *error, const char *format, ...)
{
    char context[ERROR_MESSAGE_SIZE];
    char message[ERROR_MESSAGE_SIZE];
    va_list arguments;

    if (!error) {
        return -(int)ERROR_TERMINAL;
    }
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    memcpy(message, error->message, sizeof message);
    size_t used = (size_t)snprintf(error->message, sizeof error->message, "%s: ", context);
    if (used < sizeof error->message) {
        snprintf(error->message + used, sizeof error->message - used, "%s", message);
    }
    mend_end(error->message);
    return -(int)error->kind;
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {
        [ERROR_NONE] = "none",           [ERROR_RETRYABLE] = "retryable",
        [ERROR_CONFLICT] = "conflict",   [ERROR_NOT_FOUND] = "not-found",
        [ERROR_EXISTS] = "exists",       [ERROR_GONE] = "gone",
        [ERROR_INVALID] = "invalid",     [ERROR_DENIED] = "denied",
        [ERROR_CANCELLED] = "cancelled", [ERROR_TERMINAL] = "terminal",
    };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}
