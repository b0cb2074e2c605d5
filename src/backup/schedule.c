#include "backup/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "backup/names.h"
#include "base/json.h"
#include "cluster/names.h"
#include "pki/pki.h"

#define MINUTE_MS 60000

int64_t backup_tick_ms(const char *name)
{
    const char *dash = strrchr(name, '-');
    char *end;
    long long minute = dash ? strtoll(dash + 1, &end, 10) : 0;

    return dash && dash[1] && !*end && minute > 0 ? minute * MINUTE_MS : 0;
}

/* As a pod that would be allowed everywhere, should somebody let it run. */
static json_t *tick_pod(const struct backup_world *world)
{
    return json_pack("{s:[{s:s, s:s, s:[s,s], s:{s:b, s:b, s:{s:[s]}}}], s:s, s:b, s:{s:b, s:i, "
                     "s:{s:s}}}",
                     "containers", "name", PURPOSE_TICK, "image", world->operator_image, "command",
                     "/etcd-operator", "--version", "securityContext", "allowPrivilegeEscalation",
                     0, "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL", "restartPolicy",
                     "Never", "automountServiceAccountToken", 0, "securityContext", "runAsNonRoot",
                     1, "runAsUser", 65532, "seccompProfile", "type", "RuntimeDefault");
}

json_t *backup_cron_job(const struct backup_world *world)
{
    const struct etcdbackup_spec *spec = &world->spec;
    json_t *wanted = json_pack(
        "{s:s, s:b, s:s, s:i, s:i, s:{s:{s:o}, s:{s:b, s:{s:o}}}}", "schedule", spec->schedule,
        "suspend", spec->suspend, "concurrencyPolicy", spec->concurrency_policy,
        "successfulJobsHistoryLimit", 0, "failedJobsHistoryLimit", 0, "jobTemplate", "metadata",
        "labels", backup_labels(world->name, PURPOSE_TICK), "spec", "suspend", 1, "template",
        "spec", tick_pod(world));
    char digest[PKI_SHA256_HEX_SIZE];

    if (spec->time_zone) {
        json_object_set_new(wanted, "timeZone", json_string(spec->time_zone));
    }
    if (spec->starting_deadline_s) {
        json_object_set_new(wanted, "startingDeadlineSeconds",
                            json_integer(spec->starting_deadline_s));
    }
    AUTO_FREE char *text = json_canonical(wanted);
    pki_sha256_hex(text, strlen(text), digest);
    digest[16] = '\0';
    /* The hash shows what was taken away, which the live object alone does not. */
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:o, s:{s:s}, s:[o]}, s:o}", "apiVersion", "batch/v1",
                     "kind", "CronJob", "metadata", "namespace", world->namespace, "name",
                     world->name, "labels", backup_labels(world->name, "schedule"), "annotations",
                     ANNOTATION_APPLIED_HASH, digest, "ownerReferences",
                     backup_owner_reference(world->object), "spec", wanted);
}

json_t *backup_child_object(const struct backup_world *world, const char *name)
{
    static const char *const of_the_schedule[] = {
        "schedule",        "timeZone", "suspend", "concurrencyPolicy", "startingDeadlineSeconds",
        "retentionPolicy", NULL};
    json_t *spec = json_copy(json_object_get(world->object, "spec"));

    for (const char *const *field = of_the_schedule; *field; field++) {
        json_object_del(spec, *field);
    }
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s}, s:[o]}, s:o}", "apiVersion",
                     ETCDCLUSTER_API_VERSION, "kind", "EtcdBackup", "metadata", "namespace",
                     world->namespace, "name", name, "labels", LABEL_SCHEDULE, world->name,
                     "app.kubernetes.io/managed-by", MANAGED_BY, "ownerReferences",
                     backup_owner_reference(world->object), "spec", spec);
}
