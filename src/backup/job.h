/* The Jobs of an EtcdBackup as objects. Pure. Their command is what a person would run. */
#ifndef BACKUP_JOB_H
#define BACKUP_JOB_H 1

#include <jansson.h>

#include "backup/world.h"
#include "base/arena.h"

/* Takes the backup. New. */
json_t *backup_save_job(const struct backup_world *world, struct arena *arena);
/* Removes what is stored. New. */
json_t *backup_remove_job(const struct backup_world *world, struct arena *arena);

/* The account that their pods have unless the spec names one. New. */
json_t *backup_account(const char *namespace);

#endif
