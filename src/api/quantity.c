/* Kubernetes quantities: a decimal number and a suffix, decimal (n u m k M G T P E), binary (Ki Mi
 * Gi Ti Pi Ei) or an exponent (e3).  Fractions of a thousandth are rounded up, as Kubernetes does.
 */
#include <stdio.h>
#include <string.h>

#include "api/field.h"

#define MAX_LENGTH 64

__extension__ typedef __int128 wide;

#define WIDE_LIMIT ((wide)1 << 116) /* Times 1024 still fits. */

struct suffix {
    const char *name;
    int decimal; /* Power of ten */
    int binary;  /* Power of 1024 */
};

static const struct suffix suffixes[] = {
    {"", 0, 0},   {"n", -9, 0}, {"u", -6, 0}, {"m", -3, 0}, {"k", 3, 0},  {"M", 6, 0},
    {"G", 9, 0},  {"T", 12, 0}, {"P", 15, 0}, {"E", 18, 0}, {"Ki", 0, 1}, {"Mi", 0, 2},
    {"Gi", 0, 3}, {"Ti", 0, 4}, {"Pi", 0, 5}, {"Ei", 0, 6},
};
#define N_SUFFIXES (sizeof suffixes / sizeof *suffixes)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most one point: their value without the point, and how many stood behind it. */
static bool read_number(const char **text, wide *mantissa, int *decimals)
{
    bool point = false, any = false;

    for (;; (*text)++) {
        if (**text == '.' && !point) {
            point = true;
        } else if (is_digit(**text)) {
            any = true;
            if (*mantissa < WIDE_LIMIT / 1024) {
                *mantissa = *mantissa * 10 + (**text - '0');
                *decimals += point;
            } else if (!point) {
                *decimals -= 1; /* Far beyond the range already; the size is what counts. */
            }
        } else {
            return any;
        }
    }
}

static bool read_suffix(const char *text, struct suffix *out)
{
    for (size_t i = 0; i < N_SUFFIXES; i++) {
        if (!strcmp(text, suffixes[i].name)) {
            *out = suffixes[i];
            return true;
        }
    }
    if (*text != 'e' && *text != 'E') {
        return false;
    }
    text += 1;
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    int exponent = 0;
    if (!*text) {
        return false;
    }
    for (; *text; text++) {
        if (!is_digit(*text)) {
            return false;
        }
        exponent = exponent < 1000 ? exponent * 10 + (*text - '0') : exponent;
    }
    *out = (struct suffix){"e", negative ? -exponent : exponent, 0};
    return true;
}

static wide scale(wide value, int decimal, int binary)
{
    for (; binary > 0 && value < WIDE_LIMIT; binary--) {
        value *= 1024;
    }
    for (; decimal > 0 && value && value < WIDE_LIMIT; decimal--) {
        value *= 10;
    }
    bool rest = false;
    for (; decimal < 0 && value; decimal++) {
        rest |= value % 10 != 0;
        value /= 10;
    }
    return value + rest;
}

bool api_quantity_parse(const char *text, int64_t *milli)
{
    wide mantissa = 0;
    int decimals = 0;
    struct suffix suffix;

    if (strlen(text) > MAX_LENGTH) {
        return false;
    }
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    if (!read_number(&text, &mantissa, &decimals) || !read_suffix(text, &suffix)) {
        return false;
    }
    wide value = scale(mantissa, suffix.decimal - decimals + 3, suffix.binary);
    int64_t bounded = value > INT64_MAX ? INT64_MAX : (int64_t)value;
    *milli = negative ? -bounded : bounded;
    return true;
}

int api_quantity_compare(const char *a, const char *b)
{
    int64_t left = 0, right = 0;

    api_quantity_parse(a, &left);
    api_quantity_parse(b, &right);
    return (left > right) - (left < right);
}

char *api_quantity_format(int64_t bytes, char *out, size_t size)
{
    static const char *const names[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    size_t step = 0;

    while (bytes && bytes % 1024 == 0 && step + 1 < sizeof names / sizeof *names) {
        bytes /= 1024;
        step += 1;
    }
    snprintf(out, size, "%lld%s", (long long)bytes, names[step]);
    return out;
}
