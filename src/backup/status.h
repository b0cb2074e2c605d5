/* The status of an EtcdBackup as JSON: what the plan says over what was there before. */
#ifndef BACKUP_STATUS_H
#define BACKUP_STATUS_H 1

#include <jansson.h>

#include "backup/plan.h"

/* Equal to the old one when the plan says nothing new. New. */
json_t *backup_status_encode(const struct backup_world *world, const struct backup_plan *plan,
                             struct arena *arena);

#endif
