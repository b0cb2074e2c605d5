/* A bootstrap that cannot come to its end: a wrong flag or image at birth, a pod that was replaced
 * before it started.  If the cluster provably never formed, its leftovers go aside and the next
 * generation begins; otherwise a person is told what is seen. */
#include <string.h>

#include "base/json.h"
#include "base/mutant.h"
#include "cluster/membership.h"
#include "cluster/plan.h"

#define RETRY_BASE_MS 60000
#define RETRY_MAX_MS  900000
#define SILENT_FOR_MS 60000 /* A helper that waits would have been heard by then. */

/* This bootstrap has given the pod the permit that it bears. */
static bool is_ours(const struct world *world, int ordinal)
{
    const struct permit *permit = world->members[ordinal].pod.permit;
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);

    return permit && record && !strcmp(permit->nonce, record->nonce);
}

/* It may start, or has started, what this bootstrap does not know of: an earlier generation, or
 * what somebody else's permit says. A pod that came back to its data bears none, and its
 * configuration is another one: while this generation has given no permit, whatever has another
 * configuration is of an earlier one, or waits. */
static bool is_of_another_start(const struct planning *planning, int ordinal)
{
    const struct recorded *recorded = &planning->world->recorded;
    const struct world_pod *pod = &planning->world->members[ordinal].pod;

    if (pod->has_permit) {
        return !is_ours(planning->world, ordinal);
    }
    return recorded->generation > 1 && !recorded->n_permits && pod->config &&
           strcmp(pod->config, planning->children.config_name) != 0;
}

/* A permit is withdrawn only by deleting its pod; not before the template names the new generation,
 * or the pod that comes back would start on the old data. */
static bool delete_others(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!planning_template_is_current(planning)) {
        return false;
    }
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_pod *pod = &world->members[i].pod;
        if (pod->exists && !pod->terminating && is_of_another_start(planning, i)) {
            planning_add_pod(planning, i);
        }
    }
    if (!planning->plan->action.n_pods) {
        return false;
    }
    planning->plan->action.kind = ACTION_DELETE_PODS;
    planning->plan->reason = "they are of an earlier generation of the bootstrap, or bear a permit "
                             "that the operator did not give";
    return true;
}

static int64_t retry_delay_ms(int64_t generation)
{
    int64_t delay = RETRY_BASE_MS;
    for (int64_t i = 1; i < generation && delay < RETRY_MAX_MS; i++) {
        delay *= 2;
    }
    return delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS;
}

/* A second request for a permit of this generation: by a new pod at once, by the same pod (etcd
 * ended before it had data) after a while, since nothing has changed for it. */
static bool asks_again(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);
    const struct report *report = member->report;

    if (!record || record->mode != PERMIT_NEW || !member->pod.exists || member->pod.terminating ||
        !report || !report->waiting || report->has_wal || report->reason != REPORT_NO_DATA) {
        return false;
    }
    if (strcmp(member->pod.uid, record->pod_uid) != 0) {
        return true;
    }
    return report->used_nonce && !strcmp(report->used_nonce, record->nonce) &&
           member->pod.runs_ms > retry_delay_ms(world->recorded.generation);
}

enum data { DATA_NONE, DATA_UNKNOWN, DATA_THERE };

/* What lies there is of a bootstrap that was given up before. */
static bool is_earlier_data(const struct world *world, const struct report *report)
{
    return report->has_marker && !strcmp(report->marker.cluster_uid, world->uid) &&
           report->marker.generation < world->recorded.generation;
}

/* The container runs for a while, and no helper in it waits: it became etcd, on a log of its own,
 * and etcd answers nobody before it has had a leader. */
static bool runs_without_leader(const struct world_member *member)
{
    return !member->report && member->pod.started && !member->pod.terminating &&
           member->pod.runs_ms > SILENT_FOR_MS;
}

/* None is only what is proven: the helper looked and found none, and the permit that the pod bears
 * is used up. A pod that is away or says nothing may have a log, one with a fresh permit may get it
 * at any moment. */
static enum data look_for_data(const struct world *world, const struct world_member *member)
{
    const struct report *report = member->report;
    const struct permit *permit = member->pod.permit;

    if (member_answers(member) || runs_without_leader(member) ||
        (report && report->has_wal && !is_earlier_data(world, report))) {
        return DATA_THERE;
    }
    if (!member->pod.exists && !member->claim.exists) {
        return DATA_NONE;
    }
    if (MUTANT(SilenceIsEmptiness)) {
        return DATA_NONE;
    }
    if (!report || !report->waiting) {
        return DATA_UNKNOWN;
    }
    bool spent = permit && report->used_nonce && !strcmp(report->used_nonce, permit->nonce);
    return !member->pod.has_permit || spent ? DATA_NONE : DATA_UNKNOWN;
}

static const char *cannot_tell(struct planning *planning, int first, int n_data)
{
    return arena_printf(planning->arena,
                        "member %s asks to start again with an empty volume, and %d of %d have "
                        "data that may hold all that was ever written: whether the cluster has "
                        "formed cannot be told. If it never held data, delete the EtcdCluster and "
                        "its claims and create it again; otherwise see why the others do not "
                        "serve",
                        planning->world->members[first].pod.name, n_data,
                        (int)planning->world->recorded.size);
}

static bool lost_what_it_adopts(const struct world *world, int ordinal)
{
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);
    const struct report *report = world->members[ordinal].report;

    return record && record->mode == PERMIT_ADOPT && report && report->waiting &&
           report->reason == REPORT_NO_DATA;
}

static const char *cannot_start(struct planning *planning, int ordinal)
{
    const struct world_member *member = &planning->world->members[ordinal];

    return arena_printf(planning->arena,
                        "claim %s has no volume any more (%s), and the cluster is not known to "
                        "have formed: delete the claim and then the pod %s, and what the others "
                        "have decides how it goes on",
                        member->claim.name, member->claim.gone,
                        names_pod(planning->arena, planning->world->names, ordinal));
}

bool rule_restart_bootstrap(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;
    int n_data = 0, n_unknown = 0, first = -1;

    if (world_formed(world) || recorded->cluster_id) {
        return false;
    }
    if (delete_others(planning)) {
        return true;
    }
    for (int i = 0; i < world_size(world); i++) {
        if (world->members[i].claim.gone) {
            planning_block(planning, cannot_start(planning, i));
        }
        if (lost_what_it_adopts(world, i)) {
            planning_block(planning,
                           arena_printf(planning->arena,
                                        "%s was to take over the data of an earlier cluster, and "
                                        "its volume is empty now: delete the EtcdCluster and its "
                                        "claims and create it again, or restore a backup",
                                        world->members[i].pod.name));
        }
    }
    if (!recorded->generation) {
        return false;
    }
    for (int i = 0; i < world_size(world); i++) {
        enum data data = look_for_data(world, &world->members[i]);
        n_data += data == DATA_THERE;
        n_unknown += data == DATA_UNKNOWN;
        first = first < 0 && asks_again(world, i) ? i : first;
    }
    if (first < 0) {
        return false;
    }
    /* One log is enough: the others may have lost theirs, and with it the only other copies. */
    if (n_data || world_has_quorum(world)) {
        planning_block(planning, cannot_tell(planning, first, n_data));
        return false;
    }
    if (n_unknown) {
        planning_wait(planning,
                      arena_printf(planning->arena,
                                   "member %s asks to start again with an empty volume; whether "
                                   "the others have data is not known yet",
                                   world->members[first].pod.name));
        return false;
    }
    recorded->generation += !MUTANT(GenerationKept);
    recorded->n_permits = 0;
    recorded->initial_size = 0;
    recorded->size = 0; /* The spec's, when the first permit is issued. */
    planning->plan->reason = arena_printf(
        planning->arena, "the cluster never formed and %s asks again: generation %lld begins",
        world->members[first].pod.name, (long long)recorded->generation);
    return true;
}

/* A member of a formed cluster that waits with a volume that it cannot use. */
bool rule_lost_member(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; world_formed(world) && i < world_size(world); i++) {
        const char *reason;
        const struct report *report = world->members[i].report;
        const char *problem = report && report->waiting && report->reason != REPORT_STARTING
                                  ? diagnose_member(world, i, planning->arena, &reason)
                                  : NULL;
        if (problem) {
            planning_wait(planning, problem);
        }
    }
    return false;
}
