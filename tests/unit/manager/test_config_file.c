/* The configuration file: what it may say, who overrides it, and in which words it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manager/config_file.h"

#define HEAD "apiVersion: etcd.etcd.io/v1alpha1\nkind: OperatorConfiguration\n"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    static char path[64];
    strcpy(path, "/tmp/etcd-operator-config-XXXXXX");
    close(mkstemp(path));
    *state = path;
    return 0;
}

static int teardown(void **state)
{
    return unlink(*state);
}

static void test_default_file_environment_flag(void **state)
{
    const char *const arguments[] = {"--config", *state, "--log-level=error"};
    struct manager_options options;
    struct error error = {0};

    write_file(*state, HEAD "operator-image: from-file\n"
                            "log-level: debug\n"
                            "workers: 3\n"
                            "lease-name: 'file'\n"
                            "leader-elect: false\n"
                            "namespaces: [a, b]\n"
                            "kubeconfig:\n- /x\n- /y\n"
                            "metrics-address: :9\n");
    setenv("ETCD_OPERATOR_WORKERS", "5", 1);
    setenv("ETCD_OPERATOR_NAMESPACES", "c", 1);
    int r = manager_options_parse(&options, 3, (char **)arguments, &error);
    unsetenv("ETCD_OPERATOR_WORKERS");
    unsetenv("ETCD_OPERATOR_NAMESPACES");
    if (r) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(options.operator_image, "from-file");
    assert_int_equal(options.log_level, LOG_ERROR); /* The flag's. */
    assert_int_equal(options.workers, 5);           /* The environment's. */
    assert_int_equal(options.n_namespaces, 1);
    assert_string_equal(options.namespaces[0], "c");
    assert_string_equal(options.lease_name, "file"); /* The file's. */
    assert_false(options.leader_elect);
    assert_string_equal(options.kubeconfig, "/x:/y");
    assert_int_equal(options.metrics_address.port, 9);
    assert_int_equal(options.resync_ms, 600000); /* The default. */
    assert_string_equal(options.config, *state);
    manager_options_fini(&options);
}

static void test_named_by_the_environment(void **state)
{
    struct manager_options options;
    struct error error = {0};

    write_file(*state, HEAD "operator-image: x\nnamespaces: a,b\n");
    setenv("ETCD_OPERATOR_CONFIG", *state, 1);
    assert_int_equal(manager_options_parse(&options, 0, NULL, &error), 0);
    unsetenv("ETCD_OPERATOR_CONFIG");
    assert_int_equal(options.n_namespaces, 2);
    manager_options_fini(&options);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "f.yaml: apiVersion is missing; it must be etcd.etcd.io/v1alpha1"},
        {"- a\n", "f.yaml: it is no mapping"},
        {"apiVersion: etcd.etcd.io/v1alpha1\n",
         "f.yaml: kind is missing; it must be OperatorConfiguration"},
        {"apiVersion: etcd.etcd.io/v1\nkind: OperatorConfiguration\n",
         "f.yaml, line 1: apiVersion: 'etcd.etcd.io/v1' is not allowed; it must be"},
        {"apiVersion: etcd.etcd.io/v1alpha1\nkind: []\n", "f.yaml, line 2: kind: '' is not"},
        {HEAD "workers: 0\n",
         "f.yaml, line 3: workers: '0' is not allowed; allowed is a number from 1 to 64"},
        {HEAD "\n# x\nleader-elect: yes\n", "f.yaml, line 5: leader-elect: 'yes' is not allowed; "
                                            "allowed is true or false"},
        {HEAD "log-level:\n", "f.yaml, line 3: log-level: '' is not allowed; allowed is debug"},
        {HEAD "workers: [3]\n", "f.yaml, line 3: workers: '[\"3\"]' is not allowed; allowed is a"},
        {HEAD "workers: {a: 3}\n", "f.yaml, line 3: workers: '{\"a\":\"3\"}' is not allowed"},
        {HEAD "namespaces: [a, 'b,c']\n", "line 3: namespaces: '[\"a\",\"b,c\"]' is not allowed"},
        {HEAD "namespaces: [a, ~]\n", "line 3: namespaces: '[\"a\",null]' is not allowed"},
        {HEAD "namespaces: [a, '']\n", "line 3: namespaces: '[\"a\",\"\"]' is not allowed"},
        {HEAD "namespaces: [[a]]\n", "line 3: namespaces: '[[\"a\"]]' is not allowed"},
        {HEAD "namespaces: [A]\n", "line 3: namespaces: 'A' is not allowed; allowed is names of"},
        {HEAD "wrokers: 3\n",
         "f.yaml, line 3: wrokers is unknown; there are apiVersion, kind, operator-image, "},
        {HEAD "logLevel: debug\n", "logLevel is unknown"},
        {HEAD "config: x\n", "line 3: config is unknown"},
        {HEAD "help: true\n", "line 3: help is unknown"},
        {HEAD "workers: 2\nresync: 1h\nworkers: 3\n",
         "f.yaml, line 5: the key 'workers' stands here for the second time"},
        {HEAD "workers: [\n", "f.yaml, line "},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct manager_options options = {0};
        error = (struct error){0};
        int r = config_file_apply(cases[i].text, strlen(cases[i].text), "f.yaml", &options, &error);
        if (r != -ERROR_INVALID || !strstr(error.message, cases[i].words)) {
            fail_msg("%s: %d '%s'", cases[i].text, r, error.message);
        }
        manager_options_fini(&options);
    }
}

static void test_a_file_that_is_not_there(void **state)
{
    const char *const arguments[] = {"--config=/nonexistent/config.yaml", "--operator-image=x"};
    const char *const helps[] = {"--config=/nonexistent/config.yaml", "--help"};
    struct manager_options options;
    struct error error = {0};

    (void)state;
    assert_true(manager_options_parse(&options, 2, (char **)arguments, &error) < 0);
    assert_non_null(strstr(error.message, "the configuration file: "));
    assert_non_null(strstr(error.message, "/nonexistent/config.yaml"));
    manager_options_fini(&options);
    assert_int_equal(manager_options_parse(&options, 2, (char **)helps, &error), 0);
    manager_options_fini(&options);
}

static const char *example_path;

/* Each key that the example has in a comment is taken as well. */
static void test_the_example_of_deploy(void **state)
{
    struct manager_options options = {0};
    struct error error = {0};
    char text[8192], line[512];
    size_t used = 0;
    FILE *file = fopen(example_path, "re");

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        const char *key = strncmp(line, "#: ", 3) == 0 ? line + 3 : line;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", key);
        assert_true(used < sizeof text);
    }
    fclose(file);
    if (config_file_apply(text, used, example_path, &options, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(options.workers, 4);
    assert_int_equal(options.n_namespaces, 2);
    manager_options_fini(&options);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* The argument is the path of the example in deploy. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_default_file_environment_flag),
        CASE(test_named_by_the_environment),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_file_that_is_not_there),
        cmocka_unit_test(test_the_example_of_deploy),
    };
    if (argc != 2) {
        return 2;
    }
    example_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
