/* Changes of membership, and what strict-reconfig-check has against them (server/etcdserver/
 * server.go and api/membership/cluster.go in etcd). */
#include <stdio.h>
#include <string.h>

#include "pki/pki.h"
#include "sim/etcd/internal.h"

/* How long a connection must have lasted to count (HealthInterval). */
#define HEALTH_INTERVAL_MS 5000

/* Voters that have started, but for one that is to go (0: none). */
static size_t started_voters(const struct conf *conf, uint64_t but)
{
    size_t started = 0;

    for (size_t i = 0; i < conf->n; i++) {
        const struct conf_member *member = conf->members[i];
        started += !member->learner && member->id != but && *member->name;
    }
    return started;
}

/* Voters that this process has been connected to for long enough, itself included. */
static size_t connected_voters(const struct sim_etcd_process *process)
{
    const struct conf *conf = &process->data->conf;
    int64_t before_ms = sim_now(process->etcd->sim) - HEALTH_INTERVAL_MS;
    size_t connected = 0;

    for (size_t i = 0; i < conf->n; i++) {
        const struct conf_member *member = conf->members[i];
        int64_t since_ms = raft_connected_since(process, member->id);
        connected += !member->learner && (member->id == process->data->member_id ||
                                          (since_ms >= 0 && since_ms < before_ms));
    }
    return connected;
}

static size_t quorum(size_t voters)
{
    return voters / 2 + 1;
}

/* ---- Add ---- */

struct add {
    const char *peer_url;
    bool learner;
    uint64_t *id;
    struct etcd_member_list *list;
};

static enum etcd_error may_add(const struct sim_etcd_process *process, bool learner)
{
    const struct conf *conf = &process->data->conf;
    size_t voters = conf_voters(conf), started = started_voters(conf, 0);

    if (!process->flags.strict_reconfig_check) {
        return ETCD_ERROR_NONE;
    }
    if (!learner && !(started == 1 && voters == 1) && started < quorum(voters + 1)) {
        return ETCD_ERROR_NOT_ENOUGH_STARTED_MEMBERS;
    }
    if (voters != 1 && connected_voters(process) < quorum(voters + 1)) {
        return ETCD_ERROR_UNHEALTHY_CLUSTER;
    }
    return ETCD_ERROR_NONE;
}

/* SHA-1 over the URL and the seconds, without the cluster's token. */
static const struct conf_member *new_member(struct sim_etcd *etcd, const char *url, bool learner)
{
    char text[512];

    snprintf(text, sizeof text, "%s%lld", url, (long long)(sim_wall_ms(etcd->sim) / 1000));
    const struct conf_member member = {.id = pki_sha1_prefix64(text, strlen(text)),
                                       .name = "",
                                       .peer_url = url,
                                       .client_url = "",
                                       .learner = learner};
    return conf_member_new(etcd, &member);
}

static int step_add(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct add *add = call->in;
    struct entry entry = {.kind = ENTRY_ADD};

    if (!call->proposal.length) {
        enum etcd_error refusal = !strstr(add->peer_url, "://") ? ETCD_ERROR_MEMBER_BAD_URLS
                                                                : may_add(process, add->learner);
        entry.member = new_member(process->etcd, add->peer_url, add->learner);
        raft_tell_membership(process, &entry, false);
        if (refusal) {
            return etcd_error_set(error, refusal);
        }
        *add->id = entry.member->id;
    }
    int result = call_propose(process, call, entry, error);
    if (!result) {
        client_list_members(process->data, call->arena, add->list);
    }
    return result;
}

static int client_member_add(void *context, const struct etcd_target *target, const char *peer_url,
                             bool learner, struct arena *arena, uint64_t *id,
                             struct etcd_member_list *list, struct error *error)
{
    struct add add = {peer_url, learner, id, list};
    struct call call = {
        .method = "Cluster/MemberAdd", .step = step_add, .in = &add, .arena = arena};

    return call_run(context, target, &call, error);
}

/* ---- Promote ---- */

/* The leader alone knows how far a learner is. */
static enum etcd_error may_promote(const struct sim_etcd_process *leader, uint64_t id)
{
    const struct conf *conf = &leader->data->conf;

    if (!conf_find(conf, id)) {
        return ETCD_ERROR_MEMBER_NOT_FOUND;
    }
    if (!raft_in_sync(leader, id)) {
        return ETCD_ERROR_LEARNER_NOT_IN_SYNC;
    }
    if (leader->flags.strict_reconfig_check &&
        started_voters(conf, 0) + 1 < quorum(conf_voters(conf) + 1)) {
        return ETCD_ERROR_NOT_ENOUGH_STARTED_MEMBERS;
    }
    return ETCD_ERROR_NONE;
}

static int step_promote(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    uint64_t id = *(const uint64_t *)call->in;
    struct entry entry = {.kind = ENTRY_PROMOTE};

    if (!call->proposal.length) {
        const struct sim_etcd_process *leader = raft_leader(process);
        enum etcd_error refusal = leader ? may_promote(leader, id) : ETCD_ERROR_NONE;
        if (!leader || (refusal == ETCD_ERROR_NOT_ENOUGH_STARTED_MEMBERS && leader != process)) {
            return PENDING; /* A follower asks the leader again and again. */
        }
        if (refusal) {
            return etcd_error_set(error, refusal);
        }
        struct conf_member member = *conf_find(&leader->data->conf, id);
        member.learner = false;
        entry.member = conf_member_new(process->etcd, &member);
    }
    return call_propose(process, call, entry, error);
}

static int client_member_promote(void *context, const struct etcd_target *target, uint64_t id,
                                 struct error *error)
{
    struct call call = {.method = "Cluster/MemberPromote",
                        .step = step_promote,
                        .in = &id,
                        .gives_up = etcd_error_text(ETCD_ERROR_NO_LEADER)};

    return call_run(context, target, &call, error);
}

/* ---- Remove ---- */

static enum etcd_error may_remove(const struct sim_etcd_process *process, uint64_t id)
{
    const struct conf *conf = &process->data->conf;
    const struct conf_member *member = conf_find(conf, id);
    size_t voters = conf_voters(conf);

    if (!process->flags.strict_reconfig_check || (member && member->learner)) {
        return ETCD_ERROR_NONE;
    }
    if (started_voters(conf, id) < quorum(voters - (member != NULL))) {
        return ETCD_ERROR_NOT_ENOUGH_STARTED_MEMBERS;
    }
    /* One that is away is no part of the quorum that is there. */
    if (id != process->data->member_id && raft_connected_since(process, id) < 0) {
        return ETCD_ERROR_NONE;
    }
    return connected_voters(process) < quorum(voters - 1) + 1 ? ETCD_ERROR_UNHEALTHY_CLUSTER
                                                              : ETCD_ERROR_NONE;
}

static const struct conf_member *member_named(struct sim_etcd_process *process, uint64_t id,
                                              const char *peer_url)
{
    const struct conf_member *known = conf_find(&process->data->conf, id);
    struct conf_member member = {.id = id, .name = "", .peer_url = "", .client_url = ""};

    if (known) {
        member = *known;
    }
    if (peer_url) {
        member.peer_url = peer_url;
    }
    return conf_member_new(process->etcd, &member);
}

static int step_remove(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    uint64_t id = *(const uint64_t *)call->in;
    struct entry entry = {.kind = ENTRY_REMOVE};

    if (!call->proposal.length) {
        enum etcd_error refusal = may_remove(process, id);
        entry.member = member_named(process, id, NULL);
        raft_tell_membership(process, &entry, false);
        if (refusal) {
            return etcd_error_set(error, refusal);
        }
    }
    return call_propose(process, call, entry, error);
}

static int client_member_remove(void *context, const struct etcd_target *target, uint64_t id,
                                struct error *error)
{
    struct call call = {.method = "Cluster/MemberRemove", .step = step_remove, .in = &id};

    return call_run(context, target, &call, error);
}

/* ---- Update ---- */

struct update {
    uint64_t id;
    const char *peer_url;
};

static int step_update(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct update *update = call->in;
    struct entry entry = {.kind = ENTRY_UPDATE};

    if (!call->proposal.length) {
        entry.member = member_named(process, update->id, update->peer_url);
    }
    return call_propose(process, call, entry, error);
}

static int client_member_update(void *context, const struct etcd_target *target, uint64_t id,
                                const char *peer_url, struct error *error)
{
    struct update update = {id, peer_url};
    struct call call = {.method = "Cluster/MemberUpdate", .step = step_update, .in = &update};

    return call_run(context, target, &call, error);
}

/* ---- Move the leader ---- */

static int step_move_leader(struct sim_etcd_process *process, struct call *call,
                            struct error *error)
{
    uint64_t id = *(const uint64_t *)call->in;
    const struct conf_member *member = conf_find(&process->data->conf, id);

    if (!process->leads) {
        return etcd_error_set(error, ETCD_ERROR_NOT_LEADER);
    }
    if (!member || member->learner) {
        return etcd_error_set(error, ETCD_ERROR_BAD_TRANSFEREE);
    }
    return raft_transfer(process, id) ? 0 : PENDING;
}

static int client_move_leader(void *context, const struct etcd_target *target,
                              uint64_t transferee_id, struct error *error)
{
    struct call call = {.method = "Maintenance/MoveLeader",
                        .step = step_move_leader,
                        .in = &transferee_id,
                        .gives_up = "etcdserver: request timed out, leader transfer took too long"};

    return call_run(context, target, &call, error);
}

void client_add_membership(struct etcd_api *api)
{
    api->member_add = client_member_add;
    api->member_promote = client_member_promote;
    api->member_remove = client_member_remove;
    api->member_update = client_member_update;
    api->move_leader = client_move_leader;
}
