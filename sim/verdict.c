/* What must be in the end, when no fault stands any more: a cluster that runs and a status that
 * says so, or one that says in words why it does not. */
#include <string.h>

#include "api/field.h"
#include "base/json.h"
#include "cluster/names.h"
#include "member/decide.h"
#include "sim/run.h"

static const char *phase_of(const json_t *cluster)
{
    const char *phase = json_path_string(cluster, "status", "phase", NULL);
    return phase ? phase : "";
}

const char *sim_condition(const json_t *cluster, const char *type)
{
    json_t *condition;
    size_t i;

    json_array_foreach(json_path(cluster, "status", "conditions", NULL), i, condition)
    {
        if (!strcmp(json_path_string(condition, "type", NULL), type)) {
            return json_path_string(condition, "status", NULL);
        }
    }
    return "";
}

static bool explains(const json_t *cluster)
{
    const char *message = json_path_string(cluster, "status", "message", NULL);
    return message && *message;
}

struct members {
    int there, serving, waiting, ending, unreadable;
};

static struct members count_members(const struct sim_run *run)
{
    struct members members = {0};

    for (int i = 0; i < SIM_PODS; i++) {
        struct sim_pod *pod = &run->site->pods[i];
        members.there += pod->state != SIM_POD_NONE && !pod->orphan;
        members.serving += pod->process && pod->ready && sim_etcd_ready(pod->process);
        members.waiting += pod->state == SIM_POD_HELPER;
        members.ending += pod->state == SIM_POD_BACKOFF;
        members.unreadable +=
            pod->state == SIM_POD_HELPER && (pod->waits_for == REPORT_WAL_UNREADABLE ||
                                             pod->waits_for == REPORT_DATABASE_UNREADABLE);
    }
    return members;
}

/* A pod is to be restarted for its volume to grow, whatever else is held. */
static bool awaits_mounts(const struct sim_run *run)
{
    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &run->site->pods[i];
        if (pod->state && !pod->orphan && pod->volume && pod->volume->needs_mount) {
            return true;
        }
    }
    return false;
}

static bool is_less(const char *size, const char *asked)
{
    return !size || api_quantity_compare(size, asked) < 0;
}

/* The members' volumes, and those that new members would get. */
static bool has_storage_asked(const struct sim_run *run, const json_t *cluster)
{
    const char *asked = json_path_string(cluster, "spec", "storage", "size", NULL);
    const json_t *set =
        sim_api_server_peek(run->server, &kube_stateful_sets, SIM_NAMESPACE, SIM_CLUSTER);
    const json_t *template =
        json_array_get(json_path(set, "spec", "volumeClaimTemplates", NULL), 0);

    if (!asked) {
        return true;
    }
    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &run->site->pods[i];
        if (pod->state && !pod->orphan && pod->volume && is_less(pod->volume->capacity, asked)) {
            return false;
        }
    }
    return !is_less(json_path_string(template, "spec", "resources", "requests", "storage", NULL),
                    asked);
}

/* All that the spec asks for is so: as many voters and no learner, and of the version that it names
 * unless the status says why it is another. */
static bool has_what_is_asked(const struct sim_run *run, const json_t *cluster)
{
    struct sim_member members[SIM_ORDINALS];
    const char *text = json_path_string(cluster, "status", "clusterID", NULL);
    const char *version = json_path_string(cluster, "spec", "version", NULL);
    json_int_t size = json_path_integer(cluster, 0, "spec", "size", NULL);
    uint64_t id = 0;

    if (!text || !id_parse(text, &id)) {
        return false;
    }
    size_t n = sim_etcd_members(run->site->etcd, id, members, SIM_ORDINALS);
    for (size_t i = 0; i < n; i++) {
        size -= !members[i].learner;
    }
    if (size || (json_int_t)n != json_path_integer(cluster, 0, "spec", "size", NULL)) {
        return false;
    }
    if (awaits_mounts(run)) {
        return false;
    }
    if (!strcmp(sim_condition(cluster, "SpecApplied"), "False")) {
        return true;
    }
    if (!has_storage_asked(run, cluster)) {
        return false;
    }
    for (int i = 0; i < SIM_PODS; i++) {
        const struct sim_pod *pod = &run->site->pods[i];
        if (pod->state && !pod->orphan &&
            ((version && !json_path(cluster, "spec", "image", NULL) &&
              strcmp(pod->version, version) != 0) ||
             sim_pod_is_outdated(run, pod))) {
            return false;
        }
    }
    return true;
}

struct claims {
    const char *uid;
    json_int_t size;
    bool past_size;
};

static void find_claim_past_size(void *context, const json_t *claim)
{
    struct claims *claims = context;
    const char *maker =
        json_path_string(claim, "metadata", "annotations", ANNOTATION_CLUSTER_UID, NULL);
    const char *name = json_path_string(claim, "metadata", "name", NULL);

    claims->past_size |=
        maker && claims->uid && !strcmp(maker, claims->uid) && member_ordinal(name) >= claims->size;
}

static bool has_claims_past_size(const struct sim_run *run, const json_t *cluster)
{
    const char *kept = json_path_string(cluster, "spec", "storage",
                                        "persistentVolumeClaimRetentionPolicy", "whenScaled", NULL);
    struct claims claims = {.uid = json_path_string(cluster, "metadata", "uid", NULL),
                            .size = json_path_integer(cluster, 0, "spec", "size", NULL)};

    sim_api_server_for_each(run->server, &kube_persistent_volume_claims, find_claim_past_size,
                            &claims);
    return claims.past_size && !(kept && !strcmp(kept, "Retain"));
}

/* The status tells the truth of a cluster that is as it should be. */
static bool runs(const struct sim_run *run, const json_t *cluster)
{
    struct members members = count_members(run);
    int ready = (int)json_path_integer(cluster, -1, "status", "readyReplicas", NULL);

    return json_path_integer(cluster, 0, "metadata", "generation", NULL) ==
               json_path_integer(cluster, -1, "status", "observedGeneration", NULL) &&
           !strcmp(phase_of(cluster), "Running") &&
           strcmp(sim_condition(cluster, "Degraded"), "True") != 0 && members.serving == ready &&
           members.there == ready &&
           ready == (int)json_path_integer(cluster, 0, "status", "bootstrap", "size", NULL) &&
           has_what_is_asked(run, cluster) && !has_claims_past_size(run, cluster);
}

/* Fewer members than a quorum have their data still. */
static bool is_quorum_lost(const struct sim_run *run, const json_t *cluster)
{
    struct sim_member members[SIM_ORDINALS];
    const char *text = json_path_string(cluster, "status", "clusterID", NULL);
    size_t voters = 0, intact = 0;
    uint64_t id = 0;

    if (!text || !id_parse(text, &id)) {
        return false;
    }
    size_t n = sim_etcd_members(run->site->etcd, id, members, SIM_ORDINALS);
    for (size_t i = 0; i < n; i++) {
        voters += !members[i].learner;
        intact += !members[i].learner && sim_etcd_is_intact(run->site->etcd, members[i].id);
    }
    return intact <= voters / 2;
}

/* A person is needed, and is told so: a quorum's data is lost, a log is garbage before there was a
 * cluster, etcd itself ends (an older version on newer data, a flag that it does not know), or the
 * operator cannot go on. */
static bool says_why_not(const struct sim_run *run, const json_t *cluster)
{
    bool formed = json_path_string(cluster, "status", "clusterID", NULL) != NULL;
    struct members members = count_members(run);
    bool degraded = !strcmp(sim_condition(cluster, "Degraded"), "True");
    bool lost = (formed && is_quorum_lost(run, cluster)) || members.ending > 0 ||
                (!formed && members.unreadable > 0);

    return explains(cluster) && ((lost && degraded) || !strcmp(phase_of(cluster), "Failed"));
}

struct leftovers {
    const char *kind, *name;
    bool claims;
};

static void find_leftover(void *context, const json_t *object)
{
    struct leftovers *left = context;
    const char *owner = json_path_string(object, "metadata", "labels", LABEL_CLUSTER, NULL);

    if (owner && !strcmp(owner, SIM_CLUSTER)) {
        left->kind = json_path_string(object, "kind", NULL);
        left->name = json_path_string(object, "metadata", "name", NULL);
    }
}

static struct leftovers leftovers(const struct sim_run *run)
{
    static const struct kube_resource *const kinds[] = {&kube_pods,
                                                        &kube_stateful_sets,
                                                        &kube_services,
                                                        &kube_config_maps,
                                                        &kube_secrets,
                                                        &kube_pod_disruption_budgets,
                                                        NULL};
    struct leftovers left = {0};

    for (int i = 0; kinds[i]; i++) {
        sim_api_server_for_each(run->server, kinds[i], find_leftover, &left);
    }
    return left;
}

bool sim_is_led(const struct sim_run *run)
{
    if (run->passes == run->passes_under_faults && sim_cluster(run)) {
        return false;
    }
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i] && run->operators[i]->leading &&
            run->operators[i]->frozen_until_ms <= sim_now(run->sim)) {
            return true;
        }
    }
    return false;
}

bool sim_converged(struct sim_run *run)
{
    const json_t *cluster = sim_cluster(run);

    if (!sim_is_led(run)) {
        return false;
    }
    if (!cluster) {
        return !run->recreate && !leftovers(run).name;
    }
    return !json_path(cluster, "metadata", "deletionTimestamp", NULL) && runs(run, cluster);
}

bool sim_explained(struct sim_run *run)
{
    const json_t *cluster = sim_cluster(run);
    return cluster && says_why_not(run, cluster);
}

void sim_judge(struct sim_run *run)
{
    const json_t *cluster = sim_cluster(run);
    struct leftovers left = leftovers(run);

    if (!cluster && left.name) {
        sim_violate(run->sim, "Leftovers", "the cluster is gone, but %s %s is there", left.kind,
                    left.name);
    } else if (cluster && !sim_converged(run) && !says_why_not(run, cluster)) {
        struct members members = count_members(run);
        sim_violate(run->sim, "NotConverged",
                    "phase '%s', message '%.200s'; %d pods, %d members serve, %d wait",
                    phase_of(cluster),
                    explains(cluster) ? json_path_string(cluster, "status", "message", NULL) : "",
                    members.there, members.serving, members.waiting);
    }
}
