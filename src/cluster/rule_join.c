/* How an ordinal becomes a member of a formed cluster: its pod comes first and waits without a
 * permit; then etcd is told of it, as a learner; then its permit is recorded and given
 * (rule_permits.c); and when it has caught up it is promoted.  So a pod that cannot start never
 * weighs on the membership.
 *
 * A repair is the same, after the lost member was removed (rule_remove.c). */
#include <string.h>

#include "base/json.h"
#include "cluster/membership.h"
#include "cluster/plan.h"

#define SILENT_FOR_MS 10000 /* A helper that waits would have been heard by then. */

/* Its etcd was told that it is no member any more, or would not start with its data: between two
 * starts. The helper waits and never ends, so it was not the helper. */
static bool has_ended(const struct world_pod *pod)
{
    return pod->exists && !pod->terminating && pod->node && pod->ip && !pod->started &&
           pod->ended_reason;
}

/* The data is this cluster's, or of the one that this ordinal was to adopt. */
static bool is_known(const struct world *world, int ordinal, const struct marker *marker)
{
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);

    return !strcmp(marker->cluster_uid, world->uid) ||
           (record && record->previous_cluster_uid &&
            !strcmp(marker->cluster_uid, record->previous_cluster_uid));
}

/* What lies on its volume is told by the helper that waits there. If nobody waits, etcd itself runs
 * on data that is no member's any more (its entry is gone from the list), and ends, again and
 * again. */
static const char *not_ready_to_join(struct planning *planning, int ordinal)
{
    const struct world_member *member = &planning->world->members[ordinal];
    const struct world_pod *pod = &member->pod;
    const struct report *report = member->report;
    struct arena *arena = planning->arena;
    const char *name = names_pod(arena, planning->world->names, ordinal), *reason;

    if (has_ended(pod)) {
        return NULL;
    }
    if (!pod->exists || pod->terminating || !pod->node || !pod->started || !pod->ip) {
        const char *problem = diagnose_member(planning->world, ordinal, arena, &reason);
        return problem ? problem : arena_printf(arena, "waiting for the pod %s", name);
    }
    if (planning_pod_is_outdated(planning, pod)) {
        return arena_printf(arena, "%s was made from an earlier template", name);
    }
    if (!report) {
        return pod->runs_ms > SILENT_FOR_MS
                   ? NULL
                   : arena_printf(arena, "waiting for the start helper in %s", name);
    }
    if (!report->waiting || report->reason == REPORT_CONFIG_INVALID ||
        report->reason == REPORT_VOLUME_UNWRITABLE) {
        return arena_printf(arena, "%s cannot start yet: %s", name, report->message);
    }
    bool foreign = report->reason == REPORT_FOREIGN_DATA &&
                   (!report->has_marker || !is_known(planning->world, ordinal, &report->marker) ||
                    report->marker.ordinal != ordinal);
    const char *why = foreign
                          ? arena_printf(arena,
                                         "%s: %s; nothing is put aside that is not this cluster's: "
                                         "remove the claim if its data is not wanted",
                                         name, report->message)
                          : NULL;
    if (why) {
        planning_block(planning, why);
    }
    return why;
}

bool rule_add_member(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!world_formed(world) || !world->member_list) {
        return false;
    }
    for (int i = 0; i < world_size(world); i++) {
        if (world->members[i].entry) {
            continue;
        }
        const char *why = not_ready_to_join(planning, i);
        if (!why) {
            why = gate_add(world, i, planning->arena);
        }
        if (!why) {
            planning_call_etcd(planning, ACTION_ADD_MEMBER, i,
                               arena_printf(planning->arena, "%s waits to join, as a learner first",
                                            world->members[i].pod.name));
            return true;
        }
        planning_wait(planning, why);
    }
    return false;
}

/* It runs, and etcd's own list says so. */
static bool has_started(const struct world_member *member)
{
    return !member_is_unstarted(member) && member_answers(member) &&
           member->look.status.member_id == member->entry->id;
}

bool rule_promote_member(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (!member->entry || !member->entry->is_learner || i >= world_size(world) ||
            MUTANT(PromotionSkipped)) {
            continue;
        }
        const char *name = names_pod(planning->arena, world->names, i);
        const char *why = has_started(member) ? gate_promote(world, i, planning->arena)
                                              : arena_printf(planning->arena,
                                                             "%s has joined as a learner and does "
                                                             "not answer yet",
                                                             name);
        if (!why) {
            planning_call_etcd(planning, ACTION_PROMOTE_MEMBER, i,
                               arena_printf(planning->arena, "the learner %s has started", name));
            return true;
        }
        planning_wait(planning, why);
    }
    return false;
}
