/* The whole status, derived from what was observed and what the rules said. Nothing is ever decided
 * from it, but for what is recorded. */
#include <string.h>

#include "base/json.h"
#include "cluster/membership.h"
#include "cluster/plan.h"
#include "cluster/quorum.h"
#include "cluster/recovery.h"

static bool serves(const struct world_member *member)
{
    return member->pod.exists && !member->pod.terminating && member->pod.ready &&
           member_reads(member);
}

static uint64_t leader(const struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (member_reads(&world->members[i]) && member_answers(&world->members[i])) {
            return world->members[i].look.status.leader_id;
        }
    }
    return 0;
}

static void summarize_member(struct planning *planning, int ordinal)
{
    const struct world *world = planning->world;
    const struct world_member *member = &world->members[ordinal];
    const struct etcd_status *seen = &member->look.status;
    struct cluster_status *status = &planning->plan->status;
    struct member_status *out = &status->members[status->n_members++];
    const struct etcdcluster_spec *spec = &world->spec;

    out->name = names_pod(planning->arena, world->names, ordinal);
    out->peer_url =
        names_peer_url(planning->arena, world->names, ordinal, spec->security.tls.peer.enabled);
    out->client_url =
        names_client_url(planning->arena, world->names, ordinal, spec->security.tls.client.enabled);
    struct known_member known = world_known_member(world, ordinal);
    out->id = known.id;
    out->ready = serves(member);
    out->role = !member_answers(member) && known.is_learner ? "learner" : member_role(member);
    out->version = "";
    if (member_answers(member)) {
        uint64_t highest = world_highest_index(world);
        out->version = seen->version;
        out->db_size = status_round_size(seen->db_size);
        out->db_size_in_use = status_round_size(seen->db_size_in_use);
        out->lag = status_round_lag((int64_t)(highest - seen->raft_applied_index));
    }
    status->ready_replicas += out->ready;
    status->replicas += member->pod.exists;
}

/* The oldest version that a member runs. */
static const char *current_version(const struct cluster_status *status)
{
    const char *oldest = NULL;
    for (int i = 0; i < status->n_members; i++) {
        const char *version = status->members[i].version;
        if (*version && (!oldest || strverscmp(version, oldest) < 0)) {
            oldest = version;
        }
    }
    return oldest;
}

static void summarize_members(struct planning *planning)
{
    const struct world *world = planning->world;
    struct cluster_status *status = &planning->plan->status;
    const char *scheme = world->spec.security.tls.client.enabled ? "https" : "http";

    status->size = world_size(world);
    status->client_endpoints[status->n_client_endpoints++] =
        arena_printf(planning->arena, "%s://%s.%s.svc:%d", scheme, world->names->client_service,
                     world->names->namespace, MEMBER_CLIENT_PORT);
    for (int i = 0; i < status->size; i++) {
        summarize_member(planning, i);
        status->client_endpoints[status->n_client_endpoints++] =
            status->members[status->n_members - 1].client_url;
    }
    status->leader_id = leader(world);
    status->current_version = current_version(status);
    status->selector = arena_printf(
        planning->arena,
        "app.kubernetes.io/instance=%s,app.kubernetes.io/name=etcd," LABEL_CLUSTER "=%s",
        world->names->cluster, world->names->cluster);
}

/* Until each member that was given a permit serves. */
static bool creating(const struct world *world)
{
    bool starting = false;
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        starting = starting || member_starting(&world->members[i]);
    }
    return !world_formed(world) || starting;
}

/* Etcd has raised an alarm, or somebody is to be replaced, or was and is to join anew. */
static bool recovering(const struct world *world)
{
    if (world->n_alarms) {
        return true;
    }
    for (int i = 0; i < world_size(world); i++) {
        bool left = world->member_list && !world->members[i].entry;
        if (member_lost(world, i) || (left && find_permit_record(&world->recorded, i))) {
            return true;
        }
    }
    return false;
}

static bool scaling(const struct world *world)
{
    struct membership now = membership_of(world);

    for (int i = 0; world->member_list && i < world_size(world); i++) {
        const struct etcd_member *entry = world->members[i].entry;
        if (!entry || entry->is_learner) {
            return true;
        }
    }
    return now.last >= world_size(world);
}

static bool upgrading(const struct planning *planning)
{
    for (int i = 0; i < world_size(planning->world); i++) {
        if (planning_pod_is_outdated(planning, &planning->world->members[i].pod)) {
            return true;
        }
    }
    return false;
}

static const char *phase(const struct planning *planning)
{
    const struct world *world = planning->world;

    if (world->deleting) {
        return "Deleting";
    }
    if (MUTANT(RunningAlways)) {
        return "Running";
    }
    if (world->spec_valid && world->spec.paused) {
        return "Paused";
    }
    if (planning->blocked || (world_formed(world) && !world_has_quorum(world))) {
        return "Failed";
    }
    if (world_formed(world) && recovering(world)) {
        return "Recovering";
    }
    if (world_formed(world) && scaling(world)) {
        return "Scaling";
    }
    if (creating(world)) {
        return "Creating";
    }
    return upgrading(planning) ? "Upgrading" : "Running";
}

/* The operation that a phase is of, or NULL. */
static const char *operation_of(const char *phase)
{
    static const char *const operations[][2] = {{"Creating", "Bootstrap"},
                                                {"Deleting", "Delete"},
                                                {"Scaling", "Scale"},
                                                {"Upgrading", "Roll"},
                                                {"Recovering", "Repair"}};

    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (!strcmp(phase, operations[i][0])) {
            return operations[i][1];
        }
    }
    return NULL;
}

static void condition(struct planning *planning, enum condition_type type, bool value,
                      const char *reason, const char *message)
{
    planning->plan->status.conditions[type] =
        (struct condition){.status = value, .reason = reason, .message = message};
}

static void summarize_conditions(struct planning *planning, const char *problem,
                                 const char *problem_reason, const struct quorum_verdict *verdict)
{
    const struct world *world = planning->world;
    struct cluster_status *status = &planning->plan->status;
    bool quorum = world_has_quorum(world);
    bool all = status->size > 0 && status->ready_replicas == status->size;
    bool is_creating = !strcmp(status->phase, "Creating"), deleting = world->deleting;
    bool progressing = operation_of(status->phase) != NULL || planning->growing;
    const char *members = arena_printf(planning->arena, "%d of %d members are ready",
                                       status->ready_replicas, status->size);

    condition(planning, CONDITION_READY,
              quorum && all && !planning->blocked && !deleting && !world->n_alarms,
              problem         ? problem_reason
              : quorum && all ? "AllMembersReady"
              : is_creating   ? "Creating"
                              : "MembersNotReady",
              *status->message ? status->message : members);
    condition(planning, CONDITION_AVAILABLE, quorum, quorum ? "Quorum" : "NoQuorum",
              quorum ? "a linearizable read succeeded"
                     : "no linearizable read succeeded at any member");
    condition(planning, CONDITION_PROGRESSING, progressing,
              progressing ? planning->plan->rule : "Settled",
              planning->waiting                       ? planning->waiting
              : planning->plan->reason && progressing ? planning->plan->reason
                                                      : "");
    condition(planning, CONDITION_DEGRADED, problem != NULL, problem ? problem_reason : "Healthy",
              problem ? problem : "");
    condition(planning, CONDITION_SPEC_APPLIED, !planning->spec_held,
              planning->spec_held ? "Held" : "Applied",
              planning->spec_held ? planning->spec_held : "");
    condition(planning, CONDITION_QUORUM_LOST, verdict->state == QUORUM_LOST, verdict->reason,
              verdict->message);
    status->conditions[CONDITION_QUORUM_LOST].is_unknown = verdict->state == QUORUM_UNKNOWN;
}

static const char *clip(struct arena *arena, const char *text)
{
    const size_t most = 1000;
    return strlen(text) <= most ? text : arena_printf(arena, "%.*s...", (int)most - 3, text);
}

void summarize(struct planning *planning)
{
    const struct world *world = planning->world;
    struct cluster_status *status = &planning->plan->status;
    const struct quorum_verdict verdict = quorum_judge(world, planning->arena);
    const char *problem = planning->blocked, *reason = planning->blocked_rule;

    status->observed_generation = world->generation;
    status->target_version =
        planning->children.version ? planning->children.version : world->recorded.version;
    if (world->spec_valid) {
        summarize_members(planning);
    }
    status->phase = phase(planning);
    if (status->size && status->ready_replicas == status->size &&
        (!strcmp(status->phase, "Running") || !strcmp(status->phase, "Upgrading"))) {
        recovery_forget(&status->recorded);
    }
    if (!problem && world->refusal) {
        problem = world->refusal;
        reason = "ActionRefused";
    }
    /* A single member's own trouble says it all. */
    if (!problem && verdict.state == QUORUM_LOST && world_size(world) > 1) {
        problem = verdict.summary;
        reason = "QuorumLost";
    }
    if (!problem && world->spec_valid && !world->deleting) {
        problem = diagnose_cluster(world, planning->arena, &reason);
    }
    if (!problem && verdict.state == QUORUM_UNKNOWN) {
        problem = verdict.message;
        reason = verdict.reason;
    }
    if (!problem && !strcmp(status->phase, "Running") && status->ready_replicas < status->size) {
        problem = arena_printf(planning->arena, "%d of %d members are ready",
                               status->ready_replicas, status->size);
        reason = "MembersNotReady";
    }
    status->message = problem               ? problem
                      : planning->spec_held ? planning->spec_held
                      : planning->waiting   ? planning->waiting
                                            : "";
    status->message = clip(planning->arena, status->message);
    if (problem) {
        problem = clip(planning->arena, problem);
    }
    if (operation_of(status->phase)) {
        status->operation_kind = operation_of(status->phase);
        status->operation_step = planning->plan->rule;
    }
    summarize_conditions(planning, problem, reason, &verdict);
}
