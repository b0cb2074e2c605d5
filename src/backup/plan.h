/* plan() decides what to do for an EtcdBackup and what its status says.  Pure: no I/O, no clock.
 *
 * Phases and conditions follow from what was observed.  Only the end is recorded: once
 * status.completionTime stands there, nothing is taken again, whatever became of the Job. */
#ifndef BACKUP_PLAN_H
#define BACKUP_PLAN_H 1

#include <jansson.h>

#include "api/conditions.h"
#include "backup/world.h"
#include "base/arena.h"

enum backup_action {
    BACKUP_NOTHING,
    BACKUP_ADD_FINALIZER,
    BACKUP_REMOVE_FINALIZER,
    BACKUP_CREATE_SAVE, /* The Job. */
    BACKUP_DELETE_SAVE,
    BACKUP_CREATE_REMOVE,
    BACKUP_DELETE_REMOVE,
    BACKUP_APPLY_CRON_JOB,
    BACKUP_CREATE_CHILD, /* The target is the tick. */
    BACKUP_DELETE_CHILD,
    BACKUP_DELETE_TICK,
};

/* For the log: "create the Job that saves". */
const char *backup_action_name(enum backup_action action);

enum backup_condition {
    BACKUP_COMPLETE,
    BACKUP_FAILED,
    BACKUP_N_CONDITIONS,
    /* Of a scheduled one, in their place. */
    BACKUP_SCHEDULED = BACKUP_COMPLETE,
    BACKUP_SUCCEEDING = BACKUP_FAILED,
};

struct backup_plan {
    enum backup_action action;
    const char *phase;   /* NULL: as it was. */
    const char *message; /* "": all is well. */
    struct condition conditions[BACKUP_N_CONDITIONS];
    bool ends;            /* The status records the end: now. */
    const json_t *result; /* What goes into the status of a completed one, or NULL. */
    int64_t requeue_ms;   /* -1: only when something changes. */
    /* Of a scheduled one. */
    const char *target, *target_uid; /* Of the action. */
    const char *why;                 /* For the event that tells of it; NULL: none. */
    json_t *active;                  /* In the arena: names. */
    int64_t last_tick_ms, last_success_ms;
};

void backup_plan_make(const struct backup_world *world, struct arena *arena,
                      struct backup_plan *out);

/* Of it: of a scheduled one whose spec is valid. (plan_schedule.c) */
void backup_plan_schedule(const struct backup_world *world, struct arena *arena,
                          struct backup_plan *out);

/* What act() could not do goes into the plan: the status tells it. */
void backup_plan_refused(struct backup_plan *plan, const char *message);

#endif
