/* What is wrong, in words that say what to do. */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "cluster/membership.h"
#include "cluster/plan.h"

#define RESTART_TOLD_FOR_MS 10000 /* Longer than a start takes that ends in an error. */

/* etcd ends with many JSON log lines: the last that tells an error, or else the last line. */
static const char *last_words(struct arena *arena, const char *message)
{
    const char *best = NULL, *last = NULL;
    char *copy = arena_strdup(arena, message), *state = NULL;

    for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        AUTO_JSON json_t *json = json_loads(line, 0, NULL);
        const char *level = json_path_string(json, "level", NULL);
        const char *error = json_path_string(json, "error", NULL);
        const char *text = json_path_string(json, "msg", NULL);
        /* The kubelet hands over the end of the log: its first line may lack its beginning. */
        bool cut = line == copy && *line && line[strlen(line) - 1] == '}';
        bool trace = *line == '\t' || !strncmp(line, "goroutine ", 10);
        if (!json && !strncmp(line, "panic: ", 7)) {
            best = line; /* What follows is the trace. */
        } else if (!json && *line && !cut && !trace) {
            last = line;
            if (strcasestr(line, "flag provided but not defined") || strcasestr(line, "error") ||
                strcasestr(line, "invalid")) {
                best = best ? best : line;
            }
        } else if (level && (!strcmp(level, "fatal") || !strcmp(level, "error") ||
                             !strcmp(level, "panic"))) {
            best = error ? arena_printf(arena, "%s: %s", text ? text : "", error)
                         : arena_strdup(arena, text);
        }
    }
    best = best ? best : last ? last : "";
    return arena_strndup(arena, best, strnlen(best, 300));
}

static const char *diagnose_claim(const struct world_claim *claim, struct arena *arena,
                                  const char **reason)
{
    if (claim->gone) {
        *reason = "VolumeGone";
        return arena_printf(arena, "claim %s has no volume any more: %s", claim->name, claim->gone);
    }
    if (claim->problem) {
        *reason = "VolumeUnavailable";
        return arena_printf(arena, "claim %s is not bound: %s", claim->name, claim->problem);
    }
    return NULL;
}

bool pod_lacks_image(const struct world_pod *pod)
{
    const char *reason = pod->waiting_reason;

    return reason && (strstr(reason, "Image") != NULL || !strcmp(reason, "ErrPull"));
}

static const char *diagnose_report(const struct world *world, const struct world_member *member,
                                   struct arena *arena, const char **reason)
{
    const struct report *report = member->report;

    *reason = report_reason_name(report->reason);
    if (report->reason == REPORT_NO_DATA && world_formed(world)) {
        *reason = "MemberLostData";
        if (world_size(world) == 1) {
            return arena_printf(arena,
                                "%s has no data (its volume is empty) and waits: it is the only "
                                "member, so what it held is in backups alone; restore one into a "
                                "new cluster",
                                member->pod.name);
        }
        return arena_printf(arena,
                            "%s has no data (its volume is empty) and waits: starting it as it was "
                            "would let the same member vote again with an emptied log, so it is "
                            "replaced by a new member as soon as the others hold a quorum",
                            member->pod.name);
    }
    return arena_printf(arena, "%s waits: %s", member->pod.name, report->message);
}

static const char *diagnose_ended(const struct world_member *member, struct arena *arena,
                                  const char **reason)
{
    const struct world_pod *pod = &member->pod;

    if (pod->ended_reason && !strcmp(pod->ended_reason, "OOMKilled")) {
        *reason = "OutOfMemory";
        return arena_printf(
            arena, "etcd in %s ended for lack of memory: raise spec.resources.limits.memory",
            pod->name);
    }
    *reason = "EtcdExited";
    return arena_printf(arena, "etcd in %s ended with exit code %d: %s", pod->name, pod->ended_code,
                        pod->ended_message ? last_words(arena, pod->ended_message)
                                           : "it left no message, see the pod's log");
}

/* How it ended before explains nothing any more: it came up again, and hangs or is cut off. */
static bool runs_for_a_while(const struct world_pod *pod)
{
    return pod->started && pod->runs_ms > RESTART_TOLD_FOR_MS;
}

static const char *diagnose_pod(const struct world *world, int ordinal, struct arena *arena,
                                const char **reason)
{
    const struct world_member *member = &world->members[ordinal];
    const struct world_pod *pod = &member->pod;

    if (pod->unschedulable) {
        *reason = "Unschedulable";
        return arena_printf(arena, "%s cannot be scheduled: %s", pod->name, pod->unschedulable);
    }
    if (pod_lacks_image(pod)) {
        *reason = "ImageUnavailable";
        return arena_printf(arena,
                            "%s cannot get its image (%s): %s; correct spec.version, "
                            "spec.repository or spec.image",
                            pod->name, pod->waiting_reason,
                            pod->waiting_message ? pod->waiting_message : "no message");
    }
    if (member->report && member->report->waiting && member->report->used_nonce &&
        member->report->reason == REPORT_NO_DATA && pod->ended_reason && !world_formed(world)) {
        return diagnose_ended(member, arena, reason);
    }
    if (member->report && member->report->waiting) {
        bool expected = member->report->reason == REPORT_NO_DATA &&
                        (!world_formed(world) || member_is_joining(world, ordinal));
        return expected ? NULL : diagnose_report(world, member, arena, reason);
    }
    if (pod->ended_reason && !pod->ready && !member_answers(member) && !runs_for_a_while(pod)) {
        return diagnose_ended(member, arena, reason);
    }
    if (pod->waiting_reason && strcmp(pod->waiting_reason, "PodInitializing") != 0 &&
        strcmp(pod->waiting_reason, "ContainerCreating") != 0) {
        *reason = pod->waiting_reason;
        return arena_printf(arena, "%s waits: %s: %s", pod->name, pod->waiting_reason,
                            pod->waiting_message ? pod->waiting_message : "no message");
    }
    return NULL;
}

const char *diagnose_member(const struct world *world, int ordinal, struct arena *arena,
                            const char **reason)
{
    const struct world_member *member = &world->members[ordinal];
    const char *found = diagnose_claim(&member->claim, arena, reason);

    if (!found && member->pod.exists && !member->pod.terminating) {
        found = diagnose_pod(world, ordinal, arena, reason);
    }
    if (found || !world_formed(world) || member_starting(member) ||
        member_is_joining(world, ordinal)) {
        return found;
    }
    const char *name = names_pod(arena, world->names, ordinal);
    if (!member->pod.exists || member->pod.terminating) {
        *reason = "PodMissing";
        return arena_printf(arena, "the pod %s %s", name,
                            member->pod.terminating ? "is ending" : "does not exist");
    }
    if (!member_answers(member)) {
        *reason = "MemberDown";
        return arena_printf(arena, "%s does not answer%s%s", name, member->looked ? ": " : "",
                            member->looked ? member->look.status_error.message : "");
    }
    if (!member->pod.ready) {
        *reason = "MemberNotReady";
        return arena_printf(arena, "%s answers, and the kubelet on node %s says it is not ready",
                            name, member->pod.node ? member->pod.node : "(none)");
    }
    return NULL;
}

static const char *diagnose_alarms(const struct world *world, struct arena *arena,
                                   const char **reason)
{
    for (size_t i = 0; i < world->n_alarms; i++) {
        char id[ID_HEX_SIZE];
        id_format(world->alarms[i].member_id, id);
        if (world->alarms[i].type == ETCD_ALARM_NOSPACE) {
            *reason = "NoSpace";
            return arena_printf(arena,
                                "member %s has raised the alarm NOSPACE and etcd takes no writes: "
                                "the operator makes room and takes the alarm back",
                                id);
        }
        if (world->alarms[i].type == ETCD_ALARM_CORRUPT) {
            *reason = "Corrupt";
            return arena_printf(
                arena,
                "the alarm CORRUPT is raised for member %s: the operator compares the "
                "members' data, for the alarm may name the wrong one",
                id);
        }
    }
    return NULL;
}

/* No member answers the operator, and every kubelet says that its member reads linearizably. */
static bool is_cut_off(const struct world *world)
{
    for (int i = 0; i < world_size(world); i++) {
        const struct world_member *member = &world->members[i];
        if (!member->looked || member_answers(member) || !member->pod.ready ||
            member->pod.terminating) {
            return false;
        }
    }
    return world_formed(world);
}

const char *diagnose_cluster(const struct world *world, struct arena *arena, const char **reason)
{
    const char *found = diagnose_alarms(world, arena, reason), *missing = NULL;

    if (found) {
        return found;
    }
    if (is_cut_off(world)) {
        *reason = "MembersUnreachable";
        return arena_printf(arena,
                            "no member answers the operator (%s), though the kubelets say that all "
                            "are ready: the operator seems to be cut off from them (a "
                            "NetworkPolicy, its own node); nothing is changed meanwhile",
                            world->members[0].look.status_error.message);
    }
    for (int i = 0; i < world_size(world); i++) {
        found = diagnose_member(world, i, arena, reason);
        if (found && strcmp(*reason, "PodMissing") != 0) {
            return found;
        }
        missing = missing ? missing : found; /* What else is wrong may tell why. */
    }
    if (world->create_failure) {
        *reason = "PodsRefused";
        return arena_printf(arena, "the StatefulSet's pods cannot be made: %s",
                            world->create_failure);
    }
    *reason = missing ? "PodMissing" : *reason;
    return missing;
}
