#include "snapshot/retention.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000

bool snapshot_retention_is_set(const struct snapshot_retention *retention)
{
    return retention->last || retention->daily || retention->weekly || retention->monthly ||
           retention->age_ms;
}

static int newer_first(const void *a, const void *b)
{
    const struct snapshot_kept *left = a, *right = b;

    return left->taken_at_ms != right->taken_at_ms
               ? (left->taken_at_ms < right->taken_at_ms ? 1 : -1)
               : strcmp(right->name, left->name);
}

static int64_t day_of(int64_t ms)
{
    return ms / DAY_MS;
}

/* 1970-01-01 was a Thursday: three days after its week's Monday. */
static int64_t week_of(int64_t ms)
{
    return (day_of(ms) + 3) / 7;
}

static int64_t month_of(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    return (int64_t)tm.tm_year * 12 + tm.tm_mon;
}

/* Keeps the newest of each of the newest `n` periods. */
static void keep_periods(struct snapshot_kept *items, size_t n_items, uint32_t n,
                         int64_t (*period_of)(int64_t ms))
{
    int64_t before = -1;

    for (size_t i = 0; i < n_items && n; i++) {
        int64_t period = period_of(items[i].taken_at_ms);
        if (period != before) {
            items[i].goes = false;
            before = period;
            n--;
        }
    }
}

void snapshot_retention_apply(const struct snapshot_retention *retention, int64_t now_ms,
                              struct snapshot_kept *items, size_t n)
{
    bool limited = retention->last || retention->age_ms;
    bool any = snapshot_retention_is_set(retention);

    if (n) {
        qsort(items, n, sizeof *items, newer_first);
    }
    for (size_t i = 0; i < n; i++) {
        bool within = (!retention->last || i < retention->last) &&
                      (!retention->age_ms || now_ms - items[i].taken_at_ms < retention->age_ms);
        items[i].goes = any && i > 0 && !(limited && within);
    }
    keep_periods(items, n, retention->daily, day_of);
    keep_periods(items, n, retention->weekly, week_of);
    keep_periods(items, n, retention->monthly, month_of);
}
