/* plan() is pure: the world and the time in, ONE next action and the whole status out.  No I/O, no
 * clock, no globals.
 *
 * It is one ordered table of rules, most urgent first (plan.c).  A rule answers with an action,
 * with a hold (what no rule below it may touch in this pass) or with nothing.  Its name appears in
 * the event, the condition's reason and the log, so that a user sees why the operator did what it
 * did. */
#ifndef CLUSTER_PLAN_H
#define CLUSTER_PLAN_H 1

#include <stdbool.h>
#include <stdint.h>

#include "cluster/objects.h"
#include "cluster/status.h"
#include "cluster/world.h"

enum hold {
    HOLD_MEMBERSHIP = 1 << 0,
    HOLD_PODS = 1 << 1,
    HOLD_VOLUMES = 1 << 2,
    HOLD_OBJECTS = 1 << 3,
    HOLD_ALL = HOLD_MEMBERSHIP | HOLD_PODS | HOLD_VOLUMES | HOLD_OBJECTS,
};

enum action_kind {
    ACTION_NONE,
    ACTION_ADD_FINALIZER,
    ACTION_REMOVE_FINALIZER,
    ACTION_GRANT_PERMITS,  /* Those of the status that their pods do not bear yet. */
    ACTION_REPEAT_PERMITS, /* Those of the pods in `pods`, for kubelets that missed them. */
    ACTION_RETIRE_PERMITS, /* From the pods in `pods`. */
    ACTION_ISSUE_CERTIFICATES,
    ACTION_APPLY,       /* The children in `apply`. */
    ACTION_DELETE_PODS, /* Those in `pods`. */
    ACTION_STOP_ETCD,   /* Scale the StatefulSet to nothing. */
    ACTION_REMOVE,      /* The objects in `remove`. */
    ACTION_GROW_CLAIMS, /* Those of the ordinals in `pods`, to the size of the spec. */
    ACTION_ORPHAN_SET,  /* Remove the StatefulSet and leave its pods. */
    /* Calls to etcd about the member `ordinal`; what refuses for now is asked again. */
    ACTION_ADD_MEMBER, /* As a learner. */
    ACTION_PROMOTE_MEMBER,
    ACTION_REMOVE_MEMBER,
    ACTION_MOVE_LEADER,  /* From `ordinal` to `successor`. */
    ACTION_COMPACT,      /* Up to `revision`. */
    ACTION_DEFRAGMENT,   /* The member `ordinal`. */
    ACTION_CHECK_HASHES, /* Of all voters, at `revision`. */
    ACTION_DISARM,       /* All alarms of the type `alarm`. */
};

struct removal {
    const struct kube_resource *resource;
    const char *name, *uid;
    const char *resource_version; /* It must not have changed since; or NULL. */
};

struct action {
    enum action_kind kind;
    struct child apply[MAX_CHILDREN];
    const char *apply_reason[MAX_CHILDREN];
    int n_apply;
    int pods[ETCDCLUSTER_MAX_SIZE]; /* Ordinals. */
    int n_pods;
    struct removal *remove;
    int n_remove;
    int ordinal, successor;
    int64_t revision;
    enum etcd_alarm_type alarm;
};

/* What one rule of the table said in this pass, for `explain`: pointers only, filled always. */
struct rule_answer {
    const char *rule, *purpose;
    const char *kept_by;   /* The rule that kept it from being asked, or NULL: it was asked. */
    unsigned holds;        /* What it keeps from those below. */
    const char *acts;      /* The reason of its action, or of what it records; or NULL. */
    const char *waits;     /* What it waits for, or NULL. */
    const char *blocks;    /* What only a person can mend, or NULL. */
    const char *spec_held; /* What of the spec it holds, or NULL. */
    bool ends;             /* No rule below it was asked. */
};

struct plan {
    const char *rule;            /* The name of the rule that answered. */
    const char *reason;          /* Why it did, in words for the log and the event. */
    struct rule_answer *answers; /* Of all rules, in the table's order. */
    size_t n_answers;
    struct action action;
    struct cluster_status status;
    int64_t requeue_ms; /* Look again after this long, if nothing changes. */
};

/* What the rules share while a plan is made. */
struct planning {
    const struct world *world;
    struct arena *arena;
    struct plan *plan;
    unsigned held;
    struct rule_answer *answer; /* Of the rule that is being asked. */
    struct children children;   /* Desired; valid when the spec is. */
    const char *waiting;        /* What the first rule that holds waits for, or NULL. */
    const char *waiting_rule;
    const char *blocked; /* What only a person can mend (phase Failed), or NULL. */
    const char *blocked_rule;
    const char *spec_held; /* What of the spec is not carried out, and why; or NULL. */
    bool growing;          /* Volumes are. */
    bool awaits_data;      /* A restore's: there is no StatefulSet yet. */
};

void plan_make(const struct world *world, struct arena *arena, struct plan *plan);

/* The rules, each in a file of its own idea. True: it answered with an action. */
bool rule_delete_cluster(struct planning *planning);
bool rule_check_spec(struct planning *planning);
bool rule_paused(struct planning *planning);
bool rule_add_finalizer(struct planning *planning);
bool rule_name_taken(struct planning *planning);
bool rule_grant_permits(struct planning *planning);
bool rule_repeat_permits(struct planning *planning);
bool rule_record_cluster(struct planning *planning);
bool rule_restart_bootstrap(struct planning *planning);
bool rule_await_restore(struct planning *planning);
bool rule_issue_certificates(struct planning *planning);
bool rule_apply_objects(struct planning *planning);
bool rule_replace_outdated_pod(struct planning *planning);
bool rule_retire_permits(struct planning *planning);
bool rule_lost_member(struct planning *planning);
bool rule_record_upgrade(struct planning *planning);
bool rule_hold_version(struct planning *planning);
bool rule_grow_volumes(struct planning *planning);
bool rule_hold_class(struct planning *planning);
bool rule_remake_set(struct planning *planning);
bool rule_replace_claims(struct planning *planning);
bool rule_remove_lost_member(struct planning *planning);
bool rule_add_member(struct planning *planning);
bool rule_promote_member(struct planning *planning);
bool rule_remove_member(struct planning *planning);
bool rule_remove_claims(struct planning *planning);
bool rule_release_volume(struct planning *planning);
bool rule_check_hashes(struct planning *planning);
bool rule_heal_corruption(struct planning *planning);
bool rule_make_room(struct planning *planning);
bool rule_defragment(struct planning *planning);
bool rule_roll_pod(struct planning *planning);
bool rule_scale(struct planning *planning);
bool rule_remove_stale(struct planning *planning);

/* For rules: say what is waited for, or what blocks, if no rule above has said so already. */
void planning_wait(struct planning *planning, const char *why);
void planning_block(struct planning *planning, const char *why);
/* Say what of the spec is not carried out, beside what the rules above said. */
void planning_hold_spec(struct planning *planning, const char *what);
void planning_add_pod(struct planning *planning, int ordinal);
/* The action is a call to etcd about this member; says what etcd answered to the last one, if it is
 * to be asked again. */
void planning_call_etcd(struct planning *planning, enum action_kind kind, int ordinal,
                        const char *reason);
/* If the member leads and another can: the action is to hand over. False: nothing to do. */
bool planning_move_leader(struct planning *planning, int leaving, const char *why);

/* The action is to defragment one of the wanted members (by ordinal), the leader last and after it
 * has handed over; or what stands in the way is waited for. False: no action. */
bool planning_defragment(struct planning *planning, const bool *wanted, const char *because);
bool planning_was_defragmented(const struct planning *planning, int ordinal, int64_t within_ms);

/* The StatefulSet controller has seen the StatefulSet as it is. */
bool planning_set_is_current(const struct planning *planning);
bool planning_template_is_current(const struct planning *planning);
/* The pod was made from another template than the one that is wanted. */
bool planning_pod_is_outdated(const struct planning *planning, const struct world_pod *pod);

/* What is wrong with a member, in words that say what to do; NULL if nothing. `reason` is set to a
 * CamelCase word. (diagnose.c) */
const char *diagnose_member(const struct world *world, int ordinal, struct arena *arena,
                            const char **reason);
/* The same for the cluster: the first member's problem, or what stands in the way of all. */
const char *diagnose_cluster(const struct world *world, struct arena *arena, const char **reason);

/* The status from what was observed and what the rules said. (summarize.c) */
void summarize(struct planning *planning);

#endif
