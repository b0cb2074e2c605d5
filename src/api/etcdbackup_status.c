/* The EtcdBackup's status, as etcdcluster_status.c is the EtcdCluster's. */
#include "api/conditions.h"
#include "api/etcdbackup_tables.h"

static const char *const phases[] = {"Pending", "Running", "Completed", "Failed", NULL};

static const struct api_field progress_fields[] = {
    {.name = "step", .type = API_STRING, .documentation = "What the pod is doing."},
    {.name = "bytes",
     .type = API_INT64,
     .documentation = "How much of the database has been read, rounded."},
    {.name = "total", .type = API_INT64, .documentation = "The size of the database, rounded."},
    {.name = "percent", .type = API_INT32, .documentation = "The one of the other, rounded."},
    {0}};

const struct api_field etcdbackup_status_fields[] = {
    {.name = "phase",
     .type = API_STRING,
     .documentation = "What the backup is doing.",
     .one_of = phases},
    {.name = "message",
     .type = API_STRING,
     .documentation = "One sentence on what is wrong or awaited; empty when all is well.",
     .maximum = API_MAX_MESSAGE},
    {.name = "conditions",
     .type = API_LIST,
     .fields = api_condition_fields,
     .documentation = "Complete and Failed; one of them is True in the end.",
     .list_map_key = "type"},
    {.name = "progress",
     .type = API_OBJECT,
     .fields = progress_fields,
     .documentation = "How far a running backup is."},
    {.name = "startTime",
     .type = API_TIME,
     .documentation = "When the Job was made that takes the backup."},
    {.name = "completionTime",
     .type = API_TIME,
     .documentation =
         "When the backup had ended, well or not. From then on nothing is done again."},
    {.name = "location",
     .type = API_STRING,
     .documentation = "The URL of the stored backup. With endpoint and credentials that is all "
                      "that `etcd-operator snapshot` needs."},
    {.name = "size", .type = API_INT64, .documentation = "Stored bytes."},
    {.name = "uncompressedSize",
     .type = API_INT64,
     .documentation = "The size of the database in bytes."},
    {.name = "sha256",
     .type = API_STRING,
     .documentation = "The SHA-256 of the database, which etcd sent and the snapshot was held to."},
    {.name = "etcdVersion",
     .type = API_STRING,
     .documentation = "The version of the member that it was taken of."},
    {.name = "clusterID", .type = API_STRING, .documentation = "etcd's cluster id in hexadecimal."},
    {.name = "revision",
     .type = API_INT64,
     .documentation = "The newest revision in the snapshot, read from its pages."},
    {.name = "records",
     .type = API_INT64,
     .documentation = "How many records all of etcd's buckets hold, old versions of keys among "
                      "them."},
    {.name = "encryptionKey",
     .type = API_STRING,
     .documentation = "The id of the key that it is encrypted with."},
    {.name = "observedGeneration",
     .type = API_INT64,
     .documentation = "The metadata.generation that this status is about."},
    {0}};
