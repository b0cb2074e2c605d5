#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "manager/metrics.h"

/* True if a whole line of the text is `line`. */
static bool has_line(const struct buffer *text, const char *line)
{
    size_t length = strlen(line);

    for (const char *at = text->data; (at = strstr(at, line)); at++) {
        if ((at == text->data || at[-1] == '\n') && at[length] == '\n') {
            return true;
        }
    }
    return false;
}

static void expect_line(const struct buffer *text, const char *line)
{
    if (!has_line(text, line)) {
        fail_msg("no line '%s' in\n%s", line, text->data);
    }
}

static void test_clusters(void **state)
{
    struct metrics *metrics = metrics_new();
    struct buffer text = {0};

    (void)state;
    metrics_publish_cluster(metrics, "ns", "b", "Running", 3, 3, true, false);
    metrics_publish_cluster(metrics, "ns", "a", "Creating", 5, 0, false, true);
    metrics_render(metrics, 4, &text);
    expect_line(&text, "etcd_cluster_size{namespace=\"ns\",name=\"a\"} 5");
    expect_line(&text, "etcd_cluster_size{namespace=\"ns\",name=\"b\"} 3");
    expect_line(&text, "etcd_cluster_health{namespace=\"ns\",name=\"a\"} 0");
    expect_line(&text, "etcd_cluster_health{namespace=\"ns\",name=\"b\"} 1");
    expect_line(&text, "etcd_cluster_quorum_lost{namespace=\"ns\",name=\"a\"} 1");
    expect_line(&text, "etcd_cluster_quorum_lost{namespace=\"ns\",name=\"b\"} 0");
    expect_line(&text, "etcd_cluster_members_ready{namespace=\"ns\",name=\"b\"} 3");
    expect_line(&text, "etcd_cluster_phase{namespace=\"ns\",name=\"a\",phase=\"Creating\"} 1");
    expect_line(&text, "etcd_operator_queue_depth 4");
    expect_line(&text, "etcd_operator_leader 0");
    assert_true(strstr(text.data, "name=\"a\"} 5") < strstr(text.data, "name=\"b\"} 3"));
    buffer_fini(&text);

    /* A new phase replaces the old one; a cluster that is gone leaves no series. */
    metrics_publish_cluster(metrics, "ns", "a", "Running", 5, 5, true, false);
    metrics_publish_cluster(metrics, "ns", "b", NULL, 0, 0, false, false);
    metrics_publish_cluster(metrics, "ns", "never-seen", NULL, 0, 0, false, false);
    metrics_set_leader(metrics, true);
    metrics_render(metrics, 0, &text);
    expect_line(&text, "etcd_operator_leader 1");
    expect_line(&text, "etcd_cluster_phase{namespace=\"ns\",name=\"a\",phase=\"Running\"} 1");
    assert_null(strstr(text.data, "Creating"));
    assert_null(strstr(text.data, "name=\"b\""));
    assert_null(strstr(text.data, "never-seen"));
    buffer_fini(&text);
    metrics_free(metrics);
}

static void test_backups(void **state)
{
    struct metrics *metrics = metrics_new();
    struct buffer text = {0};

    (void)state;
    metrics_publish_cluster(metrics, "ns", "c", "Running", 3, 3, true, false);
    metrics_publish_backup(metrics, "ns", "c", "nightly", 2000000, false);
    metrics_publish_backup(metrics, "ns", "c", "nightly", 1000000, false); /* An older one. */
    metrics_publish_backup(metrics, "ns", "c", "nightly", 0, true);
    metrics_publish_backup(metrics, "ns", "c", "", 0, true);
    metrics_publish_backup(metrics, "ns", "d", "", 3000000, false);
    metrics_render(metrics, 0, &text);
    expect_line(&text, "etcd_backup_last_success_timestamp_seconds{namespace=\"ns\",cluster=\"c\","
                       "schedule=\"nightly\"} 2000");
    expect_line(&text, "etcd_backup_failures_total{namespace=\"ns\",cluster=\"c\","
                       "schedule=\"nightly\"} 1");
    expect_line(&text, "etcd_backup_last_success_timestamp_seconds{namespace=\"ns\",cluster=\"c\","
                       "schedule=\"\"} 0");
    buffer_fini(&text);
    metrics_publish_cluster(metrics, "ns", "c", NULL, 0, 0, false, false);
    metrics_render(metrics, 0, &text);
    assert_null(strstr(text.data, "cluster=\"c\""));
    assert_non_null(strstr(text.data, "cluster=\"d\""));
    buffer_fini(&text);
    metrics_free(metrics);
}

static void test_labels_are_escaped(void **state)
{
    struct metrics *metrics = metrics_new();
    AUTO_BUFFER struct buffer text = {0};

    (void)state;
    metrics_publish_cluster(metrics, "n\"s", "a\\b\nc", "Running", 1, 1, true, false);
    metrics_render(metrics, 0, &text);
    expect_line(&text, "etcd_cluster_size{namespace=\"n\\\"s\",name=\"a\\\\b\\nc\"} 1");
    metrics_free(metrics);
}

static void test_passes(void **state)
{
    struct metrics *metrics = metrics_new();
    AUTO_BUFFER struct buffer text = {0};

    (void)state;
    metrics_count_pass(metrics, ERROR_NONE, 0);
    metrics_count_pass(metrics, ERROR_NONE, 10);
    metrics_count_pass(metrics, ERROR_CONFLICT, 11);
    metrics_count_pass(metrics, ERROR_NONE, 40000);
    metrics_count_look(metrics);
    metrics_render(metrics, 0, &text);
    expect_line(&text, "etcd_operator_reconcile_total{result=\"success\"} 3");
    expect_line(&text, "etcd_operator_reconcile_total{result=\"conflict\"} 1");
    expect_line(&text, "etcd_operator_reconcile_total{result=\"retryable\"} 0");
    assert_null(strstr(text.data, "result=\"terminal\""));
    expect_line(&text, "etcd_operator_looks_total 1");
#define DURATION "etcd_operator_reconcile_duration_seconds"
    expect_line(&text, "# TYPE " DURATION " histogram");
    expect_line(&text, DURATION "_bucket{le=\"0.001\"} 1");
    expect_line(&text, DURATION "_bucket{le=\"0.01\"} 2"); /* The bound itself is inside. */
    expect_line(&text, DURATION "_bucket{le=\"0.025\"} 3");
    expect_line(&text, DURATION "_bucket{le=\"30\"} 3");
    expect_line(&text, DURATION "_bucket{le=\"+Inf\"} 4");
    expect_line(&text, DURATION "_count 4");
    expect_line(&text, DURATION "_sum 40.021");
    metrics_free(metrics);
}

static void test_api_requests(void **state)
{
    struct metrics *metrics = metrics_new();
    AUTO_BUFFER struct buffer text = {0};

    (void)state;
    metrics_count_api_request(metrics, "get", "pods", 200, 3);
    metrics_count_api_request(metrics, "get", "pods", 200, 3);
    metrics_count_api_request(metrics, "get", "pods", 404, 3);
    metrics_count_api_request(metrics, "list", "pods", 0, 3);
    metrics_render(metrics, 0, &text);
#define REQUESTS "etcd_operator_api_requests_total"
    expect_line(&text, REQUESTS "{verb=\"get\",resource=\"pods\",code=\"200\"} 2");
    expect_line(&text, REQUESTS "{verb=\"get\",resource=\"pods\",code=\"404\"} 1");
    expect_line(&text, REQUESTS "{verb=\"list\",resource=\"pods\",code=\"0\"} 1");
    metrics_free(metrics);
}

static double value_of(const struct buffer *text, const char *name)
{
    char start[128];
    snprintf(start, sizeof start, "\n%s ", name);
    const char *line = strstr(text->data, start);
    assert_non_null(line);
    return strtod(line + strlen(start), NULL);
}

static void test_process(void **state)
{
    AUTO_BUFFER struct buffer text = {0};

    (void)state;
    metrics_render_process(&text);
    assert_true(value_of(&text, "process_resident_memory_bytes") > 100000);
    assert_true(value_of(&text, "process_cpu_seconds_total") < 60);
    assert_in_range((long)value_of(&text, "process_open_fds"), 3, 1000);
    double age = (double)time(NULL) - value_of(&text, "process_start_time_seconds");
    assert_true(age > -2 && age < 60);
}

/* Each metric is declared once, and nothing but declared metrics is rendered. */
static void test_format(void **state)
{
    struct metrics *metrics = metrics_new();
    AUTO_BUFFER struct buffer text = {0};
    char type[128] = "";

    (void)state;
    metrics_publish_cluster(metrics, "ns", "a", "Running", 3, 3, true, false);
    metrics_count_api_request(metrics, "get", "pods", 200, 3);
    metrics_render(metrics, 0, &text);
    assert_int_equal(text.data[text.size - 1], '\n');
    for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
        if (!strncmp(line, "# TYPE ", 7)) {
            snprintf(type, sizeof type, "%.*s", (int)strcspn(line + 7, " "), line + 7);
        } else if (line[0] != '#') {
            assert_memory_equal(line, type, strlen(type));
            assert_non_null(strrchr(line, ' '));
        }
    }
    metrics_free(metrics);
}

static void *publish_often(void *context)
{
    for (int i = 0; i < 2000; i++) {
        metrics_publish_cluster(context, "ns", i % 2 ? "a" : "b", i % 3 ? "Running" : NULL, i, i,
                                true, false);
        metrics_count_pass(context, ERROR_NONE, i);
        metrics_count_api_request(context, "get", "pods", 200 + i % 3, 1);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    struct metrics *metrics = metrics_new();
    pthread_t threads[3];
    struct buffer text = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, publish_often, metrics), 0);
    }
    for (int i = 0; i < 50; i++) {
        metrics_render(metrics, 0, &text);
        buffer_clear(&text);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    metrics_render(metrics, 0, &text);
    expect_line(&text, "etcd_operator_reconcile_total{result=\"success\"} 6000");
    buffer_fini(&text);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_backups),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_api_requests),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
