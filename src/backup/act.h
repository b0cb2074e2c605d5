/* act() carries one planned action out. Each is idempotent or bears a precondition. */
#ifndef BACKUP_ACT_H
#define BACKUP_ACT_H 1

#include "backup/plan.h"
#include "backup/reconcile.h"

int backup_act(const struct backup_options *options, const struct backup_world *world,
               const struct backup_plan *plan, struct arena *arena, struct error *error);

#endif
