/* What must never be done to members: changes of membership, pods and volumes of members that
 * serve, versions that skip. What the operator could not yet know is not held against it: a member
 * counts as up or down only after it has been so for a while. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cluster/names.h"
#include "member/decide.h"
#include "sim/run.h"

#define SEEN_MS            10000 /* What has been so for so long is seen by everybody. */
#define FIRST_SAFE_3_5     26    /* The first patch of 3.5 from which 3.6 may follow. */
#define OLDEST_FRESH_MINOR 5

/* ---- Who is up ---- */

static const struct sim_pod *pod_of_ordinal(const struct sim_run *run, int ordinal)
{
    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &run->site->pods[i];
        if (pod->state && !pod->orphan && pod->ordinal == ordinal) {
            return pod;
        }
    }
    return NULL;
}

static bool serves_now(const struct sim_pod *pod)
{
    return pod && pod->ready && pod->process && sim_etcd_ready(pod->process);
}

void sim_invariants_tick(struct sim_run *run)
{
    for (int i = 0; i < SIM_ORDINALS; i++) {
        struct sim_uptime *uptime = &run->uptimes[i];
        bool serves = serves_now(pod_of_ordinal(run, i));
        if (serves != uptime->serves) {
            *uptime = (struct sim_uptime){serves, sim_now(run->sim)};
        }
    }
}

static bool is_seen(const struct sim_run *run, int ordinal, bool serving)
{
    const struct sim_uptime *uptime = &run->uptimes[ordinal];

    return serves_now(pod_of_ordinal(run, ordinal)) == serving && uptime->serves == serving &&
           sim_now(run->sim) - uptime->since_ms >= SEEN_MS;
}

/* ---- Membership ---- */

uint64_t sim_cluster_id(const struct sim_run *run)
{
    const char *text = json_path_string(sim_cluster(run), "status", "clusterID", NULL);
    uint64_t id = 0;

    return text && id_parse(text, &id) ? id : 0;
}

/* c-2.c-peer.ns.svc */
static int ordinal_of_host(const char *host)
{
    char pod[80];
    int ordinal;

    snprintf(pod, sizeof pod, "%.*s", (int)strcspn(host, "."), host);
    ordinal = member_ordinal(pod);
    return ordinal < SIM_ORDINALS ? ordinal : -1;
}

size_t sim_members(const struct sim_run *run, struct sim_member *members)
{
    return sim_etcd_members(run->site->etcd, sim_cluster_id(run), members, SIM_ORDINALS);
}

const struct sim_pod *sim_pod_of_member(const struct sim_run *run, const struct sim_member *member)
{
    return pod_of_ordinal(run, ordinal_of_host(member->host));
}

static bool is_member(const struct sim_run *run, int ordinal, struct sim_member *out)
{
    struct sim_member members[SIM_ORDINALS];
    size_t n = sim_members(run, members);

    for (size_t i = 0; i < n; i++) {
        if (ordinal_of_host(members[i].host) == ordinal) {
            *out = members[i];
            return true;
        }
    }
    return false;
}

static int recorded_size(const struct sim_run *run)
{
    return (int)json_path_integer(sim_cluster(run), 0, "status", "bootstrap", "size", NULL);
}

static bool is_deleting(const json_t *cluster)
{
    return !cluster || json_path(cluster, "metadata", "deletionTimestamp", NULL);
}

static void check_add(struct sim_run *run, const struct sim_membership_change *change, int ordinal)
{
    if (!change->learner) {
        sim_violate(run->sim, "MembershipUnsafe", "%s is added as a voter", change->host);
    }
    for (int i = 0; i < SIM_ORDINALS; i++) {
        struct sim_member member;
        if (i != ordinal && is_member(run, i, &member) && member.learner &&
            sim_now(run->sim) - run->added_ms[i] >= SEEN_MS) {
            sim_violate(run->sim, "LearnersTogether", "%s is added although %s is a learner",
                        change->host, member.host);
        }
    }
    if (ordinal >= 0 && change->accepted) {
        run->added_ms[ordinal] = sim_now(run->sim);
    }
    if (change->live < change->voters && ordinal >= 0 && !run->repairs[ordinal]) {
        sim_violate(run->sim, "MembershipUnsafe",
                    "%s is added although %zu of %zu voters are down, and not in place of one",
                    change->host, change->voters - change->live, change->voters);
    }
}

static void check_remove(struct sim_run *run, const struct sim_membership_change *change,
                         int ordinal)
{
    struct sim_member members[SIM_ORDINALS];
    size_t n = sim_members(run, members);

    if (change->learner || ordinal < 0) {
        return; /* Learners may always go. */
    }
    if (ordinal < recorded_size(run)) {
        run->repairs[ordinal] = run->repairs[ordinal] || change->accepted;
        if (change->accepted) {
            sim_invariants_replaced(run, ordinal);
        }
        /* Without its marker nobody knows how old its data is. */
        const struct sim_pod *pod = pod_of_ordinal(run, ordinal);
        bool unmarked =
            pod && pod->state == SIM_POD_HELPER &&
            (pod->waits_for == REPORT_MARKER_MISSING || pod->waits_for == REPORT_MARKER_INVALID);
        if (!unmarked && sim_etcd_is_intact(run->site->etcd, change->member_id)) {
            sim_violate(run->sim, "WipedWithoutProof", "%s is removed, but its data is good",
                        change->host);
        }
        return;
    }
    if (!sim_etcd_is_intact(run->site->etcd, change->member_id)) {
        return; /* One that has lost its data may go before the highest. */
    }
    for (size_t i = 0; i < n; i++) {
        if (ordinal_of_host(members[i].host) > ordinal) {
            sim_violate(run->sim, "LowestVictim", "%s is removed although %s is there",
                        change->host, members[i].host);
        }
    }
}

void sim_invariants_membership(void *context, const struct sim_membership_change *change)
{
    static const char *const words[] = {"added", "promoted", "removed", "updated"};
    struct sim_run *run = context;
    int ordinal = ordinal_of_host(change->host);

    sim_trace(run->sim, "etcd: %s %s %s %s: %zu of %zu voters live, then %zu of %zu",
              change->learner ? "learner" : "voter", change->host,
              change->accepted ? "is" : "is to be", words[change->kind], change->live,
              change->voters, change->live_after, change->voters_after);
    if (change->voters_after != change->voters && change->live > change->voters / 2 &&
        change->live_after <= change->voters_after / 2) {
        sim_violate(run->sim, "MembershipUnsafe",
                    "after %s is %s %zu of %zu voters live, which is no quorum", change->host,
                    words[change->kind], change->live_after, change->voters_after);
    }
    if (change->kind == SIM_MEMBER_ADD) {
        check_add(run, change, ordinal);
    } else if (change->kind == SIM_MEMBER_REMOVE) {
        check_remove(run, change, ordinal);
    } else if (change->kind == SIM_MEMBER_PROMOTE && !change->member_lives) {
        sim_violate(run->sim, "MembershipUnsafe", "%s is promoted although it is down",
                    change->host);
    } else if (change->kind == SIM_MEMBER_PROMOTE && change->accepted && ordinal >= 0) {
        run->repairs[ordinal] = false;
    }
}

/* ---- Pods and claims ---- */

bool sim_pod_is_outdated(const struct sim_run *run, const struct sim_pod *pod)
{
    const json_t *object = sim_api_server_peek(run->server, &kube_pods, SIM_NAMESPACE, pod->name);
    const json_t *set =
        sim_api_server_peek(run->server, &kube_stateful_sets, SIM_NAMESPACE, SIM_CLUSTER);
    const char *has =
        json_path_string(object, "metadata", "annotations", ANNOTATION_TEMPLATE_HASH, NULL);
    const char *wants = json_path_string(set, "spec", "template", "metadata", "annotations",
                                         ANNOTATION_TEMPLATE_HASH, NULL);

    return !has || !wants || strcmp(has, wants) != 0;
}

/* Its member serves nothing meanwhile. */
void sim_invariants_defragments(struct sim_run *run, const char *host)
{
    struct sim_member members[SIM_ORDINALS];
    size_t n = sim_members(run, members);

    for (size_t i = 0; i < n; i++) {
        int ordinal = ordinal_of_host(members[i].host);
        if (ordinal >= 0 && ordinal != ordinal_of_host(host) && !members[i].learner &&
            is_seen(run, ordinal, false)) {
            sim_violate(run->sim, "DefragmentedTogether",
                        "%s is defragmented while %s does not serve", host, members[i].host);
        }
    }
}

static void check_roll(struct sim_run *run, const struct sim_pod *pod)
{
    struct sim_member members[SIM_ORDINALS];
    size_t n = sim_members(run, members), others = 0;

    for (size_t i = 0; i < n; i++) {
        int ordinal = ordinal_of_host(members[i].host);
        if (members[i].learner || ordinal < 0 || ordinal == pod->ordinal) {
            continue;
        }
        others += is_seen(run, ordinal, true);
        if (is_seen(run, ordinal, false)) {
            sim_violate(run->sim, "TwoPodsRolled", "pod %s is deleted while %s does not serve",
                        pod->name, members[i].host);
        }
    }
    if (others && sim_etcd_leads(pod->process, SEEN_MS)) {
        sim_violate(run->sim, "RolledBeforeLeaderMoved",
                    "pod %s is deleted while its member leads and others could", pod->name);
    }
}

/* It is this pod, as it is now, that is to go: the API server will not refuse. */
static bool is_meant(struct sim_run *run, const struct sim_request *request,
                     const struct sim_pod *pod)
{
    const struct kube_delete_options *options = request->options;
    const json_t *object = sim_api_server_peek(run->server, &kube_pods, SIM_NAMESPACE, pod->name);
    const char *version = json_path_string(object, "metadata", "resourceVersion", NULL);

    return options && options->uid && !strcmp(options->uid, pod->uid) &&
           (!options->resource_version || !version || !strcmp(options->resource_version, version));
}

void sim_invariants_pod_removed(struct sim_run *run, const struct sim_request *request)
{
    const struct sim_pod *pod = sim_site_pod(run->site, request->name);
    struct sim_member member;

    if (is_deleting(sim_cluster(run)) || !sim_cluster_id(run) || !pod ||
        !is_meant(run, request, pod) || pod->ordinal < 0 || pod->ordinal >= SIM_ORDINALS ||
        !is_seen(run, pod->ordinal, true) || !is_member(run, pod->ordinal, &member) ||
        !sim_etcd_is_intact(run->site->etcd, member.id)) {
        return;
    }
    if (!sim_pod_is_outdated(run, pod) && !(pod->volume && pod->volume->needs_mount)) {
        sim_violate(run->sim, "ServingPodDeleted",
                    "pod %s is deleted while its member serves and nothing about it is outdated",
                    pod->name);
    }
    check_roll(run, pod);
}

static bool claims_are_kept(const json_t *cluster)
{
    const char *when = is_deleting(cluster) ? "whenDeleted" : "whenScaled";
    const char *policy = json_path_string(cluster, "spec", "storage",
                                          "persistentVolumeClaimRetentionPolicy", when, NULL);

    return policy ? strcmp(policy, "Delete") != 0 : is_deleting(cluster); /* As the CRD has them. */
}

/* There is nothing behind the claim any more. */
static bool is_of_no_use(const struct sim_run *run, const char *claim)
{
    const json_t *object =
        sim_api_server_peek(run->server, &kube_persistent_volume_claims, SIM_NAMESPACE, claim);
    const char *uid = json_path_string(object, "metadata", "uid", NULL);
    const struct sim_volume *volume = uid ? sim_volume_of_claim(run->site, uid) : NULL;

    return volume && (volume->lost || run->site->nodes[volume->node].gone);
}

/* To make room for a member's new volume is asked for by nobody, and needed. */
static bool is_asked_for(const struct sim_run *run, const json_t *cluster, int ordinal)
{
    return !claims_are_kept(cluster) || (!is_deleting(cluster) && ordinal < recorded_size(run));
}

/* Only what was made for this very cluster may go. */
static bool is_of_cluster(const struct sim_run *run, const char *claim, const json_t *cluster)
{
    const json_t *object =
        sim_api_server_peek(run->server, &kube_persistent_volume_claims, SIM_NAMESPACE, claim);
    const char *maker =
        json_path_string(object, "metadata", "annotations", ANNOTATION_CLUSTER_UID, NULL);
    const char *uid = json_path_string(cluster, "metadata", "uid", NULL);

    return !object || (maker && uid && !strcmp(maker, uid));
}

/* Neither now nor when it goes: the request says of which version. */
static bool is_unbound(const json_t *claim, const struct kube_delete_options *options)
{
    return !json_path_string(claim, "spec", "volumeName", NULL) && options &&
           options->resource_version;
}

void sim_invariants_claim_removed(struct sim_run *run, const struct sim_request *request)
{
    const json_t *cluster = sim_cluster(run);
    int ordinal = member_ordinal(request->name);
    struct sim_member member;

    if (is_of_no_use(run, request->name)) {
        return;
    }
    const json_t *claim = sim_api_server_peek(run->server, &kube_persistent_volume_claims,
                                              SIM_NAMESPACE, request->name);
    const char *uid = json_path_string(claim, "metadata", "uid", NULL);

    const struct kube_delete_options *options = request->options;
    const char *version = json_path_string(claim, "metadata", "resourceVersion", NULL);

    if (!uid || (options && options->uid && strcmp(options->uid, uid) != 0) ||
        (options && options->resource_version && strcmp(options->resource_version, version) != 0)) {
        return; /* It meets another claim, one that has changed, or none, and does nothing. */
    }
    if (!is_deleting(cluster) && is_unbound(claim, options)) {
        return; /* There is nothing behind it, and it asks for what the spec does not any more. */
    }
    if (!is_asked_for(run, cluster, ordinal) ||
        (!is_deleting(cluster) &&
         (!sim_cluster_id(run) || !is_of_cluster(run, request->name, cluster)))) {
        sim_violate(run->sim, "ClaimDeleted", "claim %s is removed, and nobody asked for it",
                    request->name);
    } else if (!is_deleting(cluster) && is_member(run, ordinal, &member) &&
               sim_etcd_is_intact(run->site->etcd, member.id)) {
        sim_violate(run->sim, "PodDeletedBeforeRemove",
                    "claim %s is removed, but its member is in the membership", request->name);
    }
}

void sim_invariants_set_changed(struct sim_run *run, const json_t *set, bool deleted)
{
    int replicas = deleted ? 0 : (int)json_path_integer(set, 1, "spec", "replicas", NULL);
    struct sim_member member;

    for (int i = replicas; !deleted && i < run->replicas && i < SIM_ORDINALS; i++) {
        if (!is_deleting(sim_cluster(run)) && is_member(run, i, &member)) {
            sim_violate(run->sim, "PodDeletedBeforeRemove",
                        "the StatefulSet shrinks to %d, but %s is in the membership", replicas,
                        member.host);
        }
    }
    run->replicas = replicas;
}

/* ---- Starts ---- */

/* "3.6.16" */
static void parse_version(const char *version, int *minor, int *patch)
{
    *minor = *patch = 0;
    sscanf(version, "3.%d.%d", minor, patch);
}

static void check_version(struct sim_run *run, const struct sim_pod *pod)
{
    int minor, patch, cluster = sim_etcd_cluster_minor(run->site->etcd, sim_cluster_id(run));

    if (json_path(sim_cluster(run), "spec", "image", NULL)) {
        return; /* A person says what runs. */
    }
    parse_version(pod->version, &minor, &patch);
    if (cluster && (minor > cluster + 1 || minor < cluster)) {
        sim_violate(run->sim, "VersionSkipped", "%s runs %s, but the cluster is at 3.%d", pod->name,
                    pod->version, cluster);
    }
    for (int i = 0; i < SIM_PODS && minor > OLDEST_FRESH_MINOR; i++) {
        const struct sim_pod *other = &run->site->pods[i];
        int their_minor, their_patch;
        if (!other->process || other == pod || other->orphan) {
            continue;
        }
        parse_version(other->version, &their_minor, &their_patch);
        if (their_minor == OLDEST_FRESH_MINOR && their_patch < FIRST_SAFE_3_5) {
            sim_violate(run->sim, "VersionSkipped", "%s runs %s while %s runs %s", pod->name,
                        pod->version, other->name, other->version);
        }
    }
}

/* `start` is the permit when the volume's data, if it has any, is left for a new beginning. */
void sim_invariants_begins(void *context, const struct sim_pod *pod, const struct permit *start)
{
    struct sim_run *run = context;
    uint64_t id = sim_disk_member_id(pod->volume->disk);
    struct sim_member member;

    if (!sim_cluster_id(run)) {
        return;
    }
    bool listed = is_member(run, pod->ordinal, &member);
    if (listed || start) { /* One that has left ends at once, whatever it runs. */
        check_version(run, pod);
    }
    if (start && id && listed && member.id == id && !member.learner &&
        sim_etcd_is_intact(run->site->etcd, id)) {
        sim_violate(run->sim, "WipedWithoutProof",
                    "%s begins anew, but the data that it leaves is a member's", pod->name);
    }
}

/* ---- Permits ---- */

void sim_invariants_existing_permit(struct sim_run *run, const char *uid, uint64_t member_id,
                                    const char *nonce)
{
    for (int i = 0; i < run->n_existing; i++) {
        /* With an object its records go, when no pod of it runs. Who has not started by then has
         * not voted. */
        if (run->existing[i].member_id == member_id && !strcmp(run->existing[i].uid, uid)) {
            if (strcmp(run->existing[i].nonce, nonce) != 0) {
                sim_violate(run->sim, "ExistingTwice",
                            "member %llx gets a second permit of mode existing",
                            (unsigned long long)member_id);
            }
            return;
        }
    }
    if (run->n_existing < SIM_MAX_EXISTING) {
        struct sim_existing_permit *permit = &run->existing[run->n_existing++];
        permit->member_id = member_id;
        snprintf(permit->nonce, sizeof permit->nonce, "%s", nonce);
        snprintf(permit->uid, sizeof permit->uid, "%s", uid);
    }
}
