/* Structured log lines to standard error, JSON or text, one write() each, from any thread.
 *
 *     log_info("permit granted", "cluster", "ns/c", "pod", pod, NULL);
 *
 * After the message come pairs of strings, key and value, ended by NULL; a NULL value is left out.
 * A secret never becomes a value. */
#ifndef BASE_LOG_H
#define BASE_LOG_H 1

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Call before other threads start. The defaults are LOG_INFO and LOG_FORMAT_TEXT. */
void log_configure(enum log_level level, enum log_format format);

/* False if `name` is none of debug, info, warning, error (json, text). */
bool log_level_parse(const char *name, enum log_level *level);
bool log_format_parse(const char *name, enum log_format *format);

void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)

#endif
