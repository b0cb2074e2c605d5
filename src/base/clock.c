#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

char *clock_rfc3339(int64_t wall_ms, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return out;
}

char *clock_rfc3339_micro(int64_t wall_ms, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char date[CLOCK_RFC3339_SIZE];

    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, size, "%s.%03d000Z", date, (int)(wall_ms % 1000));
    return out;
}

int64_t clock_parse_rfc3339(const char *text)
{
    struct tm tm = {0};
    int64_t milliseconds = 0;

    if (!text) {
        return -1;
    }
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest) {
        return -1;
    }
    if (*rest == '.') {
        int64_t scale = 100;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10) {
            milliseconds += (*rest - '0') * scale;
        }
    }
    int64_t offset_seconds = 0;
    if (*rest == '+' || *rest == '-') {
        int hours, minutes, used = 0;
        if (sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || rest[1 + used]) {
            return -1;
        }
        offset_seconds = (*rest == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    } else if (strcmp(rest, "Z") != 0) {
        return -1;
    }
    return ((int64_t)timegm(&tm) - offset_seconds) * 1000 + milliseconds;
}
