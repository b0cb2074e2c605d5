/* What the status says of a quorum: that it is lost never while it serves, and soon when its loss
 * can be seen by whoever looks. */
#include <string.h>

#include "base/json.h"
#include "sim/run.h"

#define SEEN_MS                                                                                    \
    15000 /* What has been so for so long is no longer news to a pass that ends now.               \
           */
/* A reflector that found nobody waits for up to 30 s, doubled by chance, before it asks again.
 * Until then the operator sees the pods of before. */
#define LAG_MS  60000
#define TOLD_MS 25000 /* 15 s, and the interval of the health check. */

static bool says_lost(const json_t *cluster)
{
    return !strcmp(sim_condition(cluster, "QuorumLost"), "True");
}

/* Its helper waits for data, and no permit is on the way to it. */
static bool has_visibly_lost(const struct sim_run *run, const struct sim_pod *pod)
{
    const json_t *object = sim_api_server_peek(run->server, &kube_pods, SIM_NAMESPACE, pod->name);

    return pod->state == SIM_POD_HELPER &&
           (pod->waits_for == REPORT_NO_DATA || pod->waits_for == REPORT_WAL_UNREADABLE ||
            pod->waits_for == REPORT_DATABASE_UNREADABLE) &&
           !json_path(object, "metadata", "annotations", PERMIT_ANNOTATION, NULL) &&
           !json_path(object, "metadata", "deletionTimestamp", NULL);
}

/* So many voters wait without data that the others are no quorum. A learner that runs and says
 * nothing may have been promoted since, for all that anybody else knows. */
static bool is_visibly_lost(const struct sim_run *run)
{
    struct sim_member members[SIM_ORDINALS];
    size_t n = sim_members(run, members), voters = 0, left = 0;

    for (size_t i = 0; i < n; i++) {
        const struct sim_pod *pod = sim_pod_of_member(run, &members[i]);
        bool lost = pod && has_visibly_lost(run, pod) &&
                    !sim_etcd_is_intact(run->site->etcd, members[i].id);
        bool counts = !members[i].learner || (pod && pod->process && !lost);
        voters += counts;
        left += counts && !lost;
    }
    return voters && left <= voters / 2;
}

static bool somebody_reads(const struct sim_run *run)
{
    struct sim_member members[SIM_ORDINALS];
    size_t n = sim_members(run, members);

    for (size_t i = 0; i < n; i++) {
        const struct sim_pod *pod = sim_pod_of_member(run, &members[i]);
        if (pod && pod->process && sim_etcd_ready(pod->process)) {
            return true;
        }
    }
    return false;
}

void sim_invariants_quorum_told(struct sim_run *run, const json_t *cluster)
{
    int64_t now_ms = sim_now(run->sim);

    if (run->wire.down || (run->api_back_ms && now_ms - run->api_back_ms < LAG_MS)) {
        return;
    }
    if (says_lost(cluster) && run->quorum_since_ms && now_ms - run->quorum_since_ms >= SEEN_MS &&
        somebody_reads(run)) {
        sim_violate(run->sim, "LossUntrue", "QuorumLost is written, and it has served for %lld s",
                    (long long)(now_ms - run->quorum_since_ms) / 1000);
    }
}

void sim_invariants_quorum_tick(struct sim_run *run)
{
    const json_t *cluster = sim_cluster(run);
    int64_t now_ms = sim_now(run->sim);
    bool told = cluster && says_lost(cluster);
    bool due = cluster && run->healed && sim_is_led(run) && is_visibly_lost(run) &&
               !json_path(cluster, "metadata", "deletionTimestamp", NULL);

    run->quorum_since_ms = !somebody_reads(run)   ? 0
                           : run->quorum_since_ms ? run->quorum_since_ms
                                                  : now_ms;
    run->lost_since_ms = !due ? 0 : run->lost_since_ms ? run->lost_since_ms : now_ms;
    if (run->lost_since_ms && !told && now_ms - run->lost_since_ms > TOLD_MS) {
        sim_violate(run->sim, "LossUntold",
                    "a quorum's data is gone for %lld s, and the status "
                    "does not say QuorumLost",
                    (long long)(now_ms - run->lost_since_ms) / 1000);
    }
}
