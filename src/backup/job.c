#include "backup/job.h"

#include <string.h>

#include "backup/destination.h"
#include "backup/names.h"
#include "base/json.h"
#include "cluster/names.h"

#define USER_ID               65532
#define KEY_DIR               "/etc/etcd-backup/key"
#define TLS_DIR               "/etc/etcd-backup/tls"
#define MESSAGE_FILE          "/dev/termination-log"
#define REMOVE_WITHIN_SECONDS 600
#define REMOVE_RETRIES        3
/* An upload in parts is aborted when the pod is stopped, which takes requests to the store. */
#define GRACE_SECONDS 60

static void add(json_t *array, const char *value)
{
    json_array_append_new(array, json_string(value));
}

static void add_option(json_t *array, const char *name, const char *value)
{
    add(array, name);
    add(array, value);
}

/* --- The command ------------------------------------------------------------------------- */

static void add_count(json_t *array, const char *name, int32_t count, struct arena *arena)
{
    if (count) {
        add_option(array, name, arena_printf(arena, "%d", count));
    }
}

/* Of a scheduled backup: whose it is, and what of the others stays after it. */
static void schedule_arguments(const struct backup_world *world, struct arena *arena, json_t *array)
{
    const struct etcdbackup_retention *retention = &world->retention;
    char age[32];

    if (!world->schedule_uid) {
        return;
    }
    add_option(array, "--schedule", world->schedule_uid);
    add_count(array, "--keep-last", retention->max_backups, arena);
    if (retention->max_age_ms) {
        add_option(array, "--keep-age",
                   api_duration_format(retention->max_age_ms, age, sizeof age));
    }
    add_count(array, "--keep-daily", retention->daily, arena);
    add_count(array, "--keep-weekly", retention->weekly, arena);
    add_count(array, "--keep-monthly", retention->monthly, arena);
}

static json_t *save_arguments(const struct backup_world *world, struct arena *arena)
{
    const struct etcdbackup_spec *spec = &world->spec;
    json_t *arguments = json_pack("[s,s]", "snapshot", "save");

    destination_arguments(spec, arena, arguments);
    add_option(arguments, "--name", world->object_name);
    add_option(arguments, "--endpoints", world->cluster.endpoints);
    if (world->cluster.tls) {
        add_option(arguments, "--cacert", TLS_DIR "/ca.crt");
        add_option(arguments, "--cert", TLS_DIR "/tls.crt");
        add_option(arguments, "--key", TLS_DIR "/tls.key");
    }
    add_option(arguments, "--compress", spec->compression ? "zstd" : "none");
    if (spec->encryption.key_secret) {
        add_option(arguments, "--encryption-key-file", KEY_DIR "/key");
    }
    add_option(arguments, "--cluster",
               arena_printf(arena, "%s/%s", world->namespace, spec->cluster_name));
    add_option(arguments, "--uid", world->uid);
    schedule_arguments(world, arena, arguments);
    add_option(arguments, "--progress-address",
               arena_printf(arena, "0.0.0.0:%d", BACKUP_PROGRESS_PORT));
    add_option(arguments, "--result-file", MESSAGE_FILE);
    return arguments;
}

static json_t *remove_arguments(const struct backup_world *world, struct arena *arena)
{
    json_t *arguments = json_pack("[s,s]", "snapshot", "remove");

    destination_arguments(&world->spec, arena, arguments);
    add_option(arguments, "--result-file", MESSAGE_FILE);
    add(arguments, world->object_name);
    return arguments;
}

/* --- The pod ----------------------------------------------------------------------------- */

static void set_quantity(json_t *object, const char *name, const char *value)
{
    if (value) {
        json_object_set_new(object, name, json_string(value));
    }
}

static json_t *quantities(const struct etcdcluster_quantities *quantities)
{
    json_t *json = json_object();

    set_quantity(json, "cpu", quantities->cpu);
    set_quantity(json, "memory", quantities->memory);
    return json;
}

static json_t *container(const struct backup_world *world, json_t *arguments, json_t *mounts)
{
    const struct etcdbackup_spec *spec = &world->spec;

    return json_pack("{s:s, s:s, s:s, s:[s], s:o, s:o, s:{s:o, s:o}, s:s, s:{s:b, s:b, s:{s:[s]}}}",
                     "name", BACKUP_CONTAINER, "image", world->operator_image, "imagePullPolicy",
                     "IfNotPresent", "command", "/etcd-operator", "args", arguments, "volumeMounts",
                     mounts, "resources", "requests",
                     quantities(&spec->job_template.resources.requests), "limits",
                     quantities(&spec->job_template.resources.limits), "terminationMessagePolicy",
                     "FallbackToLogsOnError", "securityContext", "allowPrivilegeEscalation", 0,
                     "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL");
}

static void schedule_pod(const struct etcdbackup_spec *spec, json_t *pod)
{
    const struct etcdcluster_local_object *secrets = spec->job_template.pull_secrets.items;
    json_t *list = json_array();

    for (size_t i = 0; i < spec->job_template.pull_secrets.length; i++) {
        json_array_append_new(list, json_pack("{s:s}", "name", secrets[i].name));
    }
    json_object_set_new(pod, "imagePullSecrets", list);
    set_quantity(pod, "priorityClassName", spec->job_template.priority_class);
    if (spec->job_template.node_selector) {
        json_object_set(pod, "nodeSelector", spec->job_template.node_selector);
    }
    if (spec->job_template.tolerations) {
        json_object_set(pod, "tolerations", spec->job_template.tolerations);
    }
    if (spec->job_template.affinity) {
        json_object_set(pod, "affinity", spec->job_template.affinity);
    }
}

static json_t *pod_spec(const struct backup_world *world, json_t *arguments, json_t *volumes,
                        json_t *mounts)
{
    const struct etcdbackup_spec *spec = &world->spec;
    const char *account = spec->job_template.service_account;
    json_t *pod = json_pack(
        "{s:[o], s:o, s:s, s:s, s:b, s:b, s:i, s:{s:b, s:i, s:i, s:i, s:s, s:{s:s}}}", "containers",
        container(world, arguments, mounts), "volumes", volumes, "restartPolicy", "Never",
        "serviceAccountName", account ? account : BACKUP_ACCOUNT, "automountServiceAccountToken", 0,
        "enableServiceLinks", 0, "terminationGracePeriodSeconds", GRACE_SECONDS, "securityContext",
        "runAsNonRoot", 1, "runAsUser", USER_ID, "runAsGroup", USER_ID, "fsGroup", USER_ID,
        "fsGroupChangePolicy", "OnRootMismatch", "seccompProfile", "type", "RuntimeDefault");

    schedule_pod(spec, pod);
    return pod;
}

/* --- The Job ----------------------------------------------------------------------------- */

/* A pod that was evicted or whose node is drained costs none of the retries; what another try
 * cannot mend (the command's exit codes 2, 3 and 4) ends them. */
static json_t *failure_policy(void)
{
    return json_pack("{s:[{s:s, s:[{s:s, s:s}]}, {s:s, s:{s:s, s:s, s:[i,i,i]}}]}", "rules",
                     "action", "Ignore", "onPodConditions", "type", "DisruptionTarget", "status",
                     "True", "action", "FailJob", "onExitCodes", "containerName", BACKUP_CONTAINER,
                     "operator", "In", "values", 2, 3, 4);
}

static json_t *job(const struct backup_world *world, struct arena *arena, const char *purpose,
                   int retries, int64_t seconds, json_t *pod)
{
    return json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:o, s:[o]}, s:{s:i, s:I, s:o, s:{s:{s:o}, s:o}}}", "apiVersion",
        "batch/v1", "kind", "Job", "metadata", "namespace", world->namespace, "name",
        backup_job_name(arena, world->name, purpose), "labels", backup_labels(world->name, purpose),
        "ownerReferences", backup_owner_reference(world->object), "spec", "backoffLimit", retries,
        "activeDeadlineSeconds", (json_int_t)seconds, "podFailurePolicy", failure_policy(),
        "template", "metadata", "labels", backup_labels(world->name, purpose), "spec", pod);
}

json_t *backup_save_job(const struct backup_world *world, struct arena *arena)
{
    const struct etcdbackup_spec *spec = &world->spec;
    json_t *volumes = json_array(), *mounts = json_array();
    int64_t left_ms = world->created_ms + spec->deadline_ms - world->now_ms;

    destination_volumes(spec, volumes, mounts);
    if (spec->encryption.key_secret) {
        destination_add_secret(volumes, mounts, "key", spec->encryption.key_secret, "key", KEY_DIR);
    }
    if (world->cluster.tls) {
        const struct names *names = names_new(arena, world->namespace, spec->cluster_name);
        json_array_append_new(volumes,
                              json_pack("{s:s, s:{s:s, s:i}}", "name", "tls", "secret",
                                        "secretName", names->client_secret, "defaultMode", 0440));
        json_array_append_new(mounts, json_pack("{s:s, s:s, s:b}", "name", "tls", "mountPath",
                                                TLS_DIR, "readOnly", 1));
    }
    return job(world, arena, PURPOSE_SAVE, spec->retries, left_ms > 1000 ? left_ms / 1000 : 1,
               pod_spec(world, save_arguments(world, arena), volumes, mounts));
}

json_t *backup_remove_job(const struct backup_world *world, struct arena *arena)
{
    json_t *volumes = json_array(), *mounts = json_array();

    destination_volumes(&world->spec, volumes, mounts);
    return job(world, arena, PURPOSE_REMOVE, REMOVE_RETRIES, REMOVE_WITHIN_SECONDS,
               pod_spec(world, remove_arguments(world, arena), volumes, mounts));
}

json_t *backup_account(const char *namespace)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:b}", "apiVersion", "v1", "kind",
                     "ServiceAccount", "metadata", "namespace", namespace, "name", BACKUP_ACCOUNT,
                     "labels", "app.kubernetes.io/name", "etcd-backup",
                     "app.kubernetes.io/managed-by", MANAGED_BY, "automountServiceAccountToken", 0);
}
