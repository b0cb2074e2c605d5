/* EtcdRestore as C: what its table (etcdrestore.c) decodes into. Fields as in the API reference. */
#ifndef API_ETCDRESTORE_H
#define API_ETCDRESTORE_H 1

#include "api/etcdbackup.h"
#include "api/etcdcluster.h"
#include "api/field.h"

#define ETCDRESTORE_MAX_NAME 52 /* Its pods' names stay legal labels. */

struct etcdrestore_spec {
    const char *cluster_name; /* clusterName */
    const char *restore_type; /* restoreType: New */
    const char *backup_name;  /* backupName: an EtcdBackup; NULL: source says where */
    struct {
        const char *name; /* of the object, behind the prefix; NULL: source is not there */
        struct etcdbackup_spec place; /* storageType, s3, local, encryption; no more of it */
    } source;
    struct etcdcluster_spec cluster_template; /* clusterTemplate */
};

extern const struct api_kind etcdrestore_kind;

/* As etcdcluster_decode(). */
int etcdrestore_decode(json_t *object, struct arena *arena, struct etcdrestore_spec *out,
                       struct error *error);

#endif
