/* A clock that is 20 minutes wrong: what the stores say to it. Started by tests/run_store under
 * libfaketime; skipped without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../unit/store/scenarios.h"
#include "base/clock.h"

/* Both clocks are named, to the hour, as the tests may last some minutes. */
static void expect_both_clocks(const struct store_destination *destination, const char *words)
{
    int64_t skew_ms = strtoll(getenv("STORE_TEST_SKEW_MINUTES"), NULL, 10) * 60000;
    char ours[CLOCK_RFC3339_SIZE], theirs[CLOCK_RFC3339_SIZE];
    AUTO_ARENA struct arena *arena = arena_new();
    struct store *store = NULL;
    struct store_object stored;
    struct error error = {0};

    if (store_open(destination, &store, &error)) {
        fail_msg("%s", error.message);
    }
    int64_t now_ms = clock_wall_ms();
    int result = scenario_put(store, "skewed", "x", 1, arena, &stored, &error);
    store_close(store);
    assert_int_equal(result, -(int)ERROR_DENIED);
    clock_rfc3339(now_ms, ours, sizeof ours);
    clock_rfc3339(now_ms - skew_ms, theirs, sizeof theirs);
    AUTO_FREE char *here = xasprintf("here it is %.13s", ours);
    AUTO_FREE char *there = xasprintf("there %.13s", theirs);
    if (!strstr(error.message, words) || !strstr(error.message, here) ||
        !strstr(error.message, there)) {
        fail_msg("'%s', '%s' or '%s' is not in: %s", words, here, there, error.message);
    }
}

static void test_s3(void **state)
{
    const struct store_destination destination = {.url = "s3://backups/x",
                                                  .endpoint = getenv("S3_TEST_ENDPOINT"),
                                                  .region = getenv("S3_TEST_REGION"),
                                                  .path_style = true,
                                                  .credentials_file =
                                                      getenv("S3_TEST_CREDENTIALS")};

    (void)state;
    expect_both_clocks(&destination, "the clocks differ too much");
}

static void test_gcs(void **state)
{
    const struct store_destination destination = {.url = "gs://backups/x",
                                                  .endpoint = getenv("GCS_TEST_ENDPOINT"),
                                                  .credentials_file =
                                                      getenv("GCS_TEST_CREDENTIALS")};

    (void)state;
    expect_both_clocks(&destination, "the credentials were refused, and the clocks differ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_s3), cmocka_unit_test(test_gcs)};

    if (!getenv("STORE_TEST_SKEW_MINUTES")) {
        print_message("1..0 # skip tests/run_store starts this with another clock\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
