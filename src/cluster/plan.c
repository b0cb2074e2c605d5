#include "cluster/plan.h"

#include <string.h>

#define REQUEUE_DURING_CHANGE_MS 2000

struct rule {
    const char *name;
    unsigned touches; /* Not asked while any of these is held. */
    bool (*function)(struct planning *planning);
    const char *purpose; /* For a person who asks what the rule is there for. */
};

/* Reading this table is reading what the operator does. The order is the urgency. */
static const struct rule rules[] = {
    {"DeleteCluster", 0, rule_delete_cluster,
     "removes a deleted cluster in the order that loses nothing early"},
    {"InvalidSpec", 0, rule_check_spec,
     "says what is wrong with a spec that cannot be carried out"},
    {"Paused", 0, rule_paused, "changes nothing while the spec says so"},
    {"AddFinalizer", HOLD_OBJECTS, rule_add_finalizer,
     "makes sure that deletion comes by the operator, before anything is made"},
    {"NameTaken", HOLD_OBJECTS, rule_name_taken,
     "says when an object of a name that is needed is somebody else's"},
    {"AwaitRestore", HOLD_OBJECTS, rule_await_restore,
     "keeps a cluster that is founded on a backup from starting before its data is there"},
    {"RecordCluster", HOLD_OBJECTS, rule_record_cluster,
     "records the id of a cluster that has formed"},
    {"RestartBootstrap", HOLD_PODS | HOLD_OBJECTS, rule_restart_bootstrap,
     "begins anew when the cluster provably never formed"},
    {"GrantPermits", HOLD_OBJECTS, rule_grant_permits,
     "lets members start on empty volumes, or on those of an earlier cluster"},
    {"RepeatPermits", HOLD_OBJECTS, rule_repeat_permits,
     "sends a permit again that the kubelet has not shown to its pod"},
    {"IssueCertificates", HOLD_OBJECTS, rule_issue_certificates,
     "creates authorities and signs certificates that are missing or due"},
    {"RecordUpgrade", HOLD_OBJECTS, rule_record_upgrade,
     "records up to where the members' logs hold what an earlier minor version wrote"},
    {"ApplyObjects", HOLD_OBJECTS, rule_apply_objects,
     "applies the objects that are not as they should be"},
    {"ReplaceOutdatedPod", HOLD_PODS, rule_replace_outdated_pod,
     "replaces a pod of an earlier template that does not serve"},
    {"HashCheck", 0, rule_check_hashes,
     "compares the members' data from time to time, before restarts, and when etcd raises an "
     "alarm"},
    {"RemoveLostMember", HOLD_MEMBERSHIP, rule_remove_lost_member,
     "removes a member from etcd whose data is proven to be gone, so that it can join anew"},
    {"ReleaseVolume", HOLD_VOLUMES, rule_release_volume,
     "removes the claim and the pod of a replaced member that wait for a volume that is gone"},
    {"Corrupt", 0, rule_heal_corruption,
     "takes the alarm CORRUPT back when the members' data is the same again"},
    {"MemberLost", 0, rule_lost_member,
     "says which member waits with a volume that it may not use"},
    {"RetirePermits", 0, rule_retire_permits,
     "takes used permits off the pods of members that serve"},
    {"GrowVolumes", HOLD_VOLUMES, rule_grow_volumes,
     "asks for larger volumes, and says how far they are or why they cannot be had"},
    {"ReplaceClaims", HOLD_VOLUMES | HOLD_PODS, rule_replace_claims,
     "replaces claims that have no volume yet and ask for another one than new ones would"},
    {"Scale", HOLD_MEMBERSHIP, rule_scale, "records the size that is asked for"},
    {"PromoteMember", HOLD_MEMBERSHIP, rule_promote_member,
     "makes a learner that has caught up a voter"},
    {"AddMember", HOLD_MEMBERSHIP, rule_add_member,
     "adds the ordinals that are no members yet to etcd, as learners, one at a time"},
    {"RemoveMember", HOLD_MEMBERSHIP, rule_remove_member,
     "removes the members past the size from etcd, the highest first, before their pods go"},
    {"NoSpace", HOLD_PODS, rule_make_room,
     "compacts and defragments when etcd takes no writes for want of room, and disarms the alarm"},
    {"RollPod", HOLD_PODS, rule_roll_pod,
     "restarts serving members of an earlier template, one at a time, the leader last"},
    {"RemakeSet", HOLD_OBJECTS, rule_remake_set,
     "makes the StatefulSet anew around its pods when new volumes are to be larger or of another "
     "class"},
    {"RemoveClaims", HOLD_VOLUMES, rule_remove_claims,
     "removes the volumes of members that have left"},
    {"Defragment", HOLD_PODS, rule_defragment,
     "gives the free part of a large database back, one member at a time, when all is well"},
    {"VersionHeld", 0, rule_hold_version, "says why the version that is asked for does not run"},
    {"ClassHeld", 0, rule_hold_class, "says when volumes of another class are asked for"},
    {"RemoveStale", HOLD_OBJECTS, rule_remove_stale,
     "removes a ConfigMap that no pod and no template names, and what a single member needs not"},
};

#define N_RULES (sizeof rules / sizeof *rules)

/* A rule's first words are the most urgent of it. */
static void say(const char **words, const char *new_words)
{
    *words = *words ? *words : new_words;
}

void planning_wait(struct planning *planning, const char *why)
{
    say(&planning->answer->waits, why);
    if (!planning->waiting) {
        planning->waiting = why;
        planning->waiting_rule = planning->answer->rule;
    }
}

void planning_block(struct planning *planning, const char *why)
{
    say(&planning->answer->blocks, why);
    if (!planning->blocked) {
        planning->blocked = why;
        planning->blocked_rule = planning->answer->rule;
    }
}

void planning_hold_spec(struct planning *planning, const char *what)
{
    say(&planning->answer->spec_held, what);
    planning->spec_held = planning->spec_held
                              ? arena_printf(planning->arena, "%s; %s", planning->spec_held, what)
                              : what;
}

void planning_call_etcd(struct planning *planning, enum action_kind kind, int ordinal,
                        const char *reason)
{
    planning->plan->action.kind = kind;
    planning->plan->action.ordinal = ordinal;
    planning->plan->reason = reason;
    if (planning->world->etcd_says) {
        planning_wait(planning, planning->world->etcd_says);
    }
}

void planning_add_pod(struct planning *planning, int ordinal)
{
    struct action *action = &planning->plan->action;
    action->pods[action->n_pods++] = ordinal;
}

/* A steady cluster is looked at on its own interval, one that changes more often: most changes wake
 * the pass by themselves, and this is for those that cannot. */
static int64_t requeue_after(const struct planning *planning)
{
    int64_t interval =
        planning->world->spec_valid ? planning->world->spec.health_check.interval_ms : 60000;
    const char *phase = planning->plan->status.phase;
    bool steady = !strcmp(phase, "Paused") || (!strcmp(phase, "Running") && !planning->waiting);
    return steady || interval < REQUEUE_DURING_CHANGE_MS ? interval : REQUEUE_DURING_CHANGE_MS;
}

/* Who keeps this rule from being asked: the one that ended the table, or holds what it touches. */
static const char *kept_by(const struct plan *plan, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (plan->answers[i].ends || plan->answers[i].holds & rules[index].touches) {
            return plan->answers[i].rule;
        }
    }
    return NULL;
}

static void ask(struct planning *planning, size_t index)
{
    struct plan *plan = planning->plan;
    struct rule_answer *answer = &plan->answers[index];
    const char *reason_before = plan->reason;
    unsigned held_before = planning->held;

    answer->rule = rules[index].name;
    answer->purpose = rules[index].purpose;
    answer->kept_by = kept_by(plan, index);
    if (answer->kept_by) {
        return;
    }
    planning->answer = answer;
    answer->ends = rules[index].function(planning);
    answer->holds = planning->held & ~held_before;
    answer->acts = plan->reason != reason_before ? plan->reason : NULL;
    if (answer->ends) {
        plan->rule = answer->rule;
    }
}

void plan_make(const struct world *world, struct arena *arena, struct plan *plan)
{
    struct planning planning = {.world = world, .arena = arena, .plan = plan};

    memset(plan, 0, sizeof *plan);
    plan->status.recorded = world->recorded;
    if (world->spec_valid && !world->deleting) {
        children_desired(world, arena, &planning.children);
    }
    plan->answers = arena_alloc(arena, N_RULES * sizeof *plan->answers);
    plan->n_answers = N_RULES;
    for (size_t i = 0; i < N_RULES; i++) {
        ask(&planning, i);
    }
    if (!plan->rule) {
        plan->rule = planning.blocked_rule   ? planning.blocked_rule
                     : planning.waiting_rule ? planning.waiting_rule
                                             : "NothingToDo";
    }
    summarize(&planning);
    plan->requeue_ms = plan->action.kind == ACTION_NONE ? requeue_after(&planning) : 0;
}
