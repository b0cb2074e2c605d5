/* What a seed stands for: how the cluster begins, and which faults come when.  A schedule is data,
 * so that a failing one can be shrunk. */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H 1

#include "sim/sim.h"

#define SIM_MAX_FAULTS 12

/* One row for each kind: FAULT(name). What they do is in faults.c, fault_site.c and fault_user.c.
 */
#define SIM_FAULTS(FAULT)                                                                          \
    FAULT(OperatorKilled)                                                                          \
    FAULT(OperatorDiesInCall)                                                                      \
    FAULT(OperatorStopped)                                                                         \
    FAULT(OperatorStoppedInCall)                                                                   \
    FAULT(OperatorClockJumps)                                                                      \
    FAULT(ApiDown)                                                                                 \
    FAULT(ApiFails)                                                                                \
    FAULT(ApiSlow)                                                                                 \
    FAULT(AnswersLost)                                                                             \
    FAULT(RequestsResent)                                                                          \
    FAULT(WatchesCut)                                                                              \
    FAULT(WatchesStale)                                                                            \
    FAULT(HistoryCompacted)                                                                        \
    FAULT(ControllersStopped)                                                                      \
    FAULT(QuotaReached)                                                                            \
    FAULT(PodDeleted)                                                                              \
    FAULT(PodForced)                                                                               \
    FAULT(ContainerKilled)                                                                         \
    FAULT(EtcdFrozen)                                                                              \
    FAULT(VolumeWiped)                                                                             \
    FAULT(VolumeWipedUnderneath)                                                                   \
    FAULT(VolumeCorrupted)                                                                         \
    FAULT(VolumeFull)                                                                              \
    FAULT(ClaimDeleted)                                                                            \
    FAULT(NodeOff)                                                                                 \
    FAULT(NodeCut)                                                                                 \
    FAULT(NodeDeaf)                                                                                \
    FAULT(NodeMute)                                                                                \
    FAULT(KubeletFrozen)                                                                           \
    FAULT(KubeletsSlow)                                                                            \
    FAULT(MembersCutOff)                                                                           \
    FAULT(Unschedulable)                                                                           \
    FAULT(BadImage)                                                                                \
    FAULT(OptionChanged)                                                                           \
    FAULT(BadOption)                                                                               \
    FAULT(SpecInvalid)                                                                             \
    FAULT(Paused)                                                                                  \
    FAULT(SizeChanged)                                                                             \
    FAULT(VersionChanged)                                                                          \
    FAULT(ImageChanged)                                                                            \
    FAULT(StorageChanged)                                                                          \
    FAULT(ClassChanged)                                                                            \
    FAULT(ServiceDeleted)                                                                          \
    FAULT(ServiceChanged)                                                                          \
    FAULT(ConfigMapDeleted)                                                                        \
    FAULT(SetDeleted)                                                                              \
    FAULT(SecretDeleted)                                                                           \
    FAULT(PermitForged)                                                                            \
    FAULT(NameTaken)                                                                               \
    FAULT(NodeGone)                                                                                \
    FAULT(VolumeLost)                                                                              \
    FAULT(DatabaseGarbage)                                                                         \
    FAULT(AlarmCorrupt)                                                                            \
    FAULT(QuotaExceeded)                                                                           \
    FAULT(DatabaseEmptied)                                                                         \
    FAULT(LearnerSlow)                                                                             \
    FAULT(SlowMember)                                                                              \
    FAULT(NewPodNeverStarts)                                                                       \
    FAULT(MemberAnswersLost)                                                                       \
    FAULT(MemberFailsAgain)                                                                        \
    FAULT(QuorumOff)                                                                               \
    FAULT(ClusterDeleted)                                                                          \
    FAULT(ClusterRecreated)

enum sim_fault_kind {
#define FAULT(name) SIM_FAULT_##name,
    SIM_FAULTS(FAULT)
#undef FAULT
        N_SIM_FAULTS
};

const char *sim_fault_name(enum sim_fault_kind kind);

struct sim_fault {
    int64_t at_ms, duration_ms;
    enum sim_fault_kind kind;
    uint32_t a, b; /* What it falls upon; each kind takes what it needs, modulo what there is. */
};

struct sim_schedule {
    uint64_t seed;
    int size, operators;
    int version;                             /* Of sim_version(); -1: the spec says none. */
    bool delete_claims;                      /* whenDeleted: Delete */
    bool keep_claims;                        /* whenScaled: Retain */
    int growth;                              /* How volumes grow: enum sim_growth. */
    int max_retries;                         /* spec.recovery.maxRetries; -1: the spec says none. */
    int retry_seconds;                       /* Likewise retryInterval. */
    int64_t faults_end_ms;                   /* Then everything heals. */
    struct sim_fault faults[SIM_MAX_FAULTS]; /* In the order of time. */
    int n_faults;
};

#define SIM_VERSIONS 5
/* The versions of etcd that a schedule chooses from, in their order; NULL for -1. */
const char *sim_version(int number);
void sim_schedule_draw(uint64_t seed, struct sim_schedule *schedule);
/* Lines for a person. */
void sim_schedule_print(const struct sim_schedule *schedule, void (*line)(const char *text));

#endif
