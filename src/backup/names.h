/* Names and labels of what an EtcdBackup makes; documented and stable, as cluster/names.h is. */
#ifndef BACKUP_NAMES_H
#define BACKUP_NAMES_H 1

#include <jansson.h>

#include "base/arena.h"

#define LABEL_BACKUP  "etcd.etcd.io/backup" /* The EtcdBackup that a Job or pod works for. */
#define LABEL_PURPOSE "etcd.etcd.io/purpose"

#define PURPOSE_SAVE   "save"   /* Takes the backup. */
#define PURPOSE_REMOVE "remove" /* Removes the stored backup. */
#define PURPOSE_TICK   "tick"   /* Is never run: it tells that a backup of the schedule is due. */

#define LABEL_SCHEDULE                                                                             \
    "etcd.etcd.io/schedule" /* On EtcdBackups: the scheduled one they are of.                      \
                             */

/* The account of the pods, one in each namespace; it may do nothing. */
#define BACKUP_ACCOUNT   "etcd-operator-backup"
#define BACKUP_CONTAINER "backup"

/* Whose objects the stores keep under this owner (manager/managed.h): "etcdbackups/NAME". */
const char *backup_owner(struct arena *arena, const char *name);

/* NAME-save, NAME-remove */
const char *backup_job_name(struct arena *arena, const char *name, const char *purpose);

/* The stored object's name under the store's prefix: NAMESPACE/CLUSTER/20261124T120000Z-NAME, with
 * the time of the EtcdBackup's creation, so that a second EtcdBackup of a name takes another one.
 * A volume's spec.local.path comes first: a store makes the directories of a name. */
const char *backup_object_name(struct arena *arena, const json_t *backup);

/* What a Job and its pods bear. New. */
json_t *backup_labels(const char *name, const char *purpose);

/* {apiVersion, kind, name, uid, controller, blockOwnerDeletion} of the EtcdBackup. New. */
json_t *backup_owner_reference(const json_t *backup);

#endif
