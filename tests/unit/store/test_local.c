/* A directory as a store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scenarios.h"

static char directory[] = "/tmp/test-store-XXXXXX";

static struct store *open_store(void)
{
    AUTO_FREE char *url = xasprintf("file://%s", directory);
    const struct store_destination destination = {.url = url};
    struct store *store = NULL;
    struct error error = {0};

    if (store_open(&destination, &store, &error)) {
        fail_msg("%s", error.message);
    }
    return store;
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    AUTO_FREE char *command = xasprintf("rm -r '%s'", directory);

    (void)state;
    return system(command); /* NOLINT(cert-env33-c): the name is ours. */
}

static void test_sizes(void **state)
{
    AUTO_STORE struct store *store = open_store();

    (void)state;
    scenario_sizes(store);
}

static void test_range(void **state)
{
    AUTO_STORE struct store *store = open_store();

    (void)state;
    scenario_range(store);
}

static void test_names(void **state)
{
    AUTO_STORE struct store *store = open_store();

    (void)state;
    scenario_names(store);
}

static void test_abort(void **state)
{
    AUTO_STORE struct store *store = open_store();

    (void)state;
    scenario_abort(store);
}

static void test_a_file_that_somebody_put_there(void **state)
{
    AUTO_STORE struct store *store = open_store();
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *path = xasprintf("%s/own", directory);
    AUTO_FILE FILE *file = fopen(path, "we");
    struct store_object object;
    struct error error = {0};

    (void)state;
    assert_non_null(file);
    assert_int_equal(store_stat(store, "own", arena, &object, &error), 0);
    assert_null(object.checksum);
    assert_int_equal(store_stat(store, "none", arena, &object, &error), -(int)ERROR_NOT_FOUND);
}

static void test_no_directory(void **state)
{
    const struct store_destination destination = {.url = "file:///none/such"};
    struct store *store;
    struct error error = {0};

    (void)state;
    assert_int_equal(store_open(&destination, &store, &error), -(int)ERROR_INVALID);
    assert_non_null(strstr(error.message, "/none/such"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_range),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_abort),
                                       cmocka_unit_test(test_a_file_that_somebody_put_there),
                                       cmocka_unit_test(test_no_directory)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
