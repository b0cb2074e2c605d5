#include "place.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "etcd/client.h"
#include "etcd/errors.h"

#define DEADLINE_MS 30000
#define CALL_MS     2000
#define ALIVE_MS    4000

void place_start(struct place *place, size_t index, const struct start *how)
{
    struct arena *arena = place->arena;
    char *flags[12] = {
        arena_printf(arena, "--name=c-%zu", index),
        arena_printf(arena, "--initial-advertise-peer-urls=%s", place->peer_urls[index]),
        arena_printf(arena, "--heartbeat-interval=50"),
        arena_printf(arena, "--election-timeout=500"),
    };
    size_t length = 4;

    if (how->n) {
        const char *cluster = "";
        for (size_t i = 0; i < how->n; i++) {
            cluster =
                arena_printf(arena, "%s%sc-%zu=%s", cluster, i ? "," : "", i, place->peer_urls[i]);
        }
        flags[length++] = arena_printf(arena, "--initial-cluster=%s", cluster);
        flags[length++] =
            arena_printf(arena, "--initial-cluster-state=%s", how->state ? how->state : "new");
        flags[length++] = arena_printf(arena, "--initial-cluster-token=%s",
                                       how->token ? how->token : PLACE_TOKEN);
    }
    if (how->extra) {
        flags[length++] = arena_strdup(arena, how->extra);
    }
    place->functions->start(place, index, flags, how->old);
}

void place_kill(struct place *place, size_t index)
{
    place->functions->kill(place, index);
}

void place_note(struct place *place, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_printf(&place->outcome, "%s\n", line);
}

void place_note_result(struct place *place, const char *what, int result, const struct error *error)
{
    const char *words = NULL;

    if (!result) {
        place_note(place, "%s: ok", what);
        return;
    }
    for (const char *at = error->message; (at = strstr(at, "etcdserver: ")); at++) {
        words = at;
    }
    enum etcd_error code = etcd_error_of(error);
    if (error->kind == ERROR_RETRYABLE &&
        (code == ETCD_ERROR_NONE || code == ETCD_ERROR_TIMEOUT || code == ETCD_ERROR_NO_LEADER ||
         code == ETCD_ERROR_LEADER_CHANGED)) {
        words = "in vain"; /* For which reason is a matter of who noticed what first. */
    }
    place_note(place, "%s: %s: %s", what, error_kind_name(error->kind), words ? words : "");
}

/* Behind a bracketed text, with the space before it gone. */
static const char *skip_brackets(const char *from, const char *words, char **to)
{
    int depth = 0;

    do {
        depth += (*from == '{' || *from == '(') - (*from == '}' || *from == ')');
        from++;
    } while (*from && depth);
    *to -= *to > words && (*to)[-1] == ' ';
    return from;
}

/* Numbers, ids, URLs and what stands in brackets are never the same in two worlds. */
static void simplify(char *words)
{
    char *to = words;

    for (const char *from = words; *from;) {
        size_t hex = strspn(from, "0123456789abcdef");
        if (*from == '{' || *from == '(') {
            from = skip_brackets(from, words, &to);
        } else if (!strncmp(from, "http://", 7)) {
            from += strcspn(from, " ,)]\"");
            *to++ = '@';
        } else if (hex && strcspn(from, "0123456789") < hex) {
            from += hex;
            *to++ = '#';
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

struct end {
    size_t index;
    int code;
    char words[600];
};

static bool has_ended(struct place *place, void *context)
{
    struct end *end = context;

    return place->functions->ended(place, end->index, &end->code, end->words, sizeof end->words);
}

void place_note_end(struct place *place, size_t index)
{
    struct end end = {.index = index};

    if (place_wait(place, has_ended, &end, "the end of a process")) {
        simplify(end.words);
        if (strstr(end.words, "permanently removed")) { /* With 0 or 1, by chance. */
            place_note(place, "it ends: %s", end.words);
        } else {
            place_note(place, "it ends with %d: %s", end.code, end.words);
        }
    }
}

void place_note_alive(struct place *place, size_t index)
{
    struct end end = {.index = index};
    int64_t until_ms = place->functions->now_ms(place) + ALIVE_MS;

    while (!has_ended(place, &end) && place->functions->now_ms(place) < until_ms) {
        place->functions->pause(place);
    }
    place_note(place, "it %s", has_ended(place, &end) ? "has ended" : "runs");
}

bool place_wait(struct place *place, bool (*condition)(struct place *place, void *context),
                void *context, const char *what)
{
    int64_t until_ms = place->functions->now_ms(place) + DEADLINE_MS;

    while (!place->trouble && !condition(place, context)) {
        if (place->functions->now_ms(place) > until_ms) {
            place->trouble = what;
            place_note(place, "waited in vain for %s", what);
        }
        place->functions->pause(place);
    }
    return !place->trouble;
}

struct etcd_look place_look(struct place *place, size_t index)
{
    struct etcd_look look;

    place->api->look(place->api->context, &place->credentials, &place->endpoints[index], 1, CALL_MS,
                     place->arena, &look);
    return look;
}

static bool all_serve(struct place *place, void *context)
{
    size_t n = *(const size_t *)context;
    struct etcd_look looks[PLACES];

    place->api->look(place->api->context, &place->credentials, place->endpoints, n, CALL_MS,
                     place->arena, looks);
    for (size_t i = 0; i < n; i++) {
        if (looks[i].status_error.kind || looks[i].read_error.kind) {
            return false;
        }
    }
    return true;
}

bool place_wait_serving(struct place *place, size_t n)
{
    return place_wait(place, all_serve, &n, "members that serve");
}

struct leader {
    size_t n, index;
};

static bool find_leader(struct place *place, void *context)
{
    struct leader *leader = context;
    struct etcd_look looks[PLACES];

    place->api->look(place->api->context, &place->credentials, place->endpoints, leader->n, CALL_MS,
                     place->arena, looks);
    for (size_t i = 0; i < leader->n; i++) {
        if (!looks[i].status_error.kind && !looks[i].read_error.kind &&
            looks[i].status.leader_id == looks[i].status.member_id) {
            leader->index = i;
            return true;
        }
    }
    return false;
}

size_t place_leader(struct place *place, size_t n)
{
    struct leader leader = {.n = n};

    place_wait(place, find_leader, &leader, "a leader");
    return leader.index;
}

struct etcd_target place_target(struct place *place, size_t index)
{
    return (struct etcd_target){&place->credentials, &place->endpoints[index], 1, CALL_MS};
}

uint64_t place_id(const struct place *place, size_t index)
{
    return etcd_static_member_id(place->peer_urls[index], PLACE_TOKEN);
}

void place_note_members(struct place *place, size_t index)
{
    const struct etcd_target target = place_target(place, index);
    struct etcd_member_list list = {0};
    struct error error = {0};
    size_t learners = 0, started = 0, clients = 0;

    int result = place->api->member_list(place->api->context, &target, place->arena, &list, &error);
    if (result) {
        place_note_result(place, "member list", result, &error);
        return;
    }
    for (size_t i = 0; i < list.n_members; i++) {
        learners += list.members[i].is_learner;
        started += *list.members[i].name != '\0';
        clients += list.members[i].n_client_urls;
    }
    place_note(place, "members: %zu voters, %zu learners, %zu started, %zu client URLs",
               list.n_members - learners, learners, started, clients);
}
