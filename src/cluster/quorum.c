#include "cluster/quorum.h"

#include <string.h>

#include "base/clock.h"
#include "cluster/membership.h"
#include "cluster/plan.h"

enum standing {
    SURVIVES, /* It answers, has its data, and sees no leader. */
    GONE,     /* What it had is gone. */
    STOPPED,  /* It does not run. */
    STARTING, /* It is on its way, as far as anybody says. */
    SILENT,   /* It may serve, to others than us. */
    N_STANDINGS
};

struct census {
    enum standing of[ETCDCLUSTER_MAX_SIZE];
    bool counts[ETCDCLUSTER_MAX_SIZE];
    int voters, n[N_STANDINGS]; /* Of those that count. */
};

static enum standing standing_of_pod(const struct world *world, int ordinal)
{
    const struct world_pod *pod = &world->members[ordinal].pod;
    bool early = world->unread_ms < QUORUM_STARTING_MS;
    bool is_young = pod->runs_ms < QUORUM_STARTING_MS / 3;

    if (pod->started && is_young && early) {
        return STARTING;
    }
    if (pod->started && !(is_young && pod->ended_reason)) {
        return SILENT;
    }
    /* What ends again and again is not on its way, and the kubelet's word for it is fresh. */
    bool has_stopped = pod->unschedulable || pod->ended_reason || pod_lacks_image(pod);
    return early && !(pod->exists && has_stopped) ? STARTING : STOPPED;
}

static enum standing standing_of(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct report *report = member->report;

    if (member_answers(member)) {
        return member->look.status.leader_id ? SILENT : SURVIVES;
    }
    if (member_data_lost(world, ordinal)) {
        return GONE;
    }
    if (report) {
        bool may_start = !report->waiting || member_has_pending_permit(world, ordinal);
        return may_start && world->unread_ms < QUORUM_STARTING_MS ? STARTING : STOPPED;
    }
    if (member->pod.exists && member->pod.terminating) {
        return SILENT;
    }
    return standing_of_pod(world, ordinal);
}

/* The voters as they are known, and whoever else may be one and may serve. */
static struct census take_census(const struct world *world)
{
    struct census census = {.voters = 0};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        struct known_member known = world_known_member(world, i);
        census.counts[i] = known.id && !known.is_learner;
        census.voters += census.counts[i];
    }
    for (int i = 0; !census.voters && i < world_size(world); i++) {
        census.counts[i] = true;
    }
    census.voters = 0;
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        census.of[i] = standing_of(world, i);
        census.counts[i] = census.counts[i] || census.of[i] == SILENT;
        census.voters += census.counts[i];
        census.n[census.of[i]] += census.counts[i];
    }
    return census;
}

static const char *last_seen(const struct world_member *member, struct arena *arena)
{
    char date[CLOCK_RFC3339_SIZE];

    if (!member->last.index) {
        return "";
    }
    return arena_printf(arena, ", last seen with revision %lld, raft index %llu at %s",
                        (long long)member->last.revision, (unsigned long long)member->last.index,
                        clock_rfc3339(member->last.at_ms, date, sizeof date));
}

static const char *why_not(const struct world *world, int ordinal, enum standing standing,
                           struct arena *arena)
{
    const char *why = NULL, *reason;

    switch (standing) {
    case GONE:
        return member_data_lost(world, ordinal);
    case STOPPED:
        why = diagnose_member(world, ordinal, arena, &reason);
        return why ? why : "it does not run";
    case STARTING:
        return "it is starting";
    case SILENT:
        return member_answers(&world->members[ordinal]) ? "it answers, but reads nothing"
                                                        : "it is silent";
    case SURVIVES:
    case N_STANDINGS:
        break;
    }
    return "";
}

enum detail { BRIEFLY, IN_FULL };

/* "c-1 (its volume is empty), c-2 (...)": those that have no part in a quorum, and why. */
static const char *list_missing(const struct world *world, const struct census *census,
                                enum detail detail, struct arena *arena)
{
    const char *out = "";

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (census->counts[i] && census->of[i] != SURVIVES) {
            out = arena_printf(arena, "%s%s%s (%s%s)", out, *out ? ", " : "",
                               names_pod(arena, world->names, i),
                               why_not(world, i, census->of[i], arena),
                               detail == IN_FULL ? last_seen(&world->members[i], arena) : "");
        }
    }
    return *out ? out : "nobody";
}

/* "c-0 (revision 5, raft index 9)": those that answer, and wait for a leader. */
static const char *list_survivors(const struct world *world, const struct census *census,
                                  struct arena *arena)
{
    const char *out = "";

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct etcd_status *status = &world->members[i].look.status;
        if (census->counts[i] && census->of[i] == SURVIVES) {
            out = arena_printf(arena, "%s%s%s (revision %lld, raft index %llu)", out,
                               *out ? ", " : "", names_pod(arena, world->names, i),
                               (long long)status->revision,
                               (unsigned long long)status->raft_applied_index);
        }
    }
    return *out ? out : "nobody";
}

enum loss { DATA_LOST, NO_LEADER, MEMBERS_DOWN };

static const struct {
    const char *reason, *then;
} losses[] = {
    [DATA_LOST] = {"DataLost",
                   "bring the lost volumes or nodes back, and the cluster serves again by itself; "
                   "wait, if that is under way; else copy what the others have, and restore a "
                   "backup into a new cluster"},
    [NO_LEADER] = {"NoLeader",
                   "let the members reach each other again, and the cluster serves by itself"},
    [MEMBERS_DOWN] = {"MembersDown",
                      "bring the members' nodes and pods back, and the cluster serves again by "
                      "itself; wait, if they are on their way; restore a backup into a new cluster "
                      "only if they are gone for good"},
};

static struct quorum_verdict say_lost(const struct world *world, const struct census *census,
                                      enum loss loss, struct arena *arena)
{
    const char *survivors = list_survivors(world, census, arena);
    int needed = census->voters / 2 + 1;

    return (struct quorum_verdict){
        QUORUM_LOST, losses[loss].reason,
        arena_printf(arena,
                     "%d of %d voters are needed. Out: %s. Left with data, and without a leader: "
                     "%s. Nothing is changed. What to do, the best first: %s",
                     needed, census->voters, list_missing(world, census, IN_FULL, arena), survivors,
                     losses[loss].then),
        arena_printf(arena,
                     "quorum is lost (%d of %d are needed): out: %s; left: %s; nothing is changed, "
                     "and condition QuorumLost says what to do",
                     needed, census->voters, list_missing(world, census, BRIEFLY, arena),
                     survivors)};
}

static struct quorum_verdict say_unknown(const struct world *world, const struct census *census,
                                         const char *reason, const char *what, struct arena *arena)
{
    return (struct quorum_verdict){
        .state = QUORUM_UNKNOWN,
        .reason = reason,
        .message = arena_printf(
            arena,
            "no linearizable read succeeds, and %s: %s; left with data, and without a leader: %s; "
            "nothing is changed until they answer",
            what, list_missing(world, census, BRIEFLY, arena),
            list_survivors(world, census, arena)),
    };
}

/* Nobody tells anything: neither a member nor a start helper. */
static bool nobody_is_heard(const struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (member_answers(&world->members[i]) || world->members[i].report) {
            return false;
        }
    }
    return true;
}

static struct quorum_verdict judge_loss(const struct world *world, struct arena *arena)
{
    const struct census census = take_census(world);
    const int *n = census.n, half = census.voters / 2;
    int election_ms = 3 * world->spec.etcd.election_timeout_ms;

    if (census.voters - n[GONE] <= half) {
        return say_lost(world, &census, DATA_LOST, arena);
    }
    if (n[SILENT] > half && !MUTANT(SilenceIsLoss)) {
        return nobody_is_heard(world)
                   ? say_unknown(world, &census, "MembersUnreachable",
                                 "the operator reaches nobody", arena)
                   : say_unknown(world, &census, "MembersSilent",
                                 "a quorum may serve others than the operator", arena);
    }
    bool may_come = n[STARTING] && n[STARTING] + n[SILENT] + n[SURVIVES] > half;
    if (may_come || world->unread_here_ms < QUORUM_ELECTION_MS || world->unread_ms < election_ms) {
        return say_unknown(world, &census, "Starting", "members may be on their way", arena);
    }
    return say_lost(world, &census, n[SURVIVES] > half ? NO_LEADER : MEMBERS_DOWN, arena);
}

struct quorum_verdict quorum_judge(const struct world *world, struct arena *arena)
{
    if (world->deleting) {
        return (struct quorum_verdict){.reason = "Deleting", .message = ""};
    }
    if (!world_formed(world)) {
        return (struct quorum_verdict){.reason = "NotFormed", .message = ""};
    }
    if (!world->spec_valid) {
        return (struct quorum_verdict){QUORUM_UNKNOWN, "InvalidSpec",
                                       "no member is asked while the spec is not valid", NULL};
    }
    if (world_has_quorum(world) || MUTANT(LossUntold)) {
        return (struct quorum_verdict){.reason = "Quorum",
                                       .message = "a linearizable read succeeded"};
    }
    return judge_loss(world, arena);
}
