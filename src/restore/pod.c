#include "restore/pod.h"

#include <string.h>

#include "backup/destination.h"
#include "cluster/objects.h"
#include "etcd/client.h"
#include "restore/stage.h"

#define USER_ID      65532
#define KEY_DIR      "/etc/etcd-restore/key"
#define ETCDUTL_PATH "/usr/local/bin/etcdutl"
#define RESULT_FILE  "/dev/termination-log"

const char *restore_pod_name(const struct restore_world *world, int ordinal, struct arena *arena)
{
    return arena_printf(arena, "%s-restore-%d", world->name, ordinal);
}

static void argument(json_t *list, const char *flag, const char *value)
{
    json_array_append_new(list, json_string(flag));
    json_array_append_new(list, json_string(value));
}

static void number_argument(json_t *list, const char *flag, int64_t value)
{
    json_array_append_new(list, json_string(flag));
    json_array_append_new(list, json_sprintf("%lld", (long long)value));
}

static json_t *data_mount(void)
{
    return json_pack("{s:s, s:s}", "name", "data", "mountPath", MEMBER_VOLUME_DIR);
}

static json_t *quantities(const struct etcdcluster_quantities *quantities)
{
    return json_pack("{s:s*, s:s*}", "cpu", quantities->cpu, "memory", quantities->memory);
}

/* What etcd may use on this data is enough for each of them. */
static json_t *container(const struct world *cluster, const char *name, const char *image,
                         json_t *command, json_t *mounts)
{
    json_array_append_new(mounts, data_mount());
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:{s:o, s:o}, s:{s:b, s:b, s:b, s:{s:[s]}}}", "name", name,
        "image", image, "imagePullPolicy", cluster->spec.image_pull_policy, "command", command,
        "volumeMounts", mounts, "terminationMessagePolicy", "FallbackToLogsOnError", "resources",
        "requests", quantities(&cluster->spec.resources.requests), "limits",
        quantities(&cluster->spec.resources.limits), "securityContext", "allowPrivilegeEscalation",
        0, "readOnlyRootFilesystem", 1, "privileged", 0, "capabilities", "drop", "ALL");
}

static json_t *fetch_container(const struct restore_world *world, const char *version,
                               json_t *volumes, struct arena *arena)
{
    json_t *args = json_pack("[s,s,s]", "/etcd-operator", "restore", "fetch");
    json_t *mounts = json_array();
    const struct restore_backup *backup = &world->backup;

    destination_arguments(backup->place, arena, args);
    destination_volumes(backup->place, volumes, mounts);
    if (backup->place->encryption.key_secret) {
        argument(args, "--encryption-key-file", KEY_DIR "/key");
        destination_add_secret(volumes, mounts, "key", backup->place->encryption.key_secret, "key",
                               KEY_DIR);
    }
    argument(args, "--name", backup->object);
    if (backup->sha256) {
        argument(args, "--sha256", backup->sha256);
        number_argument(args, "--revision", backup->revision);
    }
    argument(args, "--etcd-version", version);
    argument(args, "--result-file", RESULT_FILE);
    return container(&world->cluster, RESTORE_FETCH, world->operator_image, args, mounts);
}

static json_t *etcdutl_container(const struct restore_world *world, int ordinal, const char *image,
                                 struct arena *arena)
{
    const struct world *cluster = &world->cluster;
    bool tls = cluster->spec.security.tls.peer.enabled;
    json_t *args = json_pack("[s,s,s,s]", ETCDUTL_PATH, "snapshot", "restore", RESTORE_SNAPSHOT);

    argument(args, "--data-dir", RESTORE_STAGED_DATA);
    argument(args, "--name", names_pod(arena, cluster->names, ordinal));
    argument(args, "--initial-cluster",
             names_initial_cluster(arena, cluster->names, world->record.size, tls));
    argument(args, "--initial-cluster-token",
             names_token(arena, cluster->uid, cluster->recorded.generation));
    argument(args, "--initial-advertise-peer-urls",
             names_peer_url(arena, cluster->names, ordinal, tls));
    argument(args, "--bump-revision", RESTORE_BUMP);
    json_array_append_new(args, json_string("--mark-compacted"));
    return container(cluster, RESTORE_ETCDUTL, image, args, json_array());
}

static json_t *commit_container(const struct restore_world *world, int ordinal, struct arena *arena)
{
    const struct world *cluster = &world->cluster;
    const char *token = names_token(arena, cluster->uid, cluster->recorded.generation);
    const char *url =
        names_peer_url(arena, cluster->names, ordinal, cluster->spec.security.tls.peer.enabled);
    json_t *args = json_pack("[s,s,s]", "/etcd-operator", "restore", "commit");
    char id[ID_HEX_SIZE];

    argument(args, "--cluster-uid", cluster->uid);
    number_argument(args, "--generation", cluster->recorded.generation);
    number_argument(args, "--ordinal", ordinal);
    argument(args, "--member-id", id_format(etcd_static_member_id(url, token), id));
    argument(args, "--result-file", RESULT_FILE);
    return container(cluster, RESTORE_COMMIT, world->operator_image, args, json_array());
}

/* Not of the cluster: neither its Services nor its budget select them. */
static json_t *metadata(const struct restore_world *world, int ordinal, struct arena *arena)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:[{s:s, s:s, s:s, s:s, s:b}]}", "name",
                     restore_pod_name(world, ordinal, arena), "namespace", world->namespace,
                     "labels", "app.kubernetes.io/name", "etcd-restore",
                     "app.kubernetes.io/instance", world->name, "app.kubernetes.io/managed-by",
                     MANAGED_BY, LABEL_RESTORE, world->name, "ownerReferences", "apiVersion",
                     ETCDCLUSTER_API_VERSION, "kind", "EtcdRestore", "name", world->name, "uid",
                     world->uid, "controller", 1);
}

static json_t *pull_secrets(const struct etcdcluster_spec *spec)
{
    const struct etcdcluster_local_object *items = spec->image_pull_secrets.items;
    json_t *list = json_array();

    for (size_t i = 0; i < spec->image_pull_secrets.length; i++) {
        json_array_append_new(list, json_pack("{s:s}", "name", items[i].name));
    }
    return list;
}

/* Where a volume is made for the first pod that uses it, these decide on which node the member will
 * be: they spread as members do. */
static json_t *affinity(const struct restore_world *world)
{
    return json_pack("{s:{s:[{s:i, s:{s:s, s:{s:{s:s}}}}]}}", "podAntiAffinity",
                     "preferredDuringSchedulingIgnoredDuringExecution", "weight", 100,
                     "podAffinityTerm", "topologyKey", "kubernetes.io/hostname", "labelSelector",
                     "matchLabels", LABEL_RESTORE, world->name);
}

json_t *restore_pod(const struct restore_world *world, int ordinal, struct arena *arena)
{
    const struct world *cluster = &world->cluster;
    struct children children = {0};
    json_t *volumes = json_pack("[{s:s, s:{s:s}}]", "name", "data", "persistentVolumeClaim",
                                "claimName", names_claim(arena, cluster->names, ordinal));

    children_desired(cluster, arena, &children);
    json_t *fetch = fetch_container(world, children.version, volumes, arena);
    return json_pack(
        "{s:s, s:s, s:o, s:{s:s, s:b, s:b, s:o, s:{s:b, s:i, s:i, s:i, s:s, s:{s:s}}, s:o, s:o, "
        "s:[o,o], s:[o]}}",
        "apiVersion", "v1", "kind", "Pod", "metadata", metadata(world, ordinal, arena), "spec",
        "restartPolicy", "Never", "automountServiceAccountToken", 0, "enableServiceLinks", 0,
        "imagePullSecrets", pull_secrets(&cluster->spec), "securityContext", "runAsNonRoot", 1,
        "runAsUser", USER_ID, "runAsGroup", USER_ID, "fsGroup", USER_ID, "fsGroupChangePolicy",
        "OnRootMismatch", "seccompProfile", "type", "RuntimeDefault", "affinity", affinity(world),
        "volumes", volumes, "initContainers", fetch,
        etcdutl_container(world, ordinal, children.image, arena), "containers",
        commit_container(world, ordinal, arena));
}
