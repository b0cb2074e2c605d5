/* Raft, as far as it can lose data: who leads, who may vote, what is replicated and what is
 * committed.  Messages take no time; what takes time are elections and lost leaders. Nobody's view
 * of who leads is stored: it follows from who can reach whom, so there is nothing to keep alive
 * with heartbeats.  Everyone looks around (review) when something changed. */
#include <string.h>

#include "sim/etcd/internal.h"

/* A member without a log is sent one within this time (a snapshot, in reality). */
#define CATCH_UP_MIN_MS 100
#define CATCH_UP_MAX_MS 3000
/* etcd shortens the first time-out of a process that starts (initial-election-tick-advance). */
#define FIRST_ELECTION_MIN_MS 100

/* How soon a failing request makes everyone look around again. */
#define NOTICE_MS 100

/* Nobody can be blamed for what he decides on what was true so long ago. */
#define MOMENT_MS 15000

#define REMOVED "the member has been permanently removed from the cluster"

static void raft_timer(void *context, uint64_t catch_up);

static bool runs(const struct sim_etcd_process *process)
{
    return process->state == PROCESS_RUNNING && !process->frozen;
}

/* Packets pass both ways between this process and where the configuration says that the member is,
 * and somebody of the cluster answers there. */
static struct sim_etcd_process *anybody(const struct sim_etcd_process *process,
                                        const struct conf_member *member)
{
    struct sim_etcd *etcd = process->etcd;
    const char *address = etcd->options.resolve(etcd->options.context, member->host);
    struct sim_etcd_process *peer = address ? process_at(etcd, address) : NULL;

    if (!peer || !runs(peer) || peer->data->cluster_id != process->data->cluster_id ||
        !etcd_reachable(etcd, process->address, address) ||
        !etcd_reachable(etcd, address, process->address)) {
        return NULL;
    }
    return peer;
}

/* The same, and it is that member. */
static struct sim_etcd_process *answers(const struct sim_etcd_process *process,
                                        const struct conf_member *member)
{
    struct sim_etcd_process *peer = anybody(process, member);

    return peer && peer->data->member_id == member->id ? peer : NULL;
}

struct sim_etcd_process *raft_peer(const struct sim_etcd_process *process,
                                   const struct conf_member *member)
{
    struct sim_etcd_process *peer = answers(process, member);

    return peer && !data_is_removed(peer->data, process->data->member_id) ? peer : NULL;
}

/* The member's process, which may be this one itself. */
static struct sim_etcd_process *member_process(struct sim_etcd_process *process,
                                               const struct conf_member *member)
{
    return member->id == process->data->member_id ? process : raft_peer(process, member);
}

struct sim_etcd_process *raft_leader(struct sim_etcd_process *process)
{
    struct sim_etcd_process *leader = NULL;

    if (!runs(process) || process->leads) {
        return runs(process) ? process : NULL;
    }
    for (struct sim_etcd_process *at = process->etcd->processes; at; at = at->next) {
        if (!at->leads || !runs(at) || at->data->cluster_id != process->data->cluster_id ||
            at->data->term < process->data->term ||
            (leader && at->data->term <= leader->data->term)) {
            continue;
        }
        const struct conf_member *self = conf_find(&at->data->conf, process->data->member_id);
        if (self && raft_peer(at, self) == process) {
            leader = at;
        }
    }
    return leader;
}

static void step_down(struct sim_etcd_process *process, uint64_t term)
{
    struct data *data = process->data;

    if (process->leads) {
        sim_trace(process->etcd->sim, "etcd %s at %s: leads no more (term %llu)",
                  process->flags.name, process->address, (unsigned long long)data->term);
        process->leads = false;
        raft_review_later(process->etcd);
    }
    if (term > data->term) {
        data->term = term;
        data->vote = 0;
    }
}

size_t raft_followers(struct sim_etcd_process *leader)
{
    const struct conf *conf = &leader->data->conf;
    size_t followers = 0;

    for (size_t i = 0; i < conf->n; i++) {
        const struct sim_etcd_process *peer =
            conf->members[i]->learner ? NULL : member_process(leader, conf->members[i]);
        if (peer && peer->data->term > leader->data->term) {
            step_down(leader, peer->data->term);
            return 0;
        }
        followers += peer != NULL;
    }
    return followers;
}

bool raft_has_quorum(struct sim_etcd_process *leader)
{
    return raft_followers(leader) > conf_voters(&leader->data->conf) / 2;
}

bool raft_lives(struct sim_etcd_process *leader, const struct conf_member *member)
{
    if (member_process(leader, member)) {
        return true;
    }
    for (size_t i = 0; i < leader->n_connections; i++) {
        if (leader->connections[i].id == member->id && !leader->connections[i].serial) {
            return sim_now(leader->etcd->sim) - leader->connections[i].since_ms < MOMENT_MS;
        }
    }
    return true; /* It has not been looked for yet. */
}

size_t raft_live_voters(struct sim_etcd_process *leader)
{
    const struct conf *conf = &leader->data->conf;
    size_t live = 0;

    for (size_t i = 0; i < conf->n; i++) {
        live += !conf->members[i]->learner && raft_lives(leader, conf->members[i]);
    }
    return live;
}

/* ---- Replication ---- */

static struct progress *progress_of(struct sim_etcd_process *leader, uint64_t id)
{
    for (size_t i = 0; i < leader->n_progress; i++) {
        if (leader->progress[i].id == id) {
            return &leader->progress[i];
        }
    }
    /* One of a removed member makes room. */
    struct progress *progress = &leader->progress[leader->n_progress];
    for (size_t i = 0; i < leader->n_progress; i++) {
        if (!conf_find(&leader->data->conf, leader->progress[i].id)) {
            progress = &leader->progress[i];
        }
    }
    if (progress == &leader->progress[leader->n_progress]) {
        leader->n_progress++;
    }
    *progress = (struct progress){.id = id};
    return progress;
}

/* False: the disk is full, and the process has ended. */
static bool can_write(struct sim_etcd_process *process)
{
    if (process->disk->full && process->disk->data == process->data) {
        process_exit(process, 2,
                     "failed to save Raft hard state and entries: write: no space left "
                     "on device");
        return false;
    }
    return true;
}

/* One that has not served yet may as well end by the listener that never listened: etcd's main
 * function takes whichever it sees. */
static void end_removed(void *context, uint64_t unused)
{
    struct sim_etcd_process *process = context;
    int code = process->ready ? 0 : (int)sim_below(process->etcd->sim, SIM_STREAM_ETCD, 2);

    (void)unused;
    process_exit(process, code, REMOVED);
}

static void apply(struct sim_etcd_process *process)
{
    struct data *data = process->data;
    bool removed = data_is_removed(data, data->member_id);

    if (data_apply(data, process->flags.max_learners)) {
        raft_review_later(process->etcd);
    }
    if (!removed && data_is_removed(data, data->member_id)) {
        /* It goes on for a second (server/etcdserver/server.go). */
        sim_after(process->etcd->sim, 1000, end_removed, process, 0);
    }
}

/* Where the two logs begin to differ, as far as terms tell: all that raft looks at. */
static size_t common_length(const struct data *a, const struct data *b)
{
    size_t length = a->length < b->length ? a->length : b->length;

    while (length && a->log[length - 1].term != b->log[length - 1].term) {
        length--;
    }
    return length;
}

static void commit_to(struct sim_etcd_process *process, size_t commit)
{
    struct data *data = process->data;

    commit = commit < data->length ? commit : data->length;
    if (commit > data->commit) {
        data->commit = commit;
        apply(process);
    }
}

static void send_log(struct sim_etcd_process *leader, struct sim_etcd_process *peer, bool voter,
                     struct progress *progress)
{
    struct data *from = leader->data, *to = peer->data;

    if (to->length < progress->match) { /* A heartbeat says what it once acknowledged. */
        process_exit(peer, 2,
                     "tocommit(%zu) is out of range [lastIndex(%zu)]. Was the raft log corrupted, "
                     "truncated, or lost?",
                     progress->match, to->length);
        return;
    }
    if (to->length < from->length || progress->match < from->length) {
        size_t length = common_length(from, to);
        if (length < to->commit) {
            process_exit(peer, 2, "entry %zu conflict with committed entry", length + 1);
            return;
        }
        if (!can_write(peer)) {
            return;
        }
        if (!to->length) {
            to->conf.n = 0; /* From here on it is what the log says. */
        }
        data_truncate(to, length);
        while (to->length < from->length) {
            data_append(to, &from->log[to->length]);
        }
        if (voter) { /* A learner's word counts for nothing. */
            ledger_took_part(leader->etcd, peer);
        }
    }
    progress->match = to->length;
    commit_to(peer, from->commit);
}

/* To one member, if it is reachable and its time has come. */
static void replicate_to(struct sim_etcd_process *leader, const struct conf_member *member)
{
    struct sim *sim = leader->etcd->sim;
    struct sim_etcd_process *peer = raft_peer(leader, member);
    struct progress *progress = progress_of(leader, member->id);

    if (!peer || peer->data->term > leader->data->term) {
        return; /* raft_followers() sees the later term. */
    }
    if (!peer->data->length) {
        if (!progress->from_ms) {
            int64_t delay_ms =
                leader->etcd->catch_up_ms
                    ? leader->etcd->catch_up_ms
                    : sim_between(sim, SIM_STREAM_ETCD, CATCH_UP_MIN_MS, CATCH_UP_MAX_MS);
            progress->from_ms = sim_now(sim) + delay_ms;
            sim_after(sim, delay_ms, raft_timer, leader, true);
        }
        if (sim_now(sim) < progress->from_ms) {
            return;
        }
    }
    if (peer->data->term < leader->data->term) {
        step_down(peer, leader->data->term);
    }
    peer->leads = false;
    send_log(leader, peer, !member->learner, progress);
}

/* What a quorum of the applied configuration has is committed, if it is of this term. */
static void advance_commit(struct sim_etcd_process *leader)
{
    const struct conf *conf = &leader->data->conf;
    size_t quorum = conf_voters(conf) / 2 + 1, best = leader->data->commit;

    for (size_t i = 0; i < conf->n; i++) {
        const struct conf_member *member = conf->members[i];
        size_t candidate = member->id == leader->data->member_id
                               ? leader->data->length
                               : progress_of(leader, member->id)->match;
        size_t have = 0;
        for (size_t j = 0; j < conf->n; j++) {
            const struct conf_member *other = conf->members[j];
            size_t match = other->id == leader->data->member_id
                               ? leader->data->length
                               : progress_of(leader, other->id)->match;
            have += !other->learner && match >= candidate;
        }
        if (!member->learner && have >= quorum && candidate > best) {
            best = candidate;
        }
    }
    if (best > leader->data->commit && leader->data->log[best - 1].term == leader->data->term) {
        commit_to(leader, best);
    }
}

static void replicate(struct sim_etcd_process *leader)
{
    size_t before = leader->data->commit;
    struct conf conf = leader->data->conf; /* Applying changes it. */

    for (size_t i = 0; i < conf.n; i++) {
        if (conf.members[i]->id != leader->data->member_id) {
            replicate_to(leader, conf.members[i]);
        }
    }
    advance_commit(leader);
    if (leader->data->commit > before) {
        if (leader->data->commit > before + 1) { /* What waited for this may go on. */
            raft_review_later(leader->etcd);
        }
        ledger_took_part(leader->etcd, leader);
        for (size_t i = 0; i < conf.n; i++) {
            if (conf.members[i]->id != leader->data->member_id) {
                replicate_to(leader, conf.members[i]);
            }
        }
    }
}

void raft_hasten(struct sim_etcd *etcd)
{
    int64_t latest_ms = sim_now(etcd->sim) + CATCH_UP_MAX_MS;

    for (struct sim_etcd_process *at = etcd->processes; at; at = at->next) {
        for (size_t i = 0; i < at->n_progress; i++) {
            if (at->progress[i].from_ms > latest_ms) {
                at->progress[i].from_ms = latest_ms;
                sim_after(etcd->sim, CATCH_UP_MAX_MS, raft_timer, at, true);
            }
        }
    }
}

/* Tells what a change of membership does to the quorum. */
static void tell_membership(struct sim_etcd_process *leader, const struct entry *entry,
                            bool accepted)
{
    const struct sim_etcd_options *options = &leader->etcd->options;
    const struct conf *conf = &leader->data->conf;
    const struct conf_member *known = conf_find(conf, entry->member->id);
    struct sim_membership_change change = {.kind =
                                               entry->kind == ENTRY_ADD       ? SIM_MEMBER_ADD
                                               : entry->kind == ENTRY_PROMOTE ? SIM_MEMBER_PROMOTE
                                               : entry->kind == ENTRY_REMOVE  ? SIM_MEMBER_REMOVE
                                                                              : SIM_MEMBER_UPDATE,
                                           .accepted = accepted,
                                           .cluster_id = leader->data->cluster_id,
                                           .member_id = entry->member->id,
                                           .host = known ? known->host : entry->member->host,
                                           .learner = (known ? known : entry->member)->learner,
                                           .voters = conf_voters(conf),
                                           .live = raft_live_voters(leader),
                                           .member_lives = known && raft_lives(leader, known)};

    if (entry->kind != ENTRY_ADD && !known) {
        return; /* Applying it will refuse it. */
    }
    change.voters_after = change.voters;
    change.live_after = change.live;
    if (change.kind == SIM_MEMBER_PROMOTE && change.learner) {
        change.voters_after++;
        change.live_after += change.member_lives;
    } else if (change.kind == SIM_MEMBER_ADD && !change.learner) {
        change.voters_after++;
    } else if (change.kind == SIM_MEMBER_REMOVE && !change.learner) {
        change.voters_after--;
        change.live_after -= change.member_lives;
    }
    options->membership(options->context, &change);
}

void raft_tell_membership(struct sim_etcd_process *process, const struct entry *entry,
                          bool accepted)
{
    struct sim_etcd_process *leader = raft_leader(process);

    if (leader && leader->etcd->options.membership) {
        tell_membership(leader, entry, accepted);
    }
}

bool raft_propose(struct sim_etcd_process *process, struct entry entry, struct proposal *proposal)
{
    struct sim_etcd_process *leader = raft_leader(process);
    struct proposal unused;

    proposal = proposal ? proposal : &unused;
    proposal->length = 0;
    if (leader) {
        raft_followers(leader);
    }
    if (!leader || !leader->leads || !can_write(leader)) {
        raft_notice_failure(process->etcd);
        return false;
    }
    if (entry_is_membership(&entry)) {
        raft_tell_membership(leader, &entry, true);
    }
    entry.term = leader->data->term;
    entry.id = ++leader->etcd->entries;
    data_append(leader->data, &entry);
    *proposal = (struct proposal){entry.id, leader->data->length};
    replicate(leader);
    if (!raft_is_applied(leader, proposal)) {
        raft_review_later(leader->etcd);
    }
    return raft_is_applied(process, proposal);
}

bool raft_is_applied(const struct sim_etcd_process *process, const struct proposal *proposal)
{
    const struct data *data = process->data;

    return process->state == PROCESS_RUNNING && proposal->length &&
           data->applied >= proposal->length && data->log[proposal->length - 1].id == proposal->id;
}

bool raft_in_sync(const struct sim_etcd_process *leader, uint64_t id)
{
    if (id == leader->data->member_id) {
        return true;
    }
    for (size_t i = 0; i < leader->n_progress; i++) {
        if (leader->progress[i].id == id) {
            /* readyPercentThreshold in server/etcdserver/server.go. */
            return 10 * leader->progress[i].match >= 9 * leader->data->length;
        }
    }
    return false;
}

/* ---- Elections ---- */

static void lead(struct sim_etcd_process *process)
{
    process->leads = true;
    process->led_ms = sim_now(process->etcd->sim);
    process->n_progress = 0;
    sim_trace(process->etcd->sim, "etcd %s at %s: leads in term %llu", process->flags.name,
              process->address, (unsigned long long)process->data->term);
    ledger_elected(process->etcd, process);
    raft_propose(process, (struct entry){.kind = ENTRY_EMPTY}, NULL);
    raft_review_later(process->etcd);
}

static bool up_to_date(const struct data *candidate, const struct data *voter)
{
    uint64_t ours = candidate->length ? candidate->log[candidate->length - 1].term : 0;
    uint64_t theirs = voter->length ? voter->log[voter->length - 1].term : 0;

    return ours != theirs ? ours > theirs : candidate->length >= voter->length;
}

/* Pre-vote: who would vote. A voter that hears a leader would not; one that knows a later term
 * says so. */
static size_t would_vote(struct sim_etcd_process *process)
{
    struct data *data = process->data;
    size_t votes = 0;

    for (size_t i = 0; i < data->conf.n; i++) {
        struct sim_etcd_process *voter =
            data->conf.members[i]->learner ? NULL : member_process(process, data->conf.members[i]);
        if (!voter) {
            continue;
        }
        if (voter->data->term > data->term) {
            data->term = voter->data->term;
            data->vote = 0;
        }
        votes += up_to_date(data, voter->data) && (voter == process || !raft_leader(voter));
    }
    return votes;
}

static size_t collect_votes(struct sim_etcd_process *process)
{
    struct data *data = process->data;
    size_t votes = 0;

    for (size_t i = 0; i < data->conf.n; i++) {
        struct sim_etcd_process *voter =
            data->conf.members[i]->learner ? NULL : member_process(process, data->conf.members[i]);
        if (!voter || voter->data->term > data->term) {
            continue;
        }
        if (voter->data->term < data->term) {
            step_down(voter, data->term);
        }
        if ((voter->data->vote && voter->data->vote != data->member_id) ||
            !up_to_date(data, voter->data) || !can_write(voter)) {
            continue;
        }
        voter->data->vote = data->member_id;
        voter->data->begun = true;
        ledger_took_part(process->etcd, voter);
        votes++;
    }
    return votes;
}

static bool campaign(struct sim_etcd_process *process)
{
    struct data *data = process->data;
    size_t quorum = conf_voters(&data->conf) / 2 + 1;

    if (would_vote(process) < quorum) {
        return false;
    }
    data->term++;
    data->vote = 0;
    if (collect_votes(process) < quorum || process->state != PROCESS_RUNNING) {
        return false;
    }
    lead(process);
    return true;
}

bool raft_transfer(struct sim_etcd_process *leader, uint64_t to)
{
    const struct conf_member *member = conf_find(&leader->data->conf, to);
    struct sim_etcd_process *peer = member ? member_process(leader, member) : NULL;

    if (!peer) {
        return false;
    }
    if (peer == leader) {
        return true;
    }
    raft_review_later(leader->etcd);
    leader->leads = false; /* The one who is told to campaign needs no pre-vote. */
    return campaign(peer);
}

/* ---- What everyone sees who looks around ---- */

static bool may_campaign(const struct sim_etcd_process *process)
{
    const struct conf_member *self = conf_find(&process->data->conf, process->data->member_id);

    return process->data->length && self && !self->learner;
}

static void plan_timer(struct sim_etcd_process *process)
{
    struct sim *sim = process->etcd->sim;
    int64_t election_ms = process->flags.election_ms;
    int64_t low_ms = process->leads || process->followed ? election_ms : FIRST_ELECTION_MIN_MS;

    if (process->timer) {
        return;
    }
    process->timer = true;
    sim_after(sim,
              process->leads ? election_ms
                             : sim_between(sim, SIM_STREAM_ETCD, low_ms, low_ms + election_ms),
              raft_timer, process, false);
}

static void raft_timer(void *context, uint64_t catch_up)
{
    struct sim_etcd_process *process = context;

    if (catch_up) { /* A new member's log is to be sent. */
        if (process->leads && runs(process)) {
            replicate(process);
            raft_review_later(process->etcd);
        }
        return;
    }
    process->timer = false;
    if (!runs(process)) {
        return; /* Looks around when it is thawed. */
    }
    if (process->leads) {
        if (!raft_has_quorum(process)) {
            step_down(process, 0);
        }
    } else if (!raft_leader(process) && may_campaign(process) && !campaign(process) &&
               runs(process)) {
        process->followed = true; /* From the second try on it waits for the whole time-out. */
        plan_timer(process);
    }
}

static struct connection *connection_of(struct sim_etcd_process *process, uint64_t id)
{
    struct connection *free_one = NULL;

    for (size_t i = 0; i < process->n_connections; i++) {
        if (process->connections[i].id == id) {
            return &process->connections[i];
        }
        if (!conf_find(&process->data->conf, process->connections[i].id)) {
            free_one = &process->connections[i];
        }
    }
    if (!free_one) {
        if (process->n_connections == MEMBERS_MAX) {
            return NULL;
        }
        free_one = &process->connections[process->n_connections++];
    }
    *free_one = (struct connection){.id = id, .since_ms = sim_now(process->etcd->sim)};
    return free_one;
}

int64_t raft_connected_since(const struct sim_etcd_process *process, uint64_t id)
{
    for (size_t i = 0; i < process->n_connections; i++) {
        if (process->connections[i].id == id && process->connections[i].serial) {
            return process->connections[i].since_ms;
        }
    }
    return -1;
}

/* Dials the others. False when one says that this member was removed. */
static bool connect_all(struct sim_etcd_process *process)
{
    const struct data *data = process->data;

    for (size_t i = 0; i < data->conf.n; i++) {
        if (data->conf.members[i]->id == data->member_id) {
            continue;
        }
        /* Whether the caller was removed is looked at before who is called (rafthttp/http.go). */
        const struct sim_etcd_process *peer = anybody(process, data->conf.members[i]);
        struct connection *connection = connection_of(process, data->conf.members[i]->id);
        if (peer && data_is_removed(peer->data, data->member_id)) {
            return false;
        }
        uint64_t serial =
            peer && peer->data->member_id == data->conf.members[i]->id ? peer->serial : 0;
        if (connection && connection->serial != serial) {
            connection->serial = serial;
            connection->since_ms = sim_now(process->etcd->sim);
        }
    }
    return true;
}

/* What members themselves propose waits while something else waits, or it would pile up. */
static bool all_committed(const struct sim_etcd_process *leader)
{
    return leader->data->commit == leader->data->length;
}

/* A member that has a leader says its name and serves. */
static void follow(struct sim_etcd_process *process, const struct sim_etcd_process *leader)
{
    struct data *data = process->data;
    const struct conf_member *self = conf_find(&data->conf, data->member_id);

    process->followed = true;
    if (!self || process->ready) {
        return;
    }
    if (!raft_is_applied(process, &process->publication) && all_committed(leader)) {
        struct conf_member said = *self;
        said.name = process->flags.name;
        said.client_url = process->flags.client_url;
        raft_propose(
            process,
            (struct entry){.kind = ENTRY_PUBLISH, .member = conf_member_new(process->etcd, &said)},
            &process->publication);
    }
    if (raft_is_applied(process, &process->publication)) {
        process->ready = true;
        sim_trace(process->etcd->sim, "etcd %s at %s: ready", process->flags.name,
                  process->address);
    }
}

static void propose_number(struct sim_etcd_process *leader, enum entry_kind kind, int number)
{
    raft_propose(leader, (struct entry){.kind = kind, .number = (uint64_t)number}, NULL);
}

/* The highest version that all can serve, and nothing while one is away
 * (server/etcdserver/version/monitor.go). */
static void agree_on_version(struct sim_etcd_process *leader)
{
    const struct conf *conf = &leader->data->conf;
    int target = leader->data->downgrade;
    int low = leader->minor;
    int high = low;

    if (!all_committed(leader)) {
        return;
    }
    for (size_t i = 0; i < conf->n; i++) {
        const struct sim_etcd_process *peer = member_process(leader, conf->members[i]);
        if (!peer) {
            return;
        }
        low = peer->minor < low ? peer->minor : low;
        high = peer->minor > high ? peer->minor : high;
    }
    if (target && high == target) {
        propose_number(leader, ENTRY_DOWNGRADE, 0);
    } else if (target && target < leader->data->minor) {
        propose_number(leader, ENTRY_CLUSTER_VERSION, target);
    } else if (!target && low > leader->data->minor) {
        propose_number(leader, ENTRY_CLUSTER_VERSION, low);
    }
}

static void review_leader(struct sim_etcd_process *process)
{
    if (!raft_has_quorum(process)) {
        plan_timer(process);
        return;
    }
    replicate(process);
    if (process->leads && runs(process)) {
        follow(process, process);
    }
    if (process->leads && runs(process)) {
        agree_on_version(process);
    }
}

static void review_one(struct sim_etcd_process *process)
{
    if (!runs(process)) {
        return;
    }
    if (!connect_all(process)) {
        end_removed(process, 0);
        return;
    }
    if (process->leads) {
        review_leader(process);
        return;
    }
    const struct sim_etcd_process *leader = raft_leader(process);
    if (leader) {
        follow(process, leader);
    } else if (may_campaign(process)) {
        plan_timer(process);
    }
}

static void review(void *context, uint64_t unused)
{
    struct sim_etcd *etcd = context;

    (void)unused;
    etcd->review = false;
    etcd->reviewed_ms = sim_now(etcd->sim);
    for (struct sim_etcd_process *process = etcd->processes; process; process = process->next) {
        review_one(process);
    }
}

void raft_review_later(struct sim_etcd *etcd)
{
    if (!etcd->review) {
        etcd->review = true;
        sim_after(etcd->sim, 0, review, etcd, 0);
    }
}

void raft_notice_failure(struct sim_etcd *etcd)
{
    if (sim_now(etcd->sim) >= etcd->reviewed_ms + NOTICE_MS) {
        raft_review_later(etcd);
    }
}
