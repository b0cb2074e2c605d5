#include "backup/names.h"

#include "api/etcdcluster.h"
#include "base/json.h"
#include "cluster/names.h"
#include "kube/resource.h"

const char *backup_owner(struct arena *arena, const char *name)
{
    return arena_printf(arena, "%s/%s", kube_etcd_backups.plural, name);
}

const char *backup_job_name(struct arena *arena, const char *name, const char *purpose)
{
    return arena_printf(arena, "%s-%s", name, purpose);
}

const char *backup_object_name(struct arena *arena, const json_t *backup)
{
    const char *path = json_path_string(backup, "spec", "local", "path", NULL);
    const char *created = json_path_string(backup, "metadata", "creationTimestamp", NULL);
    char digits[32] = "";
    size_t length = 0;

    for (; created && *created && length < sizeof digits - 1; created++) {
        if (*created != '-' && *created != ':') {
            digits[length++] = *created;
        }
    }
    return arena_printf(arena, "%s%s%s/%s/%s-%s", path ? path : "", path && *path ? "/" : "",
                        json_path_string(backup, "metadata", "namespace", NULL),
                        json_path_string(backup, "spec", "clusterName", NULL), digits,
                        json_path_string(backup, "metadata", "name", NULL));
}

json_t *backup_labels(const char *name, const char *purpose)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "app.kubernetes.io/name", "etcd-backup",
                     "app.kubernetes.io/instance", name, "app.kubernetes.io/managed-by", MANAGED_BY,
                     LABEL_BACKUP, name, LABEL_PURPOSE, purpose);
}

json_t *backup_owner_reference(const json_t *backup)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "apiVersion", ETCDCLUSTER_API_VERSION,
                     "kind", "EtcdBackup", "name",
                     json_path_string(backup, "metadata", "name", NULL), "uid",
                     json_path_string(backup, "metadata", "uid", NULL), "controller", 1,
                     "blockOwnerDeletion", 1);
}
