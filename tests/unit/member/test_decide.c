/* The decision as a table: what is seen, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "member/decide.h"

#define ME    UINT64_C(0x11)
#define OTHER UINT64_C(0x22)

static const struct member_config config = {.cluster_uid = "cluster"};
static const struct member_config config_at_2 = {.cluster_uid = "cluster", .generation = 2};

static const struct marker mine = {"cluster", 1, 0, ME};
static const struct marker of_other_member = {"cluster", 1, 0, OTHER};
static const struct marker of_ordinal_1 = {"cluster", 1, 1, ME};
static const struct marker foreign = {"earlier", 4, 0, ME};
static const struct marker foreign_ordinal_1 = {"earlier", 4, 1, ME};
static const struct marker at_3 = {"cluster", 3, 0, ME};

static const struct permit new_1 = {
    PERMIT_NEW, "pod", "n1", "cluster", NULL, 1, 0, ME, "c-0=https://c-0:2380", "t"};
static const struct permit new_2 = {
    PERMIT_NEW, "pod", "n1", "cluster", NULL, 2, 0, ME, "c-0=https://c-0:2380", "t"};
static const struct permit new_1_other = {
    PERMIT_NEW, "pod", "n1", "cluster", NULL, 1, 0, OTHER, "c-0=https://c-0:2380", "t"};
static const struct permit existing_other = {
    PERMIT_EXISTING, "pod", "n1", "cluster", NULL, 1, 0, OTHER, "c-0=https://c-0:2380", "t"};
static const struct permit existing_same = {
    PERMIT_EXISTING, "pod", "n1", "cluster", NULL, 1, 0, ME, "c-0=https://c-0:2380", "t"};
static const struct permit other_pod = {
    PERMIT_NEW, "pod2", "n1", "cluster", NULL, 1, 0, ME, "c-0=https://c-0:2380", "t"};
static const struct permit other_cluster = {
    PERMIT_NEW, "pod", "n1", "cluster2", NULL, 1, 0, ME, "c-0=https://c-0:2380", "t"};
static const struct permit other_ordinal = {
    PERMIT_NEW, "pod", "n1", "cluster", NULL, 1, 1, ME, "c-0=https://c-0:2380", "t"};
static const struct permit adopt = {PERMIT_ADOPT, "pod", "n1", "cluster", "earlier", 1, 0,
                                    ME,           NULL,  NULL};
static const struct permit adopt_other_uid = {PERMIT_ADOPT, "pod", "n1", "cluster", "x", 1, 0,
                                              ME,           NULL,  NULL};
static const struct permit adopt_other_member = {
    PERMIT_ADOPT, "pod", "n1", "cluster", "earlier", 1, 0, OTHER, NULL, NULL};

#define NO_WAL                                                                                     \
    {                                                                                              \
        .state = WAL_NONE                                                                          \
    }
#define WAL(id)                                                                                    \
    {                                                                                              \
        .state = WAL_OK, .member_id = id, .cluster_id = 5                                          \
    }
#define BROKEN_WAL                                                                                 \
    {                                                                                              \
        .state = WAL_UNREADABLE, .problem = "zeros"                                                \
    }

struct row {
    const char *name;
    const struct marker *marker;
    struct wal_facts wal;
    const struct permit *permit;
    const char *used_nonce;
    enum member_action action;
    enum report_reason reason;
    const char *says; /* Part of the message, or NULL. */
    const struct member_config *config;
    bool broken_database;
};

static const struct row rows[] = {
    /* Data that is ours starts, whatever the operator says or does not say. */
    {"own data", &mine, WAL(ME), NULL, NULL, MEMBER_EXEC, 0, NULL, NULL},
    {"own data, used permit", &mine, WAL(ME), &new_1, "n1", MEMBER_EXEC, 0, NULL, NULL},
    {"own data, permit not yet removed", &mine, WAL(ME), &new_1, NULL, MEMBER_EXEC, 0, NULL, NULL},
    {"own data, existing permit for itself", &mine, WAL(ME), &existing_same, NULL, MEMBER_EXEC, 0,
     NULL, NULL},
    {"own data, permit for another pod", &mine, WAL(ME), &other_pod, NULL, MEMBER_EXEC, 0, NULL,
     NULL},
    {"own data, new permit of the same generation for another member", &mine, WAL(ME), &new_1_other,
     NULL, MEMBER_EXEC, 0, NULL, NULL},
    {"own data, permit of an older generation", &at_3, WAL(ME), &existing_other, NULL, MEMBER_EXEC,
     0, NULL, NULL},
    {"own data, adopt permit already carried out", &mine, WAL(ME), &adopt, "n1", MEMBER_EXEC, 0,
     NULL, NULL},

    /* Nothing there: only a permit lets it go on. */
    {"no data, no permit", NULL, NO_WAL, NULL, NULL, MEMBER_WAIT, REPORT_NO_DATA,
     "waiting for a "
     "start permit",
     NULL},
    {"no data, new permit", NULL, NO_WAL, &new_1, NULL, MEMBER_START, 0, NULL, NULL},
    {"no data, existing permit", NULL, NO_WAL, &existing_other, NULL, MEMBER_START, 0, NULL, NULL},
    {"no data, another nonce was used", NULL, NO_WAL, &new_1, "n0", MEMBER_START, 0, NULL, NULL},
    {"emptied volume in the same pod", NULL, NO_WAL, &new_1, "n1", MEMBER_WAIT, REPORT_NO_DATA,
     "used already", NULL},
    {"killed between marker and log", &mine, NO_WAL, &new_1, "n1", MEMBER_WAIT, REPORT_NO_DATA,
     "used already", NULL},
    {"killed between marker and nonce", &mine, NO_WAL, &new_1, NULL, MEMBER_START, 0, NULL, NULL},
    {"marker of an earlier cluster, no data", &foreign, NO_WAL, &new_1, NULL, MEMBER_START, 0, NULL,
     NULL},
    {"no data, permit for another pod", NULL, NO_WAL, &other_pod, NULL, MEMBER_WAIT,
     REPORT_PERMIT_INVALID, "pod2", NULL},
    {"no data, permit for another cluster", NULL, NO_WAL, &other_cluster, NULL, MEMBER_WAIT,
     REPORT_PERMIT_INVALID, "cluster2", NULL},
    {"no data, permit for another ordinal", NULL, NO_WAL, &other_ordinal, NULL, MEMBER_WAIT,
     REPORT_PERMIT_INVALID, "ordinal 1", NULL},
    {"no data, permit older than what the volume saw", &at_3, NO_WAL, &new_2, NULL, MEMBER_WAIT,
     REPORT_PERMIT_INVALID, "generation 3", NULL},
    {"no data to adopt", &foreign, NO_WAL, &adopt, NULL, MEMBER_WAIT, REPORT_NO_DATA, "holds none",
     NULL},

    /* Data of ours that is to be left. */
    {"re-added as another member", &mine, WAL(ME), &existing_other, NULL, MEMBER_START, 0, NULL,
     NULL},
    {"re-added, permit used: old data never comes back", &of_other_member, WAL(ME), &existing_other,
     "n1", MEMBER_WAIT, REPORT_WAL_UNREADABLE, "names member 11", NULL},
    {"next bootstrap generation", &mine, WAL(ME), &new_2, NULL, MEMBER_START, 0, NULL, NULL},
    {"unreadable log, re-added", &mine, BROKEN_WAL, &existing_other, NULL, MEMBER_START, 0, NULL,
     NULL},
    {"older generation than the cluster's", &mine, WAL(ME), NULL, NULL, MEMBER_WAIT,
     REPORT_FOREIGN_DATA, "generation 1", &config_at_2},
    {"the cluster's generation or later", &at_3, WAL(ME), NULL, NULL, MEMBER_EXEC, 0, NULL,
     &config_at_2},

    /* Data that is not ours. */
    {"another cluster's", &foreign, WAL(ME), NULL, NULL, MEMBER_WAIT, REPORT_FOREIGN_DATA,
     "earlier", NULL},
    {"another cluster's, new permit", &foreign, WAL(ME), &new_2, NULL, MEMBER_WAIT,
     REPORT_FOREIGN_DATA, NULL, NULL},
    {"another cluster's, existing permit", &foreign, WAL(ME), &existing_other, NULL, MEMBER_WAIT,
     REPORT_FOREIGN_DATA, NULL, NULL},
    {"adopted", &foreign, WAL(ME), &adopt, NULL, MEMBER_ADOPT, 0, NULL, NULL},
    {"adopt permit used already", &foreign, WAL(ME), &adopt, "n1", MEMBER_WAIT, REPORT_FOREIGN_DATA,
     NULL, NULL},
    {"adopt permit for another earlier cluster", &foreign, WAL(ME), &adopt_other_uid, NULL,
     MEMBER_WAIT, REPORT_FOREIGN_DATA, NULL, NULL},
    {"adopt permit for another member", &foreign, WAL(ME), &adopt_other_member, NULL, MEMBER_WAIT,
     REPORT_FOREIGN_DATA, NULL, NULL},
    {"adopt permit, marker of another ordinal", &foreign_ordinal_1, WAL(ME), &adopt, NULL,
     MEMBER_WAIT, REPORT_FOREIGN_DATA, NULL, NULL},
    {"adopt permit, log of another member", &foreign, WAL(OTHER), &adopt, NULL, MEMBER_WAIT,
     REPORT_WAL_UNREADABLE, "names member 22", NULL},
    {"adopt permit, unreadable log", &foreign, BROKEN_WAL, &adopt, NULL, MEMBER_WAIT,
     REPORT_WAL_UNREADABLE, "zeros", NULL},
    {"another ordinal's", &of_ordinal_1, WAL(ME), NULL, NULL, MEMBER_WAIT, REPORT_FOREIGN_DATA,
     "ordinal 1", NULL},
    {"another ordinal's, permit", &of_ordinal_1, WAL(ME), &existing_other, NULL, MEMBER_WAIT,
     REPORT_FOREIGN_DATA, NULL, NULL},

    /* Data of ours that etcd cannot start on. */
    {"unreadable database", &mine, WAL(ME), NULL, NULL, MEMBER_WAIT, REPORT_DATABASE_UNREADABLE,
     "page 7", NULL, true},
    {"unreadable database, same permit again", &mine, WAL(ME), &new_1, NULL, MEMBER_WAIT,
     REPORT_DATABASE_UNREADABLE, "page 7", NULL, true},
    {"unreadable database, existing permit for itself", &mine, WAL(ME), &existing_same, NULL,
     MEMBER_WAIT, REPORT_DATABASE_UNREADABLE, "page 7", NULL, true},
    {"unreadable database, re-added", &mine, WAL(ME), &existing_other, NULL, MEMBER_START, 0, NULL,
     NULL, true},
    {"unreadable database, re-added, permit used", &mine, WAL(ME), &existing_other, "n1",
     MEMBER_WAIT, REPORT_DATABASE_UNREADABLE, "page 7", NULL, true},
    {"unreadable database and log", &mine, BROKEN_WAL, NULL, NULL, MEMBER_WAIT,
     REPORT_WAL_UNREADABLE, "zeros", NULL, true},
    {"unreadable database to adopt", &foreign, WAL(ME), &adopt, NULL, MEMBER_WAIT,
     REPORT_DATABASE_UNREADABLE, "page 7", NULL, true},
    {"unreadable database without a log", NULL, NO_WAL, &new_1, NULL, MEMBER_START, 0, NULL, NULL,
     true},

    /* Data of which it cannot be said whose it is. */
    {"no marker", NULL, WAL(ME), NULL, NULL, MEMBER_WAIT, REPORT_MARKER_MISSING, NULL, NULL},
    {"no marker, permit", NULL, WAL(ME), &new_1, NULL, MEMBER_WAIT, REPORT_MARKER_MISSING, NULL,
     NULL},
    {"no marker, re-added: the data is no member's", NULL, WAL(ME), &existing_other, NULL,
     MEMBER_START, 0, "moved aside", NULL},
    {"no marker, re-added, permit used", NULL, WAL(ME), &existing_other, "n1", MEMBER_WAIT,
     REPORT_MARKER_MISSING, NULL, NULL},
    {"no marker, permit to adopt", NULL, WAL(ME), &adopt, NULL, MEMBER_WAIT, REPORT_MARKER_MISSING,
     NULL, NULL},
    {"unreadable log", &mine, BROKEN_WAL, NULL, NULL, MEMBER_WAIT, REPORT_WAL_UNREADABLE, "zeros",
     NULL},
    {"unreadable log, same permit again", &mine, BROKEN_WAL, &new_1, NULL, MEMBER_WAIT,
     REPORT_WAL_UNREADABLE, NULL, NULL},
    {"log of another member", &mine, WAL(OTHER), NULL, NULL, MEMBER_WAIT, REPORT_WAL_UNREADABLE,
     "marker names 11", NULL},
};

static struct member_sight sight_of(const struct row *row)
{
    return (struct member_sight){
        .pod = "c-0",
        .pod_uid = "pod",
        .ordinal = 0,
        .config = row->config ? row->config : &config,
        .permit = row->permit,
        .used_nonce = row->used_nonce,
        .marker = row->marker,
        .wal = row->wal,
        .database = {row->broken_database ? DATABASE_BAD : DATABASE_OK, "page 7 is nonsense"}};
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct member_sight sight = sight_of(&rows[i]);
        struct member_decision decision = member_decide(&sight, arena);
        if (decision.action != rows[i].action || decision.reason != rows[i].reason) {
            fail_msg("%s: action %d, reason %s: %s", rows[i].name, (int)decision.action,
                     report_reason_name(decision.reason), decision.message);
        }
        if (rows[i].says && !strstr(decision.message, rows[i].says)) {
            fail_msg("%s: said \"%s\"", rows[i].name, decision.message);
        }
    }
}

static void expect_wait(const struct member_sight *sight, enum report_reason reason)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct member_decision decision = member_decide(sight, arena);

    assert_int_equal(decision.action, MEMBER_WAIT);
    assert_int_equal(decision.reason, reason);
    assert_non_null(decision.message);
}

static void test_what_cannot_be_read_waits(void **state)
{
    (void)state;
    const struct row ours = {.marker = &mine, .wal = WAL(ME)};
    const struct row empty = {.wal = NO_WAL, .permit = &new_1};
    struct member_sight sight = sight_of(&ours);

    sight.marker = NULL;
    sight.marker_problem = "not JSON";
    expect_wait(&sight, REPORT_MARKER_INVALID);
    sight = sight_of(&ours);
    sight.config = NULL;
    sight.config_problem = "not JSON";
    expect_wait(&sight, REPORT_CONFIG_INVALID);
    sight = sight_of(&ours);
    sight.ordinal = -1;
    expect_wait(&sight, REPORT_CONFIG_INVALID);
    sight = sight_of(&ours);
    sight.pod_uid = NULL;
    expect_wait(&sight, REPORT_CONFIG_INVALID);
    sight = sight_of(&empty);
    sight.permit = NULL;
    sight.permit_problem = "not JSON";
    expect_wait(&sight, REPORT_PERMIT_INVALID);
    sight = sight_of(&empty);
    sight.nonce_problem = "Input/output error";
    expect_wait(&sight, REPORT_PERMIT_INVALID);
}

/* A broken marker without data keeps nobody from starting: there is nothing to protect. */
static void test_broken_marker_without_data_starts_by_permit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct row empty = {.wal = NO_WAL, .permit = &new_1};
    struct member_sight sight = sight_of(&empty);

    sight.marker_problem = "not JSON";
    assert_int_equal(member_decide(&sight, arena).action, MEMBER_START);
}

/* Nor does one beside data that is no member's any more. */
static void test_broken_marker_is_left_for_a_new_member(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct row data = {.wal = WAL(ME), .permit = &existing_other};
    struct member_sight sight = sight_of(&data);

    sight.marker_problem = "not JSON";
    assert_int_equal(member_decide(&sight, arena).action, MEMBER_START);
    sight.permit = &new_1;
    expect_wait(&sight, REPORT_MARKER_INVALID);
    sight.permit = &existing_other;
    sight.used_nonce = "n1";
    expect_wait(&sight, REPORT_MARKER_INVALID);
    sight.used_nonce = NULL;
    sight.pod_uid = "another";
    expect_wait(&sight, REPORT_MARKER_INVALID);
}

static void test_report_says_what_was_seen(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct row row = {
        .marker = &foreign, .wal = WAL(ME), .permit = &new_1, .used_nonce = "n0"};
    struct member_sight sight = sight_of(&row);
    struct member_decision decision = member_decide(&sight, arena);
    struct report report = member_report(&sight, &decision);

    assert_true(report.waiting && report.has_wal && report.has_marker);
    assert_int_equal(report.reason, REPORT_FOREIGN_DATA);
    assert_string_equal(report.pod, "c-0");
    assert_string_equal(report.pod_uid, "pod");
    assert_string_equal(report.cluster_uid, "cluster");
    assert_string_equal(report.used_nonce, "n0");
    assert_true(report.wal_member_id == ME && report.wal_cluster_id == 5);
    assert_string_equal(report.marker.cluster_uid, "earlier");
}

static void test_ordinals(void **state)
{
    (void)state;
    assert_int_equal(member_ordinal("c-0"), 0);
    assert_int_equal(member_ordinal("my-cluster-12"), 12);
    assert_int_equal(member_ordinal("c"), -1);
    assert_int_equal(member_ordinal("c-"), -1);
    assert_int_equal(member_ordinal("c-x"), -1);
    assert_int_equal(member_ordinal("c-99999"), -1);
    assert_int_equal(member_ordinal(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_cannot_be_read_waits),
        cmocka_unit_test(test_broken_marker_without_data_starts_by_permit),
        cmocka_unit_test(test_broken_marker_is_left_for_a_new_member),
        cmocka_unit_test(test_report_says_what_was_seen),
        cmocka_unit_test(test_ordinals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
