/* The EtcdCluster's spec: one row for each field. */
#include "api/etcdcluster_tables.h"
#include "base/json.h"

#define SPEC(member)          offsetof(struct etcdcluster_spec, member)
#define WITHIN(outer, member) (SPEC(outer.member) - SPEC(outer))

#define MEBIBYTE INT64_C(1048576)
#define GIBIBYTE (1024 * MEBIBYTE)
#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)

static const char *const sizes[] = {"1", "3", "5", "7", "9", NULL};
static const char *const pull_policies[] = {"Always", "IfNotPresent", "Never", NULL};
static const char *const retention_policies[] = {"Retain", "Delete", NULL};
static const char *const compaction_modes[] = {"periodic", "revision", NULL};

static const struct api_field local_object_fields[] = {
    {.name = "name",
     .type = API_STRING,
     .offset = offsetof(struct etcdcluster_local_object, name),
     .documentation = "The Secret's name.",
     .required = true,
     .minimum = 1,
     .maximum = 253},
    {0}};

static const struct api_field retention_fields[] = {
    {.name = "whenDeleted",
     .type = API_STRING,
     .offset = WITHIN(storage.retention, when_deleted),
     .documentation =
         "Whether the volumes stay when the EtcdCluster is deleted. Retained volumes are "
         "taken over by a new EtcdCluster of the same name.",
     .default_json = "\"Retain\"",
     .one_of = retention_policies},
    {.name = "whenScaled",
     .type = API_STRING,
     .offset = WITHIN(storage.retention, when_scaled),
     .documentation =
         "Whether the volumes of members that leave stay when the cluster is made smaller. A "
         "retained volume is used again, empty, when the cluster grows again.",
     .default_json = "\"Delete\"",
     .one_of = retention_policies},
    {0}};

static const struct api_field storage_fields[] = {
    {.name = "size",
     .type = API_QUANTITY,
     .offset = WITHIN(storage, size),
     .documentation =
         "The size of each member's volume. It may grow where the storage class allows "
         "it; it cannot shrink.",
     .default_json = "\"8Gi\"",
     .minimum = 256 * MEBIBYTE,
     .maximum = 16 * 1024 * GIBIBYTE},
    {.name = "storageClassName",
     .type = API_STRING,
     .offset = WITHIN(storage, storage_class_name),
     .documentation = "The storage class of the volumes. Left out: the default class. A volume "
                      "keeps its class: it can be changed while no volume is bound.",
     .maximum = 253},
    {.name = "persistentVolumeClaimRetentionPolicy",
     .type = API_OBJECT,
     .offset = WITHIN(storage, retention),
     .fields = retention_fields,
     .documentation = "What becomes of volumes that are no longer used.",
     .default_json = "{}"},
    {0}};

static const struct api_field client_plane_fields[] = {
    {.name = "enabled",
     .type = API_BOOL,
     .offset = offsetof(struct etcdcluster_plane, enabled),
     .documentation = "Whether clients need TLS and a certificate. It cannot be changed.",
     .default_json = "true",
     .rules = etcdcluster_client_tls_rules},
    {.name = "extraSANs",
     .type = API_STRING_LIST,
     .offset = offsetof(struct etcdcluster_plane, extra_sans),
     .documentation = "More DNS names and IP addresses for the members' server certificate, for "
                      "clients outside of the cluster.",
     .maximum = 32,
     .pattern = "^[A-Za-z0-9*:][A-Za-z0-9.:*-]*$",
     .pattern_meaning = "a DNS name, which may begin with *., or an IP address"},
    {0}};

static const struct api_field peer_plane_fields[] = {
    {.name = "enabled",
     .type = API_BOOL,
     .offset = offsetof(struct etcdcluster_plane, enabled),
     .documentation =
         "Whether members speak TLS with each other. It cannot be changed, because the "
         "peer URLs are the members' identity.",
     .default_json = "true",
     .rules = etcdcluster_peer_tls_rules},
    {0}};

static const struct api_field tls_fields[] = {{.name = "client",
                                               .type = API_OBJECT,
                                               .offset = WITHIN(security.tls, client),
                                               .fields = client_plane_fields,
                                               .documentation = "TLS between clients and members.",
                                               .default_json = "{}"},
                                              {.name = "peer",
                                               .type = API_OBJECT,
                                               .offset = WITHIN(security.tls, peer),
                                               .fields = peer_plane_fields,
                                               .documentation = "TLS between members.",
                                               .default_json = "{}"},
                                              {0}};

static const struct api_field security_fields[] = {
    {.name = "tls",
     .type = API_OBJECT,
     .offset = WITHIN(security, tls),
     .fields = tls_fields,
     .documentation =
         "TLS. The operator runs a certificate authority for each plane and issues the "
         "certificates.",
     .default_json = "{}"},
    {0}};

#define QUANTITIES(cpu_default, memory_default, what)                                              \
    {                                                                                              \
        {.name = "cpu",                                                                            \
         .type = API_QUANTITY,                                                                     \
         .offset = offsetof(struct etcdcluster_quantities, cpu),                                   \
         .documentation = "CPU " what ".",                                                         \
         .default_json = cpu_default},                                                             \
            {.name = "memory",                                                                     \
             .type = API_QUANTITY,                                                                 \
             .offset = offsetof(struct etcdcluster_quantities, memory),                            \
             .documentation = "Memory " what ".",                                                  \
             .default_json = memory_default},                                                      \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const struct api_field request_fields[] =
    QUANTITIES("\"100m\"", "\"128Mi\"", "that the scheduler sets aside for a member");
static const struct api_field limit_fields[] =
    QUANTITIES("\"1\"", "\"1Gi\"", "that a member may use at most");

static const struct api_field resources_fields[] = {{.name = "requests",
                                                     .type = API_OBJECT,
                                                     .offset = WITHIN(resources, requests),
                                                     .fields = request_fields,
                                                     .documentation = "What is set aside.",
                                                     .default_json = "{}"},
                                                    {.name = "limits",
                                                     .type = API_OBJECT,
                                                     .offset = WITHIN(resources, limits),
                                                     .fields = limit_fields,
                                                     .documentation = "What may be used at most.",
                                                     .default_json = "{}"},
                                                    {0}};

static const struct api_field health_check_fields[] = {
    {.name = "interval",
     .type = API_DURATION,
     .offset = WITHIN(health_check, interval_ms),
     .item_size = sizeof(int64_t),
     .documentation =
         "How often the operator looks at the cluster's health. Below 6s it asks every member each "
         "time; from 6s on an operator of more than 16 clusters looks less often in proportion, "
         "down to a twelfth.",
     .default_json = "\"10s\"",
     .minimum = SECOND,
     .maximum = 10 * MINUTE},
    {.name = "timeout",
     .type = API_DURATION,
     .offset = WITHIN(health_check, timeout_ms),
     .item_size = sizeof(int64_t),
     .documentation = "How long a member may take to answer.",
     .default_json = "\"3s\"",
     .minimum = 100,
     .maximum = MINUTE},
    {.name = "hashInterval",
     .type = API_DURATION,
     .offset = WITHIN(health_check, hash_interval_ms),
     .item_size = sizeof(int64_t),
     .documentation =
         "How often the hashes of the members' data are compared. Each member reads its whole "
         "database for that, one after the other. 0s: only when etcd itself reports corruption.",
     .default_json = "\"1h\"",
     .minimum = 0,
     .maximum = 168 * 60 * MINUTE},
    {0}};

static const struct api_field recovery_fields[] = {
    {.name = "maxRetries",
     .type = API_INT32,
     .offset = WITHIN(recovery, max_retries),
     .documentation =
         "How often the member of one ordinal is replaced before the cluster has been whole in "
         "between. Then the operator stops and calls a person: the phase is Failed until the spec "
         "is changed, the member comes back, or the annotation etcd.etcd.io/replace-member names "
         "it. 0: nobody is replaced but by that annotation.",
     .default_json = "5",
     .minimum = 0,
     .maximum = 1000},
    {.name = "retryInterval",
     .type = API_DURATION,
     .offset = WITHIN(recovery, retry_interval_ms),
     .item_size = sizeof(int64_t),
     .documentation = "How long after a replacement the next one of the same ordinal may follow. "
                      "The first comes as soon as it is proven that the data is lost.",
     .default_json = "\"10s\"",
     .minimum = 0,
     .maximum = 60 * MINUTE},
    {.name = "backoffFactor",
     .type = API_DECIMAL,
     .offset = WITHIN(recovery, backoff_factor_milli),
     .documentation = "What the interval is multiplied by for each further one in a row.",
     .default_json = "2",
     .minimum = 1,
     .maximum = 10},
    {.name = "maxBackoff",
     .type = API_DURATION,
     .offset = WITHIN(recovery, max_backoff_ms),
     .item_size = sizeof(int64_t),
     .documentation = "What the interval grows to at most. A member that has lasted for twice as "
                      "long begins a new row.",
     .default_json = "\"5m\"",
     .minimum = 0,
     .maximum = 24 * 60 * MINUTE},
    {0}};

static const struct api_field defragmentation_fields[] = {
    {.name = "freePercent",
     .type = API_INT32,
     .offset = WITHIN(maintenance.defragmentation, free_percent),
     .documentation = "How much of a member's database file must be free. 0: never, but for want "
                      "of room.",
     .default_json = "50",
     .minimum = 0,
     .maximum = 95},
    {.name = "minimumFree",
     .type = API_QUANTITY,
     .offset = WITHIN(maintenance.defragmentation, minimum_free),
     .documentation = "How many bytes of it must be free besides.",
     .default_json = "\"256Mi\"",
     .minimum = MEBIBYTE,
     .maximum = 100 * GIBIBYTE},
    {0}};

static const struct api_field maintenance_fields[] = {
    {.name = "defragmentation",
     .type = API_OBJECT,
     .offset = WITHIN(maintenance, defragmentation),
     .fields = defragmentation_fields,
     .documentation =
         "When the operator writes a member's database file anew to give its free part back. It "
         "does so when all members are well and nothing else is to be done, one at a time, each "
         "at most once a day. The member serves nothing meanwhile, a second or so for each few "
         "hundred mebibytes that are in use; a leader hands over before.",
     .default_json = "{}"},
    {0}};

static const struct api_field argument_fields[] = {
    {.name = "name",
     .type = API_STRING,
     .offset = offsetof(struct etcdcluster_argument, name),
     .documentation = "The flag without its dashes, for example log-level.",
     .required = true,
     .minimum = 1,
     .maximum = 64,
     .pattern = "^[a-z][a-z0-9-]*$",
     .pattern_meaning = "a flag's name without its dashes, such as log-level",
     .rules = etcdcluster_argument_rules},
    {.name = "value",
     .type = API_STRING,
     .offset = offsetof(struct etcdcluster_argument, value),
     .documentation = "The flag's value.",
     .default_json = "\"\"",
     .maximum = 1024},
    {0}};

static const struct api_field etcd_fields[] = {
    {.name = "quotaBackendBytes",
     .type = API_QUANTITY,
     .offset = WITHIN(etcd, quota_backend_bytes),
     .documentation = "The largest size of the database; beyond it etcd refuses writes. etcd's "
                      "authors advise against more than 8Gi.",
     .default_json = "\"2Gi\"",
     .minimum = 16 * MEBIBYTE,
     .maximum = 100 * GIBIBYTE},
    {.name = "autoCompactionMode",
     .type = API_STRING,
     .offset = WITHIN(etcd, auto_compaction_mode),
     .documentation = "How old revisions are chosen for removal: by age (periodic) or by number "
                      "(revision).",
     .default_json = "\"periodic\"",
     .one_of = compaction_modes},
    {.name = "autoCompactionRetention",
     .type = API_STRING,
     .offset = WITHIN(etcd, auto_compaction_retention),
     .documentation = "How much history is kept: a duration such as 1h with the mode periodic, a "
                      "number of revisions with the mode revision; 0 keeps all.",
     .default_json = "\"1h\"",
     .minimum = 1,
     .maximum = 32,
     .pattern = "^[0-9hms]+$",
     .pattern_meaning = "a duration such as 1h, or a number of revisions"},
    {.name = "snapshotCount",
     .type = API_INT32,
     .offset = WITHIN(etcd, snapshot_count),
     .documentation = "How many committed transactions lead to a snapshot of the raft log on disk.",
     .default_json = "10000",
     .minimum = 100,
     .maximum = 1000000},
    {.name = "heartbeatInterval",
     .type = API_DURATION,
     .offset = WITHIN(etcd, heartbeat_interval_ms),
     .item_size = sizeof(int32_t),
     .documentation = "How often the leader tells the others that it is there.",
     .default_json = "\"100ms\"",
     .minimum = 10,
     .maximum = 10 * SECOND},
    {.name = "electionTimeout",
     .type = API_DURATION,
     .offset = WITHIN(etcd, election_timeout_ms),
     .item_size = sizeof(int32_t),
     .documentation = "How long a follower waits for the leader before it calls an election; at "
                      "least 5 times the heartbeat interval.",
     .default_json = "\"1s\"",
     .minimum = 50,
     .maximum = 50 * SECOND},
    {.name = "maxRequestBytes",
     .type = API_INT32,
     .offset = WITHIN(etcd, max_request_bytes),
     .documentation = "The largest request that a client may send, in bytes.",
     .default_json = "1572864",
     .minimum = 65536,
     .maximum = 32 * MEBIBYTE},
    {.name = "extraArgs",
     .type = API_LIST,
     .offset = WITHIN(etcd, extra_args),
     .fields = argument_fields,
     .item_size = sizeof(struct etcdcluster_argument),
     .documentation = "More flags for etcd. Flags that the operator manages itself are refused.",
     .maximum = 32,
     .list_map_key = "name"},
    {0}};

const struct api_field etcdcluster_spec_fields[] = {
    {.name = "size",
     .type = API_INT32,
     .offset = SPEC(size),
     .documentation = "How many members the cluster has: 1, 3, 5, 7 or 9. An even number would "
                      "survive no more failures than the odd one below it.",
     .default_json = "3",
     .one_of = sizes},
    {.name = "version",
     .type = API_STRING,
     .offset = SPEC(version),
     .documentation = "The version of etcd. The operator upgrades one minor version at a time.",
     .default_json = "\"" ETCDCLUSTER_DEFAULT_ETCD_VERSION "\"",
     .maximum = 32,
     .pattern = "^3[.][0-9]+[.][0-9]+$",
     .pattern_meaning = "a release of etcd such as " ETCDCLUSTER_DEFAULT_ETCD_VERSION},
    {.name = "repository",
     .type = API_STRING,
     .offset = SPEC(repository),
     .documentation = "Where etcd's image comes from; the image is repository:v<version>.",
     .default_json = "\"gcr.io/etcd-development/etcd\"",
     .minimum = 1,
     .maximum = 255,
     .pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]*$",
     .pattern_meaning = "an image's name without a tag"},
    {.name = "image",
     .type = API_STRING,
     .offset = SPEC(image),
     .documentation =
         "The whole image reference with tag or digest, instead of repository and "
         "version. It must hold the version that version names; a tag that is a version of "
         "etcd is compared with it.",
     .minimum = 1,
     .maximum = 512,
     .pattern = "^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
     .pattern_meaning = "an image reference"},
    {.name = "imagePullPolicy",
     .type = API_STRING,
     .offset = SPEC(image_pull_policy),
     .documentation = "When the kubelet pulls the image.",
     .default_json = "\"IfNotPresent\"",
     .one_of = pull_policies},
    {.name = "imagePullSecrets",
     .type = API_LIST,
     .offset = SPEC(image_pull_secrets),
     .fields = local_object_fields,
     .item_size = sizeof(struct etcdcluster_local_object),
     .documentation = "Secrets with credentials for the image's registry.",
     .maximum = 16,
     .list_map_key = "name"},
    {.name = "storage",
     .type = API_OBJECT,
     .offset = SPEC(storage),
     .fields = storage_fields,
     .documentation = "Where each member keeps its data.",
     .default_json = "{}"},
    {.name = "security",
     .type = API_OBJECT,
     .offset = SPEC(security),
     .fields = security_fields,
     .documentation = "How the cluster is protected.",
     .default_json = "{}"},
    {.name = "resources",
     .type = API_OBJECT,
     .offset = SPEC(resources),
     .fields = resources_fields,
     .documentation = "CPU and memory of each member.",
     .default_json = "{}",
     .rules = etcdcluster_resources_rules},
    {.name = "paused",
     .type = API_BOOL,
     .offset = SPEC(paused),
     .documentation = "While it is true the operator watches and reports, and changes nothing: "
                      "neither objects nor pods, volumes or members. Deletion is carried out.",
     .default_json = "false"},
    {.name = "healthCheck",
     .type = API_OBJECT,
     .offset = SPEC(health_check),
     .fields = health_check_fields,
     .documentation = "How the operator watches the members.",
     .default_json = "{}"},
    {.name = "recovery",
     .type = API_OBJECT,
     .offset = SPEC(recovery),
     .fields = recovery_fields,
     .documentation =
         "How patient the operator is with members whose data is lost again and again.",
     .default_json = "{}",
     .rules = etcdcluster_recovery_rules},
    {.name = "maintenance",
     .type = API_OBJECT,
     .offset = SPEC(maintenance),
     .fields = maintenance_fields,
     .documentation = "What the operator does for the members when nothing is wrong.",
     .default_json = "{}"},
    {.name = "etcd",
     .type = API_OBJECT,
     .offset = SPEC(etcd),
     .fields = etcd_fields,
     .documentation = "Options of etcd itself.",
     .default_json = "{}",
     .rules = etcdcluster_etcd_rules},
    {0}};

static const char *const short_names[] = {"etcd", NULL};

static const struct api_column columns[] = {
    {"Phase", "string", ".status.phase", "What the cluster is doing", 0},
    {"Ready", "string", ".status.ready", "Ready members of wanted members", 0},
    {"Version", "string", ".status.currentVersion", "The version of etcd that runs", 0},
    {"Message", "string", ".status.message", "What is wrong or awaited", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since its creation", 0},
    {0}};

const struct api_kind etcdcluster_kind = {
    .group = ETCDCLUSTER_GROUP,
    .version = ETCDCLUSTER_VERSION,
    .kind = "EtcdCluster",
    .list_kind = "EtcdClusterList",
    .plural = "etcdclusters",
    .singular = "etcdcluster",
    .short_names = short_names,
    .documentation =
        "An etcd cluster. An empty spec is valid: three members with TLS and persistent "
        "volumes.",
    .spec = etcdcluster_spec_fields,
    .status = etcdcluster_status_fields,
    .spec_size = sizeof(struct etcdcluster_spec),
    .rules = etcdcluster_object_rules,
    .columns = columns,
    .scale_spec_path = ".spec.size",
    .scale_status_path = ".status.replicas",
    .scale_selector_path = ".status.selector",
};

int etcdcluster_decode(json_t *object, struct arena *arena, struct etcdcluster_spec *out,
                       struct error *error)
{
    *out = (struct etcdcluster_spec){0};
    int status = api_decode(etcdcluster_spec_fields, json_object_get(object, "spec"), "spec", arena,
                            out, error);

    if (status) {
        return status;
    }
    return etcdcluster_check_rules(json_path_string(object, "metadata", "name", NULL), out, error);
}
