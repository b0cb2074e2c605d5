/* Go's duration text (time.ParseDuration), as far as it is not negative. */
#include <stdio.h>
#include <string.h>

#include "api/field.h"

#define NS_PER_MS INT64_C(1000000)

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    /* "ms" before "m": the longer name is tried first. */
    {"ms", NS_PER_MS},
    {"ns", 1},
    {"us", 1000},
    {"s", 1000 * NS_PER_MS},
    {"m", 60 * 1000 * NS_PER_MS},
    {"h", INT64_C(3600) * 1000 * NS_PER_MS},
};
#define N_UNITS (sizeof units / sizeof *units)

static const struct unit *read_unit(const char **text)
{
    for (size_t i = 0; i < N_UNITS; i++) {
        size_t length = strlen(units[i].name);
        if (!strncmp(*text, units[i].name, length)) {
            *text += length;
            return &units[i];
        }
    }
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One "1.5h": adds it to `*total_ns`. */
static bool read_term(const char **text, int64_t *total_ns)
{
    int64_t whole = 0, fraction = 0, scale = 1;

    if (!is_digit(**text)) {
        return false;
    }
    for (; is_digit(**text); (*text)++) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, **text - '0', &whole)) {
            return false;
        }
    }
    if (**text == '.') {
        if (!is_digit(*++*text)) {
            return false;
        }
        for (; is_digit(**text); (*text)++) {
            if (scale <
                100000) { /* Finer than anybody measures; keeps the product below in range. */
                fraction = fraction * 10 + (**text - '0');
                scale *= 10;
            }
        }
    }
    const struct unit *unit = read_unit(text);
    return unit && !__builtin_mul_overflow(whole, unit->ns, &whole) &&
           !__builtin_add_overflow(*total_ns, whole, total_ns) &&
           !__builtin_add_overflow(*total_ns, fraction * unit->ns / scale, total_ns);
}

bool api_duration_parse(const char *text, int64_t *milliseconds)
{
    int64_t total_ns = 0;

    if (!strcmp(text, "0")) {
        *milliseconds = 0;
        return true;
    }
    do {
        if (!read_term(&text, &total_ns)) {
            return false;
        }
    } while (*text);
    *milliseconds = total_ns / NS_PER_MS;
    return true;
}

char *api_duration_format(int64_t milliseconds, char *out, size_t size)
{
    static const struct {
        const char *name;
        int64_t ms;
    } steps[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}};

    for (size_t i = 0; milliseconds && i < sizeof steps / sizeof *steps; i++) {
        if (milliseconds % steps[i].ms == 0) {
            snprintf(out, size, "%lld%s", (long long)(milliseconds / steps[i].ms), steps[i].name);
            return out;
        }
    }
    snprintf(out, size, "%lldms", (long long)milliseconds);
    return out;
}
