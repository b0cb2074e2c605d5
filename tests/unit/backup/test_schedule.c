/* A scheduled EtcdBackup, with the CronJob controller's part done by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/etcdbackup.h"
#include "backup/schedule.h"
#include "backup_site.h"
#include "base/clock.h"
#include "base/json.h"

#define SPEC                                                                                       \
    "{\"clusterName\":\"c\",\"storageType\":\"S3\",\"s3\":{\"bucket\":\"bucket\"},"                \
    "\"schedule\":\"30 2 * * "                                                                     \
    "*\",\"timeZone\":\"Europe/Berlin\",\"concurrencyPolicy\":\"Replace\","                        \
    "\"startingDeadlineSeconds\":600,\"retentionPolicy\":{\"maxBackups\":7,\"maxAge\":\"720h\","   \
    "\"daily\":3}}"

static json_t *tick(struct backup_site *site, long minute)
{
    const json_t *cron_job = fake_kube_find(&site->kube, "CronJob", BACKUP);

    assert_non_null(cron_job);
    return fake_kube_put(
        &site->kube, "Job",
        json_pack("{s:{s:o, s:O}}", "metadata", "name", json_sprintf(BACKUP "-%ld", minute),
                  "labels",
                  json_path(cron_job, "spec", "jobTemplate", "metadata", "labels", NULL)));
}

static json_t *child(const struct backup_site *site, long minute)
{
    char name[32];
    snprintf(name, sizeof name, BACKUP "-%ld", minute);
    return fake_kube_find(&site->kube, "EtcdBackup", name);
}

static void end_child(struct backup_site *site, long minute, const char *phase, const char *pruned)
{
    json_t *object = child(site, minute);
    char date[CLOCK_RFC3339_SIZE];

    assert_non_null(object);
    clock_rfc3339(minute * 60000 + 1000, date, sizeof date);
    json_object_set_new(object, "status",
                        json_pack("{s:s, s:s, s:s, s:o}", "phase", phase, "completionTime", date,
                                  "message", "it broke", "pruned",
                                  pruned ? json_pack("[s]", pruned) : json_array()));
    fake_kube_touch(&site->kube, object);
}

static bool has_tick(const struct backup_site *site, long minute)
{
    char name[32];
    snprintf(name, sizeof name, BACKUP "-%ld", minute);
    return fake_kube_find(&site->kube, "Job", name) != NULL;
}

static const char *condition(const struct backup_site *site, const char *type)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_path(backup_site_object(site), "status", "conditions", NULL), i, item)
    {
        if (!strcmp(json_path_string(item, "type", NULL), type)) {
            return json_path_string(item, "status", NULL);
        }
    }
    return "";
}

static void test_the_cron_job_is_suspended_and_as_the_spec_says(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, SPEC);
    backup_site_settle(&site);
    const json_t *cron_job = fake_kube_find(&site.kube, "CronJob", BACKUP);
    const json_t *spec = json_object_get(cron_job, "spec");
    assert_string_equal(json_path_string(spec, "schedule", NULL), "30 2 * * *");
    assert_string_equal(json_path_string(spec, "timeZone", NULL), "Europe/Berlin");
    assert_string_equal(json_path_string(spec, "concurrencyPolicy", NULL), "Replace");
    assert_int_equal(json_path_integer(spec, 0, "startingDeadlineSeconds", NULL), 600);
    assert_true(json_is_true(json_path(spec, "jobTemplate", "spec", "suspend", NULL)));
    assert_string_equal(backup_site_status(&site, "phase"), "Scheduled");
    assert_string_equal(condition(&site, "Scheduled"), "True");
    assert_string_equal(condition(&site, "Succeeding"), "Unknown");

    json_object_del(json_object_get(backup_site_object(&site), "spec"), "timeZone");
    json_object_set_new(json_object_get(backup_site_object(&site), "spec"), "suspend", json_true());
    int writes = site.kube.writes;
    backup_site_settle(&site);
    assert_true(site.kube.writes > writes); /* The fake does not take fields away. */
    cron_job = fake_kube_find(&site.kube, "CronJob", BACKUP);
    assert_true(json_is_true(json_path(cron_job, "spec", "suspend", NULL)));
    assert_string_equal(backup_site_status(&site, "phase"), "Suspended");
    backup_site_fini(&site);
}

static void test_a_tick_becomes_a_backup_once(void **state)
{
    struct backup_site site;
    struct etcdbackup_spec spec;
    struct error error;

    (void)state;
    backup_site_init(&site, SPEC);
    backup_site_settle(&site);
    tick(&site, 29925828);
    backup_site_settle(&site);
    json_t *made = child(&site, 29925828);
    assert_non_null(made);
    AUTO_ARENA struct arena *arena = arena_new();
    assert_int_equal(etcdbackup_decode(made, arena, &spec, &error), 0);
    assert_null(spec.schedule);
    assert_true(has_tick(&site, 29925828)); /* It holds the place while the backup runs. */
    assert_string_equal(backup_site_status(&site, "lastScheduleTime"), "2026-11-24T19:48:00Z");
    assert_int_equal(
        json_array_size(json_path(backup_site_object(&site), "status", "active", NULL)), 1);
    assert_int_equal(site.requeue_ms, 5000);

    end_child(&site, 29925828, "Completed", NULL);
    backup_site_settle(&site);
    assert_false(has_tick(&site, 29925828));
    assert_string_equal(backup_site_status(&site, "lastSuccessfulTime"), "2026-11-24T19:48:01Z");
    assert_string_equal(condition(&site, "Succeeding"), "True");

    fake_kube_drop(&site.kube, "EtcdBackup", "b-29925828"); /* A person deletes it, */
    tick(&site, 29925828);                                  /* and its tick was still there. */
    backup_site_settle(&site);
    assert_null(child(&site, 29925828));
    assert_false(has_tick(&site, 29925828));
    assert_string_equal(backup_site_status(&site, "lastSuccessfulTime"), "2026-11-24T19:48:01Z");
    backup_site_fini(&site);
}

static void test_a_replaced_backup_is_cancelled(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, SPEC);
    backup_site_settle(&site);
    tick(&site, 100);
    backup_site_settle(&site);
    fake_kube_drop(&site.kube, "Job", "b-100");
    tick(&site, 101);
    backup_site_settle(&site);
    assert_null(child(&site, 100));
    assert_non_null(child(&site, 101));
    /* With another policy it runs on. */
    json_object_set_new(json_object_get(backup_site_object(&site), "spec"), "concurrencyPolicy",
                        json_string("Allow"));
    fake_kube_drop(&site.kube, "Job", "b-101");
    backup_site_settle(&site);
    assert_non_null(child(&site, 101));
    backup_site_fini(&site);
}

static void test_what_is_pruned_goes_and_failures_are_few(void **state)
{
    struct backup_site site;
    char pruned[64];

    (void)state;
    backup_site_init(&site, SPEC);
    backup_site_settle(&site);
    for (long minute = 100; minute < 107; minute++) {
        tick(&site, minute);
        backup_site_settle(&site);
        bool good = minute == 100 || minute == 106;
        snprintf(pruned, sizeof pruned, NAMESPACE "/c/20251124T160000Z-" BACKUP "-100");
        end_child(&site, minute, good ? "Completed" : "Failed", minute == 106 ? pruned : NULL);
        backup_site_settle(&site);
        if (minute == 105) {
            assert_non_null(child(&site, 100));
            assert_string_equal(condition(&site, "Succeeding"), "False");
            assert_non_null(strstr(backup_site_status(&site, "message"), "b-105: it broke"));
        }
    }
    assert_null(child(&site, 100));
    assert_null(child(&site, 102));
    assert_non_null(child(&site, 103));
    assert_non_null(child(&site, 105));
    assert_non_null(child(&site, 106));
    assert_string_equal(backup_site_status(&site, "message"), "");
    backup_site_fini(&site);
}

/* The Job of a scheduled backup prunes, by what the schedule says. */
static void test_retention_reaches_the_command(void **state)
{
    struct backup_site site;
    struct work_result result;
    struct error error;

    (void)state;
    backup_site_init(&site, SPEC);
    backup_site_settle(&site);
    tick(&site, 100);
    backup_site_settle(&site);
    assert_int_equal(backup_pass(&site.options, NAMESPACE "/" BACKUP "-100", &result, &error), 0);
    const json_t *job = fake_kube_find(&site.kube, "Job", BACKUP "-100-save");
    assert_non_null(job);
    AUTO_FREE char *text = json_dumps(job, JSON_COMPACT);
    assert_non_null(strstr(text, "\"--schedule\",\"uid-1\",\"--keep-last\",\"7\",\"--keep-age\","
                                 "\"720h\",\"--keep-daily\",\"3\""));
    backup_site_fini(&site);
}

static void test_somebody_elses_cron_job(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, SPEC);
    fake_kube_put(&site.kube, "CronJob", json_pack("{s:{s:s}}", "metadata", "name", BACKUP));
    backup_site_settle(&site);
    assert_non_null(strstr(backup_site_status(&site, "message"), "a CronJob of this name already"));
    assert_string_equal(condition(&site, "Scheduled"), "False");
    backup_site_fini(&site);
}

static void test_the_controllers_warning_is_passed_on(void **state)
{
    struct backup_site site;

    (void)state;
    backup_site_init(&site, SPEC);
    backup_site_settle(&site);
    fake_kube_put(&site.kube, "Event",
                  json_pack("{s:{s:s}, s:s, s:s}", "metadata", "name", "e", "message",
                            "Missed scheduled time", "lastTimestamp", "2025-11-24T16:00:00Z"));
    backup_site_settle(&site);
    assert_non_null(strstr(backup_site_status(&site, "message"), "Missed scheduled time"));
    site.kube.now_ms += 2 * 60 * 60 * 1000;
    backup_site_settle(&site);
    assert_string_equal(backup_site_status(&site, "message"), "");
    backup_site_fini(&site);
}

static void test_the_time_in_a_ticks_name(void **state)
{
    (void)state;
    assert_int_equal(backup_tick_ms("nightly-29925828"), INT64_C(29925828) * 60000);
    assert_int_equal(backup_tick_ms("nightly"), 0);
    assert_int_equal(backup_tick_ms("nightly-"), 0);
    assert_int_equal(backup_tick_ms("nightly-12x"), 0);
}

/* Wherever a call fails, each tick has one backup in the end. */
static void test_fails_at_every_call(void **state)
{
    (void)state;
    for (int call = 1; call <= 24; call++) {
        for (int after = 0; after < 2; after++) {
            struct backup_site site;
            backup_site_init(&site, SPEC);
            site.kube.fail_call = call;
            site.kube.fail_kind = ERROR_RETRYABLE;
            site.kube.fail_after = after;
            for (int pass = 0; pass < 4; pass++) {
                backup_site_pass(&site);
            }
            tick(&site, 100);
            for (int pass = 0; pass < 6; pass++) {
                backup_site_pass(&site);
            }
            end_child(&site, 100, "Completed", NULL);
            backup_site_pass(&site);
            backup_site_settle(&site);
            assert_false(has_tick(&site, 100));
            assert_int_equal(fake_kube_count(&site.kube, "EtcdBackup"), 2);
            assert_string_equal(backup_site_status(&site, "lastScheduleTime"),
                                "1970-01-01T01:40:00Z");
            backup_site_fini(&site);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cron_job_is_suspended_and_as_the_spec_says),
        cmocka_unit_test(test_a_tick_becomes_a_backup_once),
        cmocka_unit_test(test_a_replaced_backup_is_cancelled),
        cmocka_unit_test(test_what_is_pruned_goes_and_failures_are_few),
        cmocka_unit_test(test_retention_reaches_the_command),
        cmocka_unit_test(test_somebody_elses_cron_job),
        cmocka_unit_test(test_the_controllers_warning_is_passed_on),
        cmocka_unit_test(test_the_time_in_a_ticks_name),
        cmocka_unit_test(test_fails_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
