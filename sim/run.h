/* One run of one schedule: the machines, the operators, the faults, the writer, and the judgement.
 *
 * run.c         puts the parts together and lets time pass
 * faults.c      faults begin and heal: operators, the network between everything
 * fault_site.c  pods, volumes, nodes
 * fault_user.c  people with kubectl
 * invariants.c  what must never be, checked at each change
 * invariant_members.c  what must never be done to members
 * invariant_recovery.c  how patient healing must be
 * invariant_quorum.c   what must never be said of a quorum, and what must
 * verdict.c     what must be in the end */
#ifndef SIM_RUN_H
#define SIM_RUN_H 1

#include "sim/coverage.h"
#include "sim/kube/api_server.h"
#include "sim/kube/controllers.h"
#include "sim/operator/operator.h"
#include "sim/schedule.h"
#include "sim/site/site.h"

#define SIM_OPERATORS    2
#define SIM_SERVICE      "c-peer.ns.svc" /* Under which its members are found. */
#define SIM_CLUSTER      "c"
#define SIM_PROCESSES    64 /* Operator processes in one run, dead ones too. */
#define SIM_MAX_NEW      64
#define SIM_MAX_EXISTING 128
#define SIM_ORDINALS     16
#define SIM_FORGED_NONCE                                                                           \
    "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0" /* Of the permits that a fault puts onto pods. */

/* A start permit of mode new that was seen, in the status or on a pod. */
struct sim_new_permit {
    char cluster_uid[40], nonce[40];
    int64_t generation;
    int ordinal;
};

/* A start permit of mode existing that was seen in the status. */
struct sim_existing_permit {
    uint64_t member_id;
    char nonce[40];
    char uid[40]; /* Of the EtcdCluster. */
};

/* Whether the member of an ordinal serves, and since when that is so. */
struct sim_uptime {
    bool serves;
    int64_t since_ms;
};

/* The replacements of an ordinal's voters, as they were seen. */
struct sim_replacement {
    int64_t at_ms;
    int attempts, repeats; /* Since the cluster was last whole; in a row. */
};

struct sim_run {
    const struct sim_schedule *schedule;
    struct sim *sim;
    struct sim_api_server *server;
    struct sim_controllers *controllers;
    struct sim_site *site;
    struct sim_wire wire;
    const struct kube_api *user;                   /* kubectl. */
    struct sim_operator *operators[SIM_OPERATORS]; /* NULL: it is about to be started again. */
    struct sim_operator *processes[SIM_PROCESSES];
    int n_processes;
    uint64_t identities[SIM_OPERATORS], next_identity;
    int64_t clock_skew_ms;
    bool healed;          /* The faults are over. */
    int failing;          /* The ordinal whose volumes are emptied again and again; -1: none's. */
    bool called;          /* The person who was called about that has come. */
    bool recreate;        /* Once the cluster is gone. */
    bool foreign_service; /* A fault took a name of the cluster's. */
    struct sim_new_permit permits[SIM_MAX_NEW];
    int n_permits;
    struct sim_existing_permit existing[SIM_MAX_EXISTING];
    int n_existing;
    struct sim_uptime uptimes[SIM_ORDINALS];
    bool repairs[SIM_ORDINALS];     /* A voter was removed there to be replaced, and is not yet. */
    int64_t added_ms[SIM_ORDINALS]; /* When one was last added to etcd there. */
    int replicas;                   /* Of the StatefulSet. */
    struct sim_replacement replacements[SIM_ORDINALS];
    int64_t replaced_generation; /* Of the spec that they are counted under. */
    int64_t api_back_ms;         /* When the API server last came back; 0: it was not away. */
    int64_t quorum_since_ms;     /* Since when somebody reads linearizably; 0: nobody does. */
    int64_t lost_since_ms; /* Since when a loss could be told of by whoever looks; 0: there is none.
                            */
    struct sim_coverage *coverage;
    uint64_t faults_seen[(N_SIM_FAULTS + 63) / 64]; /* Of those that have begun. */
    uint64_t changes, passes;
    uint64_t passes_under_faults;
};

struct sim_result {
    const char *invariant; /* NULL: nothing was violated. */
    char violation[512];
    int64_t lasted_ms; /* Simulated. */
    uint64_t passes, changes;
};

/* Runs it. `coverage` may be NULL; `trace` too. */
void sim_run(const struct sim_schedule *schedule, struct sim_coverage *coverage,
             void (*trace)(void *context, const char *text), void *context,
             struct sim_result *result);

/* Leaves out faults, and shortens others, as long as the same invariant is violated. */
void sim_shrink(struct sim_schedule *schedule, const char *invariant);

/* Between the files. */
void sim_fault_begin(struct sim_run *run, const struct sim_fault *fault);
void sim_fault_on_pod(struct sim_run *run, const struct sim_fault *fault, struct sim_pod *pod);
void sim_fault_on_volume(struct sim_run *run, const struct sim_fault *fault, struct sim_pod *pod);
void sim_fault_on_node(struct sim_run *run, const struct sim_fault *fault, int node);
/* The nodes of a majority, counted from the fault's, lose their power. */
void sim_fault_on_quorum(struct sim_run *run, const struct sim_fault *fault);
void sim_fault_site_heals(struct sim_run *run, enum sim_fault_kind kind);
void sim_fault_by_user(struct sim_run *run, const struct sim_fault *fault);
void sim_fault_healed_by_user(struct sim_run *run, enum sim_fault_kind kind);
void sim_user_deletes(struct sim_run *run, const struct kube_resource *resource, const char *name,
                      int grace_seconds, const char *propagation);
/* Somebody copies a permit from elsewhere, or writes nonsense. */
void sim_user_forges_permit(struct sim_run *run, const struct sim_pod *pod, uint32_t how);
void sim_faults_heal(struct sim_run *run);
void sim_create_cluster(struct sim_run *run);
void sim_invariants_arrived(void *run, struct sim_operator *operator,
                            const struct sim_request * request);
void sim_invariants_changed(struct sim_run *run, const struct kube_resource *resource,
                            const json_t *object, bool deleted);
/* Something changes in etcd: only the holder of the lease may ask for it. */
void sim_invariants_called(struct sim_run *run, const struct sim_operator *operator,
                           const char * what);
void sim_invariants_membership(void *run, const struct sim_membership_change *change);
void sim_invariants_defragments(struct sim_run *run, const char *host);
void sim_invariants_pod_removed(struct sim_run *run, const struct sim_request *request);
void sim_invariants_claim_removed(struct sim_run *run, const struct sim_request *request);
void sim_invariants_set_changed(struct sim_run *run, const json_t *set, bool deleted);
void sim_invariants_begins(void *run, const struct sim_pod *pod, const struct permit *start);
void sim_invariants_existing_permit(struct sim_run *run, const char *uid, uint64_t member_id,
                                    const char *nonce);
/* It was made from another template than the StatefulSet has. */
bool sim_pod_is_outdated(const struct sim_run *run, const struct sim_pod *pod);
/* Now and then: who serves. */
void sim_invariants_tick(struct sim_run *run);
void sim_invariants_quorum_tick(struct sim_run *run);
/* A voter of an ordinal that stays was removed; the cluster has changed. */
void sim_invariants_replaced(struct sim_run *run, int ordinal);
void sim_invariants_recovery_told(struct sim_run *run, const json_t *cluster);
/* A person comes when called about a member that fails again and again; false: nobody is. */
bool sim_user_raises_retries(struct sim_run *run);
/* What the status says of the quorum. */
void sim_invariants_quorum_told(struct sim_run *run, const json_t *cluster);
/* The cluster's id and its members, as its newest log has them; none: it has not formed. */
uint64_t sim_cluster_id(const struct sim_run *run);
size_t sim_members(const struct sim_run *run, struct sim_member *members);
/* The pod under which the member's peer URL is found, or NULL. */
const struct sim_pod *sim_pod_of_member(const struct sim_run *run, const struct sim_member *member);
/* An operator works: it leads, and has looked since the faults were over. */
bool sim_is_led(const struct sim_run *run);
/* The value of a condition, "" if it is not there. */
const char *sim_condition(const json_t *cluster, const char *type);
/* The EtcdCluster, or NULL. */
const json_t *sim_cluster(const struct sim_run *run);
/* True when nothing more needs to happen. */
bool sim_converged(struct sim_run *run);
/* True when it needs a person, and says so. */
bool sim_explained(struct sim_run *run);
void sim_judge(struct sim_run *run);

#endif
