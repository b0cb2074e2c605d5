/* Which backups are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "snapshot/retention.h"

#define DAY_MS  86400000LL
#define HOUR_MS 3600000LL
#define MAX     1500

static int64_t at(const char *time)
{
    int64_t ms = clock_parse_rfc3339(time);

    assert_true(ms > 0);
    return ms;
}

/* The names of what stays, in the order of the answer. */
static void expect(const struct snapshot_retention *retention, const char *now,
                   const char *const *times, size_t n, const char *stays)
{
    struct snapshot_kept items[32];
    char kept[1024] = "";

    for (size_t i = 0; i < n; i++) {
        items[i] = (struct snapshot_kept){.name = times[i], .taken_at_ms = at(times[i])};
    }
    snapshot_retention_apply(retention, at(now), items, n);
    for (size_t i = 0; i < n; i++) {
        if (!items[i].goes) {
            size_t used = strlen(kept);
            /* The day and the hour are enough. */
            snprintf(kept + used, sizeof kept - used, "%s%.8s", used ? " " : "", items[i].name + 5);
        }
    }
    assert_string_equal(kept, stays);
}

static const char *const days[] = {
    /* Not in order; a Tuesday is the last. */
    "2026-11-20T03:00:00Z", "2026-11-24T03:00:00Z", "2026-11-23T03:00:00Z", "2026-11-22T03:00:00Z",
    "2026-11-21T03:00:00Z", "2026-11-24T15:00:00Z", "2026-11-01T00:00:00Z", "2026-10-31T23:59:59Z",
    "2026-10-01T00:00:00Z", "2025-12-31T03:00:00Z"};
#define N_DAYS (sizeof days / sizeof *days)
#define NOW    "2026-11-24T16:00:00Z"

static void test_nothing_given_keeps_all(void **state)
{
    const struct snapshot_retention none = {0};

    (void)state;
    assert_false(snapshot_retention_is_set(&none));
    expect(&none, NOW, days, N_DAYS,
           "11-24T15 11-24T03 11-23T03 11-22T03 11-21T03 11-20T03 11-01T00 10-31T23 10-01T00 "
           "12-31T03");
    snapshot_retention_apply(&none, 0, NULL, 0);
}

static void test_limits(void **state)
{
    (void)state;
    expect(&(struct snapshot_retention){.last = 1}, NOW, days, N_DAYS, "11-24T15");
    expect(&(struct snapshot_retention){.last = 3}, NOW, days, N_DAYS,
           "11-24T15 11-24T03 11-23T03");
    expect(&(struct snapshot_retention){.last = 50}, NOW, days, 4,
           "11-24T03 11-23T03 11-22T03 11-20T03");
    /* The edge: what is exactly so old goes. */
    expect(&(struct snapshot_retention){.age_ms = 37 * HOUR_MS}, NOW, days, N_DAYS,
           "11-24T15 11-24T03");
    expect(&(struct snapshot_retention){.age_ms = 37 * HOUR_MS + 1}, NOW, days, N_DAYS,
           "11-24T15 11-24T03 11-23T03");
    /* Both hold. */
    expect(&(struct snapshot_retention){.last = 2, .age_ms = 60 * DAY_MS}, NOW, days, N_DAYS,
           "11-24T15 11-24T03");
    expect(&(struct snapshot_retention){.last = 9, .age_ms = DAY_MS}, NOW, days, N_DAYS,
           "11-24T15 11-24T03");
}

static void test_the_newest_stays(void **state)
{
    (void)state;
    expect(&(struct snapshot_retention){.age_ms = 1}, NOW, days, N_DAYS, "11-24T15");
    expect(&(struct snapshot_retention){.age_ms = 1}, "2036-01-01T00:00:00Z", days, N_DAYS,
           "11-24T15");
    /* A clock that went back. */
    expect(&(struct snapshot_retention){.last = 1, .age_ms = DAY_MS}, "2020-01-01T00:00:00Z", days,
           N_DAYS, "11-24T15");
}

static void test_calendar(void **state)
{
    (void)state;
    /* The newest of a day; days without a backup do not count. */
    expect(&(struct snapshot_retention){.daily = 3}, NOW, days, N_DAYS,
           "11-24T15 11-23T03 11-22T03");
    expect(&(struct snapshot_retention){.daily = 7}, NOW, days, N_DAYS,
           "11-24T15 11-23T03 11-22T03 11-21T03 11-20T03 11-01T00 10-31T23");
    /* Weeks begin on Monday: the 22nd was a Sunday, and so was the 1st, whose Saturday is before
     * it. */
    expect(&(struct snapshot_retention){.weekly = 3}, NOW, days, N_DAYS,
           "11-24T15 11-22T03 11-01T00");
    expect(&(struct snapshot_retention){.weekly = 4}, NOW, days, N_DAYS,
           "11-24T15 11-22T03 11-01T00 10-01T00");
    expect(&(struct snapshot_retention){.monthly = 2}, NOW, days, N_DAYS, "11-24T15 10-31T23");
    expect(&(struct snapshot_retention){.monthly = 9}, NOW, days, N_DAYS,
           "11-24T15 10-31T23 12-31T03");
}

/* December is not the month before of another year's December. */
static void test_years(void **state)
{
    static const char *const times[] = {"2026-12-31T23:00:00Z", "2025-12-31T23:00:00Z",
                                        "2027-01-01T00:00:00Z"};

    (void)state;
    expect(&(struct snapshot_retention){.monthly = 3}, "2027-01-02T00:00:00Z", times, 3,
           "01-01T00 12-31T23 12-31T23");
    /* 2026-12-31 and 2027-01-01 are in one ISO week. */
    expect(&(struct snapshot_retention){.weekly = 2}, "2027-01-02T00:00:00Z", times, 3,
           "01-01T00 12-31T23");
}

static void test_calendar_beside_limits(void **state)
{
    (void)state;
    expect(&(struct snapshot_retention){.last = 2, .daily = 2, .monthly = 3}, NOW, days, N_DAYS,
           "11-24T15 11-24T03 11-23T03 10-31T23 12-31T03");
    expect(&(struct snapshot_retention){.age_ms = DAY_MS, .weekly = 2}, NOW, days, N_DAYS,
           "11-24T15 11-24T03 11-22T03");
}

static void test_of_one_moment_the_name_decides(void **state)
{
    struct snapshot_kept items[] = {{.name = "b", .taken_at_ms = 1000},
                                    {.name = "c", .taken_at_ms = 1000},
                                    {.name = "a", .taken_at_ms = 1000}};

    (void)state;
    snapshot_retention_apply(&(struct snapshot_retention){.last = 1}, 2000, items, 3);
    assert_string_equal(items[0].name, "c");
    assert_false(items[0].goes);
    assert_true(items[1].goes && items[2].goes);
}

/* An hourly schedule over two months, pruned after each backup, ends with what one look at all of
 * them would keep, and never with fewer days than were asked for. */
static void test_step_by_step_is_as_good_as_at_once(void **state)
{
    static struct snapshot_kept kept[MAX], all[MAX];
    const struct snapshot_retention retention = {.last = 5, .daily = 7, .weekly = 4, .monthly = 2};
    int64_t begin = at("2026-09-20T00:00:00Z");
    size_t n = 0;

    (void)state;
    for (size_t hour = 0; hour < MAX; hour++) {
        struct snapshot_kept item = {.name = "", .taken_at_ms = begin + (int64_t)hour * HOUR_MS};
        all[hour] = item;
        kept[n++] = item;
        snapshot_retention_apply(&retention, item.taken_at_ms, kept, n);
        size_t left = 0;
        for (size_t i = 0; i < n; i++) {
            if (!kept[i].goes) {
                kept[left++] = kept[i];
            }
        }
        n = left;
        assert_int_equal(kept[0].taken_at_ms, item.taken_at_ms);
        assert_true(n <= 5 + 7 + 4 + 2);
    }
    snapshot_retention_apply(&retention, all[MAX - 1].taken_at_ms, all, MAX);
    size_t at_once = 0;
    for (size_t i = 0; i < MAX; i++) {
        if (!all[i].goes) {
            assert_int_equal(all[i].taken_at_ms, kept[at_once++].taken_at_ms);
        }
    }
    assert_int_equal(at_once, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_given_keeps_all),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_the_newest_stays),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_years),
        cmocka_unit_test(test_calendar_beside_limits),
        cmocka_unit_test(test_of_one_moment_the_name_decides),
        cmocka_unit_test(test_step_by_step_is_as_good_as_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
