#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "manager/options.h"

#define MAX_ARGUMENTS 24

/* The arguments of one test, as main() would have them. */
#define PARSE(options, error, ...) parse(options, error, (const char *[MAX_ARGUMENTS]){__VA_ARGS__})

static int parse(struct manager_options *options, struct error *error, const char **arguments)
{
    int count = 0;

    while (arguments[count]) {
        count++;
    }
    *error = (struct error){0};
    return manager_options_parse(options, count, (char **)arguments, error);
}

static void test_defaults(void **state)
{
    struct manager_options options;
    struct error error;

    (void)state;
    assert_int_equal(PARSE(&options, &error, "--operator-image", "op:1"), 0);
    assert_string_equal(options.operator_image, "op:1");
    assert_false(options.helper_image_volume);
    assert_int_equal(options.workers, 2);
    assert_null(options.metrics_address.host);
    assert_int_equal(options.metrics_address.port, 8080);
    assert_null(options.health_address.host);
    assert_int_equal(options.health_address.port, 8081);
    assert_int_equal(options.log_level, LOG_INFO);
    assert_int_equal(options.log_format, LOG_FORMAT_JSON);
    assert_int_equal(options.n_namespaces, 0);
    assert_int_equal(options.resync_ms, 600000);
    assert_int_equal(options.api_per_second, 50);
    assert_int_equal(options.api_burst, 100);
    assert_true(options.leader_elect);
    assert_null(options.lease_namespace);
    assert_string_equal(options.lease_name, "etcd-operator");
    manager_options_fini(&options);
}

static void test_every_option(void **state)
{
    struct manager_options options;
    struct error error;

    (void)state;
    assert_int_equal(PARSE(&options, &error, "--operator-image=a.b/op:1", "--workers=64",
                           "--namespaces=a,b-2,a", "--resync=1h30m", "--metrics-address=[::1]:9",
                           "--health-address=127.0.0.1:0", "--log-format=text",
                           "--helper-delivery=image-volume", "--leader-elect=false", "--api-qps=7",
                           "--api-burst=9", "--lease-namespace=ns", "--lease-name=mine",
                           "--kubeconfig=/a:/b", "--context=c"),
                     0);
    assert_string_equal(options.kubeconfig, "/a:/b");
    assert_string_equal(options.context, "c");
    assert_string_equal(options.operator_image, "a.b/op:1");
    assert_true(options.helper_image_volume);
    assert_int_equal(options.workers, 64);
    assert_int_equal(options.n_namespaces, 2); /* Named twice, watched once. */
    assert_string_equal(options.namespaces[0], "a");
    assert_string_equal(options.namespaces[1], "b-2");
    assert_null(options.namespaces[2]);
    assert_int_equal(options.resync_ms, 5400000);
    assert_string_equal(options.metrics_address.host, "::1");
    assert_int_equal(options.metrics_address.port, 9);
    assert_string_equal(options.health_address.host, "127.0.0.1");
    assert_int_equal(options.health_address.port, 0);
    assert_int_equal(options.log_format, LOG_FORMAT_TEXT);
    assert_int_equal(options.api_per_second, 7);
    assert_int_equal(options.api_burst, 9);
    assert_false(options.leader_elect);
    assert_string_equal(options.lease_namespace, "ns");
    assert_string_equal(options.lease_name, "mine");
    manager_options_fini(&options);
}

static void test_environment_yields_to_flags(void **state)
{
    struct manager_options options;
    struct error error;

    (void)state;
    setenv("ETCD_OPERATOR_OPERATOR_IMAGE", "from-environment", 1);
    setenv("ETCD_OPERATOR_WORKERS", "7", 1);
    setenv("ETCD_OPERATOR_LOG_LEVEL", "debug", 1);
    assert_int_equal(PARSE(&options, &error, "--workers", "3"), 0);
    assert_string_equal(options.operator_image, "from-environment");
    assert_int_equal(options.workers, 3);
    assert_int_equal(options.log_level, LOG_DEBUG);
    manager_options_fini(&options);

    setenv("ETCD_OPERATOR_WORKERS", "many", 1);
    assert_int_equal(PARSE(&options, &error, NULL), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "ETCD_OPERATOR_WORKERS: 'many'"));
    manager_options_fini(&options);
    unsetenv("ETCD_OPERATOR_OPERATOR_IMAGE");
    unsetenv("ETCD_OPERATOR_WORKERS");
    unsetenv("ETCD_OPERATOR_LOG_LEVEL");
}

static void test_wrong_values_say_what_is_allowed(void **state)
{
    static const struct {
        const char *argument, *words;
    } cases[] = {
        {"--workers=0", "--workers: '0' is not allowed; allowed is a number from 1 to 64"},
        {"--workers=65", "1 to 64"},
        {"--workers=+3", "1 to 64"},
        {"--workers=3x", "1 to 64"},
        {"--workers=", "1 to 64"},
        {"--workers=99999999999999999999", "1 to 64"},
        {"--api-qps=0", "--api-qps: '0' is not allowed; allowed is a number from 1 to 10000"},
        {"--api-burst=10001", "1 to 10000"},
        {"--resync=9s", "at least 10s"},
        {"--resync=10", "at least 10s"},
        {"--metrics-address=8080", "[IP]:PORT"},
        {"--metrics-address=:65536", "[IP]:PORT"},
        {"--metrics-address=::1:80", "[IP]:PORT"},
        {"--metrics-address=localhost:80", "[IP]:PORT"},
        {"--health-address=[::1]", "[IP]:PORT"},
        {"--log-level=trace", "debug, info, warning or error"},
        {"--log-format=xml", "json or text"},
        {"--leader-elect=maybe", "true or false"},
        {"--lease-namespace=A", "the name of a namespace"},
        {"--lease-name=a/b", "the name of an object"},
        {"--namespaces=a,", "separated by commas"},
        {"--namespaces=,a", "separated by commas"},
        {"--namespaces=A", "separated by commas"},
        {"--namespaces=-a", "separated by commas"},
        {"--namespaces=a b", "separated by commas"},
        {"--operator-image=", "an image reference"},
        {"--operator-image=a b", "an image reference"},
        {"--help=yes", "--help takes no value"},
        {"--wrokers=3", "'--wrokers=3' is unknown; there are --operator-image, --helper-delivery"},
        {"--worker", "is unknown"},
        {"stray", "'stray' is unknown"},
        {"--workers", "--workers needs a value: a number from 1 to 64"},
    };
    struct manager_options options;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = PARSE(&options, &error, "--operator-image=op", cases[i].argument);
        if (r != -ERROR_INVALID || !strstr(error.message, cases[i].words)) {
            fail_msg("%s: %d '%s'", cases[i].argument, r, error.message);
        }
        manager_options_fini(&options);
    }
}

static void test_image_is_required(void **state)
{
    struct manager_options options;
    struct error error;

    (void)state;
    assert_int_equal(PARSE(&options, &error, NULL), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "--operator-image is missing"));
    manager_options_fini(&options);
    assert_int_equal(PARSE(&options, &error, "--help"), 0);
    assert_true(options.help);
    manager_options_fini(&options);
    assert_int_equal(PARSE(&options, &error, "--version"), 0);
    assert_true(options.version);
    manager_options_fini(&options);
}

static void test_help_and_reference_show_every_option(void **state)
{
    static const char *const names[] = {
        "operator-image", "workers",   "namespaces", "resync", "metrics-address",
        "health-address", "log-level", "log-format", "help",   "version"};
    AUTO_BUFFER struct buffer help = {0};
    AUTO_BUFFER struct buffer reference = {0};
    char text[64];

    (void)state;
    manager_options_help(&help);
    manager_options_reference(&reference);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "\n  --%s", names[i]);
        assert_non_null(strstr(help.data, text));
        snprintf(text, sizeof text, "\n| `--%s", names[i]);
        assert_non_null(strstr(reference.data, text));
    }
    assert_non_null(strstr(help.data, "Default: 10m. Environment: ETCD_OPERATOR_RESYNC"));
    assert_non_null(strstr(reference.data, "| `ETCD_OPERATOR_LOG_LEVEL` | `info` |"));
}

static const char *reference_path;

/* The committed page is what the table says: `etcd-operator --reference >docs/options.md`. */
static void test_reference_is_current(void **state)
{
    AUTO_BUFFER struct buffer reference = {0};
    AUTO_FILE FILE *file = fopen(reference_path, "re");
    char committed[8192];

    (void)state;
    assert_non_null(file);
    committed[fread(committed, 1, sizeof committed - 1, file)] = '\0';
    manager_options_reference(&reference);
    assert_string_equal(committed, reference.data);
}

/* The argument is the path of docs/options.md. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_environment_yields_to_flags),
        cmocka_unit_test(test_wrong_values_say_what_is_allowed),
        cmocka_unit_test(test_image_is_required),
        cmocka_unit_test(test_help_and_reference_show_every_option),
        cmocka_unit_test(test_reference_is_current),
    };
    if (argc != 2) {
        return 2;
    }
    reference_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
