/* The steps between permit and start, on a real directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "member/observe.h"
#include "member/prepare.h"
#include "scratch.h"

static const struct permit permit = {
    .mode = PERMIT_EXISTING,
    .pod_uid = "pod",
    .nonce = "n1",
    .cluster_uid = "cluster",
    .generation = 2,
    .member_id = 7,
    .initial_cluster = "c-0=https://c-0:2380",
    .token = "t",
};

/* The volume and the emptyDir, as the kubelet mounts them. */
static void make_mounts(const struct scratch *scratch)
{
    scratch_text(scratch, MEMBER_HELPER_PATH, "");
    scratch_text(scratch, MEMBER_VOLUME_DIR "/lost+found/x", "");
}

static void test_start_on_an_empty_volume(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_paths paths = member_paths(scratch.root, arena);
    struct error error = {0};
    struct stat info;

    make_mounts(&scratch);
    assert_int_equal(member_prepare_start(&paths, &permit, &error), 0);
    struct member_sight sight = member_observe(&paths, "c-0", "pod", arena);
    assert_non_null(sight.marker);
    assert_string_equal(sight.marker->cluster_uid, "cluster");
    assert_int_equal(sight.marker->generation, 2);
    assert_true(sight.marker->member_id == 7);
    assert_string_equal(sight.used_nonce, "n1");
    assert_int_equal(stat(paths.data, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_false(scratch_has(&scratch, MEMBER_VOLUME_DIR "/aside-0"));
    assert_false(scratch_has(&scratch, MEMBER_MARKER_PATH ".tmp"));
}

static void test_leftovers_go_aside_and_two_stay(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_paths paths = member_paths(scratch.root, arena);
    struct error error = {0};

    make_mounts(&scratch);
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, MEMBER_DATA_DIR "/member/snap/db-%d", i);
        scratch_text(&scratch, name, "data");
        assert_int_equal(member_prepare_start(&paths, &permit, &error), 0);
        assert_int_equal(directory_has_entries(paths.data, &error), 0);
    }
    assert_false(scratch_has(&scratch, MEMBER_VOLUME_DIR "/aside-0"));
    assert_false(scratch_has(&scratch, MEMBER_VOLUME_DIR "/aside-1"));
    assert_true(scratch_has(&scratch, MEMBER_VOLUME_DIR "/aside-2/member/snap/db-2"));
    assert_true(scratch_has(&scratch, MEMBER_VOLUME_DIR "/aside-3/member/snap/db-3"));
    assert_true(scratch_has(&scratch, MEMBER_VOLUME_DIR "/lost+found/x"));
}

static void test_adoption_leaves_the_data_where_it_is(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_paths paths = member_paths(scratch.root, arena);
    struct error error = {0};

    make_mounts(&scratch);
    scratch_text(&scratch, MEMBER_DATA_DIR "/member/snap/db", "data");
    scratch_text(&scratch, MEMBER_MARKER_PATH, "{}");
    assert_int_equal(member_prepare_adopt(&paths, &permit, &error), 0);
    assert_true(scratch_has(&scratch, MEMBER_DATA_DIR "/member/snap/db"));
    struct member_sight sight = member_observe(&paths, "c-0", "pod", arena);
    assert_string_equal(sight.marker->cluster_uid, "cluster");
    assert_string_equal(sight.used_nonce, "n1");
}

/* The nonce uses the permit up, so nothing may fail after it. */
static void test_a_failure_leaves_the_permit_unused(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_paths paths = member_paths(scratch.root, arena);
    struct error error = {0};

    scratch_text(&scratch, MEMBER_HELPER_PATH, "");
    assert_int_not_equal(member_prepare_start(&paths, &permit, &error), 0);
    assert_non_null(strstr(error.message, "No such file or directory"));
    assert_false(scratch_has(&scratch, MEMBER_NONCE_PATH));
}

static void test_observing_broken_files(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_paths paths = member_paths(scratch.root, arena);

    struct member_sight sight = member_observe(&paths, "c-0", "pod", arena);
    assert_null(sight.config);
    assert_non_null(strstr(sight.config_problem, "missing or empty"));
    assert_true(!sight.permit && !sight.permit_problem && !sight.marker && !sight.marker_problem);
    scratch_text(&scratch, MEMBER_PERMIT_PATH, "\n"); /* An annotation that is not there. */
    scratch_text(&scratch, MEMBER_MARKER_PATH, "");
    scratch_text(&scratch, MEMBER_CONFIG_PATH, "{");
    sight = member_observe(&paths, "c-0", "pod", arena);
    assert_true(!sight.permit && !sight.permit_problem);
    assert_non_null(sight.marker_problem);
    assert_non_null(strstr(sight.config_problem, "not valid JSON"));
    scratch_text(&scratch, MEMBER_PERMIT_PATH, "{}");
    sight = member_observe(&paths, "c-0", "pod", arena);
    assert_non_null(strstr(sight.permit_problem, "v is missing"));
}

static void test_arguments(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_paths paths = member_paths("", arena);
    const char *args[] = {"--name={name}", "--listen-peer-urls=https://{name}.c-peer:2380",
                          "--x={ordinal}{other}{listen}"};
    const struct member_place place = {"c-2", 2, "10.0.0.1"}, six = {"c-2", 2, "fd00::1"};
    const struct member_config config = {.cluster_uid = "u", .args = args, .n_args = 3};

    char **plain = member_arguments(&paths, &config, &place, NULL, arena);
    assert_string_equal(plain[0], MEMBER_ETCD_PATH);
    assert_string_equal(plain[1], "--name=c-2");
    assert_string_equal(plain[2], "--listen-peer-urls=https://c-2.c-peer:2380");
    assert_string_equal(plain[3], "--x=2{other}0.0.0.0");
    assert_null(plain[4]);
    char **joining = member_arguments(&paths, &config, &six, &permit, arena);
    assert_string_equal(joining[3], "--x=2{other}[::]");
    assert_string_equal(joining[4], "--initial-cluster=c-0=https://c-0:2380");
    assert_string_equal(joining[5], "--initial-cluster-state=existing");
    assert_string_equal(joining[6], "--initial-cluster-token=t");
    assert_null(joining[7]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_on_an_empty_volume),
        cmocka_unit_test(test_leftovers_go_aside_and_two_stay),
        cmocka_unit_test(test_adoption_leaves_the_data_where_it_is),
        cmocka_unit_test(test_a_failure_leaves_the_permit_unused),
        cmocka_unit_test(test_observing_broken_files),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
