/* The EtcdRestore's status, as etcdcluster_status.c is the EtcdCluster's. */
#include "api/conditions.h"
#include "api/etcdrestore_tables.h"

static const char *const phases[] = {"Pending", "Running", "Completed", "Failed", NULL};
static const char *const steps[] = {"CreateCluster", "PrepareVolumes", "RestoreData",
                                    "StartCluster", NULL};

const struct api_field etcdrestore_status_fields[] = {
    {.name = "phase",
     .type = API_STRING,
     .documentation = "What the restore is doing.",
     .one_of = phases},
    {.name = "step",
     .type = API_STRING,
     .documentation = "The step that it has reached; each is recorded before it is taken.",
     .one_of = steps},
    {.name = "message",
     .type = API_STRING,
     .documentation = "One sentence on what is wrong or awaited; empty when all is well.",
     .maximum = API_MAX_MESSAGE},
    {.name = "conditions",
     .type = API_LIST,
     .fields = api_condition_fields,
     .documentation = "Complete and Failed; one of them is True in the end.",
     .list_map_key = "type"},
    {.name = "startTime", .type = API_TIME, .documentation = "When the first step was recorded."},
    {.name = "completionTime",
     .type = API_TIME,
     .documentation =
         "When the restore had ended, well or not. From then on nothing is done again."},
    {.name = "clusterUID",
     .type = API_STRING,
     .documentation = "The UID of the EtcdCluster that was made."},
    {.name = "size", .type = API_INT32, .documentation = "How many members are restored."},
    {.name = "retries",
     .type = API_INT32,
     .documentation = "How many pods have failed and were made again."},
    {.name = "restoredRevision",
     .type = API_INT64,
     .documentation = "The newest revision of the backup. The cluster goes on a thousand million "
                      "revisions later, and everything before is compacted: so a watcher notices."},
    {.name = "records",
     .type = API_INT64,
     .documentation = "How many records all of the backup's buckets hold, old versions of keys "
                      "among them."},
    {.name = "sha256",
     .type = API_STRING,
     .documentation = "The SHA-256 of the database that was restored."},
    {.name = "clusterID",
     .type = API_STRING,
     .documentation = "The id of the new etcd cluster in hexadecimal."},
    {.name = "observedGeneration",
     .type = API_INT64,
     .documentation = "The metadata.generation that this status is about."},
    {0}};
