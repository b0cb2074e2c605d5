/* The objects of a scheduled EtcdBackup. Pure.
 *
 * The CronJob's template is suspended: each tick makes a Job that never has a pod and stands for
 * the tick alone, as long as its backup runs. So time zones, late starts and concurrency are the
 * CronJob controller's, and nothing but the operator needs rights to make EtcdBackups. */
#ifndef BACKUP_SCHEDULE_H
#define BACKUP_SCHEDULE_H 1

#include <jansson.h>

#include "backup/world.h"

json_t *backup_cron_job(const struct backup_world *world); /* New. */

/* The EtcdBackup for a tick, under its name: the same but for what concerns the schedule. New. */
json_t *backup_child_object(const struct backup_world *world, const char *name);

/* The time that stands in a tick's name, in milliseconds since 1970: its minute is the number at
 * the end (kube-controller-manager's cronjob/utils.go). 0 if there is none. */
int64_t backup_tick_ms(const char *name);

#endif
