/* Where a backup lies, as the command `etcd-operator snapshot` wants to be told it: arguments for
 * the command, volumes for the pod that runs it. */
#ifndef BACKUP_DESTINATION_H
#define BACKUP_DESTINATION_H 1

#include <jansson.h>

#include "api/etcdbackup.h"
#include "base/arena.h"

/* The URL of what is stored under this name. */
const char *destination_location(struct arena *arena, const struct etcdbackup_spec *spec,
                                 const char *name);

/* Appends --store and what belongs to it. */
void destination_arguments(const struct etcdbackup_spec *spec, struct arena *arena,
                           json_t *arguments);
/* Appends volumes and where the container has them: credentials, authorities, the claim. */
void destination_volumes(const struct etcdbackup_spec *spec, json_t *volumes, json_t *mounts);

/* A Secret's one key as a file of that name below `path`, which only the pod's group may read. */
void destination_add_secret(json_t *volumes, json_t *mounts, const char *volume, const char *secret,
                            const char *key, const char *path);

#endif
