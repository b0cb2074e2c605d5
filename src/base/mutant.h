/* Deliberate faults in the operator, to prove that the simulator finds them: each breaks one rule
 * that keeps data safe, or that keeps the operator honest.  They exist only in a build with
 * -Dmutants=true, which is never shipped; everywhere else MUTANT() is the constant false. */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H 1

#include <stdbool.h>

/* M(name, seeds within which the simulator must find it, what it breaks) */
#define MUTANTS_TABLE(M)                                                                           \
    M(NewAfterFormed, 3000, "`new` is used again after the cluster id was recorded")               \
    M(PermitTwice, 3000, "a pod that was replaced gets another `new` in the same generation")      \
    M(NonceIgnored, 3000, "the helper uses a permit again")                                        \
    M(ActFirst, 3000, "permits are granted before they are recorded")                              \
    M(StaleCacheTrusted, 3000, "the status is written without the version it was decided on")      \
    M(LeaseNotChecked, 3000, "a change leaves although the lease may have been lost")              \
    M(FinalizerEarly, 3000, "the finalizer goes while pods are there")                             \
    M(SilenceIsEmptiness, 3000, "a member that says nothing counts as one without data")           \
    M(GenerationKept, 3000, "a bootstrap begins anew in the same generation")                      \
    M(SomePermits, 3000, "permits are issued before every pod has a node")                         \
    M(ServingPodReplaced, 3000, "an outdated pod is deleted although its member serves")           \
    M(ClaimsDeleted, 3000, "claims are removed with the cluster although they are to be kept")     \
    M(NameTakenOver, 3000, "somebody else's object of a name is taken over")                       \
    M(SizeOfSpec, 3000, "the spec's size is used where the recorded one is meant")                 \
    M(AlwaysApply, 3000, "objects are applied although nothing differs")                           \
    M(StatusAlwaysWritten, 3000, "the status is written although it says nothing new")             \
    M(RunningAlways, 3000, "the phase says Running whatever the members do")                       \
    M(GoneIgnored, 3000, "an expired watch is taken up again without a list")                      \
    M(RelistKeeps, 4000, "a relist keeps what was deleted meanwhile")                              \
    M(PromotionSkipped, 3000, "learners are never promoted")                                       \
    M(PodBeforeRemove, 3000, "a pod goes before its member has left etcd")                         \
    M(WrongVictim, 3000, "another member than the highest leaves")                                 \
    M(RemoveWithoutQuorum, 3000, "a member is removed although those that stay are no quorum")     \
    M(AddWhileDown, 3000, "a member is added while another is down or joining")                    \
    M(LearnersTogether, 3000, "a second learner is added before the first is a voter")             \
    M(ExistingTwice, 3000, "a second permit is given for one member id")                           \
    M(ReplaceOnSilence, 3000, "a member that does not answer is replaced without proof")           \
    M(TwoPodsRolled, 3000, "a pod is rolled while another member is away")                         \
    M(LeaderNotMoved, 3000, "a leader is taken away before it has handed over")                    \
    M(WipeOnAlarm, 3000, "the member that the alarm CORRUPT names is replaced")                    \
    M(VersionJump, 3000, "any version may come after any other")                                   \
    M(SetNotOrphaned, 3000, "the StatefulSet is made anew and takes its pods along")               \
    M(RestartToGrow, 3000, "a pod is restarted although its volume grows while it is used")        \
    M(ClaimMayBeBound, 3000, "a claim is replaced that may have got a volume meanwhile")           \
    M(SilenceIsLoss, 3000, "a quorum of silent members counts as lost")                            \
    M(LossUntold, 3000, "a quorum whose data is gone is not told of")                              \
    M(BackoffIgnored, 3000, "a member is replaced again without waiting")                          \
    M(RetriesNotCounted, 3000, "a member is replaced for ever")

#ifdef MUTANTS
#define MUTANT(name) mutant_is(#name)
bool mutant_is(const char *name);
/* False: there is none of this name. */
bool mutant_choose(const char *name);
/* "NAME SEEDS WHAT" for each. */
void mutant_list(void (*line)(const char *text));
#else
#define MUTANT(name) mutant_is(#name)
static inline bool mutant_is(const char *name)
{
    (void)name;
    return false;
}
static inline bool mutant_choose(const char *name)
{
    (void)name;
    return false;
}
static inline void mutant_list(void (*line)(const char *text))
{
    (void)line;
}
#endif

#endif
