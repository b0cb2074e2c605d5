/* The reflector's steps, and the lines of a watch. */
#include "cmocka_test.h"
#include "kube/reflector.h"
#include "kube/watch_lines.h"
#include "store_fixture.h"

struct fixture {
    struct kube_store *store;
    struct changes changes;
    struct reflector reflector;
    struct reflector_request request;
    int64_t now;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.now = 1000};
    fixture.store = new_test_store(&fixture.changes, NULL);
    reflector_init(&fixture.reflector, fixture.store, NULL);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    reflector_fini(&f->reflector);
    kube_store_free(f->store);
    return 0;
}

static enum reflector_action next(struct fixture *f)
{
    reflector_next(&f->reflector, f->now, 0.5, &f->request);
    return f->request.action;
}

/* Takes over `item`. */
static int page(struct fixture *f, const char *version, const char *token, json_t *item)
{
    AUTO_JSON json_t *list =
        json_pack("{s:s, s:s, s:{s:s*, s:s*}, s:[o*]}", "kind", "PodList", "apiVersion", "v1",
                  "metadata", "resourceVersion", version, "continue", token, "items", item);
    struct error error;
    return reflector_listed(&f->reflector, list, &error);
}

static int event(struct fixture *f, const char *type, json_t *object)
{
    AUTO_JSON json_t *line = json_pack("{s:s, s:o}", "type", type, "object", object);
    struct error error;
    return reflector_watched(&f->reflector, line, &error);
}

static json_t *pod(const char *name, int version)
{
    return new_object("ns", name, name, version, "c");
}

static void ended(struct fixture *f, enum error_kind kind, int64_t retry_after_ms, double chance)
{
    reflector_ended(&f->reflector, kind, retry_after_ms, f->now, chance);
}

/* Listed at version 10 with pod "a", and watching. */
static void start_watch(struct fixture *f)
{
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    assert_int_equal(page(f, "10", NULL, pod("a", 5)), 0);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
}

static void test_list_in_pages_then_watch(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    assert_null(f->request.continue_token);
    assert_int_equal(page(f, "10", "t1", pod("a", 5)), 0);
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    assert_string_equal(f->request.continue_token, "t1");
    assert_false(kube_store_synced(f->store));
    assert_int_equal(page(f, "10", "", pod("b", 6)), 0);
    assert_true(kube_store_synced(f->store));
    assert_int_equal(kube_store_length(f->store), 2);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
    assert_string_equal(f->request.resource_version, "10");
    assert_int_equal(f->request.watch_timeout_seconds, 450);
}

static void test_items_get_their_kind(void **state)
{
    struct fixture *f = *state;
    json_t *item = pod("a", 5);

    json_object_del(item, "kind");
    next(f);
    page(f, "10", NULL, item);
    AUTO_JSON json_t *object = kube_store_get(f->store, "ns", "a");
    assert_string_equal(json_path_string(object, "kind", NULL), "Pod");
    assert_string_equal(json_path_string(object, "apiVersion", NULL), "v1");
}

static void test_an_answer_that_is_no_list(void **state)
{
    struct fixture *f = *state;

    next(f);
    assert_int_equal(page(f, NULL, NULL, NULL), -ERROR_INVALID);
    AUTO_JSON json_t *null_items =
        json_pack("{s:{s:s}, s:n}", "metadata", "resourceVersion", "9", "items");
    assert_int_equal(reflector_listed(&f->reflector, null_items, NULL), 0);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
}

static void test_events(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    assert_int_equal(event(f, "ADDED", pod("b", 11)), 0);
    assert_int_equal(event(f, "MODIFIED", pod("a", 12)), 0);
    assert_int_equal(kube_store_length(f->store), 2);
    assert_int_equal(event(f, "DELETED", pod("b", 13)), 0);
    assert_int_equal(kube_store_length(f->store), 1);
    AUTO_JSON json_t *mark = json_pack("{s:{s:s}}", "metadata", "resourceVersion", "40");
    assert_int_equal(event(f, "BOOKMARK", json_incref(mark)), 0);
    f->now += 400000;
    ended(f, ERROR_NONE, 0, 0.5);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
    assert_string_equal(f->request.resource_version, "40");
}

static void test_lines_that_are_no_events(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    assert_int_equal(event(f, "ADDED", json_string("x")), -ERROR_INVALID);
    assert_int_equal(event(f, "ADDED", json_object()), -ERROR_INVALID);
    assert_int_equal(event(f, "SOMETHING", pod("b", 11)), -ERROR_INVALID);
    AUTO_JSON json_t *nameless = json_pack("{s:{s:s}}", "metadata", "resourceVersion", "40");
    assert_int_equal(event(f, "ADDED", json_incref(nameless)), -ERROR_INVALID);
    AUTO_JSON json_t *array = json_array();
    assert_int_equal(reflector_watched(&f->reflector, array, NULL), -ERROR_INVALID);
    ended(f, ERROR_INVALID, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_WAIT);
    f->now += f->request.wait_ms;
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
}

static void test_gone_as_an_event_relists_at_once_after_progress(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    assert_int_equal(event(f, "ADDED", pod("b", 11)), 0);
    json_t *status =
        json_pack("{s:s, s:s, s:i}", "kind", "Status", "reason", "Expired", "code", 410);
    assert_int_equal(event(f, "ERROR", status), -ERROR_GONE);
    f->now += 1000;
    ended(f, ERROR_GONE, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    assert_null(f->request.continue_token);
    f->changes = (struct changes){0};
    assert_int_equal(page(f, "20", NULL, pod("b", 11)), 0); /* "a" was deleted meanwhile. */
    assert_string_equal(f->changes.log, "ns/c ");
    assert_int_equal(kube_store_length(f->store), 1);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
    assert_string_equal(f->request.resource_version, "20");
}

static void test_gone_as_an_answer_does_not_spin(void **state)
{
    struct fixture *f = *state;
    int64_t waits[3];

    start_watch(f);
    for (size_t i = 0; i < 3; i++) {
        ended(f, ERROR_GONE, 0, 0);
        assert_int_equal(next(f), REFLECTOR_DO_WAIT);
        waits[i] = f->request.wait_ms;
        f->now += waits[i];
        assert_int_equal(next(f), REFLECTOR_DO_LIST);
        page(f, "10", NULL, NULL);
        assert_int_equal(next(f), REFLECTOR_DO_WATCH);
    }
    assert_int_equal(waits[0], 800);
    assert_int_equal(waits[1], 1600);
    assert_int_equal(waits[2], 3200);
}

static void test_backoff_of_a_list(void **state)
{
    static const int64_t expected[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(next(f), REFLECTOR_DO_LIST);
        ended(f, ERROR_RETRYABLE, 0, 0);
        assert_int_equal(next(f), REFLECTOR_DO_WAIT);
        assert_int_equal(f->request.wait_ms, expected[i]);
        f->now += expected[i] - 1;
        assert_int_equal(next(f), REFLECTOR_DO_WAIT);
        assert_int_equal(f->request.wait_ms, 1);
        f->now++;
    }
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    ended(f, ERROR_DENIED, 0, 0.5); /* Jitter: up to twice. */
    next(f);
    assert_int_equal(f->request.wait_ms, 45000);
}

static void test_the_servers_wish_is_heeded(void **state)
{
    struct fixture *f = *state;

    next(f);
    ended(f, ERROR_RETRYABLE, 7000, 0);
    assert_int_equal(next(f), REFLECTOR_DO_WAIT);
    assert_int_equal(f->request.wait_ms, 7000);
}

static void test_a_lost_page_is_asked_for_again(void **state)
{
    struct fixture *f = *state;

    next(f);
    page(f, "10", "t1", pod("a", 5));
    ended(f, ERROR_RETRYABLE, 0, 0);
    next(f);
    f->now += f->request.wait_ms;
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    assert_string_equal(f->request.continue_token, "t1");
    ended(f, ERROR_GONE, 0, 0); /* The token has expired: begin again. */
    next(f);
    f->now += f->request.wait_ms;
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    assert_null(f->request.continue_token);
}

static void test_a_cut_watch_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    assert_int_equal(event(f, "MODIFIED", pod("a", 12)), 0);
    f->now += 1000;
    ended(f, ERROR_RETRYABLE, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
    assert_string_equal(f->request.resource_version, "12");
    ended(f, ERROR_RETRYABLE, 0, 0); /* Connection refused. */
    assert_int_equal(next(f), REFLECTOR_DO_WAIT);
    assert_int_equal(f->request.wait_ms, 800);
}

static void test_a_watch_that_never_works_ends_in_a_list(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    for (unsigned i = 1; i <= REFLECTOR_WATCH_TRIES; i++) {
        ended(f, i % 2 ? ERROR_RETRYABLE : ERROR_NONE, 0, 0); /* NONE: at once, with nothing. */
        assert_int_equal(next(f), REFLECTOR_DO_WAIT);
        f->now += f->request.wait_ms;
        assert_int_equal(next(f),
                         i < REFLECTOR_WATCH_TRIES ? REFLECTOR_DO_WATCH : REFLECTOR_DO_LIST);
    }
}

static void test_progress_before_gone_resets_the_backoff(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < 3; i++) {
        next(f);
        ended(f, ERROR_RETRYABLE, 0, 0);
        next(f);
        f->now += f->request.wait_ms;
    }
    start_watch(f);
    event(f, "ADDED", pod("b", 11));
    f->now += 1000;
    ended(f, ERROR_GONE, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    ended(f, ERROR_RETRYABLE, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_WAIT);
    assert_int_equal(f->request.wait_ms, 800);
}

static void test_a_mute_watch_ends_in_a_list(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    f->now += KUBE_WATCH_IDLE_MS;
    ended(f, ERROR_RETRYABLE, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_WAIT);
    f->now += f->request.wait_ms;
    assert_int_equal(next(f), REFLECTOR_DO_LIST);
    page(f, "20", NULL, NULL);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
    event(f, "ADDED", pod("b", 21)); /* Silence after that is a dead connection. */
    f->now += KUBE_WATCH_IDLE_MS;
    ended(f, ERROR_RETRYABLE, 0, 0);
    assert_int_equal(next(f), REFLECTOR_DO_WATCH);
}

static void test_an_event_resets_the_backoff(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    for (size_t i = 0; i < 3; i++) {
        ended(f, ERROR_RETRYABLE, 0, 0);
        next(f);
        f->now += f->request.wait_ms;
        next(f);
    }
    event(f, "ADDED", pod("b", 11));
    ended(f, ERROR_RETRYABLE, 0, 0);
    next(f);
    assert_int_equal(f->request.wait_ms, 800);
}

static void test_a_proxy_that_cuts_every_watch_is_not_hammered(void **state)
{
    struct fixture *f = *state;

    start_watch(f);
    for (int i = 0; i < 20; i++) {
        event(f, "MODIFIED", pod("a", 11 + i));
        ended(f, i % 2 ? ERROR_RETRYABLE : ERROR_NONE, 0, 0);
        assert_int_equal(next(f), REFLECTOR_DO_WAIT);
        assert_int_equal(f->request.wait_ms, 800);
        f->now += 800;
        assert_int_equal(next(f), REFLECTOR_DO_WATCH); /* It works, so no list. */
    }
}

/* --- Lines --- */

struct lines {
    char seen[256]; /* Each line and a bar. */
    int stop_after;
};

static int take_line(void *context, const char *line, size_t size, struct error *error)
{
    struct lines *lines = context;
    size_t used = strlen(lines->seen);

    snprintf(lines->seen + used, sizeof lines->seen - used, "%.*s|", (int)size, line);
    return lines->stop_after && --lines->stop_after == 0 ? error_set(error, ERROR_GONE, "stop") : 0;
}

static void test_lines_however_they_are_cut(void **state)
{
    static const char stream[] = "one\ntwo\r\n\nthree and more\nrest";

    (void)state;
    for (size_t piece = 1; piece < sizeof stream; piece++) {
        struct lines seen = {0};
        struct kube_watch_lines lines = {.limit = 64, .on_line = take_line, .context = &seen};
        for (size_t at = 0; at < sizeof stream - 1; at += piece) {
            size_t left = sizeof stream - 1 - at;
            assert_int_equal(
                kube_watch_lines_feed(&lines, stream + at, left < piece ? left : piece, NULL), 0);
        }
        assert_string_equal(seen.seen, "one|two|three and more|");
        kube_watch_lines_fini(&lines);
    }
}

static void test_the_limit_of_a_line(void **state)
{
    struct lines seen = {0};
    struct kube_watch_lines lines = {.limit = 4, .on_line = take_line, .context = &seen};
    struct error error;

    (void)state;
    assert_int_equal(kube_watch_lines_feed(&lines, "1234\n12", 7, &error), 0);
    assert_int_equal(kube_watch_lines_feed(&lines, "34\n", 3, &error), 0);
    assert_string_equal(seen.seen, "1234|1234|");
    assert_int_equal(kube_watch_lines_feed(&lines, "123", 3, &error), 0);
    assert_int_equal(kube_watch_lines_feed(&lines, "45", 2, &error), -ERROR_INVALID);
    kube_watch_lines_fini(&lines);
    assert_int_equal(kube_watch_lines_feed(&lines, "12345\n", 6, &error), -ERROR_INVALID);
    kube_watch_lines_fini(&lines);
}

static void test_a_line_may_stop_the_rest(void **state)
{
    struct lines seen = {.stop_after = 2};
    struct kube_watch_lines lines = {.limit = 64, .on_line = take_line, .context = &seen};
    struct error error;

    (void)state;
    assert_int_equal(kube_watch_lines_feed(&lines, "a\nb\nc\n", 6, &error), -ERROR_GONE);
    assert_string_equal(seen.seen, "a|b|");
    kube_watch_lines_fini(&lines);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_list_in_pages_then_watch),
        CASE(test_items_get_their_kind),
        CASE(test_an_answer_that_is_no_list),
        CASE(test_events),
        CASE(test_lines_that_are_no_events),
        CASE(test_gone_as_an_event_relists_at_once_after_progress),
        CASE(test_gone_as_an_answer_does_not_spin),
        CASE(test_backoff_of_a_list),
        CASE(test_the_servers_wish_is_heeded),
        CASE(test_a_lost_page_is_asked_for_again),
        CASE(test_a_cut_watch_goes_on_where_it_was),
        CASE(test_a_watch_that_never_works_ends_in_a_list),
        CASE(test_progress_before_gone_resets_the_backoff),
        CASE(test_a_mute_watch_ends_in_a_list),
        CASE(test_an_event_resets_the_backoff),
        CASE(test_a_proxy_that_cuts_every_watch_is_not_hammered),
        cmocka_unit_test(test_lines_however_they_are_cut),
        cmocka_unit_test(test_the_limit_of_a_line),
        cmocka_unit_test(test_a_line_may_stop_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
