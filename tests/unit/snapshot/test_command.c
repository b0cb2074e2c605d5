/* The command's exit codes, and that no failure leaves a file. The real etcd is in
 * tests/conformance/etcd/test_snapshot.c. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "snapshot/command.h"
#include "unit/snapshot/snapshot_sample.h"

enum { GOOD, FAILED, USAGE, BAD_SNAPSHOT, REFUSED };

/* In the directory of the test. */
static int run(const char *words)
{
    AUTO_FREE char *copy = xasprintf("snapshot %s", words);
    char *arguments[16] = {0}, *state;
    int n = 0;

    optind = 0; /* getopt begins anew. */
    for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
        arguments[n++] = word;
    }
    return snapshot_command(n, arguments);
}

static void write_file(const char *name, const void *data, size_t size)
{
    AUTO_FILE FILE *file = fopen(name, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
}

static int start(void **state)
{
    static char directory[] = "/tmp/snapshot-command-XXXXXX";
    struct sample sample = sample_of_etcd();
    struct snapshot_sample snapshot = snapshot_sample_of(&sample);

    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    *state = directory;
    write_file("good", snapshot.bytes, sizeof snapshot.bytes);
    write_file("key", "0123456789abcdef0123456789abcdef", 32);
    snapshot.bytes[5000] ^= 1;
    write_file("changed", snapshot.bytes, sizeof snapshot.bytes);
    return 0;
}

static int stop(void **state)
{
    static const char *const names[] = {"good", "key", "changed", "out"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(names[i]);
    }
    return rmdir(*state); /* Nothing else may be left. */
}

static void test_verify(void **state)
{
    (void)state;
    assert_int_equal(run("verify good"), GOOD);
    assert_int_equal(run("verify good --format json"), GOOD);
    assert_int_equal(run("verify --encryption-key-file key good"), GOOD);
    assert_int_equal(run("verify changed"), BAD_SNAPSHOT);
    assert_int_equal(run("verify key"), BAD_SNAPSHOT);
    assert_int_equal(run("verify missing"), REFUSED);
}

static void test_decrypt(void **state)
{
    (void)state;
    assert_int_equal(run("decrypt changed --output out"), BAD_SNAPSHOT);
    assert_int_equal(access("out", F_OK), -1);
    assert_int_equal(run("decrypt good --output out"), GOOD);
    assert_int_equal(run("verify out"), GOOD);
    assert_int_equal(run("decrypt changed --output out"), BAD_SNAPSHOT);
    assert_int_equal(run("verify out"), GOOD); /* The one of before. */
    assert_int_equal(run("decrypt good --output missing/out"), REFUSED);
}

static void test_save_without_an_etcd(void **state)
{
    (void)state;
    assert_int_equal(run("save --endpoints http://127.0.0.1:1,http://[::1]:1 --output saved"),
                     FAILED);
    assert_int_equal(access("saved", F_OK), -1);
}

static void test_usage(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "list",
        "verify",
        "verify good changed",
        "verify good --output out",
        "verify good --format yaml",
        "verify good --wrong",
        "verify good --format",
        "verify good --encryption-key-file good",
        "verify good --encryption-key-file missing",
        "verify good --endpoints http://127.0.0.1:1",
        "decrypt good",
        "save --output saved",
        "save --endpoints http://127.0.0.1:1",
        "save --endpoints http://127.0.0.1:1 --output saved more",
        "save --endpoints 127.0.0.1:1 --output saved",
        "save --endpoints http://127.0.0.1 --output saved",
        "save --endpoints http://127.0.0.1:0 --output saved",
        "save --endpoints http://127.0.0.1:1,https://127.0.0.1:2 --output saved",
        "save --endpoints http://127.0.0.1:1 --output saved --compress gzip",
        "save --endpoints http://127.0.0.1:1 --output saved --keep-last 1",
        "save --endpoints http://127.0.0.1:1 --output saved --store file:///x --name n",
        "save --endpoints http://127.0.0.1:1 --store file:///x",
        "save --endpoints http://127.0.0.1:1 --store file:///x --name n.json",
        "save --endpoints http://127.0.0.1:1 --store file:///x --name n --keep-last 0",
        "save --endpoints http://127.0.0.1:1 --store file:///x --name n --keep-age soon",
        "save --endpoints http://127.0.0.1:1 --store file:///x --name n --progress-address x",
        "save --endpoints http://127.0.0.1:1 --store file:///x --name n --dry-run",
        "verify good --store file:///x --name n",
        "verify --store file:///x",
        "verify good --name n",
        "decrypt --store file:///x --name n",
        "list --store",
        "list --store file:///x a b",
        "list --store file:///x --name n",
        "upload --store file:///x good",
        "download --store file:///x n",
        "download --store file:///x --name n a b",
        "remove --store file:///x",
        "prune --store file:///x --keep-last 1",
        "prune --store file:///x --cluster ns/c",
        "abort --store file:///x",
        "abort --store file:///x --older-than soon",
        "save --endpoints http://127.0.0.1:1 --output saved --cacert good",
        "save --endpoints https://127.0.0.1:1 --output saved --key changed",
        "save --endpoints https://127.0.0.1:1 --output saved --cert missing",
        ("save --endpoints http://127.0.0.1:1 --output saved --encryption-key-file key "
         "--encryption-key-file key"),
    };

    assert_int_equal(run("--help"), GOOD);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (run(wrong[i]) != USAGE) {
            fail_msg("not refused: %s", wrong[i]);
        }
    }
}

/* The result file tells a program what stderr tells a person. */
static void test_says_why_in_the_result_file(void **state)
{
    char text[1024] = "";

    (void)state;
    assert_int_equal(run("save --endpoints http://127.0.0.1:1 --output saved --result-file result"),
                     FAILED);
    AUTO_FILE FILE *file = fopen("result", "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_non_null(strstr(text, "\"error\":\"no endpoint can be asked"));
    assert_non_null(strstr(text, "\"step\":\"Connecting\",\"retry\":true"));
    assert_int_equal(run("save --result-file result"), USAGE);
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_non_null(strstr(text, "\"retry\":false"));
    unlink("result");
}

static void test_stores(void **state)
{
    (void)state;
    assert_int_equal(run("upload --store file:///proc/none good n"), REFUSED);
    assert_int_equal(run("verify --store s3://%% --name n"), REFUSED);
    assert_int_equal(run("verify --store nowhere --name n"), REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_decrypt),
        cmocka_unit_test(test_save_without_an_etcd),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_says_why_in_the_result_file),
        cmocka_unit_test(test_stores),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
