/* Start permits: who may start with an empty volume, or on an earlier cluster's.
 *
 * `new` is issued once for each ordinal of a generation, and never after the cluster has formed.
 * The record is written into the status before the pod gets its annotation, so a crash in between
 * repeats the same permit. The helper uses a nonce once. */
#include <string.h>

#include "base/mutant.h"
#include "cluster/membership.h"
#include "cluster/plan.h"
#include "etcd/client.h"

#define REPEAT_AFTER_MS 5000

static struct permit_record *find_record(struct recorded *recorded, int ordinal)
{
    for (int i = 0; i < recorded->n_permits; i++) {
        if (recorded->permits[i].ordinal == ordinal) {
            return &recorded->permits[i];
        }
    }
    return NULL;
}

static struct permit_record *add_record(struct planning *planning, int ordinal)
{
    struct recorded *recorded = &planning->plan->status.recorded;
    const struct world_member *member = &planning->world->members[ordinal];
    struct permit_record *record = &recorded->permits[recorded->n_permits++];

    *record = (struct permit_record){
        .ordinal = ordinal, .pod_uid = member->pod.uid, .nonce = member->nonce};
    recorded->size = world_size(planning->world);
    if (!recorded->generation) {
        recorded->generation = 1;
    }
    return record;
}

static void record_new(struct planning *planning, int ordinal)
{
    const struct world *world = planning->world;
    struct permit_record *record = add_record(planning, ordinal);
    int64_t generation = planning->plan->status.recorded.generation;
    const char *token = names_token(planning->arena, world->uid, generation);

    record->mode = PERMIT_NEW;
    planning->plan->status.recorded.initial_size = planning->plan->status.recorded.size;
    record->member_id = etcd_static_member_id(names_peer_url(planning->arena, world->names, ordinal,
                                                             world->spec.security.tls.peer.enabled),
                                              token);
}

static bool present(const struct world_member *member)
{
    return member->pod.exists && !member->pod.terminating;
}

/* The helper itself says that this nonce was not used, or nothing runs that could have used it. */
static bool unused(const struct world_member *member, const struct permit_record *record)
{
    if (member->report) {
        return member->report->waiting && (!member->report->used_nonce ||
                                           strcmp(member->report->used_nonce, record->nonce) != 0);
    }
    return !member_answers(member);
}

static bool may_begin(const struct world *world, const struct world_member *member,
                      const struct permit_record *record)
{
    return !member->pod.has_permit && unused(member, record) &&
           (!world_formed(world) || member->report);
}

/* The member is the one that was added, nobody has started as it, and what the permit says of the
 * membership is what it is now. An earlier permit on the same pod is of a member that was removed.
 */
static bool may_join(const struct world *world, const struct permit_record *record)
{
    const struct world_member *member = &world->members[record->ordinal];
    const struct permit *permit = member->pod.permit;
    const struct report *report = member->report;
    bool used = report && report->used_nonce && !strcmp(report->used_nonce, record->nonce);

    return member_is_unstarted(member) && member->entry->id == record->member_id && !used &&
           !(permit && !strcmp(permit->nonce, record->nonce));
}

/* Puts recorded permits onto the pods that do not bear them yet. */
static bool deliver(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;

    for (int i = 0; i < recorded->n_permits; i++) {
        const struct permit_record *record = &recorded->permits[i];
        const struct world_member *member = &world->members[record->ordinal];
        if (present(member) && !strcmp(member->pod.uid, record->pod_uid) &&
            (record->mode == PERMIT_EXISTING ? may_join(world, record)
                                             : may_begin(world, member, record))) {
            planning_add_pod(planning, record->ordinal);
        }
    }
    if (!planning->plan->action.n_pods) {
        return false;
    }
    planning->plan->action.kind = ACTION_GRANT_PERMITS;
    planning->plan->reason = world_formed(world)
                                 ? "they are to join the cluster"
                                 : arena_printf(planning->arena, "generation %lld, %d members",
                                                (long long)recorded->generation, recorded->size);
    return true;
}

static bool kept_from_earlier(const struct world *world, const struct world_claim *claim)
{
    return claim->exists && (!claim->creator_uid || strcmp(claim->creator_uid, world->uid) != 0);
}

enum volumes { VOLUMES_FRESH, VOLUMES_ADOPTABLE, VOLUMES_UNKNOWN, VOLUMES_REFUSED };

static const char *describe_volume(struct arena *arena, const struct world_member *member)
{
    const struct report *report = member->report;
    if (!report->has_wal) {
        return report->has_marker ? "empty but for its marker" : "empty";
    }
    if (!report->has_marker) {
        return "data without a marker";
    }
    return arena_printf(arena, "data of cluster %s, generation %lld, ordinal %d",
                        report->marker.cluster_uid, (long long)report->marker.generation,
                        (int)report->marker.ordinal);
}

static bool same_identity(const struct report *a, const struct report *b, int ordinal)
{
    return b->has_wal && b->has_marker && b->reason == REPORT_FOREIGN_DATA &&
           b->marker.ordinal == ordinal && !strcmp(a->marker.cluster_uid, b->marker.cluster_uid) &&
           a->marker.generation == b->marker.generation && a->wal_cluster_id == b->wal_cluster_id;
}

/* Looks at volumes that an earlier cluster left. All that bear one identity are adopted, all that
 * are empty are used, anything else is refused: half a cluster's data must not be overgrown. */
static enum volumes judge_volumes(struct planning *planning)
{
    const struct world *world = planning->world;
    struct arena *arena = planning->arena;
    int size = world_size(world), n_data = 0, n_same = 0;
    const char *list = "";

    for (int i = 0; i < size; i++) {
        const struct world_member *member = &world->members[i];
        if (!member->report || !member->report->waiting) {
            planning_wait(planning, "looking at the volumes that an earlier cluster left");
            return VOLUMES_UNKNOWN;
        }
        n_data += member->report->has_wal;
        n_same += world->members[0].report->has_marker &&
                  same_identity(world->members[0].report, member->report, i);
        list = arena_printf(arena, "%s%s%s: %s", list, i ? "; " : "", member->claim.name,
                            describe_volume(arena, member));
    }
    for (int i = 0; i < world->n_foreign_claims; i++) {
        list = arena_printf(arena, "%s; %s: not looked at, its ordinal is past spec.size", list,
                            world->foreign_claims[i]);
    }
    if (!world->n_foreign_claims && !n_data) {
        return VOLUMES_FRESH;
    }
    if (!world->n_foreign_claims && n_same == size) {
        return VOLUMES_ADOPTABLE;
    }
    planning_block(planning,
                   arena_printf(arena,
                                "volumes of an earlier cluster are here and do not make up this "
                                "one (%s): set spec.size to the number of members that they come "
                                "from, or delete the claims that are not wanted",
                                list));
    return VOLUMES_REFUSED;
}

static enum volumes find_volumes(struct planning *planning)
{
    const struct world *world = planning->world;
    bool kept = world->n_foreign_claims > 0;

    for (int i = 0; i < world_size(world); i++) {
        if (!world->members[i].claim.exists) {
            planning_wait(planning,
                          arena_printf(planning->arena,
                                       "waiting for claim %s; if one of that name exists, it lacks "
                                       "the operator's labels and is not this cluster's",
                                       names_claim(planning->arena, world->names, i)));
            return VOLUMES_UNKNOWN;
        }
        kept = kept || kept_from_earlier(world, &world->members[i].claim);
    }
    return kept ? judge_volumes(planning) : VOLUMES_FRESH;
}

static void record_adopt(struct planning *planning, int ordinal)
{
    const struct marker *marker = &planning->world->members[ordinal].report->marker;
    struct permit_record *record = find_record(&planning->plan->status.recorded, ordinal);

    if (!record) {
        record = add_record(planning, ordinal);
    }
    record->pod_uid = planning->world->members[ordinal].pod.uid;
    record->nonce = planning->world->members[ordinal].nonce;
    record->mode = PERMIT_ADOPT;
    record->member_id = marker->member_id;
    record->previous_cluster_uid = marker->cluster_uid;
}

/* The pod will stay, and has a place to run at: it is on a node, from the present template, and
 * without a permit of an earlier bootstrap. */
static bool can_be_permitted(const struct planning *planning, int ordinal)
{
    const struct world_member *member = &planning->world->members[ordinal];
    return present(member) && member->pod.node && !member->pod.has_permit &&
           !planning_pod_is_outdated(planning, &member->pod);
}

/* As when it was added (rule_join.c): another pod may have come since. */
static bool can_join(const struct planning *planning, int ordinal)
{
    const struct world_member *member = &planning->world->members[ordinal];
    return present(member) && member->pod.node && member->pod.started &&
           !planning_pod_is_outdated(planning, &member->pod);
}

/* All of a generation at once: a quorum that formed without a member that cannot be scheduled or
 * made would leave it out for good, for after that there is no `new`. */
static void issue_fresh(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; i < world_size(world); i++) {
        if (!can_be_permitted(planning, i) && !MUTANT(SomePermits)) {
            planning_wait(planning, "waiting for all pods to be made and scheduled");
            return;
        }
    }
    for (int i = 0; i < world_size(world); i++) {
        if (can_be_permitted(planning, i)) {
            record_new(planning, i);
        }
    }
}

/* A pod that was replaced before it had adopted its volume asks again. */
static void renew_adoptions(struct planning *planning)
{
    struct recorded *recorded = &planning->plan->status.recorded;

    for (int i = 0; i < recorded->n_permits; i++) {
        const struct permit_record *record = &recorded->permits[i];
        const struct world_member *member = &planning->world->members[record->ordinal];
        if (record->mode == PERMIT_ADOPT && present(member) &&
            strcmp(record->pod_uid, member->pod.uid) != 0 && member->report &&
            member->report->waiting && member->report->reason == REPORT_FOREIGN_DATA &&
            member->report->has_marker && record->previous_cluster_uid &&
            !strcmp(member->report->marker.cluster_uid, record->previous_cluster_uid)) {
            record_adopt(planning, record->ordinal);
        }
    }
}

/* The deliberate fault: a member that waits with an empty volume gets a permit of mode new again.
 */
static void renew_for_mutants(struct planning *planning)
{
    struct recorded *recorded = &planning->plan->status.recorded;

    for (int i = 0; i < recorded->n_permits; i++) {
        struct permit_record *record = &recorded->permits[i];
        const struct world_member *member = &planning->world->members[record->ordinal];
        if (present(member) && member->report && member->report->reason == REPORT_NO_DATA &&
            strcmp(record->pod_uid, member->pod.uid) != 0) {
            record->pod_uid = member->pod.uid;
            record->nonce = member->nonce;
        }
    }
}

/* One for each member that was added: bound to the pod that waits for it now. */
static void record_joins(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; world->member_list && i < world_size(world); i++) {
        const struct world_member *member = &world->members[i];
        struct permit_record *record = find_record(&planning->plan->status.recorded, i);
        if (!member_is_unstarted(member) || !can_join(planning, i) ||
            (record && record->member_id == member->entry->id && !MUTANT(ExistingTwice))) {
            continue;
        }
        if (!record) {
            record = add_record(planning, i);
        }
        record->pod_uid = member->pod.uid;
        record->nonce = member->nonce;
        record->mode = PERMIT_EXISTING;
        record->member_id = member->entry->id;
        /* previous_cluster_uid stays: what was to be adopted there goes aside. */
    }
}

bool rule_grant_permits(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;

    if (!world->stateful_set) {
        return false;
    }
    renew_adoptions(planning);
    if (world_formed(world)) {
        record_joins(planning);
    }
    if (world_formed(world) ? MUTANT(NewAfterFormed) : MUTANT(PermitTwice)) {
        renew_for_mutants(planning);
    }
    if (!recorded->cluster_id && !recorded->n_permits && !recorded->restore_uid) {
        enum volumes volumes = find_volumes(planning);
        if (volumes == VOLUMES_FRESH) {
            issue_fresh(planning);
        } else if (volumes == VOLUMES_ADOPTABLE) {
            for (int i = 0; i < world_size(world); i++) {
                record_adopt(planning, i);
            }
        }
    }
    return deliver(planning);
}

/* A linearizable read and a linearizable member list: the cluster has formed. Also when the record
 * of its start is lost: a cluster that runs must not be given permits as if it were new. */
bool rule_record_cluster(struct planning *planning)
{
    const struct world *world = planning->world;
    struct recorded *recorded = &planning->plan->status.recorded;

    if (!world_formed(world) && world->member_list && world_has_quorum(world)) {
        recorded->cluster_id = world->member_list->cluster_id;
        if (!recorded->size) {
            recorded->size = (int32_t)membership_of(world).last + 1;
        }
        recorded->generation = recorded->generation ? recorded->generation : 1;
        planning->plan->reason = "the members have elected a leader";
        return !world->recorded.size; /* What comes next would take the spec's size for it. */
    }
    return false;
}

/* The pod bears the permit, the member that it is for is still to start, and its helper waits as if
 * there were none. */
static bool has_missed(const struct world_member *member, const struct permit_record *record)
{
    const struct permit *permit = member->pod.permit;
    bool wanted = record->mode != PERMIT_EXISTING ||
                  (member->entry && member->entry->id == record->member_id);

    return present(member) && permit && !strcmp(permit->nonce, record->nonce) && wanted &&
           member->report && unused(member, record) &&
           member->report->reason < REPORT_PERMIT_INVALID;
}

/* A kubelet that mounts a pod's volumes just then can miss a change of an annotation, and shows it
 * with the pod's next sync only, a minute or more later. Any further change makes it look again. */
bool rule_repeat_permits(struct planning *planning)
{
    const struct world *world = planning->world;
    const struct recorded *recorded = &world->recorded;

    for (int i = 0; i < recorded->n_permits; i++) {
        const struct permit_record *record = &recorded->permits[i];
        const struct world_member *member = &world->members[record->ordinal];
        int64_t since_ms = world->now_ms - member->pod.permit_sent_ms;
        if (has_missed(member, record) && (since_ms >= REPEAT_AFTER_MS || since_ms < 0)) {
            planning_add_pod(planning, record->ordinal);
        }
    }
    if (!planning->plan->action.n_pods) {
        return false;
    }
    planning->plan->action.kind = ACTION_REPEAT_PERMITS;
    planning->plan->reason = "the kubelet has not shown them to their pods yet";
    return true;
}

bool rule_retire_permits(struct planning *planning)
{
    const struct world *world = planning->world;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (world_formed(world) && present(member) && member->pod.has_permit &&
            !member_starting(member)) {
            planning_add_pod(planning, i);
        }
    }
    if (!planning->plan->action.n_pods) {
        return false;
    }
    planning->plan->action.kind = ACTION_RETIRE_PERMITS;
    planning->plan->reason = "their members have started";
    return true;
}
