/* The part of the explanation that says what was seen. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/explain.h"

static json_t *observe_permit(const struct world_pod *pod)
{
    const struct permit *permit = pod->permit;

    if (!pod->has_permit) {
        return json_null();
    }
    if (!permit) {
        return json_pack("{s:b}", "valid", false);
    }
    json_t *out =
        json_pack("{s:b, s:s, s:I, s:b}", "valid", true, "mode", permit_mode_name(permit->mode),
                  "generation", (json_int_t)permit->generation, "forThisPod",
                  pod->uid && !strcmp(permit->pod_uid, pod->uid));
    explain_set_id(out, "memberID", permit->member_id);
    return out;
}

static json_t *observe_pod_of(const struct world_pod *pod)
{
    if (!pod->exists) {
        return json_null();
    }
    json_t *out = json_pack("{s:b, s:b, s:b, s:i}", "ready", pod->ready, "started", pod->started,
                            "terminating", pod->terminating, "restarts", (int)pod->restarts);
    explain_set_text(out, "name", pod->name);
    explain_set_text(out, "uid", pod->uid);
    explain_set_text(out, "node", pod->node);
    explain_set_text(out, "unschedulable", pod->unschedulable);
    explain_set_text(out, "waits", pod->waiting_reason);
    explain_set_text(out, "lastEnd", pod->ended_reason);
    json_object_set_new(out, "permit", observe_permit(pod));
    return out;
}

static json_t *observe_claim_of(const struct world *world, const struct world_claim *claim)
{
    if (!claim->exists) {
        return json_null();
    }
    json_t *out = json_pack("{s:b, s:b, s:b}", "bound", claim->bound, "terminating",
                            claim->terminating, "madeForThisCluster",
                            claim->creator_uid && !strcmp(claim->creator_uid, world->uid));
    explain_set_text(out, "name", claim->name);
    explain_set_text(out, "storageClass", claim->storage_class);
    explain_set_text(out, "requested", claim->requested);
    explain_set_text(out, "capacity", claim->capacity);
    explain_set_text(out, "problem", claim->problem);
    explain_set_text(out, "growthProblem",
                     claim->cannot_grow ? claim->cannot_grow : claim->growth_problem);
    return out;
}

static json_t *observe_report(const struct report *report)
{
    if (!report) {
        return json_null();
    }
    json_t *out = json_pack("{s:b, s:s, s:b, s:b}", "waiting", report->waiting, "reason",
                            report_reason_name(report->reason), "hasData", report->has_wal,
                            "permitUsed", report->used_nonce != NULL);
    explain_set_text(out, "message", report->message);
    explain_set_id(out, "dataMemberID", report->wal_member_id);
    explain_set_id(out, "dataClusterID", report->wal_cluster_id);
    return out;
}

static json_t *texts(const char **items, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(out, json_string(items[i]));
    }
    return out;
}

static void add_status(json_t *out, const struct world_member *member,
                       const struct member_status *summary)
{
    const struct etcd_status *seen = &member->look.status;

    explain_set_id(out, "memberID", seen->member_id);
    explain_set_id(out, "clusterID", seen->cluster_id);
    explain_set_text(out, "role", member_role(member));
    explain_set_text(out, "version", seen->version);
    json_object_set_new(out, "dbSize", json_integer(seen->db_size));
    json_object_set_new(out, "dbSizeInUse", json_integer(seen->db_size_in_use));
    json_object_set_new(out, "dbSizeQuota", json_integer(seen->db_size_quota));
    json_object_set_new(out, "raftTerm", json_integer((json_int_t)seen->raft_term));
    json_object_set_new(out, "lag", summary ? json_integer(summary->lag) : json_null());
    json_object_set_new(out, "errors", texts(seen->errors, seen->n_errors));
}

/* `answers` is null when it could not be asked from where this process is. */
static json_t *observe_etcd_of(const struct world_member *member,
                               const struct member_status *summary, bool unread)
{
    if (!member->looked) {
        return json_null();
    }
    if (unread) {
        return json_pack("{s:n, s:b}", "answers", "takenToServe", member_answers(member));
    }
    json_t *out = json_pack("{s:b, s:b}", "answers", member_answers(member), "linearizableRead",
                            member_reads(member));
    explain_set_text(out, "error",
                     !member_answers(member) ? member->look.status_error.message
                     : !member_reads(member) ? member->look.read_error.message
                                             : NULL);
    if (member_answers(member)) {
        add_status(out, member, summary);
    }
    return out;
}

static json_t *observe_member(const struct world *world, const struct plan *plan,
                              const struct explain_view *view, int ordinal, struct arena *arena)
{
    const struct world_member *member = &world->members[ordinal];
    const struct member_status *summary =
        ordinal < plan->status.n_members ? &plan->status.members[ordinal] : NULL;
    json_t *out = json_pack("{s:i}", "ordinal", ordinal);

    explain_set_text(out, "name", names_pod(arena, world->names, ordinal));
    json_object_set_new(out, "pod", observe_pod_of(&member->pod));
    json_object_set_new(out, "claim", observe_claim_of(world, &member->claim));
    json_object_set_new(out, "report", observe_report(member->report));
    json_object_set_new(out, "etcd", observe_etcd_of(member, summary, view->etcd_unread != NULL));
    json_object_set_new(out, "listed",
                        world->member_list ? json_boolean(member->entry != NULL) : json_null());
    return out;
}

static json_t *observe_members(const struct world *world, const struct plan *plan,
                               const struct explain_view *view, struct arena *arena)
{
    json_t *out = json_array();
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (i < world_size(world) || member->pod.exists || member->claim.exists) {
            json_array_append_new(out, observe_member(world, plan, view, i, arena));
        }
    }
    return out;
}

static int ordinal_of(const struct world *world, const struct etcd_member *entry)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (world->members[i].entry == entry) {
            return i;
        }
    }
    return -1;
}

/* As etcd says, and whose each entry is; an entry that is nobody's has ordinal null. */
static json_t *observe_list(const struct world *world)
{
    const struct etcd_member_list *list = world->member_list;
    json_t *members = json_array();

    if (!list) {
        json_decref(members);
        return json_null();
    }
    for (size_t i = 0; list->members && i < list->n_members; i++) {
        const struct etcd_member *entry = &list->members[i];
        int ordinal = ordinal_of(world, entry);
        json_t *item = json_pack("{s:b}", "learner", entry->is_learner);
        explain_set_id(item, "id", entry->id);
        explain_set_text(item, "name", entry->name);
        json_object_set_new(item, "peerURLs", texts(entry->peer_urls, entry->n_peer_urls));
        json_object_set_new(item, "ordinal", ordinal < 0 ? json_null() : json_integer(ordinal));
        json_array_append_new(members, item);
    }
    json_t *out = json_pack("{s:o}", "members", members);
    explain_set_id(out, "clusterID", list->cluster_id);
    return out;
}

static json_t *observe_alarms(const struct world *world)
{
    json_t *out = json_array();
    for (size_t i = 0; i < world->n_alarms; i++) {
        enum etcd_alarm_type type = world->alarms[i].type;
        json_t *alarm = json_pack("{s:s}", "type",
                                  type == ETCD_ALARM_NOSPACE   ? "NOSPACE"
                                  : type == ETCD_ALARM_CORRUPT ? "CORRUPT"
                                                               : "NONE");
        explain_set_id(alarm, "memberID", world->alarms[i].member_id);
        json_array_append_new(out, alarm);
    }
    return out;
}

static json_t *observe_certificates_of(const struct world *world, const struct explain_view *view)
{
    const struct certificates *certificates = &world->certificates;
    json_t *secrets = json_array();

    for (int i = 0; i < N_SECRETS && !view->secrets_unread; i++) {
        if (!certificates->wanted[i] && !certificates->exists[i]) {
            continue;
        }
        json_t *secret = json_pack("{s:b}", "exists", certificates->exists[i]);
        explain_set_text(secret, "name",
                         certificates_secret_name(world->names, (enum certificate_secret)i));
        explain_set_text(secret, "due", certificates->due[i]);
        json_array_append_new(secrets, secret);
    }
    json_t *out = json_pack("{s:o}", "secrets", secrets);
    explain_set_text(out, "problem",
                     view->secrets_unread ? view->secrets_unread : world->certificates_problem);
    return out;
}

/* Those that are still there. */
static json_t *observe_leftovers(const struct world *world)
{
    json_t *out = json_array(), *child;
    size_t i;

    json_array_foreach(world->children, i, child)
    {
        json_t *item = json_pack("{s:b, s:n}", "exists", true, "difference");
        explain_set_text(item, "kind", json_path_string(child, "kind", NULL));
        explain_set_text(item, "name", json_path_string(child, "metadata", "name", NULL));
        json_array_append_new(out, item);
    }
    return out;
}

/* The objects that the operator makes, and what differs; null: as it should be. */
static json_t *observe_objects(const struct world *world, struct arena *arena)
{
    struct children children = {.length = 0};

    if (!world->spec_valid || world->deleting) {
        return observe_leftovers(world);
    }
    json_t *out = json_array();
    children_desired(world, arena, &children);
    for (int i = 0; i < children.length; i++) {
        const struct child *child = &children.items[i];
        const json_t *live = world_child(world, child->resource, child->name);
        json_t *item = json_pack("{s:s, s:s, s:b}", "kind", child->resource->kind, "name",
                                 child->name, "exists", live != NULL);
        explain_set_text(item, "difference", object_difference(arena, child->object, live));
        json_array_append_new(out, item);
    }
    return out;
}

static json_t *observe_set(const struct world *world)
{
    const json_t *set = world->stateful_set;

    if (!set) {
        return json_null();
    }
    json_int_t generation = json_path_integer(set, 0, "metadata", "generation", NULL);
    json_int_t seen = json_path_integer(set, -1, "status", "observedGeneration", NULL);
    json_t *out = json_pack("{s:I, s:I, s:b, s:b}", "replicas",
                            json_path_integer(set, 1, "spec", "replicas", NULL), "readyReplicas",
                            json_path_integer(set, 0, "status", "readyReplicas", NULL),
                            "seenByController", seen == generation, "terminating",
                            json_path(set, "metadata", "deletionTimestamp", NULL) != NULL);
    explain_set_text(out, "name", json_path_string(set, "metadata", "name", NULL));
    return out;
}

json_t *explain_observed(const struct world *world, const struct plan *plan,
                         const struct explain_view *view, struct arena *arena)
{
    char now[CLOCK_RFC3339_SIZE];
    json_t *out = json_pack("{s:s, s:b}", "at", clock_rfc3339(world->now_ms, now, sizeof now),
                            "linearizableRead", !view->etcd_unread && world_has_quorum(world));

    json_object_set_new(out, "statefulSet", observe_set(world));
    json_object_set_new(out, "members", observe_members(world, plan, view, arena));
    json_object_set_new(out, "memberList", observe_list(world));
    json_object_set_new(out, "alarms", observe_alarms(world));
    json_object_set_new(out, "certificates", observe_certificates_of(world, view));
    json_object_set_new(out, "objects", observe_objects(world, arena));
    json_object_set_new(out, "strayClaims",
                        texts(world->foreign_claims, (size_t)world->n_foreign_claims));
    explain_set_text(out, "podsRefused", world->create_failure);
    return out;
}
