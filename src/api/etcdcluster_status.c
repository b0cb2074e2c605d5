/* The EtcdCluster's status: one row for each field.  The operator alone writes it; nothing decodes
 * it by this table, so the rows have no offsets. */
#include "api/conditions.h"
#include "api/etcdcluster_tables.h"

static const char *const phases[] = {"Creating", "Running", "Scaling",  "Upgrading", "Recovering",
                                     "Paused",   "Failed",  "Deleting", NULL};
static const char *const roles[] = {"leader", "follower", "learner", "", NULL};
static const char *const modes[] = {"new", "existing", "adopt", NULL};

static const struct api_field member_fields[] = {
    {.name = "name",
     .type = API_STRING,
     .documentation = "The member's name, which is its pod's.",
     .required = true},
    {.name = "id", .type = API_STRING, .documentation = "The member's id in hexadecimal."},
    {.name = "podUID",
     .type = API_STRING,
     .documentation = "The UID of the pod that the member runs in."},
    {.name = "peerURL", .type = API_STRING, .documentation = "Where the other members reach it."},
    {.name = "clientURL", .type = API_STRING, .documentation = "Where clients reach it."},
    {.name = "role",
     .type = API_STRING,
     .documentation = "leader, follower or learner; empty while unknown.",
     .one_of = roles},
    {.name = "ready",
     .type = API_BOOL,
     .documentation = "Whether the member serves reads that need a quorum."},
    {.name = "version",
     .type = API_STRING,
     .documentation = "The version of etcd that the member runs."},
    {.name = "dbSize",
     .type = API_INT64,
     .documentation = "The size of the database file in bytes, rounded."},
    {.name = "dbSizeInUse",
     .type = API_INT64,
     .documentation = "The bytes of it that hold data, rounded."},
    {.name = "lag",
     .type = API_INT64,
     .documentation = "How many raft entries the member is behind the leader, rounded."},
    {0}};

static const struct api_field permit_fields[] = {
    {.name = "ordinal", .type = API_INT32, .documentation = "The pod's ordinal.", .required = true},
    {.name = "mode",
     .type = API_STRING,
     .documentation = "How the member was allowed to start.",
     .one_of = modes},
    {.name = "podUID", .type = API_STRING, .documentation = "The pod that it was given to."},
    {.name = "nonce", .type = API_STRING, .documentation = "What makes it valid once only."},
    {.name = "memberID", .type = API_STRING, .documentation = "The member's id in hexadecimal."},
    {.name = "previousClusterUID",
     .type = API_STRING,
     .documentation = "The earlier EtcdCluster whose data was taken over."},
    {0}};

static const struct api_field older_log_fields[] = {
    {.name = "version",
     .type = API_STRING,
     .documentation = "The minor version that wrote it, such as 3.5."},
    {.name = "index",
     .type = API_INT64,
     .documentation = "Where it ended when no member ran that version any more; 0 before."},
    {0}};

static const struct api_field restore_fields[] = {
    {.name = "name", .type = API_STRING, .documentation = "Its name."},
    {.name = "uid", .type = API_STRING, .documentation = "Its UID."},
    {0}};

static const struct api_field bootstrap_fields[] = {
    {.name = "size",
     .type = API_INT32,
     .documentation = "How many members there should be: of those that started the cluster, then "
                      "of what was scaled to."},
    {.name = "initialSize",
     .type = API_INT32,
     .documentation = "How many members started the cluster, which is what their permits name "
                      "whenever they use them."},
    {.name = "generation",
     .type = API_INT64,
     .documentation = "The generation of the data that this start is for."},
    {.name = "permits",
     .type = API_LIST,
     .fields = permit_fields,
     .documentation = "The permits to start that were given out."},
    {.name = "olderLog",
     .type = API_OBJECT,
     .fields = older_log_fields,
     .documentation = "A part of the members' logs that an earlier minor version wrote and that "
                      "they may still read when they start."},
    {.name = "restore",
     .type = API_OBJECT,
     .fields = restore_fields,
     .documentation = "The EtcdRestore that founds the cluster on a backup. Its members start on "
                      "the data that it brings, and never on empty volumes."},
    {0}};

static const struct api_field replacement_fields[] = {
    {.name = "ordinal", .type = API_INT32, .documentation = "The pod's ordinal.", .required = true},
    {.name = "memberID",
     .type = API_STRING,
     .documentation = "The id of the member that was given up last, in hexadecimal."},
    {.name = "attempts",
     .type = API_INT32,
     .documentation = "How often it was replaced since the cluster was last whole."},
    {.name = "repeats",
     .type = API_INT32,
     .documentation = "How often in a row, which is what the interval grows by."},
    {.name = "lastAttempt", .type = API_TIME, .documentation = "When it was replaced last."},
    {0}};

static const struct api_field recovery_fields[] = {
    {.name = "attempts",
     .type = API_INT32,
     .documentation = "How many members were replaced since the cluster was last whole."},
    {.name = "nextAttempt",
     .type = API_TIME,
     .documentation = "When the next one is replaced, while that is waited for."},
    {.name = "generation",
     .type = API_INT64,
     .documentation = "The metadata.generation that this is about; another one begins anew."},
    {.name = "replacements",
     .type = API_LIST,
     .fields = replacement_fields,
     .documentation = "The ordinals whose members were replaced."},
    {0}};

static const struct api_field operation_fields[] = {
    {.name = "kind", .type = API_STRING, .documentation = "What is being done."},
    {.name = "step", .type = API_STRING, .documentation = "The step that it has reached."},
    {0}};

const struct api_field etcdcluster_status_fields[] = {
    {.name = "phase",
     .type = API_STRING,
     .documentation = "What the cluster is doing.",
     .one_of = phases},
    {.name = "message",
     .type = API_STRING,
     .documentation = "One sentence on what is wrong or awaited; empty when all is well.",
     .maximum = API_MAX_MESSAGE},
    {.name = "ready",
     .type = API_STRING,
     .documentation = "Ready members of wanted members, for example 2/3."},
    {.name = "conditions",
     .type = API_LIST,
     .fields = api_condition_fields,
     .documentation = "The cluster's conditions.",
     .list_map_key = "type"},
    {.name = "members",
     .type = API_LIST,
     .fields = member_fields,
     .documentation = "The cluster's members."},
    {.name = "replicas",
     .type = API_INT32,
     .documentation = "How many pods there are, for the scale subresource."},
    {.name = "readyReplicas", .type = API_INT32, .documentation = "How many members are ready."},
    {.name = "selector",
     .type = API_STRING,
     .documentation = "The label selector of the pods, for the scale subresource."},
    {.name = "leaderID",
     .type = API_STRING,
     .documentation = "The leader's member id in hexadecimal."},
    {.name = "clientEndpoints",
     .type = API_STRING_LIST,
     .documentation = "Where clients reach the cluster: the Service first, then each member."},
    {.name = "clusterID",
     .type = API_STRING,
     .documentation = "etcd's cluster id in hexadecimal, recorded when the cluster has formed."},
    {.name = "generation",
     .type = API_INT64,
     .documentation = "The generation of the data; it grows with each start from nothing and with "
                      "each restore in place."},
    {.name = "currentVersion",
     .type = API_STRING,
     .documentation = "The lowest version of etcd that a member runs."},
    {.name = "targetVersion",
     .type = API_STRING,
     .documentation = "The version of etcd that the members are being brought to."},
    {.name = "observedGeneration",
     .type = API_INT64,
     .documentation = "The metadata.generation that this status is about."},
    {.name = "bootstrap",
     .type = API_OBJECT,
     .fields = bootstrap_fields,
     .documentation = "What was recorded about the cluster's start before it was acted upon."},
    {.name = "recovery",
     .type = API_OBJECT,
     .fields = recovery_fields,
     .documentation = "What was recorded of members that were replaced, before they were."},
    {.name = "operation",
     .type = API_OBJECT,
     .fields = operation_fields,
     .documentation = "An operation of several steps that is under way."},
    {0}};
