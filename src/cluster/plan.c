#include "cluster/plan.h"

#include <string.h>

#define REQUEUE_DURING_CHANGE_MS 2000

struct rule {
    const char *name;
    unsigned touches; /* Not asked while any of these is held. */
    bool (*function)(struct planning *planning);
};

/* Reading this table is reading what the operator does. The order is the urgency. */
static const struct rule rules[] = {
    {"DeleteCluster", 0, rule_delete_cluster},
    {"InvalidSpec", 0, rule_check_spec},
    {"AddFinalizer", HOLD_OBJECTS, rule_add_finalizer},
    {"NameTaken", HOLD_OBJECTS, rule_name_taken},
    {"RecordCluster", HOLD_OBJECTS, rule_record_cluster},
    {"RestartBootstrap", HOLD_PODS | HOLD_OBJECTS, rule_restart_bootstrap},
    {"GrantPermits", HOLD_OBJECTS, rule_grant_permits},
    {"IssueCertificates", HOLD_OBJECTS, rule_issue_certificates},
    {"ApplyObjects", HOLD_OBJECTS, rule_apply_objects},
    {"ReplaceOutdatedPod", HOLD_PODS, rule_replace_outdated_pod},
    {"MemberLost", 0, rule_lost_member},
    {"RetirePermits", 0, rule_retire_permits},
    {"VersionHeld", 0, rule_hold_version},
    {"ImageHeld", 0, rule_hold_image},
    {"SizeHeld", 0, rule_hold_size},
    {"StorageHeld", 0, rule_hold_storage},
    {"SettingsHeld", 0, rule_hold_settings},
    {"RemoveStaleConfig", HOLD_OBJECTS, rule_remove_stale_config},
};

static const char *current_rule(const struct planning *planning)
{
    return planning->plan->rule;
}

void planning_wait(struct planning *planning, const char *why)
{
    if (!planning->waiting) {
        planning->waiting = why;
        planning->waiting_rule = current_rule(planning);
    }
}

void planning_block(struct planning *planning, const char *why)
{
    if (!planning->blocked) {
        planning->blocked = why;
        planning->blocked_rule = current_rule(planning);
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
    bool steady = !strcmp(planning->plan->status.phase, "Running") && !planning->waiting;
    return steady || interval < REQUEUE_DURING_CHANGE_MS ? interval : REQUEUE_DURING_CHANGE_MS;
}

void plan_make(const struct world *world, struct arena *arena, struct plan *plan)
{
    struct planning planning = {.world = world, .arena = arena, .plan = plan};

    memset(plan, 0, sizeof *plan);
    plan->status.recorded = world->recorded;
    if (world->spec_valid && !world->deleting) {
        children_desired(world, arena, &planning.children);
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (planning.held & rules[i].touches) {
            continue;
        }
        plan->rule = rules[i].name;
        if (rules[i].function(&planning)) {
            break;
        }
        plan->rule = NULL;
    }
    if (!plan->rule) {
        plan->rule = planning.blocked_rule   ? planning.blocked_rule
                     : planning.waiting_rule ? planning.waiting_rule
                                             : "NothingToDo";
    }
    summarize(&planning);
    plan->requeue_ms = plan->action.kind == ACTION_NONE ? requeue_after(&planning) : 0;
}
