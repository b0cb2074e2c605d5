/* Which events are written, and what they say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmocka_test.h"
#include "kube/event_cache.h"
#include "kube/events.h"

#define START 1800000000000

/* --- The cache --- */

static int setup(void **state)
{
    *state = event_cache_new();
    return 0;
}

static int teardown(void **state)
{
    event_cache_free(*state);
    return 0;
}

static struct event_decision decide(struct event_cache *cache, const char *object,
                                    const char *reason, const char *note, int64_t now)
{
    static unsigned next;
    char suffix[16];
    const struct event_subject subject = {
        .object = object, .name = "c", .type = "Normal", .reason = reason, .note = note};
    struct event_decision decision;

    snprintf(suffix, sizeof suffix, "%u", next++);
    event_cache_decide(cache, &subject, suffix, now, &decision);
    return decision;
}

static void test_repeats_are_counted(void **state)
{
    struct event_cache *cache = *state;
    struct event_decision first = decide(cache, "u", "Scaled", "to 3", START);
    struct event_decision second = decide(cache, "u", "Scaled", "to 3", START + 1000);

    assert_int_equal(first.action, EVENT_CREATE);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.action, EVENT_PATCH);
    assert_int_equal(second.count, 2);
    assert_int_equal(second.first_ms, START);
    assert_string_equal(second.name, first.name);
    assert_int_equal(decide(cache, "u", "Scaled", "to 5", START).action, EVENT_CREATE);
    assert_int_equal(decide(cache, "v", "Scaled", "to 3", START).action, EVENT_CREATE);
}

static void test_long_after_it_is_a_new_event(void **state)
{
    struct event_cache *cache = *state;

    decide(cache, "u", "Scaled", "to 3", START);
    struct event_decision later = decide(cache, "u", "Scaled", "to 3", START + EVENT_WINDOW_MS + 1);
    assert_int_equal(later.action, EVENT_CREATE);
    assert_int_equal(later.count, 1);
}

static void test_similar_ones_are_summed_up(void **state)
{
    struct event_cache *cache = *state;
    struct event_decision decision;
    char note[32];

    for (int i = 0; i < EVENT_SIMILAR_MAX; i++) {
        snprintf(note, sizeof note, "try %d", i);
        decision = decide(cache, "u", "Failed", note, START + i);
        assert_int_equal(decision.action, EVENT_CREATE);
        assert_false(decision.combined);
    }
    decision = decide(cache, "u", "Failed", "try 10", START + 10);
    assert_true(decision.combined);
    assert_int_equal(decision.action, EVENT_CREATE);
    decision = decide(cache, "u", "Failed", "try 11", START + 11);
    assert_true(decision.combined);
    assert_int_equal(decision.action, EVENT_PATCH);
    assert_int_equal(decision.count, 2);
    assert_false(decide(cache, "u", "Failed", "try 3", START + 12).combined);
    assert_false(decide(cache, "u", "Other", "try 12", START + 13).combined);
    assert_false(decide(cache, "u", "Failed", "try 13", START + 14 + EVENT_WINDOW_MS).combined);
}

static void test_a_flood_is_dropped(void **state)
{
    struct event_cache *cache = *state;

    for (int i = 0; i < EVENT_BURST; i++) {
        assert_int_not_equal(decide(cache, "u", "Scaled", "to 3", START).action, EVENT_DROP);
    }
    assert_int_equal(decide(cache, "u", "Scaled", "to 3", START).action, EVENT_DROP);
    assert_int_equal(decide(cache, "u", "Other", "x", START + 1000).action, EVENT_DROP);
    assert_int_equal(decide(cache, "v", "Scaled", "to 3", START).action, EVENT_CREATE);
    /* One token has grown meanwhile, and what was dropped was counted. */
    struct event_decision later =
        decide(cache, "u", "Scaled", "to 3", START + EVENT_REFILL_MS + 1000);
    assert_int_equal(later.action, EVENT_PATCH);
    assert_int_equal(later.count, EVENT_BURST + 2);
}

static void test_what_was_not_written_is_created_next_time(void **state)
{
    struct event_cache *cache = *state;
    struct event_decision first = decide(cache, "u", "Scaled", "to 3", START);

    event_cache_forget(cache, first.name);
    event_cache_forget(cache, "unknown");
    struct event_decision second = decide(cache, "u", "Scaled", "to 3", START + 1);
    assert_int_equal(second.action, EVENT_CREATE);
    assert_int_equal(second.count, 2);
    assert_string_not_equal(second.name, first.name);
}

static void test_the_cache_is_bounded(void **state)
{
    struct event_cache *cache = *state;
    char object[16];

    decide(cache, "oldest", "Scaled", "to 3", START);
    for (int i = 0; i < EVENT_CACHE_LENGTH; i++) {
        snprintf(object, sizeof object, "u%d", i);
        decide(cache, object, "Scaled", "to 3", START + i);
    }
    assert_int_equal(decide(cache, "oldest", "Scaled", "to 3", START + 2000).action, EVENT_CREATE);
    assert_int_equal(decide(cache, "u1023", "Scaled", "to 3", START + 2000).action, EVENT_PATCH);
}

static void test_long_names(void **state)
{
    struct event_cache *cache = *state;
    char name[254];
    const struct event_subject subject = {
        .object = "u", .name = name, .type = "Normal", .reason = "R", .note = "n"};
    struct event_decision decision;

    memset(name, 'a', 253);
    name[253] = '\0';
    event_cache_decide(cache, &subject, "0123456789abcdef", START, &decision);
    assert_int_equal(strlen(decision.name), 200 + 1 + 16);
    assert_non_null(strstr(decision.name, "a.0123456789abcdef"));
}

/* --- The recorder, with a table that only notes what it is told --- */

struct fake {
    json_t *created, *patched; /* The last ones. */
    char patched_name[256];
    int creates, patches;
    int next_patch, next_create; /* Results. */
};

static int fake_create(void *context, const struct kube_resource *resource, json_t *object,
                       json_t **out, struct error *error)
{
    struct fake *fake = context;

    (void)out;
    assert_ptr_equal(resource, &kube_events);
    assert_non_null(object);
    json_decref(fake->created);
    fake->created = json_incref(object);
    fake->creates++;
    int result = fake->next_create;
    fake->next_create = 0;
    return result ? error_set(error, (enum error_kind) - result, "on purpose") : 0;
}

static int fake_patch(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t *patch, json_t **out, struct error *error)
{
    struct fake *fake = context;

    (void)resource, (void)out;
    assert_string_equal(namespace, "ns");
    json_decref(fake->patched);
    fake->patched = json_incref(patch);
    snprintf(fake->patched_name, sizeof fake->patched_name, "%s", name);
    fake->patches++;
    int result = fake->next_patch;
    fake->next_patch = 0;
    return result ? error_set(error, (enum error_kind) - result, "on purpose") : 0;
}

static const char *created(const struct fake *fake, const char *field)
{
    return json_path_string(fake->created, field, NULL);
}

static void test_the_event_object(void **state)
{
    struct fake fake = {0};
    const struct kube_api api = {
        .context = &fake, .create = fake_create, .merge_patch = fake_patch};
    struct event_recorder *recorder = event_recorder_new(&api, "etcd-operator", "pod-1");
    AUTO_JSON json_t *cluster =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "apiVersion", "etcd.etcd.io/v1alpha1",
                  "kind", "EtcdCluster", "metadata", "namespace", "ns", "name", "c", "uid", "u-1",
                  "resourceVersion", "7");

    (void)state;
    event_recorder_record(recorder, cluster, "Warning", "NoSpace", "member c-0 is full");
    assert_int_equal(fake.creates, 1);
    assert_string_equal(json_path_string(fake.created, "metadata", "namespace", NULL), "ns");
    const char *name = json_path_string(fake.created, "metadata", "name", NULL);
    assert_true(!strncmp(name, "c.", 2) && strlen(name) == 18);
    assert_string_equal(json_path_string(fake.created, "involvedObject", "kind", NULL),
                        "EtcdCluster");
    assert_string_equal(json_path_string(fake.created, "involvedObject", "uid", NULL), "u-1");
    assert_string_equal(json_path_string(fake.created, "involvedObject", "resourceVersion", NULL),
                        "7");
    assert_string_equal(created(&fake, "type"), "Warning");
    assert_string_equal(created(&fake, "reason"), "NoSpace");
    assert_string_equal(created(&fake, "message"), "member c-0 is full");
    assert_string_equal(created(&fake, "reportingComponent"), "etcd-operator");
    assert_string_equal(created(&fake, "reportingInstance"), "pod-1");
    assert_string_equal(json_path_string(fake.created, "source", "component", NULL),
                        "etcd-operator");
    assert_string_equal(created(&fake, "firstTimestamp"), created(&fake, "lastTimestamp"));
    assert_int_equal(json_path_integer(fake.created, 0, "count", NULL), 1);

    event_recorder_record(recorder, cluster, "Warning", "NoSpace", "member c-0 is full");
    assert_int_equal(fake.patches, 1);
    assert_string_equal(fake.patched_name, name);
    assert_int_equal(json_path_integer(fake.patched, 0, "count", NULL), 2);

    fake.next_patch = -ERROR_NOT_FOUND; /* It has expired. */
    event_recorder_record(recorder, cluster, "Warning", "NoSpace", "member c-0 is full");
    assert_int_equal(fake.creates, 2);
    assert_int_equal(json_path_integer(fake.created, 0, "count", NULL), 3);

    fake.next_create = -ERROR_DENIED; /* The namespace is going. */
    event_recorder_record(recorder, cluster, "Normal", "Scaled", "to 5");
    event_recorder_record(recorder, cluster, "Normal", "Scaled", "to 5");
    assert_int_equal(fake.creates, 4);
    json_decref(fake.created);
    json_decref(fake.patched);
    event_recorder_free(recorder);
}

static void test_odd_notes(void **state)
{
    struct fake fake = {0};
    const struct kube_api api = {
        .context = &fake, .create = fake_create, .merge_patch = fake_patch};
    struct event_recorder *recorder = event_recorder_new(&api, "etcd-operator", NULL);
    AUTO_JSON json_t *node = json_pack("{s:{s:s}}", "metadata", "name", "n");
    AUTO_JSON json_t *nothing = json_object();
    char note[2000];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof note; i += 2) {
        memcpy(note + i, "\xc3\xa4", 3); /* Cutting in the middle would be no JSON. */
    }
    memmove(note + 1, note, sizeof note - 2);
    note[0] = 'x';
    note[sizeof note - 1] = '\0';
    event_recorder_record(recorder, node, "Normal", "R", note);
    assert_int_equal(fake.creates, 1);
    size_t length = strlen(created(&fake, "message"));
    assert_true(length > 1000 && length <= 1024);
    assert_string_equal(json_path_string(fake.created, "metadata", "namespace", NULL), "default");
    assert_true(strlen(created(&fake, "reportingInstance")) > 0);
    event_recorder_record(recorder, nothing, "Normal", "R", "n");
    assert_int_equal(fake.creates, 1);
    json_decref(fake.created);
    event_recorder_free(recorder);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_repeats_are_counted),
        CASE(test_long_after_it_is_a_new_event),
        CASE(test_similar_ones_are_summed_up),
        CASE(test_a_flood_is_dropped),
        CASE(test_what_was_not_written_is_created_next_time),
        CASE(test_the_cache_is_bounded),
        CASE(test_long_names),
        cmocka_unit_test(test_the_event_object),
        cmocka_unit_test(test_odd_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
