#include "etcd_scenarios.h"

#include <string.h>

#include "calls.h"
#include "pki/pki.h"

static void start_all(struct place *place, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        place_start(place, i, &(struct start){.n = n});
    }
    place_wait_serving(place, n);
}

static bool is_back(struct place *place, void *context)
{
    struct etcd_look look = place_look(place, *(const size_t *)context);

    return !look.status_error.kind && !look.read_error.kind;
}

/* etcd decides on it some seconds after the start; 3.5 says nothing of it in its status, but then
 * it validates downgrades. */
static bool has_cluster_version(struct place *place, void *context)
{
    struct error error = {0};
    const struct etcd_target target = place_target(place, 0);

    (void)context;
    place->api->downgrade(place->api->context, &target, ETCD_DOWNGRADE_VALIDATE, "3.9", &error);
    return etcd_error_of(&error) == ETCD_ERROR_DOWNGRADE_BAD_VERSION;
}

/* ---- How a cluster comes to be, and who may join it ---- */

static uint64_t computed_cluster_id(const struct place *place, size_t n)
{
    uint64_t ids[PLACES];
    uint8_t text[8 * PLACES];

    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at && ids[at - 1] > place_id(place, i); at--) {
            ids[at] = ids[at - 1];
        }
        ids[at] = place_id(place, i);
    }
    for (size_t i = 0; i < 8 * n; i++) {
        text[i] = (uint8_t)(ids[i / 8] >> (56 - 8 * (i % 8)));
    }
    return pki_sha1_prefix64(text, 8 * n);
}

static void play_static_ids(struct place *place)
{
    start_all(place, 3);
    for (size_t i = 0; i < 3; i++) {
        struct etcd_look look = place_look(place, i);
        place_note(place, "c-%zu: member id %s, cluster id %s", i,
                   look.status.member_id == place_id(place, i) ? "as computed" : "another",
                   look.status.cluster_id == computed_cluster_id(place, 3) ? "as computed"
                                                                           : "another");
    }
    place_note_members(place, 0);
}

static void play_name_is_missing(struct place *place)
{
    place_start(place, 2, &(struct start){.n = 2});
    place_note_end(place, 2);
}

static void play_peer_url_differs(struct place *place)
{
    const char *flag =
        arena_printf(place->arena, "--initial-advertise-peer-urls=%s", place->spare_url);

    place_start(place, 0, &(struct start){.n = 2, .extra = flag});
    place_note_end(place, 0);
}

static void play_existing_but_nobody_there(struct place *place)
{
    place_start(place, 0, &(struct start){.n = 2, .state = "existing"});
    place_note_end(place, 0);
}

static void play_existing_with_wrong_count(struct place *place)
{
    start_all(place, 2);
    place_start(place, 2, &(struct start){.n = 3, .state = "existing"});
    place_note_end(place, 2);
}

static void play_existing_with_wrong_url(struct place *place)
{
    start_all(place, 1);
    call_add(place, 0, "add", place->spare_url, true);
    place_start(place, 1, &(struct start){.n = 2, .state = "existing"});
    place_note_end(place, 1);
}

static void play_new_on_existing_data(struct place *place)
{
    start_all(place, 1);
    call_put(place, 0, "put", "key");
    place_kill(place, 0);
    place_start(place, 0, &(struct start){.n = 2, .token = "another"});
    place_wait_serving(place, 1);
    call_count(place, 0, "count", false, 0);
    place_note(place, "member id %s",
               place_look(place, 0).status.member_id == place_id(place, 0) ? "kept" : "changed");
    place_note_members(place, 0);
}

static void play_restart_without_initial_flags(struct place *place)
{
    start_all(place, 2);
    place_kill(place, 1);
    place_start(place, 1, &(struct start){.n = 0});
    place_wait_serving(place, 2);
    place_note_members(place, 1);
}

static void play_bad_flags(struct place *place)
{
    static const char *const flags[] = {
        "--nope=1",
        "--quota-backend-bytes=abc",
        "--pre-vote=perhaps",
        "--heartbeat-interval=1000",
        "--initial-cluster-state=maybe",
        "--experimental-initial-corrupt-check=perhaps",
        "--feature-gates",
        "--max-learners=x",
        "plain",
    };

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        place_start(place, 0, &(struct start){.n = 2, .extra = flags[i]});
        place_note_end(place, 0);
    }
}

/* ---- Membership ---- */

static void next_second(struct place *place)
{
    int64_t until_ms = place->functions->now_ms(place) + 1000;

    while (place->functions->now_ms(place) <= until_ms) {
        place->functions->pause(place);
    }
}

static void play_add_refused(struct place *place)
{
    start_all(place, 1);
    call_add(place, 0, "own URL", place->peer_urls[0], false);
    call_add(place, 0, "own URL as learner", place->peer_urls[0], true);
    call_add(place, 0, "no URL", "nonsense", true);
    call_add(place, 0, "learner", place->peer_urls[1], true);
    next_second(place); /* Within one the id would be the same, too. */
    call_add(place, 0, "its URL again", place->peer_urls[1], true);
    call_add(place, 0, "second learner", place->peer_urls[2], true);
    place_note_members(place, 0);
}

static void play_two_learners_allowed(struct place *place)
{
    place_start(place, 0, &(struct start){.n = 1, .extra = "--max-learners=2"});
    place_wait_serving(place, 1);
    call_add(place, 0, "first learner", place->peer_urls[1], true);
    call_add(place, 0, "second learner", place->peer_urls[2], true);
    call_add(place, 0, "third learner", place->peer_urls[3], true);
    place_note_members(place, 0);
}

static void play_promote_refused(struct place *place)
{
    start_all(place, 1);
    uint64_t id = call_add(place, 0, "learner", place->peer_urls[1], true);
    call_promote(place, 0, "promote before it started", id);
    call_promote(place, 0, "promote a voter", place_id(place, 0));
    call_promote(place, 0, "promote nobody", NOBODY);
    call_move_leader(place, 0, "lead by a learner", id);
    call_remove(place, 0, "remove it", id);
    call_promote(place, 0, "promote a removed one", id);
    place_note_members(place, 0);
}

static bool is_learner(struct place *place, void *context)
{
    struct etcd_look look = place_look(place, *(const size_t *)context);

    return !look.status_error.kind && look.status.is_learner;
}

static void play_learner_joins(struct place *place)
{
    size_t index = 1;
    struct etcd_hash hash;

    start_all(place, 1);
    call_put(place, 0, "put", "key");
    uint64_t id = call_add(place, 0, "learner", place->peer_urls[1], true);
    place_start(place, 1, &(struct start){.n = 2, .state = "existing"});
    place_wait(place, is_learner, &index, "a learner");
    call_look(place, 1, "learner");
    place_note_members(place, 1);
    call_count(place, 1, "serializable", true, 0);
    call_put(place, 1, "put at the learner", "key");
    call_alarms(place, 1, "alarms of the learner");
    call_hash(place, 1, "hash of the learner", 0, &hash);
    place_note_members(place, 0);
    call_promote_patiently(place, 0, "promote", id);
    place_wait_serving(place, 2);
    call_look(place, 1, "voter");
    call_promote(place, 1, "promote again, at a follower", id);
    place_note_members(place, 1);
    call_add(place, 0, "one more, too early", place->peer_urls[2], true);
    call_add_patiently(place, 0, "one more", place->peer_urls[2], true);
}

static void play_remove_refused(struct place *place)
{
    start_all(place, 1);
    call_remove(place, 0, "nobody", NOBODY);
    call_remove(place, 0, "the only one", place_id(place, 0));
    place_note_members(place, 0);
}

static void play_add_voter_to_one(struct place *place)
{
    start_all(place, 1);
    call_add(place, 0, "voter", place->peer_urls[1], false);
    call_look(place, 0, "one of two");
    call_add(place, 0, "second voter", place->peer_urls[2], false);
}

static void play_remove_while_one_is_down(struct place *place)
{
    start_all(place, 3);
    call_remove_patiently(place, 0, "nobody", NOBODY);
    place_kill(place, 2);
    place_leader(place, 2);
    call_add(place, 0, "add a voter", place->peer_urls[3], false);
    call_add(place, 0, "add a learner", place->peer_urls[3], true);
    call_remove(place, 0, "one that is needed", place_id(place, 1));
    call_remove(place, 0, "the one that is down", place_id(place, 2));
    place_note_members(place, 0);
}

static void play_removed_member(struct place *place)
{
    start_all(place, 3);
    call_remove_patiently(place, 0, "remove", place_id(place, 2));
    place_note_end(place, 2);
    place_start(place, 2, &(struct start){.n = 3});
    place_note_end(place, 2);
    place->functions->wipe(place, 2);
    place_start(place, 2, &(struct start){.n = 3, .state = "existing"});
    place_note_end(place, 2);
    place_wait_serving(place, 2);
    place_note_members(place, 0);
    call_remove(place, 0, "remove again", place_id(place, 2));
}

static void play_removed_while_away(struct place *place)
{
    start_all(place, 3);
    place_kill(place, 2);
    place_leader(place, 2);
    call_remove_patiently(place, 0, "remove", place_id(place, 2));
    place_start(place, 2, &(struct start){.n = 3});
    place_note_end(place, 2);
}

static void play_update(struct place *place)
{
    start_all(place, 3);
    call_update(place, 0, "another's URL", place_id(place, 2), place->peer_urls[1]);
    call_update(place, 0, "nobody's", NOBODY, place->spare_url);
    call_update(place, 0, "its own again", place_id(place, 2), place->peer_urls[2]);
    call_update(place, 0, "a new one", place_id(place, 2), place->peer_urls[3]);
    place_note_members(place, 0);
    place_note_alive(place, 2);
}

/* ---- Failures ---- */

static void play_no_quorum(struct place *place)
{
    start_all(place, 3);
    place_kill(place, 0);
    place_kill(place, 1);
    place_note_members(place, 2);
    call_look(place, 2, "alone");
    call_count(place, 2, "serializable", true, 0);
    call_put(place, 2, "put", "key");
    call_alarms(place, 2, "alarms");
    call_promote(place, 2, "promote", NOBODY);
    place_kill(place, 2);
    place_start(place, 2, &(struct start){.n = 3});
    place_note_alive(place, 2);
    call_look(place, 2, "alone, restarted");
    place_start(place, 0, &(struct start){.n = 3});
    place_wait(place, is_back, &(size_t){2}, "a quorum");
    call_look(place, 2, "two of three");
}

static void play_leader_is_killed(struct place *place)
{
    char key[] = "key-0";
    int64_t revision;

    start_all(place, 3);
    size_t leader = place_leader(place, 3), other = (leader + 1) % 3;
    for (; key[4] < '9'; key[4]++) {
        if (try_put(place, other, key, &revision)) {
            place_note(place, "%s was refused", key);
        }
    }
    place_kill(place, leader);
    place_wait(place, is_back, &other, "another leader");
    call_count(place, other, "count", false, 0);
    call_put(place, other, "put", key);
    place_start(place, leader, &(struct start){.n = 3});
    place_wait_serving(place, 3);
    call_count(place, leader, "count at the old leader", false, 0);
}

static void play_frozen_members(struct place *place)
{
    start_all(place, 3);
    size_t leader = place_leader(place, 3), other = (leader + 1) % 3, third = (leader + 2) % 3;
    place->functions->freeze(place, leader, true);
    place_wait(place, is_back, &other, "another leader");
    call_put(place, other, "put", "key");
    call_look(place, leader, "frozen");
    place->functions->freeze(place, leader, false);
    place_wait_serving(place, 3);
    place->functions->freeze(place, leader, true);
    place->functions->freeze(place, third, true);
    call_put(place, other, "put without quorum", "key");
    place->functions->freeze(place, leader, false);
    place->functions->freeze(place, third, false);
    place_wait_serving(place, 3);
    call_put(place, other, "put again", "key");
}

/* A follower, so that the leader stays and remembers what it acknowledged. */
static void play_wiped_member(struct place *place)
{
    start_all(place, 3);
    call_put(place, 0, "put", "key");
    size_t leader = place_leader(place, 3), wiped = (leader + 1) % 3;
    place_kill(place, wiped);
    place->functions->wipe(place, wiped);
    place_start(place, wiped, &(struct start){.n = 3});
    place_note_end(place, wiped);
    place_start(place, wiped, &(struct start){.n = 3, .state = "existing"});
    place_note_end(place, wiped);
    place_note_members(place, leader);
}

/* Nobody is there who remembers it: it votes again. */
static void play_wiped_member_meets_nobody(struct place *place)
{
    start_all(place, 3);
    call_put(place, 0, "put", "key");
    for (size_t i = 0; i < 3; i++) {
        place_kill(place, i);
    }
    place->functions->wipe(place, 2);
    place_start(place, 2, &(struct start){.n = 3});
    place_note_alive(place, 2);
    place_start(place, 0, &(struct start){.n = 3});
    place_wait(place, is_back, &(size_t){2}, "a quorum");
    call_count(place, 2, "count", false, 0);
}

static void play_old_binary_on_new_data(struct place *place)
{
    start_all(place, 1);
    place_wait(place, has_cluster_version, NULL, "the cluster's version");
    place_kill(place, 0);
    place_start(place, 0, &(struct start){.n = 1, .old = true});
    place_note_end(place, 0);
    place_start(place, 0, &(struct start){.n = 1});
    place_wait_serving(place, 1);
}

static void play_new_binary_on_old_data(struct place *place)
{
    place_start(place, 0, &(struct start){.n = 1, .old = true});
    place_wait_serving(place, 1);
    call_put(place, 0, "put", "key");
    place_kill(place, 0);
    place_start(place, 0, &(struct start){.n = 1});
    place_wait_serving(place, 1);
    call_count(place, 0, "count", false, 0);
}

/* ---- Alarms, leaders, revisions ---- */

static void play_move_leader(struct place *place)
{
    start_all(place, 3);
    size_t leader = place_leader(place, 3), other = (leader + 1) % 3;
    call_move_leader(place, other, "asked of a follower", place_id(place, other));
    call_move_leader(place, leader, "to nobody", NOBODY);
    call_move_leader(place, leader, "to itself", place_id(place, leader));
    call_move_leader(place, leader, "to a voter", place_id(place, other));
    place_wait_serving(place, 3);
    place_note(place, "%s leads", place_leader(place, 3) == other ? "the other" : "not the other");
}

static bool shows_alarm(struct place *place, void *context)
{
    size_t n = *(const size_t *)context;

    for (size_t i = 0; i < n; i++) {
        if (place_look(place, i).status.n_errors != 1) {
            return false;
        }
    }
    return true;
}

static void play_alarm(struct place *place, enum etcd_alarm_type type)
{
    struct etcd_hash hash;

    start_all(place, 2);
    call_alarms(place, 0, "alarms");
    call_alarm(place, 0, "raise", place_id(place, 1), type, true);
    place_wait(place, shows_alarm, &(size_t){2}, "an alarm in the status");
    call_look(place, 0, "alarmed");
    call_alarms(place, 1, "alarms");
    call_put(place, 0, "put", "key");
    call_count(place, 0, "count", false, 0);
    call_hash(place, 0, "hash", 0, &hash);
    call_compact(place, 0, "compact", 1);
    call_defragment(place, 0, "defragment");
    place_note_members(place, 0);
    call_alarm(place, 0, "disarm another's", place_id(place, 0), type, false);
    call_put(place, 0, "put", "key");
    call_alarm(place, 0, "disarm", place_id(place, 1), type, false);
    call_alarms(place, 0, "alarms");
    call_put(place, 0, "put", "key");
}

static void play_nospace(struct place *place)
{
    play_alarm(place, ETCD_ALARM_NOSPACE);
}

static void play_corrupt(struct place *place)
{
    play_alarm(place, ETCD_ALARM_CORRUPT);
}

static void play_quota(struct place *place)
{
    place_start(place, 0, &(struct start){.n = 1, .extra = "--quota-backend-bytes=1"});
    place_wait_serving(place, 1);
    call_put(place, 0, "put", "key");
    call_alarms(place, 0, "alarms");
    call_count(place, 0, "count", false, 0);
}

static void play_revisions(struct place *place)
{
    struct etcd_hash first = {0}, second = {0};
    int64_t revision = 0;

    start_all(place, 2);
    for (int i = 0; i < 3; i++) {
        try_put(place, 0, "key", &revision);
    }
    place_note(place, "revision %lld", (long long)revision);
    call_compact(place, 0, "compact the future", revision + 5);
    call_compact(place, 0, "compact", revision - 1);
    call_compact(place, 0, "compact again", revision - 1);
    call_count(place, 0, "what is compacted", false, revision - 2);
    call_count(place, 0, "what is not", false, revision - 1);
    call_count(place, 0, "the future", false, revision + 5);
    call_put(place, 0, "no key", "");
    call_hash(place, 0, "hash of the future", revision + 5, &first);
    call_hash(place, 0, "hash of what is compacted", 1, &first);
    call_hash(place, 0, "hash", revision, &first);
    call_hash(place, 1, "hash", revision, &second);
    place_note(place, "hashes %s, compacted at %lld, of revision %lld",
               first.hash == second.hash ? "agree" : "differ", (long long)first.compact_revision,
               (long long)first.revision);
    call_defragment(place, 0, "defragment");
    call_look(place, 0, "defragmented");
}

static void play_downgrade_checks(struct place *place)
{
    start_all(place, 1);
    place_wait(place, has_cluster_version, NULL, "the cluster's version");
    struct etcd_look look = place_look(place, 0);
    int minor = look.status.version[2] - '0';
    const char *before = arena_printf(place->arena, "3.%d", minor - 1);
    const char *same = arena_printf(place->arena, "3.%d", minor);
    call_downgrade(place, 0, "no version", ETCD_DOWNGRADE_VALIDATE, "nonsense");
    call_downgrade(place, 0, "to itself", ETCD_DOWNGRADE_VALIDATE, same);
    call_downgrade(place, 0, "two down", ETCD_DOWNGRADE_VALIDATE,
                   arena_printf(place->arena, "3.%d", minor - 2));
    call_downgrade(place, 0, "one down", ETCD_DOWNGRADE_VALIDATE, before);
    call_downgrade(place, 0, "cancel nothing", ETCD_DOWNGRADE_CANCEL, NULL);
    if (minor > 5) { /* 3.5 does not survive it. */
        call_downgrade(place, 0, "enable", ETCD_DOWNGRADE_ENABLE, before);
        call_downgrade(place, 0, "cancel", ETCD_DOWNGRADE_CANCEL, NULL);
    }
}

const struct scenario etcd_scenarios[] = {
#define SCENARIO(name)                                                                             \
    {                                                                                              \
#name, play_##name, false                                                                  \
    }
    SCENARIO(static_ids),
    SCENARIO(name_is_missing),
    SCENARIO(peer_url_differs),
    SCENARIO(existing_but_nobody_there),
    SCENARIO(existing_with_wrong_count),
    SCENARIO(existing_with_wrong_url),
    SCENARIO(new_on_existing_data),
    SCENARIO(restart_without_initial_flags),
    SCENARIO(bad_flags),
    SCENARIO(add_refused),
    SCENARIO(two_learners_allowed),
    SCENARIO(promote_refused),
    SCENARIO(learner_joins),
    SCENARIO(remove_refused),
    SCENARIO(add_voter_to_one),
    SCENARIO(remove_while_one_is_down),
    SCENARIO(removed_member),
    SCENARIO(removed_while_away),
    SCENARIO(update),
    SCENARIO(no_quorum),
    SCENARIO(leader_is_killed),
    SCENARIO(frozen_members),
    SCENARIO(wiped_member),
    SCENARIO(wiped_member_meets_nobody),
    SCENARIO(move_leader),
    SCENARIO(nospace),
    SCENARIO(corrupt),
    SCENARIO(quota),
    SCENARIO(revisions),
    SCENARIO(downgrade_checks),
    {"old_binary_on_new_data", play_old_binary_on_new_data, true},
    {"new_binary_on_old_data", play_new_binary_on_old_data, true},
};
const size_t n_etcd_scenarios = sizeof etcd_scenarios / sizeof *etcd_scenarios;
