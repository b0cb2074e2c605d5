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
};

/* For the log: "create the Job that saves". */
const char *backup_action_name(enum backup_action action);

enum backup_condition { BACKUP_COMPLETE, BACKUP_FAILED, BACKUP_N_CONDITIONS };

struct backup_plan {
    enum backup_action action;
    const char *phase;   /* NULL: as it was. */
    const char *message; /* "": all is well. */
    struct condition conditions[BACKUP_N_CONDITIONS];
    bool ends;            /* The status records the end: now. */
    const json_t *result; /* What goes into the status of a completed one, or NULL. */
    int64_t requeue_ms;   /* -1: only when something changes. */
};

void backup_plan_make(const struct backup_world *world, struct arena *arena,
                      struct backup_plan *out);

/* What act() could not do goes into the plan: the status tells it. */
void backup_plan_refused(struct backup_plan *plan, const char *message);

#endif
