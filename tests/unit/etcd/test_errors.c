#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "etcd/errors.h"

/* What the simulator says is what the client understands, wherever the call stood. */
static void test_every_row_is_recognised(void **state)
{
    (void)state;
    for (int i = ETCD_ERROR_NONE + 1; i < ETCD_ERROR_COUNT; i++) {
        enum etcd_error code = (enum etcd_error)i;
        struct error error = {0};
        int result = etcd_error_set(&error, code);
        assert_int_equal(result, -(int)error.kind);
        assert_true(error.kind != ERROR_NONE);
        assert_int_equal(strncmp(etcd_error_text(code), "etcdserver: ", 12), 0);
        assert_int_equal(etcd_error_of(&error), code);
        error_wrap(&error, "Cluster/MemberAdd at c-0.c-peer.ns.svc:2379");
        assert_int_equal(etcd_error_of(&error), code);
    }
    assert_string_equal(etcd_error_text(ETCD_ERROR_NONE), "");
}

static enum etcd_error of(const char *message)
{
    struct error error = {0};

    error_set(&error, ERROR_RETRYABLE, "%s", message);
    return etcd_error_of(&error);
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(of("UNAVAILABLE: etcdserver: request timed out, possibly due to previous "
                        "leader failure"),
                     ETCD_ERROR_TIMEOUT);
    /* One is the beginning of the other. */
    assert_int_equal(of("etcdserver: can only promote a learner member"), ETCD_ERROR_NOT_A_LEARNER);
    assert_int_equal(
        of("etcdserver: can only promote a learner member which is in sync with leader"),
        ETCD_ERROR_LEARNER_NOT_IN_SYNC);
    assert_int_equal(of("etcdserver: no leader of that name"), ETCD_ERROR_NONE);
    assert_int_equal(of("no leader"), ETCD_ERROR_NONE);
    assert_int_equal(of(""), ETCD_ERROR_NONE);
    /* Only etcd's own words at the end count. */
    assert_int_equal(of("role \"etcdserver: no leader\": etcdserver: role name not found"),
                     ETCD_ERROR_ROLE_NOT_FOUND);
}

static void test_kinds_and_verdicts(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(etcd_error_set(&error, ETCD_ERROR_PEER_URL_EXISTS), -ERROR_CONFLICT);
    assert_string_equal(error.message, "FAILED_PRECONDITION: etcdserver: Peer URLs already exists");
    assert_int_equal(etcd_error_set(&error, ETCD_ERROR_MEMBER_NOT_FOUND), -ERROR_NOT_FOUND);
    assert_int_equal(etcd_error_set(&error, ETCD_ERROR_CORRUPT), -ERROR_TERMINAL);
    assert_int_equal(etcd_error_verdict(ETCD_ERROR_NO_LEADER), ETCD_VERDICT_ELSEWHERE);
    assert_int_equal(etcd_error_verdict(ETCD_ERROR_NO_SPACE), ETCD_VERDICT_REFUSED);
    assert_int_equal(etcd_error_verdict(ETCD_ERROR_TIMEOUT), ETCD_VERDICT_UNKNOWN);
    assert_int_equal(etcd_error_verdict(ETCD_ERROR_NONE), ETCD_VERDICT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_recognised),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_kinds_and_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
