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

/* Of a scheduled one: CronJob, ticks and children. Of one that was made for a tick: whose it is.
 * (observe_schedule.c) */
int backup_observe_schedule(const struct backup_options *options, struct arena *arena,
                            struct backup_world *world, struct error *error);
void backup_observe_parent(const struct backup_options *options, struct arena *arena,
                           struct backup_world *world);

/* The newest warning about an object that is not older than `since_ms`, or NULL. */
const char *backup_warning_of(const struct backup_options *options, const char *namespace,
                              const char *uid, int64_t since_ms, struct arena *arena);

#endif
