/* The Google Cloud Storage backend against fake-gcs-server, alone and behind gcs_front.py, which
 * verifies tokens and keeps upload sessions; also through the proxy of faulty_wire.py. The
 * environment says where they are (tests/run_store); without it the tests are skipped. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../../unit/store/scenarios.h"
#include "base/clock.h"
#include "base/json.h"
#include "wire.h"

#define BUCKET "backups"

static struct store_destination direct(void)
{
    return (struct store_destination){.url = "gs://" BUCKET "/pre fix/x",
                                      .endpoint = getenv("GCS_TEST_ENDPOINT"),
                                      .credentials_file = getenv("GCS_TEST_CREDENTIALS")};
}

static struct store_destination faulty(void)
{
    struct store_destination destination = direct();

    destination.url = "gs://" BUCKET "/faults";
    destination.endpoint = getenv("GCS_TEST_FAULTY_ENDPOINT");
    return destination;
}

static struct store *open_store(const struct store_destination *destination)
{
    struct store *store = NULL;
    struct error error = {0};

    if (store_open(destination, &store, &error)) {
        fail_msg("%s", error.message);
    }
    return store;
}

static void control(const char *json)
{
    free(wire_post(getenv("GCS_TEST_ENDPOINT"), "/-/control", json));
}

static int count_of(const char *name)
{
    AUTO_FREE char *text = wire_post(getenv("GCS_TEST_ENDPOINT"), "/-/counts", "");
    AUTO_JSON json_t *json = json_loads(text, 0, NULL);

    return (int)json_path_integer(json, -1, name, NULL);
}

static size_t sessions(void)
{
    return (size_t)count_of("sessions");
}

static void arm(const char *fault, int after, int times)
{
    wire_arm(getenv("GCS_TEST_FAULTY_ENDPOINT"), fault, after, times);
}

static void put(struct store *store, const char *name, const char *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object stored;
    struct error error = {0};

    if (scenario_put(store, name, data, size, arena, &stored, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(stored.size, size);
}

static void run(const struct store_destination *destination)
{
    AUTO_STORE struct store *store = open_store(destination);

    scenario_sizes(store);
    scenario_range(store);
    scenario_names(store);
}

static void test_sizes_ranges_names(void **state)
{
    const struct store_destination destination = direct();

    (void)state;
    run(&destination);
}

/* Without the front: what fake-gcs-server itself does is enough when nothing goes wrong. */
static void test_fake_gcs_server_alone(void **state)
{
    struct store_destination destination = direct();

    (void)state;
    destination.endpoint = getenv("GCS_TEST_BARE_ENDPOINT");
    run(&destination);
}

static void test_nothing_stays_of_what_was_aborted(void **state)
{
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_FREE char *data = scenario_bytes(STORE_PART_SIZE + 1);
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object object;
    struct error error = {0};
    struct store_put *put;

    (void)state;
    for (int forgotten = 0; forgotten < 2; forgotten++) {
        assert_int_equal(store_put_begin(store, "gone", NULL, &put, &error), 0);
        assert_int_equal(store_put_write(put, data, STORE_PART_SIZE + 1, &error), 0);
        assert_int_equal(sessions(), 1);
        assert_int_equal(forgotten ? 0 : store_put_abort(put, &error), 0);
        store_put_free(put);
        assert_int_equal(sessions(), 0);
    }
    assert_int_equal(store_stat(store, "gone", arena, &object, &error), -(int)ERROR_NOT_FOUND);
}

static void test_unfinished_uploads_cannot_be_listed(void **state)
{
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);
    struct error error = {0};
    size_t count = 0;

    (void)state;
    assert_int_equal(store_list_uploads(store, "", scenario_count_uploads, &count, &error),
                     -(int)ERROR_INVALID);
    assert_non_null(strstr(error.message, "does not list those that are unfinished"));
}

/* 1100 are three pages. */
static void test_a_list_of_several_pages(void **state)
{
    struct store_destination destination = direct();
    struct error error = {0};
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 1100; i++) {
        AUTO_FREE char *path =
            xasprintf("/upload/storage/v1/b/" BUCKET "/o?uploadType=media&name=pages%%2F%04d", i);
        free(wire_post(getenv("GCS_TEST_BARE_ENDPOINT"), path, "x"));
    }
    destination.url = "gs://" BUCKET "/pages";
    AUTO_STORE struct store *store = open_store(&destination);
    assert_int_equal(store_list(store, "", scenario_count, &count, &error), 0);
    assert_int_equal(count, 1100);
    count = 0;
    assert_int_equal(store_list(store, "00", scenario_count, &count, &error), 0);
    assert_int_equal(count, 100);
}

static void expect_refusal(const struct store_destination *destination, enum error_kind kind,
                           const char *words)
{
    AUTO_STORE struct store *store = open_store(destination);
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object stored;
    struct error error = {0};

    assert_int_equal(scenario_put(store, "refused", "x", 1, arena, &stored, &error), -(int)kind);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' is not in: %s", words, error.message);
    }
}

static void test_refusals(void **state)
{
    struct store_destination key = direct(), account = direct(), reader = direct(),
                             bucket = direct();

    (void)state;
    key.credentials_file = getenv("GCS_TEST_WRONG_KEY");
    expect_refusal(&key, ERROR_DENIED, "Invalid JWT Signature");
    account.credentials_file = getenv("GCS_TEST_WRONG_ACCOUNT");
    expect_refusal(&account, ERROR_DENIED, "account not found");
    reader.credentials_file = getenv("GCS_TEST_READER");
    expect_refusal(&reader, ERROR_DENIED, "give it the role Storage Object User");
    bucket.url = "gs://none-such";
    expect_refusal(&bucket, ERROR_INVALID, "there is no such bucket");
}

static void expect_accepted(struct store *store)
{
    put(store, "accepted", "x", 1);
    scenario_expect(store, "accepted", "x", 1);
}

/* A token of the cluster's is exchanged, for itself and then for a service account's. */
static void test_workload_identity_federation(void **state)
{
    struct store_destination destination = direct();

    (void)state;
    destination.credentials_file = getenv("GCS_TEST_EXTERNAL");
    AUTO_STORE struct store *store = open_store(&destination);
    expect_accepted(store);
    destination.credentials_file = getenv("GCS_TEST_EXTERNAL_WRONG");
    expect_refusal(&destination, ERROR_DENIED, "Invalid JWT Signature");
}

static void test_metadata_server(void **state)
{
    struct store_destination destination = direct();

    (void)state;
    destination.credentials_file = NULL;
    AUTO_STORE struct store *store = open_store(&destination);
    expect_accepted(store);
}

static void test_a_token_is_kept(void **state)
{
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);
    int issued = count_of("issued");

    (void)state;
    expect_accepted(store);
    expect_accepted(store);
    assert_int_equal(count_of("issued"), issued + 1);
}

static void test_the_token_server_fails_for_a_while(void **state)
{
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);

    (void)state;
    control("{\"failures\": 2}");
    expect_accepted(store);
}

/* `before_the_end`: the token is renewed when its time comes; else it is refused, and then. */
static void upload_across_the_end_of_a_token(bool before_the_end)
{
    const size_t size = 2 * STORE_PART_SIZE + 1;
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_FREE char *data = scenario_bytes(size);
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object stored;
    struct error error = {0};
    struct store_put *put;
    int issued = count_of("issued"), refused = count_of("refused");

    control(before_the_end ? "{\"lifetime\": 1}" : "{\"lifetime\": 3600}");
    assert_int_equal(store_put_begin(store, "renewed", NULL, &put, &error), 0);
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE + 1, &error), 0);
    int64_t expired_ms = clock_boot_ms() + 1000;
    control(before_the_end ? "{\"lifetime\": 3600}" : "{\"expire\": true}");
    while (before_the_end && clock_boot_ms() < expired_ms) {
        poll(NULL, 0, 20);
    }
    if (store_put_write(put, data + STORE_PART_SIZE + 1, STORE_PART_SIZE, &error) ||
        store_put_finish(put, arena, &stored, &error)) {
        fail_msg("%s", error.message);
    }
    store_put_free(put);
    scenario_expect(store, "renewed", data, size);
    assert_int_equal(count_of("issued"), issued + 2);
    assert_int_equal(count_of("refused"), before_the_end ? refused : refused + 1);
}

static void test_a_token_that_expires_is_renewed(void **state)
{
    (void)state;
    upload_across_the_end_of_a_token(true);
}

static void test_a_token_that_is_refused_is_renewed(void **state)
{
    (void)state;
    upload_across_the_end_of_a_token(false);
}

/* An object in two parts takes four requests: begin, part, finish, confirm. Each of them meets each
 * fault, twice in a row. */
static void test_faults_at_each_step_of_an_upload(void **state)
{
    static const char *const faults[] = {"500",      "503",      "429",        "slow-down", "html",
                                         "cut-head", "cut-body", "cut-answer", "cut-after"};
    const size_t size = STORE_PART_SIZE + 3 * 256 * 1024 + 1;
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_FREE char *data = scenario_bytes(size);

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (int step = 0; step < 4; step++) {
            AUTO_ARENA struct arena *arena = arena_new();
            struct store_object stored;
            struct error error = {0};
            arm(faults[i], step, 2);
            if (scenario_put(store, "faulty", data, size, arena, &stored, &error)) {
                fail_msg("%s at step %d: %s", faults[i], step, error.message);
            }
            assert_int_equal(stored.size, size);
        }
    }
    arm("500", 0, 0);
    scenario_expect(store, "faulty", data, size);
}

/* The store may keep less than it was sent. */
static void test_parts_of_which_half_is_taken(void **state)
{
    const size_t size = 3 * STORE_PART_SIZE + 4711;
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_FREE char *data = scenario_bytes(size);

    (void)state;
    control("{\"short\": 5}");
    put(store, "halves", data, size);
    control("{\"short\": 0}");
    scenario_expect(store, "halves", data, size);
}

static void test_a_download_goes_on_where_it_was_cut(void **state)
{
    const size_t size = STORE_PART_SIZE;
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_FREE char *data = scenario_bytes(size);

    (void)state;
    arm("500", 0, 0);
    put(store, "cut", data, size);
    arm("cut-answer", 0, 3);
    scenario_expect(store, "cut", data, size);
    arm("503", 0, 2);
    scenario_expect(store, "cut", data, size);
}

static int replace_once(void *context, const void *data, size_t size, struct error *error)
{
    struct store **store = context;

    (void)data, (void)size, (void)error;
    if (*store) {
        put(*store, "replaced", "another", 7);
        *store = NULL;
    }
    return 0;
}

static void test_a_download_of_what_is_replaced_fails(void **state)
{
    const struct store_destination destination = faulty(),
                                   other = {.url = destination.url,
                                            .endpoint = getenv("GCS_TEST_ENDPOINT"),
                                            .credentials_file = destination.credentials_file};
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_STORE struct store *beside = open_store(&other);
    AUTO_FREE char *data = scenario_bytes(STORE_PART_SIZE);
    struct store *context = beside;
    struct error error = {0};

    (void)state;
    put(beside, "replaced", data, STORE_PART_SIZE);
    arm("cut-answer", 0, 1);
    assert_int_equal(store_get(store, "replaced", NULL, replace_once, &context, &error),
                     -(int)ERROR_CONFLICT);
}

/* What the account may do is taken from it in the middle: no try helps, and nothing stays. */
static void test_what_is_refused_for_good_leaves_nothing(void **state)
{
    const size_t size = 2 * STORE_PART_SIZE + 1;
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *data = scenario_bytes(size);
    size_t before = sessions(); /* Some that began behind our back stay. */

    (void)state;
    for (int step = 0; step < 4; step++) { /* The fourth finishes it. */
        struct store_object object;
        struct error error = {0};
        arm("revoked", step, 1000);
        assert_int_equal(scenario_put(store, "revoked", data, size, arena, &object, &error),
                         -(int)ERROR_DENIED);
        arm("500", 0, 0);
        assert_int_equal(sessions(), before);
        assert_int_equal(store_stat(store, "revoked", arena, &object, &error),
                         -(int)ERROR_NOT_FOUND);
    }
}

/* The answer to the last request is lost again and again, so we are told that it failed; the object
 * that came to be all the same is removed. */
static void test_an_object_that_appeared_behind_our_back(void **state)
{
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_ARENA struct arena *arena = arena_new();
    struct store_object object;
    struct error error = {0};

    (void)state;
    arm("cut-after", 1, 9); /* libcurl repeats by itself what broke on a connection of before. */
    assert_int_equal(scenario_put(store, "unknown", "x", 1, arena, &object, &error),
                     -(int)ERROR_RETRYABLE);
    assert_int_equal(store_stat(store, "unknown", arena, &object, &error), -(int)ERROR_NOT_FOUND);
}

static bool cancel_now;

static bool is_cancelled(void *context)
{
    (void)context;
    return cancel_now;
}

static void test_cancelled(void **state)
{
    struct store_destination destination = direct();
    AUTO_FREE char *data = scenario_bytes(2 * STORE_PART_SIZE);
    struct store_put *put;
    struct error error = {0};

    (void)state;
    destination.cancelled = is_cancelled;
    cancel_now = false;
    AUTO_STORE struct store *store = open_store(&destination);
    assert_int_equal(store_put_begin(store, "cancelled", NULL, &put, &error), 0);
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE + 1, &error), 0);
    assert_int_equal(sessions(), 1);
    cancel_now = true;
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE, &error), -(int)ERROR_CANCELLED);
    store_put_free(put);
    cancel_now = false;
    assert_int_equal(sessions(), 0);
}

static int discard(void *context, const void *data, size_t size, struct error *error)
{
    (void)data, (void)error;
    *(size_t *)context += size;
    return 0;
}

/* 150 MiB go up and down in what one part needs; the kernel counts the peak of the process, so
 * this test comes first. */
static void test_memory_stays_flat(void **state)
{
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_ARENA struct arena *arena = arena_new();
    const size_t piece = 1024 * 1024;
    AUTO_FREE char *data = scenario_bytes(piece);
    struct store_put *put;
    struct store_object stored;
    struct error error = {0};
    struct rusage usage;
    size_t got = 0;

    (void)state;
    assert_int_equal(store_put_begin(store, "large", NULL, &put, &error), 0);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(store_put_write(put, data, piece, &error), 0);
    }
    assert_int_equal(store_put_finish(put, arena, &stored, &error), 0);
    store_put_free(put);
    assert_int_equal(store_get(store, "large", NULL, discard, &got, &error), 0);
    assert_int_equal(got, 150 * piece);
    assert_int_equal(store_remove(store, "large", &error), 0);
    getrusage(RUSAGE_SELF, &usage);
    print_message("# peak memory %ld KiB\n", usage.ru_maxrss);
    assert_true(usage.ru_maxrss < 40 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_stays_flat),
        cmocka_unit_test(test_sizes_ranges_names),
        cmocka_unit_test(test_fake_gcs_server_alone),
        cmocka_unit_test(test_nothing_stays_of_what_was_aborted),
        cmocka_unit_test(test_unfinished_uploads_cannot_be_listed),
        cmocka_unit_test(test_a_list_of_several_pages),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_workload_identity_federation),
        cmocka_unit_test(test_metadata_server),
        cmocka_unit_test(test_a_token_is_kept),
        cmocka_unit_test(test_the_token_server_fails_for_a_while),
        cmocka_unit_test(test_a_token_that_expires_is_renewed),
        cmocka_unit_test(test_a_token_that_is_refused_is_renewed),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_faults_at_each_step_of_an_upload),
        cmocka_unit_test(test_parts_of_which_half_is_taken),
        cmocka_unit_test(test_a_download_goes_on_where_it_was_cut),
        cmocka_unit_test(test_a_download_of_what_is_replaced_fails),
        cmocka_unit_test(test_what_is_refused_for_good_leaves_nothing),
        cmocka_unit_test(test_an_object_that_appeared_behind_our_back)};

    if (!getenv("GCS_TEST_ENDPOINT")) {
        print_message("1..0 # skip tests/run_store starts what this needs\n");
        return 77;
    }
    scenario_count_unfinished = sessions;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
