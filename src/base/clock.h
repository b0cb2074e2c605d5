/* Time.  Deadlines and intervals use CLOCK_BOOTTIME (it goes on while the machine sleeps and is
 * never set back); dates that people and certificates see use CLOCK_REALTIME.  Pure code (plan(),
 * the step functions) never calls these: it takes `now` as an argument. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H 1

#include <stddef.h>
#include <stdint.h>

int64_t clock_boot_ms(void);
int64_t clock_wall_ms(void); /* Milliseconds since 1970-01-01 UTC. */

#define CLOCK_RFC3339_SIZE 32

/* RFC 3339 in UTC with seconds, as metav1.Time: "2026-11-23T16:40:04Z". */
char *clock_rfc3339(int64_t wall_ms, char *out, size_t size);

/* RFC 3339 with microseconds, as metav1.MicroTime and log lines: "2026-11-23T16:40:04.123000Z". */
char *clock_rfc3339_micro(int64_t wall_ms, char *out, size_t size);

/* Parses "2026-11-23T16:40:04Z" with optional fraction, or a numeric offset. Returns milliseconds
 * since 1970, or -1 if the text is no such date. */
int64_t clock_parse_rfc3339(const char *text);

#endif
