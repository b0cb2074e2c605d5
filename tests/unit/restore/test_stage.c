/* The stage on a member's volume, ended at every call that changes the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/wait.h>

#include "member/observe.h"
#include "restore/stage.h"
#include "unit/member/database_sample.h"
#include "unit/member/scratch.h"

#define UID        "1f0c4c1e-95e4-4a9d-8f53-6d2f4f0f9d6a"
#define MEMBER_ID  UINT64_C(15587145470751260116)
#define CLUSTER_ID UINT64_C(15729951582191983248)
#define SEGMENT    "/member/wal/0000000000000000-0000000000000000.wal"
#define KILLED     99
#define MOST_CALLS 200

static const char *segment; /* The head of a real log, from the command line. */

static const struct marker wanted = {
    .cluster_uid = UID, .generation = 1, .ordinal = 0, .member_id = MEMBER_ID};

/* Ends the process at the call of this number that changes the disk; 0: never. */
static int kill_at, calls;

static void count_call(void)
{
    if (kill_at && ++calls == kill_at) {
        _exit(KILLED);
    }
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    count_call();
    return __real_rename(from, to);
}

int __real_remove(const char *path);
int __wrap_remove(const char *path);
int __wrap_remove(const char *path)
{
    count_call();
    return __real_remove(path);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    count_call();
    return __real_fsync(fd);
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    count_call();
    return __real_write(fd, data, size);
}

static void put_data(const struct scratch *scratch, const char *directory)
{
    const struct sample sample = sample_make();
    uint8_t log[1024];
    char path[256];

    FILE *file = fopen(segment, "rb");
    assert_non_null(file);
    size_t size = fread(log, 1, sizeof log, file);
    fclose(file);
    snprintf(path, sizeof path, "%s" SEGMENT, directory);
    scratch_write(scratch, path, log, size);
    snprintf(path, sizeof path, "%s/member/snap/db", directory);
    scratch_write(scratch, path, sample.bytes, sizeof sample.bytes);
}

static struct scratch staged_volume(void)
{
    struct scratch scratch = scratch_make();

    put_data(&scratch, RESTORE_STAGED_DATA);
    scratch_text(&scratch, RESTORE_SNAPSHOT, "what it was made of");
    scratch_text(&scratch, MEMBER_CONFIG_PATH,
                 "{\"v\":1,\"clusterUID\":\"" UID "\",\"generation\":1,\"args\":[]}");
    return scratch;
}

/* What the start helper would do. */
static enum member_action helper_says(const struct scratch *scratch)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct member_paths paths = member_paths(scratch->root, arena);
    const struct member_sight sight = member_observe(&paths, "c-0", "pod-uid", arena);

    return member_decide(&sight, arena).action;
}

static void commits(const struct scratch *scratch)
{
    uint64_t cluster_id = 0;
    struct error error = {0};

    if (stage_commit(scratch->root, &wanted, &cluster_id, &error)) {
        fail_msg("%s", error.message);
    }
    assert_true(cluster_id == CLUSTER_ID);
    assert_int_equal(helper_says(scratch), MEMBER_EXEC);
    assert_false(scratch_has(scratch, RESTORE_STAGE_DIR));
}

static void refuses(const struct scratch *scratch, const struct marker *marker,
                    enum error_kind kind, const char *words)
{
    uint64_t cluster_id;
    struct error error = {0};

    assert_int_equal(stage_commit(scratch->root, marker, &cluster_id, &error), -(int)kind);
    if (!strstr(error.message, words)) {
        fail_msg("%s", error.message);
    }
}

static void test_commits_and_again(void **state)
{
    AUTO_SCRATCH struct scratch scratch = staged_volume();

    (void)state;
    assert_int_equal(helper_says(&scratch), MEMBER_WAIT);
    commits(&scratch);
    commits(&scratch);
}

static void test_killed_at_every_call(void **state)
{
    int n = 1;

    (void)state;
    for (bool whole = false; !whole; n++) {
        AUTO_SCRATCH struct scratch scratch = staged_volume();
        uint64_t cluster_id;
        int status;
        pid_t child = fork();
        if (!child) {
            kill_at = n;
            _exit(stage_commit(scratch.root, &wanted, &cluster_id, NULL) != 0);
        }
        assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
        whole = WEXITSTATUS(status) != KILLED;
        assert_true(!whole || WEXITSTATUS(status) == 0);
        /* Old, which here is nothing, or new; never something else that starts. */
        if (helper_says(&scratch) == MEMBER_EXEC) {
            assert_true(scratch_has(&scratch, MEMBER_DATA_DIR SEGMENT));
        } else {
            assert_false(scratch_has(&scratch, MEMBER_DATA_DIR SEGMENT));
        }
        commits(&scratch);
        assert_true(n < MOST_CALLS);
    }
    assert_true(n > 8);
}

/* An empty directory is what a start that was given up leaves; the rest is somebody's. */
static void test_leaves_other_data(void **state)
{
    AUTO_SCRATCH struct scratch scratch = staged_volume();
    struct marker next = wanted;
    char path[256];

    (void)state;
    snprintf(path, sizeof path, "%s" MEMBER_DATA_DIR, scratch.root);
    assert_int_equal(mkdir(path, 0700), 0);
    commits(&scratch);
    put_data(&scratch, RESTORE_STAGED_DATA);
    next.generation = 2;
    refuses(&scratch, &next, ERROR_EXISTS, "holds other data");
    assert_int_equal(helper_says(&scratch), MEMBER_EXEC);
    assert_true(scratch_has(&scratch, RESTORE_STAGED_DATA SEGMENT));
}

static void test_refuses_what_would_not_start(void **state)
{
    AUTO_SCRATCH struct scratch scratch = staged_volume();
    struct marker other = wanted;

    (void)state;
    other.member_id = 1;
    refuses(&scratch, &other, ERROR_INVALID, "not of 1");
    scratch_text(&scratch, RESTORE_STAGED_DATA "/member/snap/db", "no database");
    refuses(&scratch, &wanted, ERROR_INVALID, "cannot be opened by etcd");
    assert_int_equal(stage_clear(scratch.root, NULL), 0);
    refuses(&scratch, &wanted, ERROR_INVALID, "there is no log");
    assert_false(scratch_has(&scratch, MEMBER_MARKER_PATH));
    assert_false(scratch_has(&scratch, MEMBER_DATA_DIR));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_and_again),
        cmocka_unit_test(test_killed_at_every_call),
        cmocka_unit_test(test_leaves_other_data),
        cmocka_unit_test(test_refuses_what_would_not_start),
    };

    if (argc != 2) {
        return 2;
    }
    segment = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
