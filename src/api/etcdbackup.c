/* The EtcdBackup's spec: one row for each field. */
#include "api/etcdbackup_tables.h"
#include "base/json.h"

#define SPEC(member)          offsetof(struct etcdbackup_spec, member)
#define WITHIN(outer, member) (SPEC(outer.member) - SPEC(outer))

#define MINUTE INT64_C(60000)

/* What a Secret, a claim or an account may be called. */
#define OBJECT_NAME                                                                                \
    .minimum = 1, .maximum = 253, .pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",                   \
    .pattern_meaning = "the name of an object of the same namespace"

/* As store.h has it, less what a shell or a URL would mind. */
#define FOLDER                                                                                     \
    .default_json = "\"\"", .maximum = 256,                                                        \
    .pattern = "^([A-Za-z0-9_=-][A-Za-z0-9._=-]*(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*)?$",            \
    .pattern_meaning = "names of letters, digits and ._=- with a slash between them, none at "     \
                       "either end"

/* A new kind of storage: its name here, its object beside s3 and local, its rule in
 * etcdbackup_rules.c and its arguments in backup/destination.c. */
const char *const etcdbackup_storage_types[] = {"S3", "Local", NULL};
static const char *const deletion_policies[] = {"Retain", "Delete", NULL};
static const char *const server_encryptions[] = {"AES256", "aws:kms", NULL};

static const char *const concurrency_policies[] = {"Allow", "Forbid", "Replace", NULL};

#define KEPT(field, words)                                                                         \
    {                                                                                              \
        .name = #field, .type = API_INT32, .offset = offsetof(struct etcdbackup_retention, field), \
        .documentation = "How many of the newest " words " keep their newest backup, whatever "    \
                         "maxBackups and maxAge say.",                                             \
        .default_json = "0", .minimum = 0, .maximum = 10000                                        \
    }

static const struct api_field retention_fields[] = {
    {.name = "maxBackups",
     .type = API_INT32,
     .offset = offsetof(struct etcdbackup_retention, max_backups),
     .documentation = "How many of the newest backups are kept.",
     .minimum = 1,
     .maximum = 10000},
    {.name = "maxAge",
     .type = API_DURATION,
     .offset = offsetof(struct etcdbackup_retention, max_age_ms),
     .item_size = sizeof(int64_t),
     .documentation = "How old a backup may become. The newest one is kept at any age.",
     .minimum = MINUTE,
     .maximum = INT64_C(24) * 3660 * 60 * MINUTE},
    KEPT(daily, "days"),
    KEPT(weekly, "weeks"),
    KEPT(monthly, "months"),
    {0}};

const struct api_field etcdbackup_s3_fields[] = {
    {.name = "bucket",
     .type = API_STRING,
     .offset = WITHIN(s3, bucket),
     .documentation = "The bucket; it must exist.",
     .required = true,
     .minimum = 3,
     .maximum = 63,
     .pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$",
     .pattern_meaning = "a bucket's name"},
    {.name = "prefix",
     .type = API_STRING,
     .offset = WITHIN(s3, prefix),
     .documentation = "What the names of all objects begin with.",
     FOLDER},
    {.name = "region",
     .type = API_STRING,
     .offset = WITHIN(s3, region),
     .documentation = "The bucket's region.",
     .default_json = "\"us-east-1\"",
     .minimum = 1,
     .maximum = 64,
     .pattern = "^[a-z0-9-]+$",
     .pattern_meaning = "a region such as eu-west-1"},
    {.name = "endpoint",
     .type = API_STRING,
     .offset = WITHIN(s3, endpoint),
     .documentation = "The URL of a store that is not Amazon's.",
     .minimum = 1,
     .maximum = 512,
     .pattern = "^https?://[^/ ]+/?$",
     .pattern_meaning = "a URL such as https://store.example.com:9000"},
    {.name = "forcePathStyle",
     .type = API_BOOL,
     .offset = WITHIN(s3, force_path_style),
     .documentation = "Whether the bucket is named in the path and not in the host name. Most "
                      "stores that are not Amazon's want it.",
     .default_json = "false"},
    {.name = "credentialsSecret",
     .type = API_STRING,
     .offset = WITHIN(s3, credentials_secret),
     .documentation = "A Secret whose key `credentials` holds a file in the format of AWS's "
                      "tools. The operator does not read it: the kubelet gives it to the backup's "
                      "pod.",
     OBJECT_NAME},
    {.name = "caSecret",
     .type = API_STRING,
     .offset = WITHIN(s3, ca_secret),
     .documentation = "A Secret whose key `ca.crt` holds the authorities to trust instead of the "
                      "system's.",
     OBJECT_NAME},
    {.name = "serverSideEncryption",
     .type = API_STRING,
     .offset = WITHIN(s3, encryption),
     .documentation = "How the store encrypts what it keeps, where it is not set for the bucket.",
     .one_of = server_encryptions},
    {.name = "kmsKeyID",
     .type = API_STRING,
     .offset = WITHIN(s3, kms_key_id),
     .documentation = "The key for aws:kms; left out: the account's own.",
     .minimum = 1,
     .maximum = 2048},
    {0}};

const struct api_field etcdbackup_local_fields[] = {
    {.name = "persistentVolumeClaim",
     .type = API_STRING,
     .offset = WITHIN(local, claim),
     .documentation = "A claim of the same namespace. What it is on should not be what the etcd "
                      "cluster is on.",
     .required = true,
     OBJECT_NAME},
    {.name = "path",
     .type = API_STRING,
     .offset = WITHIN(local, path),
     .documentation = "The directory of the volume; it is made.",
     FOLDER},
    {0}};

const struct api_field etcdbackup_encryption_fields[] = {
    {.name = "keySecret",
     .type = API_STRING,
     .offset = WITHIN(encryption, key_secret),
     .documentation = "A Secret whose key `key` holds 32 random bytes: raw, in hex or in base64. "
                      "Without it the backup is lost: keep a copy elsewhere.",
     .required = true,
     OBJECT_NAME},
    {0}};

#define QUANTITIES(group, cpu_default, memory_default)                                             \
    {                                                                                              \
        {.name = "cpu",                                                                            \
         .type = API_QUANTITY,                                                                     \
         .offset = WITHIN(job_template.resources.group, cpu),                                      \
         .documentation = "CPUs.",                                                                 \
         .default_json = cpu_default},                                                             \
            {.name = "memory",                                                                     \
             .type = API_QUANTITY,                                                                 \
             .offset = WITHIN(job_template.resources.group, memory),                               \
             .documentation = "Bytes of memory.",                                                  \
             .default_json = memory_default},                                                      \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const struct api_field request_fields[] = QUANTITIES(requests, "\"50m\"", "\"32Mi\"");
static const struct api_field limit_fields[] = QUANTITIES(limits, NULL, "\"128Mi\"");

static const struct api_field resources_fields[] = {
    {.name = "requests",
     .type = API_OBJECT,
     .offset = WITHIN(job_template.resources, requests),
     .fields = request_fields,
     .documentation = "What is set aside.",
     .default_json = "{}"},
    {.name = "limits",
     .type = API_OBJECT,
     .offset = WITHIN(job_template.resources, limits),
     .fields = limit_fields,
     .documentation = "What may be used at most. A backup's memory does not grow with its size.",
     .default_json = "{}"},
    {0}};

static const struct api_field pull_secret_fields[] = {
    {.name = "name",
     .type = API_STRING,
     .offset = offsetof(struct etcdcluster_local_object, name),
     .documentation = "The Secret's name.",
     .required = true,
     OBJECT_NAME},
    {0}};

static const struct api_field job_template_fields[] = {
    {.name = "resources",
     .type = API_OBJECT,
     .offset = WITHIN(job_template, resources),
     .fields = resources_fields,
     .documentation = "CPU and memory of the pod.",
     .default_json = "{}"},
    {.name = "serviceAccountName",
     .type = API_STRING,
     .offset = WITHIN(job_template, service_account),
     .documentation = "The account of the pod, where the store takes the pod's identity for "
                      "credentials. Left out: etcd-operator-backup, which the operator makes and "
                      "which may do nothing. No token of it is mounted by default.",
     OBJECT_NAME},
    {.name = "priorityClassName",
     .type = API_STRING,
     .offset = WITHIN(job_template, priority_class),
     .documentation = "The priority class of the pod.",
     OBJECT_NAME},
    {.name = "imagePullSecrets",
     .type = API_LIST,
     .offset = WITHIN(job_template, pull_secrets),
     .fields = pull_secret_fields,
     .item_size = sizeof(struct etcdcluster_local_object),
     .documentation = "Secrets with credentials for the registry of the operator's image.",
     .maximum = 16,
     .list_map_key = "name"},
    {.name = "nodeSelector",
     .type = API_JSON,
     .offset = WITHIN(job_template, node_selector),
     .documentation = "As in a pod's spec."},
    {.name = "tolerations",
     .type = API_JSON,
     .offset = WITHIN(job_template, tolerations),
     .documentation = "As in a pod's spec."},
    {.name = "affinity",
     .type = API_JSON,
     .offset = WITHIN(job_template, affinity),
     .documentation = "As in a pod's spec."},
    {0}};

const struct api_field etcdbackup_spec_fields[] = {
    {.name = "clusterName",
     .type = API_STRING,
     .offset = SPEC(cluster_name),
     .documentation = "The EtcdCluster, in the same namespace, that a snapshot is taken of.",
     .required = true,
     .minimum = 1,
     .maximum = ETCDCLUSTER_MAX_NAME,
     .pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$",
     .pattern_meaning = "the name of an EtcdCluster"},
    {.name = "storageType",
     .type = API_STRING,
     .offset = SPEC(storage_type),
     .documentation = "Where the backup is kept; the field of that name says more.",
     .required = true,
     .one_of = etcdbackup_storage_types},
    {.name = "schedule",
     .type = API_STRING,
     .offset = SPEC(schedule),
     .documentation =
         "When backups are taken, as a CronJob has it: minute, hour, day of the month, month, day "
         "of the week. Each is an EtcdBackup of its own, which this one owns. Left out: this one "
         "is taken, once.",
     .minimum = 1,
     .maximum = 128,
     .pattern = "^(@[a-z]+|[-0-9A-Za-z*,/?]+( +[-0-9A-Za-z*,/?]+){4})$",
     .pattern_meaning = "five fields such as 30 2 * * *, or one of @hourly, @daily, @weekly, "
                        "@monthly, @yearly"},
    {.name = "timeZone",
     .type = API_STRING,
     .offset = SPEC(time_zone),
     .documentation = "The zone of the schedule's times, such as Europe/Berlin. Left out: the "
                      "kube-controller-manager's.",
     .minimum = 1,
     .maximum = 64,
     .pattern = "^[A-Za-z][A-Za-z0-9/_+-]*$",
     .pattern_meaning = "the name of a time zone such as Europe/Berlin"},
    {.name = "suspend",
     .type = API_BOOL,
     .offset = SPEC(suspend),
     .documentation = "While it is true no new backup of the schedule begins.",
     .default_json = "false"},
    {.name = "concurrencyPolicy",
     .type = API_STRING,
     .offset = SPEC(concurrency_policy),
     .documentation = "What becomes of a tick while the backup of an earlier one runs: it is left "
                      "out (Forbid), taken as well (Allow), or taken instead (Replace).",
     .default_json = "\"Forbid\"",
     .one_of = concurrency_policies},
    {.name = "startingDeadlineSeconds",
     .type = API_INT32,
     .offset = SPEC(starting_deadline_s),
     .documentation = "How late a tick may still begin, for example after the control plane was "
                      "away. Left out: at any time before the next.",
     .minimum = 10,
     .maximum = 604800},
    {.name = "retentionPolicy",
     .type = API_OBJECT,
     .offset = SPEC(retention),
     .fields = retention_fields,
     .documentation = "Which backups of the schedule are kept; after each that is good the others "
                      "are removed, with their EtcdBackups. The newest good one always stays. Left "
                      "out: all."},
    {.name = "s3",
     .type = API_OBJECT,
     .offset = SPEC(s3),
     .fields = etcdbackup_s3_fields,
     .documentation = "A bucket of Amazon S3, or of a store that speaks its protocol."},
    {.name = "local",
     .type = API_OBJECT,
     .offset = SPEC(local),
     .fields = etcdbackup_local_fields,
     .documentation = "A volume."},
    {.name = "compression",
     .type = API_BOOL,
     .offset = SPEC(compression),
     .documentation = "Whether the snapshot is compressed, with zstd.",
     .default_json = "true"},
    {.name = "encryption",
     .type = API_OBJECT,
     .offset = SPEC(encryption),
     .fields = etcdbackup_encryption_fields,
     .documentation = "Encrypts the snapshot before it leaves the pod. Left out: it is not."},
    {.name = "deletionPolicy",
     .type = API_STRING,
     .offset = SPEC(deletion_policy),
     .documentation = "Whether the stored backup stays (Retain) or is removed (Delete) when the "
                      "EtcdBackup is deleted.",
     .default_json = "\"Retain\"",
     .one_of = deletion_policies},
    {.name = "deadline",
     .type = API_DURATION,
     .offset = SPEC(deadline_ms),
     .item_size = sizeof(int64_t),
     .documentation = "How long after its creation the backup must be done, the waiting for a "
                      "cluster that does not serve included. Then it has failed.",
     .default_json = "\"1h\"",
     .minimum = MINUTE,
     .maximum = 168 * 60 * MINUTE},
    {.name = "retries",
     .type = API_INT32,
     .offset = SPEC(retries),
     .documentation = "How often a failed attempt is repeated, with growing pauses. What another "
                      "try cannot mend (refused credentials, no such bucket) is not repeated.",
     .default_json = "3",
     .minimum = 0,
     .maximum = 100},
    {.name = "jobTemplate",
     .type = API_OBJECT,
     .offset = SPEC(job_template),
     .fields = job_template_fields,
     .documentation = "The pod that takes the backup.",
     .default_json = "{}"},
    {0}};

static const char *const short_names[] = {"etcdb", NULL};

static const struct api_column columns[] = {
    {"Cluster", "string", ".spec.clusterName", "The EtcdCluster", 0},
    {"Phase", "string", ".status.phase", "What the backup is doing", 0},
    {"Schedule", "string", ".spec.schedule", "When backups are taken", 0},
    {"Revision", "integer", ".status.revision", "The newest revision in it", 0},
    {"Size", "integer", ".status.size", "Stored bytes", 0},
    {"Message", "string", ".status.message", "What is wrong or awaited", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since its creation", 0},
    {"Location", "string", ".status.location", "Where it lies", 1},
    {0}};

const struct api_kind etcdbackup_kind = {
    .group = ETCDCLUSTER_GROUP,
    .version = ETCDCLUSTER_VERSION,
    .kind = "EtcdBackup",
    .list_kind = "EtcdBackupList",
    .plural = "etcdbackups",
    .singular = "etcdbackup",
    .short_names = short_names,
    .documentation =
        "A backup of an etcd cluster: a snapshot that is proven while it is taken, in "
        "a bucket or on a volume. It is taken once or, with a schedule, again and again.",
    .spec = etcdbackup_spec_fields,
    .status = etcdbackup_status_fields,
    .spec_size = sizeof(struct etcdbackup_spec),
    .rules = etcdbackup_object_rules,
    .columns = columns,
};

int etcdbackup_decode(json_t *object, struct arena *arena, struct etcdbackup_spec *out,
                      struct error *error)
{
    *out = (struct etcdbackup_spec){0};
    int status = api_decode(etcdbackup_spec_fields, json_object_get(object, "spec"), "spec", arena,
                            out, error);

    if (status) {
        return status;
    }
    return etcdbackup_check_rules(json_path_string(object, "metadata", "name", NULL), out, error);
}
