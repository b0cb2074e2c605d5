#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    if (error) {
        va_list arguments;
        error->kind = kind;
        error->retry_after_ms = 0;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
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
