/* The S3 backend against versitygw, which verifies signatures and checksums; also through the proxy
 * of faulty_wire.py. The environment says where they are (tests/run_store); without it the tests
 * are skipped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../../unit/store/scenarios.h"
#include "store/s3_identity.h"
#include "wire.h"

#define BUCKET "backups"

static struct store_destination direct(void)
{
    return (struct store_destination){.url = "s3://" BUCKET "/pre fix/x",
                                      .endpoint = getenv("S3_TEST_ENDPOINT"),
                                      .region = getenv("S3_TEST_REGION"),
                                      .path_style = true,
                                      .credentials_file = getenv("S3_TEST_CREDENTIALS")};
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

static void run(void (*scenario)(struct store *store))
{
    const struct store_destination destination = direct();
    AUTO_STORE struct store *store = open_store(&destination);

    scenario(store);
}

static void test_sizes(void **state)
{
    (void)state;
    run(scenario_sizes);
}

static void test_range(void **state)
{
    (void)state;
    run(scenario_range);
}

static void test_names(void **state)
{
    (void)state;
    run(scenario_names);
}

static void test_abort(void **state)
{
    (void)state;
    run(scenario_abort);
}

static void test_virtual_host_style(void **state)
{
    struct store_destination destination = direct();

    (void)state;
    destination.endpoint = getenv("S3_TEST_HOST_ENDPOINT");
    destination.path_style = false;
    AUTO_STORE struct store *store = open_store(&destination);
    scenario_range(store);
    scenario_names(store);
}

/* Files in the server's folder are objects: 1100 are three pages. */
static void test_a_list_of_several_pages(void **state)
{
    struct store_destination destination = direct();
    AUTO_FREE char *folder = xasprintf("%s/" BUCKET "/pages", getenv("S3_TEST_FOLDER"));
    struct error error = {0};
    size_t count = 0;

    (void)state;
    assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
    for (int i = 0; i < 1100; i++) {
        AUTO_FREE char *path = xasprintf("%s/%04d", folder, i);
        AUTO_FILE FILE *file = fopen(path, "we");
        assert_non_null(file);
    }
    destination.url = "s3://" BUCKET "/pages";
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
    struct store_destination secret = direct(), key = direct(), region = direct(),
                             bucket = direct();

    (void)state;
    secret.credentials_file = getenv("S3_TEST_WRONG_SECRET");
    expect_refusal(&secret, ERROR_DENIED, "the signature was refused");
    key.credentials_file = getenv("S3_TEST_WRONG_KEY");
    expect_refusal(&key, ERROR_DENIED, "does not know this access key");
    region.region = "elsewhere-1";
    expect_refusal(&region, ERROR_INVALID, "and we asked in elsewhere-1");
    bucket.url = "s3://none-such";
    expect_refusal(&bucket, ERROR_INVALID, "there is no such bucket");
}

static void arm(const char *fault, int after, int times)
{
    wire_arm(getenv("S3_TEST_FAULTY_ENDPOINT"), fault, after, times);
}

static struct store_destination faulty(void)
{
    struct store_destination destination = direct();

    destination.url = "s3://" BUCKET "/faults";
    destination.endpoint = getenv("S3_TEST_FAULTY_ENDPOINT");
    return destination;
}

/* An object in two parts takes five requests: begin, two parts, complete, confirm. Each of them
 * meets each fault, twice in a row. */
static void test_faults_at_each_step_of_an_upload(void **state)
{
    static const char *const faults[] = {"500",      "503",      "429",        "slow-down", "html",
                                         "cut-head", "cut-body", "cut-answer", "cut-after"};
    const size_t size = STORE_PART_SIZE + 1;
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_FREE char *data = scenario_bytes(size);

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (int step = 0; step < 5; step++) {
            AUTO_ARENA struct arena *arena = arena_new();
            struct store_object stored;
            struct error error = {0};
            arm(faults[i], step, 2);
            if (scenario_put(store, "faulty", data, size, arena, &stored, &error)) {
                fail_msg("%s at step %d: %s", faults[i], step, error.message);
            }
            assert_int_equal(stored.size, size);
            assert_int_equal(scenario_uploads(store), 0);
        }
    }
}

static void test_a_download_goes_on_where_it_was_cut(void **state)
{
    const size_t size = STORE_PART_SIZE;
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *data = scenario_bytes(size);
    struct store_object stored;
    struct error error = {0};

    (void)state;
    arm("500", 0, 0);
    assert_int_equal(scenario_put(store, "cut", data, size, arena, &stored, &error), 0);
    arm("cut-answer", 0, 3);
    scenario_expect(store, "cut", data, size);
    arm("503", 0, 2);
    scenario_expect(store, "cut", data, size);
}

/* Credentials that are revoked in the middle: no try helps, and nothing stays. */
static void test_what_is_refused_for_good_leaves_nothing(void **state)
{
    const size_t size = 2 * STORE_PART_SIZE + 1;
    const struct store_destination destination = faulty();
    AUTO_STORE struct store *store = open_store(&destination);
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *data = scenario_bytes(size);

    (void)state;
    for (int step = 0; step < 5; step++) { /* The fifth completes it. */
        struct store_object object;
        struct error error = {0};
        arm("revoked", step, 1000);
        assert_int_equal(scenario_put(store, "revoked", data, size, arena, &object, &error),
                         -(int)ERROR_DENIED);
        arm("500", 0, 0);
        assert_int_equal(scenario_uploads(store), 0);
        assert_int_equal(store_stat(store, "revoked", arena, &object, &error),
                         -(int)ERROR_NOT_FOUND);
    }
}

/* What the proxy saw says whether the server was asked to encrypt: versitygw does not. */
static void expect_encryption_of(size_t size, const char *begins_with)
{
    struct store_destination destination = faulty();
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *data = scenario_bytes(size);
    struct store_object stored;
    struct error error = {0};

    destination.encryption = "aws:kms";
    destination.encryption_key_id = "key/1";
    AUTO_STORE struct store *store = open_store(&destination);
    arm("500", 0, 0);
    if (scenario_put(store, "encrypted", data, size, arena, &stored, &error)) {
        fail_msg("%s", error.message);
    }
    AUTO_FREE char *seen = wire_post(getenv("S3_TEST_FAULTY_ENDPOINT"), "/-/seen", "");
    assert_int_equal(strncmp(seen, begins_with, strlen(begins_with)), 0);
    char *end = strstr(seen, "\n\n"); /* Of the first request. */
    assert_non_null(end);
    *end = '\0';
    assert_non_null(strstr(seen, "\nx-amz-server-side-encryption: aws:kms\n"));
    assert_non_null(strstr(seen, "\nx-amz-server-side-encryption-aws-kms-key-id: key/1\n"));
    /* Signed, so that nobody between takes them away. */
    assert_non_null(strstr(seen, "x-amz-server-side-encryption;"));
    assert_null(strstr(end + 1, "x-amz-server-side-encryption:"));
}

static void test_encryption_is_asked_for(void **state)
{
    (void)state;
    expect_encryption_of(1, "PUT /" BUCKET "/faults/encrypted HTTP/1.1\n");
    expect_encryption_of(STORE_PART_SIZE + 1, "POST /" BUCKET "/faults/encrypted?uploads= HTTP");
}

static void expect_accepted(const struct store_destination *destination)
{
    AUTO_STORE struct store *store = open_store(destination);

    scenario_range(store);
}

static void test_tls(void **state)
{
    AUTO_FREE char *endpoint = xasprintf("https://127.0.0.1:%s", getenv("S3_TEST_TLS_PORT"));
    AUTO_FREE char *other_name = xasprintf("https://localhost:%s", getenv("S3_TEST_TLS_PORT"));
    struct store_destination destination = direct();

    (void)state;
    destination.endpoint = endpoint;
    destination.ca_file = getenv("S3_TEST_CA");
    expect_accepted(&destination);
    destination.ca_file = getenv("S3_TEST_OTHER_CA");
    expect_refusal(&destination, ERROR_DENIED, "signed by an unknown CA");
    destination.ca_file = NULL;
    expect_refusal(&destination, ERROR_DENIED, "signed by an unknown CA");
    destination.ca_file = getenv("S3_TEST_CA");
    destination.endpoint = other_name;
    expect_refusal(&destination, ERROR_DENIED, "does not cover this host name");
}

static struct store_destination with_role(const char *token_file)
{
    struct store_destination destination = direct();

    destination.endpoint = getenv("S3_TEST_SESSIONS");
    destination.credentials_file = NULL;
    destination.role_arn = getenv("S3_TEST_ROLE");
    destination.web_identity_token_file = token_file;
    destination.sts_endpoint = getenv("S3_TEST_STS");
    return destination;
}

static char *token_file(const char *name)
{
    return xasprintf("%s/%s.token", getenv("S3_TEST_TOKENS"), name);
}

static void test_web_identity(void **state)
{
    AUTO_FREE char *good = token_file("good");
    const struct store_destination destination = with_role(good);

    (void)state;
    expect_accepted(&destination);
}

static void test_web_identity_from_the_environment(void **state)
{
    AUTO_FREE char *good = token_file("good");
    struct store_destination destination = with_role(NULL);

    (void)state;
    destination.role_arn = NULL;
    destination.region = NULL;
    setenv("AWS_ROLE_ARN", getenv("S3_TEST_ROLE"), 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", good, 1);
    setenv("AWS_REGION", getenv("S3_TEST_REGION"), 1);
    expect_accepted(&destination);
    unsetenv("AWS_ROLE_ARN");
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    unsetenv("AWS_REGION");
}

static void test_web_identity_is_refused(void **state)
{
    static const struct {
        const char *token, *words;
    } cases[] = {{"forged", "the token is not accepted"},
                 {"expired", "the token has expired"},
                 {"stranger", "the role's trust policy"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_FREE char *file = token_file(cases[i].token);
        const struct store_destination destination = with_role(file);
        expect_refusal(&destination, ERROR_DENIED, cases[i].words);
    }
}

/* Temporary keys from a file: with their token, with another one, without. */
static void test_session_tokens(void **state)
{
    AUTO_FREE char *good = token_file("good"), *keys_file = token_file("session-keys");
    struct store_destination destination = with_role(good);
    const struct http_options options = {0};
    const struct s3_credentials *keys;
    struct s3_identity identity = {0};
    struct store nobody = {0};
    const char *region;
    struct error error = {0};

    (void)state;
    assert_int_equal(s3_identity_init(&identity, &destination, &region, &error), 0);
    assert_int_equal(http_client_new(&options, &identity.http, &error), 0);
    identity.store = &nobody;
    assert_int_equal(s3_identity_keys(&identity, false, &keys, &error), 0);
    destination.role_arn = destination.web_identity_token_file = NULL;
    destination.credentials_file = keys_file;
    for (int i = 0; i < 3; i++) {
        FILE *file = fopen(keys_file, "we");
        assert_non_null(file);
        fprintf(file, "aws_access_key_id = %s\naws_secret_access_key = %s\n", keys->access_key,
                keys->secret_key);
        if (i < 2) {
            fprintf(file, "aws_session_token = %s%s\n", keys->session_token, i ? "x" : "");
        }
        fclose(file);
        if (i) {
            expect_refusal(&destination, ERROR_DENIED,
                           i == 1 ? "the session token is not valid"
                                  : "does not know this access key");
        } else {
            expect_accepted(&destination);
        }
    }
    http_client_free(identity.http);
    s3_identity_fini(&identity);
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
    cancel_now = true;
    assert_int_equal(store_put_write(put, data, STORE_PART_SIZE, &error), -(int)ERROR_CANCELLED);
    store_put_free(put);
    cancel_now = false;
    assert_int_equal(scenario_uploads(store), 0);
}

static int discard(void *context, const void *data, size_t size, struct error *error)
{
    (void)data, (void)error;
    *(size_t *)context += size;
    return 0;
}

/* 300 MiB go up and down in what one part needs; the kernel counts the peak of the process, so
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
    for (int i = 0; i < 300; i++) {
        assert_int_equal(store_put_write(put, data, piece, &error), 0);
    }
    assert_int_equal(store_put_finish(put, arena, &stored, &error), 0);
    store_put_free(put);
    assert_int_equal(store_get(store, "large", NULL, discard, &got, &error), 0);
    assert_int_equal(got, 300 * piece);
    assert_int_equal(store_remove(store, "large", &error), 0);
    getrusage(RUSAGE_SELF, &usage);
    print_message("# peak memory %ld KiB\n", usage.ru_maxrss);
    assert_true(usage.ru_maxrss < 40 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_stays_flat),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_virtual_host_style),
        cmocka_unit_test(test_a_list_of_several_pages),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_encryption_is_asked_for),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_web_identity),
        cmocka_unit_test(test_web_identity_from_the_environment),
        cmocka_unit_test(test_web_identity_is_refused),
        cmocka_unit_test(test_session_tokens),
        cmocka_unit_test(test_faults_at_each_step_of_an_upload),
        cmocka_unit_test(test_a_download_goes_on_where_it_was_cut),
        cmocka_unit_test(test_what_is_refused_for_good_leaves_nothing)};

    if (!getenv("S3_TEST_ENDPOINT")) {
        print_message("1..0 # skip tests/run_store starts what this needs\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
