/* The part of the explanation that says what the next pass does. */
#include <string.h>

#include "api/permit.h"
#include "cluster/explain.h"

/* What each action does, and what may keep it from coming to its end. */
static const struct {
    const char *name, *does, *could_block;
} actions[] = {
    [ACTION_NONE] = {"None", "nothing is changed but, where it says something new, the status",
                     NULL},
    [ACTION_ADD_FINALIZER] = {"AddFinalizer", "the operator's finalizer is set on the EtcdCluster",
                              "a change of the object in between (it is tried again), or an "
                              "admission webhook"},
    [ACTION_REMOVE_FINALIZER] = {"RemoveFinalizer",
                                 "the operator's finalizer is removed, and the EtcdCluster is gone",
                                 "another finalizer on the EtcdCluster"},
    [ACTION_GRANT_PERMITS] = {"GrantPermits",
                              "the start permits are recorded in the status and then put onto the "
                              "pods; each start helper that finds its own starts etcd",
                              "a node whose kubelet is away: the annotation does not reach the "
                              "container; a pod that is replaced in between"},
    [ACTION_REPEAT_PERMITS] = {"RepeatPermits",
                               "the pods' annotation is touched, so that their kubelets look again",
                               "a node whose kubelet is away"},
    [ACTION_RETIRE_PERMITS] = {"RetirePermits", "the used permits are taken off the pods", NULL},
    [ACTION_ISSUE_CERTIFICATES] = {"IssueCertificates",
                                   "the Secrets are created or signed anew; etcd reads them itself",
                                   "a missing right to Secrets, a quota, an admission webhook: "
                                   "Degraded then says ActionRefused"},
    [ACTION_APPLY] = {"Apply", "the objects are applied in this order; no pod is restarted by that",
                      "a quota, an admission webhook or a missing right (Degraded then says "
                      "ActionRefused); an object of that name that is somebody else's (NameTaken)"},
    [ACTION_DELETE_PODS] = {"DeletePods",
                            "the pods are deleted; the StatefulSet controller makes new ones from "
                            "the present template",
                            "a pod on a dead node: it ends when the Node is removed or tainted "
                            "node.kubernetes.io/out-of-service"},
    [ACTION_STOP_ETCD] = {"StopEtcd", "the StatefulSet is scaled to nothing: all members end",
                          "a pod on a dead node: it ends when the Node is removed or tainted "
                          "node.kubernetes.io/out-of-service"},
    [ACTION_GROW_CLAIMS] = {"GrowClaims",
                            "the claims ask for the size of the spec; their driver grows the "
                            "volumes while they are used, where it can",
                            "a quota on storage; a driver that has no more room, or grows only "
                            "what is not mounted"},
    [ACTION_ORPHAN_SET] = {"OrphanSet",
                           "the StatefulSet is deleted without its pods, which run on, and the "
                           "next pass makes it again around them",
                           "a quota or an admission webhook that refuses the new one (Degraded "
                           "then says ActionRefused; the pods run on)"},
    [ACTION_ADD_MEMBER] = {"AddMember", "etcd is told of the member, as a learner",
                           "etcd's own checks: a voter that is down, a change within the last five "
                           "seconds"},
    [ACTION_PROMOTE_MEMBER] = {"PromoteMember", "the learner becomes a voter",
                               "a learner that is behind the leader"},
    [ACTION_REMOVE_MEMBER] = {"RemoveMember",
                              "the member is removed from etcd; its data stays "
                              "where it is until the ordinal joins anew, or leaves",
                              "a quorum that is lost in between"},
    [ACTION_MOVE_LEADER] = {"MoveLeader", "the leader hands over to another voter",
                            "a voter that is behind"},
    [ACTION_COMPACT] = {"Compact", "etcd forgets the history before a revision; no key changes",
                        "a quorum that is lost in between"},
    [ACTION_DEFRAGMENT] = {"Defragment",
                           "the member writes its database anew without the free pages, and serves "
                           "nothing meanwhile",
                           "a full disk: the new file stands beside the old one for a while"},
    [ACTION_CHECK_HASHES] = {"CheckHashes",
                             "each voter is asked for the hash of its keys, one "
                             "after the other; nothing is changed",
                             "a member that takes long to read its database"},
    [ACTION_DISARM] = {"Disarm", "the alarm is taken back, and etcd takes writes again",
                       "a quorum that is lost in between"},
    [ACTION_REMOVE] = {"Remove", "the objects are deleted",
                       "a finalizer of somebody else on one of them"},
};

static void add_object(json_t *list, const char *kind, const char *name, const char *why)
{
    json_t *item = json_object();

    explain_set_text(item, "kind", kind);
    explain_set_text(item, "name", name);
    explain_set_text(item, "why", why);
    json_array_append_new(list, item);
}

static json_t *explain_objects(const struct world *world, const struct plan *plan)
{
    const struct action *action = &plan->action;
    json_t *out = json_array();

    for (int i = 0; i < action->n_apply; i++) {
        add_object(out, action->apply[i].resource->kind, action->apply[i].name,
                   action->apply_reason[i]);
    }
    for (int i = 0; i < action->n_remove; i++) {
        add_object(out, action->remove[i].resource->kind, action->remove[i].name, NULL);
    }
    for (int i = 0; action->kind == ACTION_GROW_CLAIMS && i < action->n_pods; i++) {
        const struct world_claim *claim = &world->members[action->pods[i]].claim;
        add_object(out, kube_persistent_volume_claims.kind, claim->name, NULL);
    }
    if (action->kind == ACTION_STOP_ETCD || action->kind == ACTION_ORPHAN_SET) {
        add_object(out, kube_stateful_sets.kind, world->names->cluster, NULL);
    }
    for (int i = 0; action->kind == ACTION_ISSUE_CERTIFICATES && i < N_SECRETS; i++) {
        if (world->certificates.due[i]) {
            add_object(out, kube_secrets.kind,
                       certificates_secret_name(world->names, (enum certificate_secret)i),
                       world->certificates.due[i]);
        }
    }
    return out;
}

static json_t *explain_permit(const struct recorded *recorded, int ordinal)
{
    for (int i = 0; i < recorded->n_permits; i++) {
        const struct permit_record *record = &recorded->permits[i];
        if (record->ordinal == ordinal) {
            json_t *out = json_pack("{s:s, s:I}", "mode", permit_mode_name(record->mode),
                                    "generation", (json_int_t)recorded->generation);
            explain_set_id(out, "memberID", record->member_id);
            return out;
        }
    }
    return json_null();
}

static json_t *explain_pods(const struct world *world, const struct plan *plan)
{
    json_t *out = json_array();

    for (int i = 0; plan->action.kind != ACTION_GROW_CLAIMS && i < plan->action.n_pods; i++) {
        int ordinal = plan->action.pods[i];
        const struct world_pod *pod = &world->members[ordinal].pod;
        json_t *item = json_object();
        explain_set_text(item, "name", pod->name);
        explain_set_text(item, "uid", pod->uid);
        explain_set_text(item, "node", pod->node);
        if (plan->action.kind == ACTION_GRANT_PERMITS) {
            json_object_set_new(item, "permit", explain_permit(&plan->status.recorded, ordinal));
        }
        json_array_append_new(out, item);
    }
    return out;
}

static json_t *explain_member(const struct world *world, int ordinal)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct etcd_member *entry = world->members[ordinal].entry;
    json_t *out = json_pack("{s:i}", "ordinal", ordinal);

    explain_set_text(out, "name", names_pod(arena, world->names, ordinal));
    explain_set_id(out, "id", entry ? entry->id : 0);
    explain_set_text(
        out, "peerURL",
        names_peer_url(arena, world->names, ordinal, world->spec.security.tls.peer.enabled));
    return out;
}

static bool is_about_a_member(enum action_kind kind)
{
    return kind == ACTION_ADD_MEMBER || kind == ACTION_PROMOTE_MEMBER ||
           kind == ACTION_REMOVE_MEMBER || kind == ACTION_MOVE_LEADER;
}

/* Nonces aside: this process draws its own. */
static bool same_permits(const struct recorded *before, const struct recorded *after)
{
    bool same = before->n_permits == after->n_permits;

    for (int i = 0; same && i < after->n_permits; i++) {
        const struct permit_record *a = &before->permits[i], *b = &after->permits[i];
        same = a->ordinal == b->ordinal && a->member_id == b->member_id &&
               !strcmp(a->pod_uid, b->pod_uid);
    }
    return same;
}

/* How many members were replaced since the cluster was last whole. */
static int attempts(const struct recorded *recorded)
{
    int sum = 0;

    for (int i = 0; i < recorded->n_replacements; i++) {
        sum += recorded->replacements[i].attempts;
    }
    return sum;
}

/* What the next pass writes down before it acts; null: nothing new. */
static json_t *explain_records(const struct world *world, const struct plan *plan)
{
    const struct recorded *before = &world->recorded, *after = &plan->status.recorded;

    if (before->size == after->size && before->generation == after->generation &&
        same_permits(before, after) && before->cluster_id == after->cluster_id &&
        attempts(before) == attempts(after)) {
        return json_null();
    }
    json_t *out = json_pack("{s:i, s:I, s:i, s:i}", "size", (int)after->size, "generation",
                            (json_int_t)after->generation, "permits", after->n_permits,
                            "replacements", attempts(after));
    explain_set_id(out, "clusterID", after->cluster_id);
    return out;
}

/* Why this is what comes: the acting rule's reason, or else what the most urgent words say. */
static const char *why(const struct plan *plan)
{
    const char *waits = NULL;

    if (plan->reason) {
        return plan->reason;
    }
    for (size_t i = 0; i < plan->n_answers; i++) {
        if (plan->answers[i].blocks) {
            return plan->answers[i].blocks;
        }
        waits = waits ? waits : plan->answers[i].waits;
    }
    return waits ? waits : "all is as it should be, as far as the rules go";
}

json_t *explain_next(const struct world *world, const struct plan *plan)
{
    const struct action *action = &plan->action;
    json_t *out = json_pack("{s:o, s:o, s:o, s:I}", "pods", explain_pods(world, plan), "objects",
                            explain_objects(world, plan), "records", explain_records(world, plan),
                            "lookAgainAfterMs", (json_int_t)plan->requeue_ms);

    json_object_set_new(out, "member",
                        is_about_a_member(action->kind) ? explain_member(world, action->ordinal)
                                                        : json_null());
    json_object_set_new(out, "successor",
                        action->kind == ACTION_MOVE_LEADER
                            ? explain_member(world, action->successor)
                            : json_null());
    explain_set_text(out, "rule", plan->rule);
    explain_set_text(out, "why", why(plan));
    explain_set_text(out, "action", actions[plan->action.kind].name);
    explain_set_text(out, "does", actions[plan->action.kind].does);
    explain_set_text(out, "couldBlock", actions[plan->action.kind].could_block);
    return out;
}
