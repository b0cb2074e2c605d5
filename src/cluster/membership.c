#include "cluster/membership.h"

#include "base/json.h"
#include "cluster/hashes.h"

#define LAG_MAX 5000 /* Raft entries, as many as etcd keeps for a follower to catch up by. */

bool member_is_voter(const struct world_member *member)
{
    return member->entry && !member->entry->is_learner;
}

bool member_is_live(const struct world_member *member)
{
    return member_is_voter(member) && member_answers(member) && member_reads(member) &&
           member->look.status.member_id == member->entry->id;
}

bool member_is_unstarted(const struct world_member *member)
{
    return member->entry && !*member->entry->name;
}

/* The entry of the list that belongs to an ordinal of ours. */
static bool is_ours(const struct world *world, const struct etcd_member *entry)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (world->members[i].entry == entry) {
            return true;
        }
    }
    return false;
}

struct membership membership_of(const struct world *world)
{
    struct membership out = {.unstarted = -1, .learner = -1, .down = -1, .last = -1};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (!member->entry) {
            continue;
        }
        out.last = i;
        out.voters += member_is_voter(member);
        out.live += member_is_live(member);
        out.unstarted = member_is_unstarted(member) ? i : out.unstarted;
        out.learner = member->entry->is_learner ? i : out.learner;
        out.down = member_is_voter(member) && !member_is_live(member) ? i : out.down;
    }
    for (size_t m = 0; world->member_list && m < world->member_list->n_members; m++) {
        const struct etcd_member *entry = &world->member_list->members[m];
        out.stranger = is_ours(world, entry) ? out.stranger : entry->id;
    }
    return out;
}

int world_replicas(const struct world *world)
{
    int replicas = world_size(world);

    if (!world_formed(world)) {
        return replicas;
    }
    if (!world->member_list) {
        int live = (int)json_path_integer(world->stateful_set, 0, "spec", "replicas", NULL);
        return live > replicas && live <= ETCDCLUSTER_MAX_SIZE ? live : replicas;
    }
    int last = membership_of(world).last;
    return last >= replicas && !MUTANT(PodBeforeRemove) ? last + 1 : replicas;
}

static const char *pod_name(const struct world *world, int ordinal, struct arena *arena)
{
    return names_pod(arena, world->names, ordinal);
}

static bool is_quorum(int live, int voters)
{
    return live > voters / 2;
}

bool member_is_joining(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);

    if (!world_formed(world) || !world->member_list) {
        return false;
    }
    return member->entry
               ? member_is_unstarted(member) && (!record || record->member_id == member->entry->id)
               : !record;
}

/* What stands in the way of any change of the membership. */
static const char *gate_change(const struct world *world, const struct membership *now, int ordinal,
                               struct arena *arena)
{
    char id[ID_HEX_SIZE];

    if (!world->member_list) {
        return "no member gives a linearizable member list";
    }
    if (now->stranger) {
        return arena_printf(arena,
                            "member %s is none of this cluster's ordinals: remove it from etcd, or "
                            "nothing can be added or removed safely",
                            id_format(now->stranger, id));
    }
    if (now->unstarted >= 0 && now->unstarted != ordinal) {
        return arena_printf(arena,
                            "%s has been added and has not started yet: what it is told of "
                            "the membership must stay true until then",
                            pod_name(world, now->unstarted, arena));
    }
    return NULL;
}

const struct permit_record *find_permit_record(const struct recorded *recorded, int ordinal)
{
    for (int i = 0; i < recorded->n_permits; i++) {
        if (recorded->permits[i].ordinal == ordinal) {
            return &recorded->permits[i];
        }
    }
    return NULL;
}

/* An addition waits until every voter is up, unless it is the second half of a repair: then what
 * will be voters must have a quorum without the new one. */
const char *gate_add(const struct world *world, int ordinal, struct arena *arena)
{
    struct membership now = membership_of(world);
    const char *why = gate_change(world, &now, ordinal, arena);
    bool repair = find_permit_record(&world->recorded, ordinal) != NULL;

    if (why || MUTANT(AddWhileDown)) {
        return why;
    }
    if (now.learner >= 0 && !MUTANT(LearnersTogether)) {
        return arena_printf(arena, "%s is a learner still", pod_name(world, now.learner, arena));
    }
    if (world_alarmed(world, ETCD_ALARM_CORRUPT)) {
        return "an alarm CORRUPT is raised";
    }
    if (now.down >= 0 && !(repair && is_quorum(now.live, now.voters + 1))) {
        return arena_printf(arena, "%s does not serve: a member more would make a quorum harder",
                            pod_name(world, now.down, arena));
    }
    return NULL;
}

const char *gate_promote(const struct world *world, int ordinal, struct arena *arena)
{
    struct membership now = membership_of(world);
    const char *why = gate_change(world, &now, ordinal, arena);

    if (why) {
        return why;
    }
    if (!is_quorum(now.live + 1, now.voters + 1)) {
        return arena_printf(arena, "only %d of %d voters serve", now.live, now.voters);
    }
    return NULL;
}

/* The live voters that stay must be a quorum of the membership that stays. */
const char *gate_remove(const struct world *world, int ordinal, struct arena *arena)
{
    struct membership now = membership_of(world);
    const struct world_member *member = &world->members[ordinal];
    const char *why = gate_change(world, &now, ordinal, arena);

    if (why || !member_is_voter(member) || MUTANT(RemoveWithoutQuorum)) {
        return why;
    }
    int staying = now.voters - 1, live = now.live - member_is_live(member);
    if (!staying) {
        return "it is the only voter: nobody else has what it held";
    }
    if (!is_quorum(live, staying)) {
        return arena_printf(arena, "only %d of the %d voters that would stay serve", live, staying);
    }
    return NULL;
}

static const char *not_well(const struct world *world, int ordinal, struct arena *arena)
{
    const struct world_member *member = &world->members[ordinal];
    const char *name = pod_name(world, ordinal, arena);

    if (!member->entry) {
        return arena_printf(arena, "%s is no member of etcd yet", name);
    }
    if (member->entry->is_learner) {
        return arena_printf(arena, "%s is a learner still", name);
    }
    if (!member->pod.exists || member->pod.terminating || !member->pod.ready ||
        !member_is_live(member)) {
        return arena_printf(arena, "%s does not serve", name);
    }
    if (world_highest_index(world) > member->look.status.raft_applied_index + LAG_MAX) {
        return arena_printf(arena, "%s is %llu entries behind", name,
                            (unsigned long long)(world_highest_index(world) -
                                                 member->look.status.raft_applied_index));
    }
    return NULL;
}

const char *gate_well(const struct world *world, struct arena *arena)
{
    struct membership now = membership_of(world);
    const char *why = gate_change(world, &now, -1, arena);

    for (int i = 0; !why && i < world_size(world); i++) {
        why = not_well(world, i, arena);
    }
    if (!why && now.last >= world_size(world)) {
        why = arena_printf(arena, "%s is to leave first", pod_name(world, now.last, arena));
    }
    if (!why && world_alarmed(world, ETCD_ALARM_CORRUPT)) {
        why = "an alarm CORRUPT is raised";
    }
    if (!why && (hashes_judge(world) == HASHES_DIFFER || hashes_judge(world) == HASHES_SPLIT)) {
        why = "the members' data differs"; /* And etcd would not start beside such a peer. */
    }
    return why;
}

const char *gate_restart(const struct world *world, int ordinal, struct arena *arena)
{
    struct membership now = membership_of(world);
    const struct world_member *member = &world->members[ordinal];

    if (now.voters == 1 && member_is_voter(member) && now.learner < 0) {
        return NULL;
    }
    return gate_well(world, arena);
}

bool member_has_pending_permit(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);
    const struct report *report = member->report;
    uint64_t id = world_known_member(world, ordinal).id;

    return record && id && record->member_id == id && member->pod.exists &&
           !strcmp(record->pod_uid, member->pod.uid) &&
           !(report && report->used_nonce && !strcmp(report->used_nonce, record->nonce));
}

/* One to begin wants an empty volume, one to adopt wants what it is to adopt, and only one to join
 * puts aside whatever is there. */
static bool permit_may_help(const struct world *world, int ordinal)
{
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);
    enum report_reason reason = world->members[ordinal].report->reason;

    if (!member_has_pending_permit(world, ordinal)) {
        return false;
    }
    switch (record->mode) {
    case PERMIT_NEW:
        return reason == REPORT_NO_DATA;
    case PERMIT_ADOPT:
        return reason == REPORT_FOREIGN_DATA;
    case PERMIT_EXISTING:
        break;
    }
    return true;
}

/* It was added, and its permit is still to be written down. */
static bool awaits_record(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct permit_record *record = find_permit_record(&world->recorded, ordinal);

    return member_is_unstarted(member) && (!record || record->member_id != member->entry->id);
}

bool member_is_given_up(const struct world *world, int ordinal)
{
    const struct etcd_member *entry = world->members[ordinal].entry;
    uint64_t id;

    return entry && world->replace && id_parse(world->replace, &id) && id == entry->id;
}

const char *member_lost(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];

    if (!world_formed(world) || !member->entry) {
        return NULL;
    }
    if (member_is_given_up(world, ordinal)) {
        return "the annotation " ANNOTATION_REPLACE " gives it up";
    }
    if (hashes_prove(world, ordinal)) {
        return "its data differs from the majority's";
    }
    const char *why = member_data_lost(world, ordinal);
    return why != member->claim.gone && awaits_record(world, ordinal) ? NULL : why;
}

/* Of a volume without a marker it is the log that says whose it is. Another cluster's data is for a
 * person to look at; a log that nothing can be read from is good for nobody. */
static const char *unmarked_loss(const struct world *world, const struct report *report)
{
    if (!report->has_wal) {
        return NULL;
    }
    if (!report->wal_cluster_id) {
        return "its volume has lost its marker, and its write-ahead log cannot be read";
    }
    return report->wal_cluster_id == world->recorded.cluster_id
               ? "its volume has lost its marker, so nobody knows how old its data is"
               : NULL;
}

const char *member_data_lost(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    const struct report *report = member->report;

    if (member->claim.gone && !member_answers(member)) {
        return member->claim.gone;
    }
    if (!member->pod.exists || member->pod.terminating || !report || !report->waiting ||
        permit_may_help(world, ordinal)) {
        return NULL;
    }
    switch (report->reason) {
    case REPORT_NO_DATA:
        return "its volume is empty";
    case REPORT_WAL_UNREADABLE:
        return "its write-ahead log cannot be read";
    case REPORT_DATABASE_UNREADABLE:
        return "its database cannot be read";
    case REPORT_FOREIGN_DATA:
        return report->has_marker && !strcmp(report->marker.cluster_uid, world->uid) &&
                       report->marker.ordinal == ordinal &&
                       report->marker.generation < world->recorded.generation
                   ? "its volume holds data of an earlier generation"
                   : NULL;
    case REPORT_MARKER_MISSING:
    case REPORT_MARKER_INVALID:
        return unmarked_loss(world, report);
    case REPORT_STARTING:
    case REPORT_PERMIT_INVALID:
    case REPORT_CONFIG_INVALID:
    case REPORT_VOLUME_UNWRITABLE:
        break;
    }
    return NULL;
}

bool version_log_in_the_way(const struct world *world)
{
    const struct recorded *recorded = &world->recorded;
    int64_t safe = recorded->log_index + world->spec.etcd.snapshot_count;

    if (!recorded->log_index) {
        return true;
    }
    for (int i = 0; i < world_size(world); i++) {
        const struct world_member *member = &world->members[i];
        if (!member_answers(member) || (int64_t)member->look.status.raft_applied_index <= safe) {
            return true;
        }
    }
    return false;
}
