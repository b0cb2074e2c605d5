/* What must be in the end, when no fault stands any more: a cluster that runs and a status that
 * says so, or one that says in words why it does not. */
#include <string.h>

#include "base/json.h"
#include "cluster/names.h"
#include "sim/run.h"

static const char *phase_of(const json_t *cluster)
{
    const char *phase = json_path_string(cluster, "status", "phase", NULL);
    return phase ? phase : "";
}

static const char *condition_of(const json_t *cluster, const char *type)
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
            pod->state == SIM_POD_HELPER && pod->waits_for == REPORT_WAL_UNREADABLE;
    }
    return members;
}

/* The status tells the truth of a cluster that is as it should be. */
static bool runs(const struct sim_run *run, const json_t *cluster)
{
    struct members members = count_members(run);
    int ready = (int)json_path_integer(cluster, -1, "status", "readyReplicas", NULL);

    return json_path_integer(cluster, 0, "metadata", "generation", NULL) ==
               json_path_integer(cluster, -1, "status", "observedGeneration", NULL) &&
           !strcmp(phase_of(cluster), "Running") && members.serving == ready &&
           members.there == ready &&
           ready == (int)json_path_integer(cluster, 0, "status", "bootstrap", "size", NULL);
}

/* A person is needed, and is told so: a member of a formed cluster has lost its data (healing is to
 * come), a log is garbage, etcd itself ends (an older version on newer data), or the operator
 * cannot go on. */
static bool says_why_not(const struct sim_run *run, const json_t *cluster)
{
    bool formed = json_path_string(cluster, "status", "clusterID", NULL) != NULL;
    struct members members = count_members(run);
    bool degraded = !strcmp(condition_of(cluster, "Degraded"), "True");
    bool lost = (formed && members.waiting > 0) || members.ending > 0 || members.unreadable > 0;

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

/* An operator works: it leads, and has looked since the faults were over. */
static bool is_led(const struct sim_run *run)
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

    if (!is_led(run)) {
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
