#include "member/decide.h"

#include <string.h>

#include "base/mutant.h"

static struct member_decision wait_for(enum report_reason reason, const char *message)
{
    return (struct member_decision){MEMBER_WAIT, reason, message};
}

static struct member_decision go(enum member_action action, const char *message)
{
    return (struct member_decision){action, REPORT_STARTING, message};
}

/* Why the permit may not be used, or NULL when it may (or when there is none). */
static const char *permit_refusal(const struct member_sight *sight, struct arena *arena)
{
    const struct permit *permit = sight->permit;

    if (sight->permit_problem || !permit) {
        return sight->permit_problem;
    }
    if (strcmp(permit->pod_uid, sight->pod_uid) != 0) {
        return arena_printf(arena, "the start permit is for the pod with UID %s, not for this one",
                            permit->pod_uid);
    }
    if (strcmp(permit->cluster_uid, sight->config->cluster_uid) != 0) {
        return arena_printf(arena,
                            "the start permit is for the cluster with UID %s, not for this one",
                            permit->cluster_uid);
    }
    if (permit->ordinal != sight->ordinal) {
        return arena_printf(arena, "the start permit is for ordinal %d, not for this one",
                            permit->ordinal);
    }
    if (sight->nonce_problem) {
        return arena_printf(arena, "it cannot be seen whether the start permit was used: %s",
                            sight->nonce_problem);
    }
    return NULL;
}

static bool is_used(const struct member_sight *sight, const struct permit *permit)
{
    return sight->used_nonce && !strcmp(permit->nonce, sight->used_nonce) && !MUTANT(NonceIgnored);
}

/* The permit, when it is good for this pod and was not used. */
static const struct permit *usable_permit(const struct member_sight *sight, struct arena *arena)
{
    return sight->permit && !permit_refusal(sight, arena) && !is_used(sight, sight->permit)
               ? sight->permit
               : NULL;
}

static struct member_decision decide_without_data(const struct member_sight *sight,
                                                  const struct permit *permit, struct arena *arena)
{
    const struct marker *marker = sight->marker;
    const char *refusal = permit_refusal(sight, arena);

    if (refusal) {
        return wait_for(REPORT_PERMIT_INVALID, refusal);
    }
    if (!permit && sight->permit) {
        return wait_for(REPORT_NO_DATA,
                        "the volume holds no data and the start permit was used already: the data "
                        "was lost since; waiting for another permit");
    }
    if (!permit) {
        return wait_for(REPORT_NO_DATA,
                        "the volume holds no data; waiting for a start permit from the operator");
    }
    if (permit->mode == PERMIT_ADOPT) {
        return wait_for(REPORT_NO_DATA, "the start permit is for taking over data, but the volume "
                                        "holds none; waiting for another permit");
    }
    if (marker && !strcmp(marker->cluster_uid, permit->cluster_uid) &&
        marker->generation > permit->generation) {
        return wait_for(
            REPORT_PERMIT_INVALID,
            arena_printf(arena,
                         "the start permit is for generation %lld of the data, but this "
                         "volume has seen generation %lld",
                         (long long)permit->generation, (long long)marker->generation));
    }
    return go(MEMBER_START, "the volume holds no data and the start permit allows to begin");
}

/* The data of this cluster and ordinal is to be left for a new beginning: the operator has made
 * another member of it, or a later generation. */
static bool permit_replaces(const struct permit *permit, const struct marker *marker)
{
    if (!permit || permit->mode == PERMIT_ADOPT || permit->generation < marker->generation) {
        return false;
    }
    return permit->generation > marker->generation ||
           (permit->mode == PERMIT_EXISTING && permit->member_id != marker->member_id);
}

static struct member_decision decide_on_foreign_data(const struct member_sight *sight,
                                                     const struct permit *permit,
                                                     struct arena *arena)
{
    const struct marker *marker = sight->marker;

    if (permit && permit->mode == PERMIT_EXISTING && permit->previous_cluster_uid &&
        !strcmp(permit->previous_cluster_uid, marker->cluster_uid) &&
        permit->ordinal == marker->ordinal) {
        return go(MEMBER_START, "the data was to be adopted and could not be: the start permit is "
                                "for a new member, and the data is moved aside");
    }
    if (!permit || permit->mode != PERMIT_ADOPT ||
        strcmp(permit->previous_cluster_uid, marker->cluster_uid) != 0 ||
        permit->ordinal != marker->ordinal || permit->member_id != marker->member_id) {
        return wait_for(REPORT_FOREIGN_DATA,
                        arena_printf(arena,
                                     "the volume holds the data of ordinal %d of the cluster with "
                                     "UID %s, not of this one",
                                     marker->ordinal, marker->cluster_uid));
    }
    return go(MEMBER_ADOPT, "the start permit gives the earlier cluster's data to this one");
}

/* NULL, or why the log is not the marker's member's. */
static const char *wal_problem(const struct member_sight *sight, struct arena *arena)
{
    if (sight->wal.state != WAL_OK) {
        return arena_printf(arena, "the write-ahead log cannot be read: %s", sight->wal.problem);
    }
    if (sight->wal.member_id != sight->marker->member_id) {
        return arena_printf(
            arena, "the write-ahead log names member %llx, but the marker names %llx",
            (unsigned long long)sight->wal.member_id, (unsigned long long)sight->marker->member_id);
    }
    return NULL;
}

/* `otherwise`, when etcd can start on what there is. */
static struct member_decision if_readable(const struct member_sight *sight,
                                          struct member_decision otherwise, struct arena *arena)
{
    const char *problem = wal_problem(sight, arena);

    if (problem) {
        return wait_for(REPORT_WAL_UNREADABLE, problem);
    }
    if (sight->database.state == DATABASE_BAD) {
        return wait_for(REPORT_DATABASE_UNREADABLE,
                        arena_printf(arena, "the database cannot be opened by etcd: %s",
                                     sight->database.problem));
    }
    return otherwise;
}

static struct member_decision decide_on_own_data(const struct member_sight *sight,
                                                 const struct permit *permit, struct arena *arena)
{
    const struct marker *marker = sight->marker;

    if (marker->ordinal != sight->ordinal) {
        return wait_for(
            REPORT_FOREIGN_DATA,
            arena_printf(arena, "the volume holds the data of ordinal %d", marker->ordinal));
    }
    if (permit_replaces(permit, marker)) {
        return go(MEMBER_START, "the start permit is for another member or a later generation than "
                                "the data: the data is moved aside");
    }
    if (marker->generation < sight->config->generation) {
        return wait_for(REPORT_FOREIGN_DATA,
                        arena_printf(arena,
                                     "the volume holds generation %lld of the cluster's data; the "
                                     "cluster is at generation %lld",
                                     (long long)marker->generation,
                                     (long long)sight->config->generation));
    }
    return if_readable(sight, go(MEMBER_EXEC, "the data is this member's"), arena);
}

static struct member_decision decide_with_data(const struct member_sight *sight,
                                               const struct permit *permit, struct arena *arena)
{
    if (!sight->marker && permit && permit->mode == PERMIT_EXISTING) {
        return go(MEMBER_START, "nothing says whose the data is, and the start permit is for a new "
                                "member: the data is moved aside");
    }
    if (sight->marker_problem) {
        return wait_for(REPORT_MARKER_INVALID, sight->marker_problem);
    }
    if (!sight->marker) {
        return wait_for(REPORT_MARKER_MISSING,
                        "the volume holds a write-ahead log, but no marker that says whose it is");
    }
    if (!strcmp(sight->marker->cluster_uid, sight->config->cluster_uid)) {
        return decide_on_own_data(sight, permit, arena);
    }
    struct member_decision decision = decide_on_foreign_data(sight, permit, arena);
    return decision.action == MEMBER_ADOPT ? if_readable(sight, decision, arena) : decision;
}

struct member_decision member_decide(const struct member_sight *sight, struct arena *arena)
{
    if (!sight->pod || !sight->pod_uid) {
        return wait_for(REPORT_CONFIG_INVALID,
                        "POD_NAME and POD_UID are not set in the environment");
    }
    if (sight->ordinal < 0) {
        return wait_for(REPORT_CONFIG_INVALID, "the pod's name does not end in an ordinal");
    }
    if (!sight->config) {
        return wait_for(REPORT_CONFIG_INVALID, sight->config_problem);
    }
    const struct permit *permit = usable_permit(sight, arena);
    return sight->wal.state == WAL_NONE ? decide_without_data(sight, permit, arena)
                                        : decide_with_data(sight, permit, arena);
}

int32_t member_ordinal(const char *pod)
{
    const char *digits = pod ? strrchr(pod, '-') : NULL;
    int32_t ordinal = 0;

    if (!digits || !digits[1] || strlen(digits + 1) > 4 ||
        strspn(digits + 1, "0123456789") != strlen(digits + 1)) {
        return -1;
    }
    for (digits++; *digits; digits++) {
        ordinal = ordinal * 10 + (*digits - '0');
    }
    return ordinal;
}

struct report member_report(const struct member_sight *sight,
                            const struct member_decision *decision)
{
    return (struct report){
        .waiting = decision->action == MEMBER_WAIT,
        .reason = decision->reason,
        .message = decision->message,
        .pod = sight->pod,
        .pod_uid = sight->pod_uid,
        .cluster_uid = sight->config ? sight->config->cluster_uid : NULL,
        .ordinal = sight->ordinal,
        .has_wal = sight->wal.state != WAL_NONE,
        .used_nonce = sight->used_nonce,
        .wal_member_id = sight->wal.member_id,
        .wal_cluster_id = sight->wal.cluster_id,
        .has_marker = sight->marker != NULL,
        .marker = sight->marker ? *sight->marker : (struct marker){0},
    };
}
