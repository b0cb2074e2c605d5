#include "cluster/hashes.h"

#include <string.h>

#include "cluster/membership.h"
#include "kube/table.h"

#define CONFIRM_AFTER_MS 2000
#define URGENT_EVERY_MS  INT64_C(60000)
#define FRESH_FOR_MS     (10 * INT64_C(60000))
#define INCONSISTENT     "found data inconsistency with peers" /* etcd's server/embed/etcd.go */
#define SPREAD           1024

static const struct hash_answer *answer_of(const struct world *world,
                                           const struct hash_check *check, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct hash_answer *answer = &check->answers[ordinal];

    return member_is_voter(member) && answer->member_id == member->entry->id ? answer : NULL;
}

static bool is_same(const struct hash_answer *a, const struct hash_answer *b)
{
    return a->hash == b->hash && a->compact_revision == b->compact_revision;
}

/* Of the voters that were asked, how many have the hash that most have. */
struct tally {
    const struct hash_answer *most;
    int n_most, voters, answers;
    bool disagree; /* Two that can be compared have different ones. */
};

static struct tally count(const struct world *world, const struct hash_check *check)
{
    struct tally tally = {.voters = membership_of(world).voters};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct hash_answer *a = answer_of(world, check, i);
        int same = 0;
        if (!a) {
            continue;
        }
        tally.answers++;
        for (int j = 0; j < ETCDCLUSTER_MAX_SIZE; j++) {
            const struct hash_answer *b = answer_of(world, check, j);
            same += b && is_same(a, b);
            tally.disagree |= b && a->compact_revision == b->compact_revision && a->hash != b->hash;
        }
        if (same > tally.n_most) {
            tally.n_most = same;
            tally.most = a;
        }
    }
    return tally;
}

static bool has_majority(const struct tally *tally)
{
    return tally->n_most > tally->voters / 2;
}

static enum hashes judge(const struct world *world, const struct hash_check *check)
{
    const struct tally tally = count(world, check);

    if (tally.voters < 2 || !tally.answers) {
        return HASHES_UNKNOWN;
    }
    if (tally.disagree) {
        return has_majority(&tally) ? HASHES_DIFFER : HASHES_SPLIT;
    }
    return tally.n_most == tally.voters ? HASHES_EQUAL : HASHES_UNKNOWN;
}

enum hashes hashes_judge(const struct world *world)
{
    return judge(world, &world->upkeep->checks[0]);
}

static bool is_minority(const struct world *world, const struct hash_check *check, int ordinal)
{
    const struct tally tally = count(world, check);
    const struct hash_answer *answer = answer_of(world, check, ordinal);

    return answer && has_majority(&tally) &&
           answer->compact_revision == tally.most->compact_revision &&
           answer->hash != tally.most->hash;
}

bool hashes_blamed_itself(const struct world_member *member)
{
    return member->entry && member->pod.exists && !member->pod.ready && !member_answers(member) &&
           member->pod.ended_message && strstr(member->pod.ended_message, INCONSISTENT);
}

/* All others agree, so the peer that it differs from is each of them. */
static bool stands_alone(const struct world *world, const struct hash_check *check, int ordinal)
{
    const struct tally tally = count(world, check);

    return hashes_blamed_itself(&world->members[ordinal]) && !answer_of(world, check, ordinal) &&
           has_majority(&tally) && tally.n_most == tally.voters - 1;
}

bool hashes_prove(const struct world *world, int ordinal)
{
    const struct hash_check *last = &world->upkeep->checks[0], *before = &world->upkeep->checks[1];

    if (MUTANT(WipeOnAlarm) && world_alarmed(world, ETCD_ALARM_CORRUPT)) {
        return member_is_voter(&world->members[ordinal]) &&
               world->alarms[0].member_id == world->members[ordinal].entry->id;
    }
    if (!world->member_list || !last->revision || !member_is_voter(&world->members[ordinal]) ||
        world->boot_ms - last->at_ms > FRESH_FOR_MS) {
        return false;
    }
    return (before->revision && is_minority(world, last, ordinal) &&
            is_minority(world, before, ordinal)) ||
           stands_alone(world, last, ordinal);
}

/* Something says that data may differ. */
static bool is_urgent(const struct world *world)
{
    enum hashes now = hashes_judge(world);

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (hashes_blamed_itself(&world->members[i])) {
            return true;
        }
    }
    return world_alarmed(world, ETCD_ALARM_CORRUPT) || now == HASHES_DIFFER || now == HASHES_SPLIT;
}

/* What says so has come after the last check. */
static bool is_news(const struct world *world)
{
    const struct hash_check *last = &world->upkeep->checks[0];

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (hashes_blamed_itself(&world->members[i]) && answer_of(world, last, i)) {
            return true;
        }
    }
    return !last->revision || (world_alarmed(world, ETCD_ALARM_CORRUPT) && !last->alarmed);
}

static bool is_urgently_due(const struct world *world, int64_t passed_ms)
{
    bool unconfirmed = hashes_judge(world) == HASHES_DIFFER &&
                       judge(world, &world->upkeep->checks[1]) != HASHES_DIFFER;

    return is_news(world) || passed_ms >= (unconfirmed ? CONFIRM_AFTER_MS : URGENT_EVERY_MS);
}

static bool is_due(const struct world *world, bool restarts)
{
    const struct upkeep *upkeep = world->upkeep;
    const struct hash_check *last = &upkeep->checks[0];
    int64_t interval_ms = world->spec.health_check.hash_interval_ms;
    int64_t passed_ms = world->boot_ms - last->at_ms;

    if (is_urgent(world)) {
        return is_urgently_due(world, passed_ms);
    }
    if (!interval_ms) {
        return false;
    }
    if (!last->revision) { /* Not all clusters at once after a start of the operator. */
        uint64_t share = kube_hash(world->uid, strlen(world->uid)) % SPREAD;
        return restarts ||
               world->boot_ms - upkeep->since_ms >= interval_ms / SPREAD * (int64_t)share;
    }
    int64_t again_ms = restarts ? FRESH_FOR_MS : interval_ms;
    if (hashes_judge(world) != HASHES_EQUAL) {
        again_ms = URGENT_EVERY_MS;
    }
    return passed_ms >= (again_ms < interval_ms ? again_ms : interval_ms);
}

bool hashes_may_ask(const struct world *world, int ordinal)
{
    return member_is_live(&world->members[ordinal]);
}

bool hashes_due(const struct world *world, bool restarts, int64_t *revision)
{
    const char *version = NULL;
    struct membership now = membership_of(world);

    *revision = INT64_MAX;
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct etcd_status *status = &world->members[i].look.status;
        if (!hashes_may_ask(world, i)) {
            continue;
        }
        /* How a hash is made has changed in patch releases, too. */
        if (version && strcmp(version, status->version) != 0) {
            return false;
        }
        version = status->version;
        *revision = status->revision < *revision ? status->revision : *revision;
    }
    return now.voters > 1 && now.live > now.voters / 2 && *revision > 0 &&
           (is_urgent(world) || now.live == now.voters) && is_due(world, restarts);
}
