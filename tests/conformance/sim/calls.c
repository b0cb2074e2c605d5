#include "calls.h"

#include <stdio.h>
#include <string.h>

#define API(place, function, ...)                                                                  \
    ((place)->api->function(                                                                       \
        (place)->api->context,                                                                     \
        &(const struct etcd_target){&(place)->credentials, &(place)->endpoints[at], 1, 2000},      \
        __VA_ARGS__))

/* A call that is made again while it gets the answer that time will change. */
struct attempt {
    int (*call)(struct place *place, const struct attempt *attempt, struct error *error);
    size_t at;
    const char *url;
    bool learner;
    uint64_t id;
    uint64_t *added;
    enum etcd_error passing;
    int result;
    struct error error;
};

static bool answered(struct place *place, void *context)
{
    struct attempt *attempt = context;

    attempt->error = (struct error){0};
    attempt->result = attempt->call(place, attempt, &attempt->error);
    return !attempt->result || etcd_error_of(&attempt->error) != attempt->passing;
}

static int do_add(struct place *place, const struct attempt *attempt, struct error *error)
{
    size_t at = attempt->at;
    struct etcd_member_list list;

    return API(place, member_add, attempt->url, attempt->learner, place->arena, attempt->added,
               &list, error);
}

static int do_promote(struct place *place, const struct attempt *attempt, struct error *error)
{
    size_t at = attempt->at;

    return API(place, member_promote, attempt->id, error);
}

static int do_remove(struct place *place, const struct attempt *attempt, struct error *error)
{
    size_t at = attempt->at;

    return API(place, member_remove, attempt->id, error);
}

static void run_attempt(struct place *place, const char *what, struct attempt *attempt,
                        bool patiently)
{
    if (!patiently) {
        answered(place, attempt);
    } else if (!place_wait(place, answered, attempt, what)) {
        return;
    }
    place_note_result(place, what, attempt->result, &attempt->error);
}

static uint64_t add(struct place *place, size_t at, const char *what, const char *url, bool learner,
                    bool patiently)
{
    uint64_t id = 0;
    struct attempt attempt = {.call = do_add,
                              .at = at,
                              .url = url,
                              .learner = learner,
                              .added = &id,
                              .passing = ETCD_ERROR_UNHEALTHY_CLUSTER};

    run_attempt(place, what, &attempt, patiently);
    return attempt.result ? 0 : id;
}

uint64_t call_add(struct place *place, size_t at, const char *what, const char *url, bool learner)
{
    return add(place, at, what, url, learner, false);
}

uint64_t call_add_patiently(struct place *place, size_t at, const char *what, const char *url,
                            bool learner)
{
    return add(place, at, what, url, learner, true);
}

void call_promote(struct place *place, size_t at, const char *what, uint64_t id)
{
    struct attempt attempt = {.call = do_promote, .at = at, .id = id};

    run_attempt(place, what, &attempt, false);
}

void call_promote_patiently(struct place *place, size_t at, const char *what, uint64_t id)
{
    struct attempt attempt = {
        .call = do_promote, .at = at, .id = id, .passing = ETCD_ERROR_LEARNER_NOT_IN_SYNC};

    run_attempt(place, what, &attempt, true);
}

void call_remove(struct place *place, size_t at, const char *what, uint64_t id)
{
    struct attempt attempt = {.call = do_remove, .at = at, .id = id};

    run_attempt(place, what, &attempt, false);
}

void call_remove_patiently(struct place *place, size_t at, const char *what, uint64_t id)
{
    struct attempt attempt = {
        .call = do_remove, .at = at, .id = id, .passing = ETCD_ERROR_UNHEALTHY_CLUSTER};

    run_attempt(place, what, &attempt, true);
}

void call_update(struct place *place, size_t at, const char *what, uint64_t id, const char *url)
{
    struct error error = {0};

    place_note_result(place, what, API(place, member_update, id, url, &error), &error);
}

void call_move_leader(struct place *place, size_t at, const char *what, uint64_t id)
{
    struct error error = {0};

    place_note_result(place, what, API(place, move_leader, id, &error), &error);
}

void call_alarm(struct place *place, size_t at, const char *what, uint64_t id,
                enum etcd_alarm_type type, bool active)
{
    struct error error = {0};

    place_note_result(place, what, API(place, alarm_set, id, type, active, &error), &error);
}

void call_alarms(struct place *place, size_t at, const char *what)
{
    struct error error = {0};
    struct etcd_alarm *alarms = NULL;
    size_t n = 0;
    int result = API(place, alarms, place->arena, &alarms, &n, &error);

    place_note_result(place, what, result, &error);
    for (size_t i = 0; !result && i < n; i++) {
        bool known = false;
        for (size_t j = 0; j < PLACES; j++) {
            known |= alarms[i].member_id == place_id(place, j);
        }
        place_note(place, "  alarm %d of a %s", (int)alarms[i].type, known ? "member" : "stranger");
    }
}

static struct etcd_bytes bytes(const char *text)
{
    return (struct etcd_bytes){text, strlen(text)};
}

int try_put(struct place *place, size_t at, const char *key, int64_t *revision)
{
    struct error error = {0};

    return API(place, put, bytes(key), bytes("value"), revision, &error);
}

void call_put(struct place *place, size_t at, const char *what, const char *key)
{
    struct error error = {0};

    place_note_result(place, what, API(place, put, bytes(key), bytes("value"), NULL, &error),
                      &error);
}

void call_count(struct place *place, size_t at, const char *what, bool serializable,
                int64_t revision)
{
    const struct etcd_range_request request = {.key = {"\0", 1},
                                               .range_end = {"\0", 1},
                                               .revision = revision,
                                               .serializable = serializable,
                                               .count_only = true};
    struct etcd_range range = {0};
    struct error error = {0};
    int result = API(place, range, &request, place->arena, &range, &error);

    place_note_result(place, what, result, &error);
    if (!result) {
        place_note(place, "  %lld keys", (long long)range.count);
    }
}

void call_compact(struct place *place, size_t at, const char *what, int64_t revision)
{
    struct error error = {0};

    place_note_result(place, what, API(place, compact, revision, true, &error), &error);
}

void call_hash(struct place *place, size_t at, const char *what, int64_t revision,
               struct etcd_hash *hash)
{
    struct error error = {0};

    place_note_result(place, what, API(place, hash_kv, revision, hash, &error), &error);
}

void call_defragment(struct place *place, size_t at, const char *what)
{
    struct error error = {0};

    place_note_result(
        place, what,
        place->api->defragment(
            place->api->context,
            &(const struct etcd_target){&place->credentials, &place->endpoints[at], 1, 10000},
            &error),
        &error);
}

void call_downgrade(struct place *place, size_t at, const char *what,
                    enum etcd_downgrade_action action, const char *version)
{
    struct error error = {0};

    place_note_result(place, what, API(place, downgrade, action, version, &error), &error);
}

void call_look(struct place *place, size_t at, const char *what)
{
    struct etcd_look look = place_look(place, at);
    const char *learner = look.status.is_learner ? ", learner" : "";
    const char *leader = look.status.leader_id ? "" : ", no leader";

    if (look.status_error.kind) {
        place_note_result(place, arena_printf(place->arena, "%s: status", what),
                          -(int)look.status_error.kind, &look.status_error);
    } else {
        place_note(place, "%s: status%s%s", what, learner, leader);
    }
    place_note_result(place, arena_printf(place->arena, "%s: read", what),
                      -(int)look.read_error.kind, &look.read_error);
    for (size_t i = 0; !look.status_error.kind && i < look.status.n_errors; i++) {
        const char *words = look.status.errors[i];
        const char *alarm = strstr(words, "alarm:");
        place_note(place, "  %.*s", alarm ? (int)strcspn(alarm, " ") : (int)strlen(words),
                   alarm ? alarm : words);
    }
}
