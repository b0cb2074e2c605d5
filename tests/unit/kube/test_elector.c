/* The elector's steps, against a Lease that lives in the test: one store, several replicas, each
 * with a clock of its own. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmocka_test.h"
#include "kube/elector.h"

#define LEASE_MS (1000 * ELECTOR_LEASE_SECONDS)

/* The API server's side of it. */
static json_t *stored;
static int version;

struct replica {
    struct elector elector;
    struct elector_request request;
    int64_t now;  /* CLOCK_BOOTTIME */
    int64_t wall; /* Whatever its clock says. */
};

static struct replica a, b;

static void init(struct replica *replica, const char *identity, int64_t now)
{
    *replica = (struct replica){.now = now, .wall = 1000};
    elector_init(&replica->elector, "ns", "etcd-operator", identity);
}

static int setup(void **state)
{
    (void)state;
    stored = NULL;
    version = 0;
    init(&a, "a", 1000);
    init(&b, "b", 500000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(a.request.lease);
    json_decref(b.request.lease);
    elector_fini(&a.elector);
    elector_fini(&b.elector);
    json_decref(stored);
    return 0;
}

static void pass(int64_t milliseconds)
{
    a.now += milliseconds;
    a.wall += milliseconds;
    b.now += milliseconds;
    b.wall += milliseconds;
}

static enum elector_action next(struct replica *replica)
{
    json_decref(replica->request.lease);
    elector_next(&replica->elector, replica->now, replica->wall, &replica->request);
    return replica->request.action;
}

/* Without an error: the Lease as it is stored. */
static void answer(struct replica *replica, enum error_kind kind)
{
    AUTO_JSON json_t *lease = kind ? NULL : json_deep_copy(stored);
    elector_answered(&replica->elector, kind, lease, replica->now, 0);
}

static void store(json_t *lease)
{
    json_t *copy = json_deep_copy(lease);
    char text[16];

    snprintf(text, sizeof text, "%d", ++version);
    json_object_set_new(json_object_get(copy, "metadata"), "resourceVersion", json_string(text));
    json_decref(stored);
    stored = copy;
}

/* What the API server would say to the request of now. */
static enum error_kind serve(const struct elector_request *request)
{
    if (request->action == ELECTOR_DO_CREATE && stored) {
        return ERROR_EXISTS;
    }
    if (request->action != ELECTOR_DO_CREATE && !stored) {
        return ERROR_NOT_FOUND;
    }
    if (request->action == ELECTOR_DO_READ) {
        return ERROR_NONE;
    }
    if (request->action == ELECTOR_DO_REPLACE &&
        strcmp(json_path_string(request->lease, "metadata", "resourceVersion", NULL),
               json_path_string(stored, "metadata", "resourceVersion", NULL)) != 0) {
        return ERROR_CONFLICT;
    }
    store(request->lease);
    return ERROR_NONE;
}

/* Answers all requests until the replica rests or has ended. */
static enum elector_action settle(struct replica *replica)
{
    enum elector_action action;

    while ((action = next(replica)) != ELECTOR_DO_WAIT && action != ELECTOR_DO_END) {
        answer(replica, serve(&replica->request));
    }
    return action;
}

/* Asks and answers as time goes on, in steps of 100 ms. */
static void live(struct replica *replica, int64_t milliseconds)
{
    for (int64_t end = replica->now + milliseconds; replica->now < end; pass(100)) {
        settle(replica);
    }
}

static bool may_change(const struct replica *replica)
{
    return elector_may_change(&replica->elector, replica->now);
}

static void expect_record(const char *holder, int seconds, int transitions)
{
    assert_string_equal(json_path_string(stored, "spec", "holderIdentity", NULL), holder);
    assert_int_equal(json_path_integer(stored, -1, "spec", "leaseDurationSeconds", NULL), seconds);
    assert_int_equal(json_path_integer(stored, -1, "spec", "leaseTransitions", NULL), transitions);
}

static void expect_time(const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];

    assert_string_equal(json_path_string(stored, "spec", key, NULL),
                        clock_rfc3339_micro(wall_ms, text, sizeof text));
}

/* --- Becoming the leader ----------------------------------------------------------------- */

static void test_creates_what_is_absent(void **state)
{
    (void)state;
    assert_int_equal(next(&a), ELECTOR_DO_READ);
    assert_false(may_change(&a));
    answer(&a, ERROR_NOT_FOUND);
    assert_int_equal(next(&a), ELECTOR_DO_CREATE);
    assert_false(may_change(&a));
    settle(&a);
    assert_true(elector_leads(&a.elector));
    assert_true(may_change(&a));
    assert_string_equal(json_path_string(stored, "metadata", "namespace", NULL), "ns");
    assert_string_equal(json_path_string(stored, "metadata", "name", NULL), "etcd-operator");
    expect_record("a", 15, 0);
    expect_time("acquireTime", 1000);
    expect_time("renewTime", 1000);
}

static void test_one_of_two_that_create(void **state)
{
    (void)state;
    next(&a);
    answer(&a, ERROR_NOT_FOUND);
    assert_int_equal(next(&a), ELECTOR_DO_CREATE);
    settle(&b);
    assert_true(elector_leads(&b.elector));
    settle(&a);
    assert_false(elector_leads(&a.elector));
    assert_string_equal(elector_holder(&a.elector), "b");
    expect_record("b", 15, 0);
}

static void test_renews_and_keeps_what_others_write(void **state)
{
    (void)state;
    settle(&a);
    json_object_set_new(json_object_get(stored, "metadata"), "labels",
                        json_pack("{s:s}", "mine", "yes"));
    store(stored);
    pass(ELECTOR_RETRY_MS - 1);
    assert_int_equal(next(&a), ELECTOR_DO_WAIT);
    assert_int_equal(a.request.wait_ms, 1);
    pass(1);
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    settle(&a); /* A conflict, a read, and again. */
    assert_true(elector_leads(&a.elector));
    expect_record("a", 15, 0);
    expect_time("acquireTime", 1000);
    expect_time("renewTime", 3000);
    assert_string_equal(json_path_string(stored, "metadata", "labels", "mine", NULL), "yes");
    /* A steady leader writes without reading. */
    int before = version;
    pass(ELECTOR_RETRY_MS);
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    settle(&a);
    assert_int_equal(version, before + 1);
}

static void test_takes_over_what_has_expired(void **state)
{
    (void)state;
    settle(&a);
    live(&b, LEASE_MS - 100);
    settle(&b);
    assert_false(elector_leads(&b.elector));
    assert_false(may_change(&b));
    pass(100);
    b.wall = 77000;
    settle(&b);
    assert_true(elector_leads(&b.elector));
    expect_record("b", 15, 1);
    expect_time("acquireTime", 77000);
    expect_time("renewTime", 77000);
}

static void test_a_living_leader_is_left_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        settle(&a);
        settle(&b);
        pass(100);
    }
    assert_true(elector_leads(&a.elector));
    assert_false(elector_leads(&b.elector));
    expect_record("a", 15, 0);
}

/* Expiry is what this replica has seen for that long, whatever the record's times say. */
static void test_clock_jumps_do_not_matter(void **state)
{
    (void)state;
    a.wall = 1;
    settle(&a);
    b.wall = INT64_C(4000000000000);
    settle(&b);
    assert_false(elector_leads(&b.elector));
    b.wall = 5;
    live(&b, LEASE_MS - 100);
    a.wall = INT64_C(3000000000000);
    live(&a, 100);
    assert_true(elector_leads(&a.elector) || a.elector.state == ELECTOR_LOST);
    settle(&b);
    pass(200);
    settle(&b);
    assert_true(elector_leads(&b.elector));
}

/* What another holder says of its duration holds. */
static void test_the_record_says_how_long(void **state)
{
    (void)state;
    settle(&a);
    json_object_set_new(json_object_get(stored, "spec"), "leaseDurationSeconds", json_integer(60));
    store(stored);
    live(&b, 59900);
    assert_false(elector_leads(&b.elector));
    live(&b, 200);
    assert_true(elector_leads(&b.elector));
}

/* Metadata that somebody keeps changing is no sign of the holder's life. */
static void test_only_the_record_counts(void **state)
{
    (void)state;
    settle(&a);
    for (int i = 0; i < LEASE_MS / 1000; i++) {
        live(&b, 1000);
        store(stored);
    }
    live(&b, 500);
    assert_true(elector_leads(&b.elector));
}

static void test_a_restarted_container_takes_its_own(void **state)
{
    (void)state;
    settle(&a);
    elector_fini(&a.elector);
    json_decref(a.request.lease);
    init(&a, "a", 9000);
    a.wall = 9000;
    settle(&a);
    assert_true(elector_leads(&a.elector));
    expect_record("a", 15, 0);
    expect_time("acquireTime", 1000);
}

/* --- Losing it --------------------------------------------------------------------------- */

static void test_stopped_for_long_and_taken_over(void **state)
{
    (void)state;
    settle(&a);
    live(&b, 2 * LEASE_MS);
    assert_true(elector_leads(&b.elector));
    assert_false(may_change(&a));
    assert_int_equal(next(&a), ELECTOR_DO_END);
    assert_int_equal(a.elector.state, ELECTOR_LOST);
    assert_non_null(a.elector.why_lost);
    expect_record("b", 15, 1);
}

/* It was stopped between the renewal's sending and its answer. */
static void test_an_answer_that_comes_too_late(void **state)
{
    (void)state;
    settle(&a);
    pass(ELECTOR_RETRY_MS);
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    assert_int_equal(serve(&a.request), ERROR_NONE);
    pass(60000);
    answer(&a, ERROR_NONE);
    assert_false(may_change(&a));
    assert_int_equal(next(&a), ELECTOR_DO_END);
}

/* The same of one that does not lead yet: it looks again. */
static void test_an_acquisition_that_comes_too_late(void **state)
{
    (void)state;
    next(&a);
    answer(&a, ERROR_NOT_FOUND);
    assert_int_equal(next(&a), ELECTOR_DO_CREATE);
    assert_int_equal(serve(&a.request), ERROR_NONE);
    pass(ELECTOR_RENEW_DEADLINE_MS);
    answer(&a, ERROR_NONE);
    assert_false(elector_leads(&a.elector));
    assert_false(may_change(&a));
    assert_int_equal(next(&a), ELECTOR_DO_READ);
    settle(&a);
    assert_true(elector_leads(&a.elector));
}

static void test_another_holder_ends_it(void **state)
{
    (void)state;
    settle(&a);
    json_object_set_new(json_object_get(stored, "spec"), "holderIdentity", json_string("b"));
    store(stored);
    pass(ELECTOR_RETRY_MS);
    assert_int_equal(settle(&a), ELECTOR_DO_END);
    assert_false(may_change(&a));
    expect_record("b", 15, 0);
}

static void test_a_deleted_lease_is_made_again(void **state)
{
    (void)state;
    settle(&a);
    json_decref(stored);
    stored = NULL;
    pass(ELECTOR_RETRY_MS);
    settle(&a);
    assert_true(elector_leads(&a.elector));
    assert_non_null(stored);
}

/* The deadline counts from the sending of the last renewal that succeeded. */
static void test_the_deadline(void **state)
{
    (void)state;
    settle(&a);
    pass(ELECTOR_RETRY_MS);
    int64_t sent = a.now;
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    assert_int_equal(serve(&a.request), ERROR_NONE);
    pass(4000); /* A slow answer. */
    answer(&a, ERROR_NONE);
    assert_true(elector_may_change(&a.elector, sent + ELECTOR_RENEW_DEADLINE_MS - 1));
    assert_false(elector_may_change(&a.elector, sent + ELECTOR_RENEW_DEADLINE_MS));
    /* It was slower than the period, so the next one is due. */
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    while (a.now < sent + ELECTOR_RENEW_DEADLINE_MS) {
        assert_true(elector_leads(&a.elector));
        answer(&a, ERROR_RETRYABLE);
        while (next(&a) == ELECTOR_DO_WAIT) {
            pass(a.request.wait_ms);
        }
    }
    assert_int_equal(a.request.action, ELECTOR_DO_END);
    assert_int_equal(a.elector.state, ELECTOR_LOST);
}

/* Nobody takes over before the leader has stopped changing anything, and there is time between. */
static void test_no_two_may_change(void **state)
{
    int64_t stopped = 0, taken = 0;

    (void)state;
    settle(&a);
    for (int i = 0; i < 400 && !taken; i++) {
        settle(&b);
        if (!stopped && !may_change(&a)) {
            stopped = a.now;
        }
        if (may_change(&b)) {
            taken = a.now;
        }
        pass(100);
    }
    assert_true(stopped && taken);
    assert_true(taken - stopped >= LEASE_MS - ELECTOR_RENEW_DEADLINE_MS);
}

/* --- What goes wrong --------------------------------------------------------------------- */

static void test_errors_are_tried_again_without_haste(void **state)
{
    static const enum error_kind kinds[] = {ERROR_RETRYABLE, ERROR_DENIED, ERROR_INVALID,
                                            ERROR_CONFLICT};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int requests = 0;
        for (int64_t end = a.now + 20000; a.now < end && requests < 100; requests++) {
            while (next(&a) == ELECTOR_DO_WAIT) {
                pass(a.request.wait_ms);
            }
            assert_int_equal(a.request.action, ELECTOR_DO_READ);
            answer(&a, kinds[i]);
        }
        assert_in_range(requests, 5, 22);
    }
    settle(&a);
    pass(ELECTOR_RETRY_MS);
    settle(&a);
    assert_true(elector_leads(&a.elector));
}

/* A renewal that timed out had been carried out: it was this replica's own. */
static void test_a_write_of_unknown_outcome(void **state)
{
    (void)state;
    settle(&a);
    pass(ELECTOR_RETRY_MS);
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    assert_int_equal(serve(&a.request), ERROR_NONE);
    pass(5000);
    answer(&a, ERROR_RETRYABLE);
    assert_true(may_change(&a));
    assert_int_equal(next(&a), ELECTOR_DO_READ); /* At once: five seconds are gone. */
    settle(&a);
    assert_true(elector_leads(&a.elector));
    pass(ELECTOR_RENEW_DEADLINE_MS - 1);
    assert_true(may_change(&a));
}

/* --- Giving it back ---------------------------------------------------------------------- */

static void test_release(void **state)
{
    (void)state;
    settle(&a);
    settle(&b);
    elector_release(&a.elector);
    assert_false(may_change(&a));
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE); /* It does not wait for its turn. */
    assert_int_equal(settle(&a), ELECTOR_DO_END);
    assert_int_equal(a.elector.state, ELECTOR_RELEASED);
    expect_record("", 1, 0);
    live(&b, ELECTOR_RETRY_MS + 100);
    assert_true(elector_leads(&b.elector));
    expect_record("b", 15, 1);
}

static void test_release_of_what_is_not_held(void **state)
{
    (void)state;
    settle(&a);
    settle(&b);
    elector_release(&b.elector);
    assert_int_equal(next(&b), ELECTOR_DO_END);
    expect_record("a", 15, 0);
}

/* Somebody was faster: that is no reason to try again. */
static void test_release_that_fails(void **state)
{
    (void)state;
    settle(&a);
    elector_release(&a.elector);
    assert_int_equal(next(&a), ELECTOR_DO_REPLACE);
    answer(&a, ERROR_CONFLICT);
    assert_int_equal(next(&a), ELECTOR_DO_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_creates_what_is_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_two_that_create, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renews_and_keeps_what_others_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_takes_over_what_has_expired, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_living_leader_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_jumps_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_record_says_how_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_record_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_restarted_container_takes_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped_for_long_and_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_that_comes_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_acquisition_that_comes_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_holder_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_lease_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_two_may_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_are_tried_again_without_haste, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_write_of_unknown_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release_of_what_is_not_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release_that_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
