/* observe() reads what plan() needs. */
#ifndef BACKUP_OBSERVE_H
#define BACKUP_OBSERVE_H 1

#include "backup/reconcile.h"
#include "backup/world.h"

/* ERROR_NOT_FOUND: there is no such EtcdBackup. */
int backup_observe(const struct backup_options *options, const char *namespace, const char *name,
                   struct arena *arena, struct backup_world *world, struct error *error);

/* Of it: the Jobs and their pods. (observe_job.c) */
int backup_observe_jobs(const struct backup_options *options, struct arena *arena,
                        struct backup_world *world, struct error *error);

#endif
