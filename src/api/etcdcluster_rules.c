/* The rules between an EtcdCluster's fields: each message stands once, for the API server's CEL and
 * for the check in C.  CEL is kept to what Kubernetes 1.30 has (quantity() came with 1.29). */
#include <string.h>

#include "api/etcdcluster_tables.h"

#define MESSAGE_NAME                                                                               \
    "metadata.name must be at most 52 lower-case letters, digits and dashes, begin with a letter " \
    "and not end with a dash, because the names of Services and Pods are made from it"
#define MESSAGE_SHRINK                                                                             \
    "spec.storage.size cannot be made smaller: volumes only grow; create a new cluster from a "    \
    "backup to move to smaller ones"
#define MESSAGE_CLIENT_TLS                                                                         \
    "security.tls.client.enabled cannot be changed: every client's URL depends on it; decide at "  \
    "creation"
#define MESSAGE_PEER_TLS                                                                           \
    "security.tls.peer.enabled cannot be changed: the peer URLs are the members' identity; "       \
    "decide "                                                                                      \
    "at creation"
#define MESSAGE_IMAGE                                                                              \
    "spec.image has the tag of another version than spec.version: the flags and the order of an "  \
    "upgrade follow spec.version, so change both together"
#define MESSAGE_CPU    "resources.requests.cpu must not be above resources.limits.cpu"
#define MESSAGE_MEMORY "resources.requests.memory must not be above resources.limits.memory"
#define MESSAGE_BACKOFF                                                                            \
    "recovery.maxBackoff must not be below recovery.retryInterval, which it limits"
#define MESSAGE_ELECTION                                                                           \
    "etcd.electionTimeout must be at least 5 times etcd.heartbeatInterval, or a late heartbeat "   \
    "starts an election"
#define MESSAGE_PERIODIC                                                                           \
    "etcd.autoCompactionRetention must be a duration such as 1h or 30m (or 0 for none) when "      \
    "etcd.autoCompactionMode is periodic"
#define MESSAGE_REVISION                                                                           \
    "etcd.autoCompactionRetention must be a number of revisions such as 1000 (or 0 for none) "     \
    "when "                                                                                        \
    "etcd.autoCompactionMode is revision"
#define MESSAGE_MANAGED                                                                            \
    "etcd.extraArgs sets a flag that the operator manages itself: use the field of the spec that " \
    "stands for it"

#define NAME_PATTERN     "^[a-z]([-a-z0-9]*[a-z0-9])?$"
#define PERIODIC_PATTERN "^(0|([0-9]+(h|m|s))+)$"
#define REVISION_PATTERN "^[0-9]+$"
#define TAGGED_PATTERN   "^[^@]+:v?3[.][0-9]+[.][0-9]+(@.*)?$" /* Other tags say nothing. */

/* One list, as C strings and as CEL. */
#define MANAGED_FLAGS(X)                                                                           \
    X("name")                                                                                      \
    X("data-dir")                                                                                  \
    X("wal-dir")                                                                                   \
    X("config-file")                                                                               \
    X("initial-cluster")                                                                           \
    X("initial-cluster-state")                                                                     \
    X("initial-cluster-token")                                                                     \
    X("initial-advertise-peer-urls")                                                               \
    X("advertise-client-urls")                                                                     \
    X("listen-peer-urls")                                                                          \
    X("listen-client-urls")                                                                        \
    X("listen-client-http-urls")                                                                   \
    X("listen-metrics-urls")                                                                       \
    X("discovery")                                                                                 \
    X("discovery-srv")                                                                             \
    X("discovery-srv-name")                                                                        \
    X("discovery-endpoints")                                                                       \
    X("discovery-token")                                                                           \
    X("force-new-cluster")                                                                         \
    X("strict-reconfig-check")                                                                     \
    X("max-learners")                                                                              \
    X("experimental-max-learners")                                                                 \
    X("cert-file")                                                                                 \
    X("key-file")                                                                                  \
    X("client-cert-file")                                                                          \
    X("client-key-file")                                                                           \
    X("client-cert-auth")                                                                          \
    X("client-crl-file")                                                                           \
    X("client-cert-allowed-hostname")                                                              \
    X("trusted-ca-file")                                                                           \
    X("auto-tls")                                                                                  \
    X("peer-cert-file")                                                                            \
    X("peer-key-file")                                                                             \
    X("peer-client-cert-file")                                                                     \
    X("peer-client-key-file")                                                                      \
    X("peer-client-cert-auth")                                                                     \
    X("peer-trusted-ca-file")                                                                      \
    X("peer-cert-allowed-cn")                                                                      \
    X("peer-cert-allowed-hostname")                                                                \
    X("peer-crl-file")                                                                             \
    X("peer-auto-tls")                                                                             \
    X("quota-backend-bytes")                                                                       \
    X("auto-compaction-mode")                                                                      \
    X("auto-compaction-retention")                                                                 \
    X("snapshot-count")                                                                            \
    X("heartbeat-interval")                                                                        \
    X("election-timeout")                                                                          \
    X("max-request-bytes")                                                                         \
    X("initial-election-tick-advance")                                                             \
    X("help")                                                                                      \
    X("version")

#define AS_STRING(flag) flag,
#define AS_CEL(flag)    "'" flag "', "

const char *const etcdcluster_managed_flags[] = {MANAGED_FLAGS(AS_STRING) NULL};

const struct api_rule etcdcluster_object_rules[] = {
    {"self.metadata.name.size() <= 52 && self.metadata.name.matches('" NAME_PATTERN "')",
     MESSAGE_NAME},
    {"!has(self.spec.image) || !self.spec.image.matches('" TAGGED_PATTERN "') || "
     "(self.spec.image + '@').contains(self.spec.version + '@')",
     MESSAGE_IMAGE},
    /* A size that cannot be had, or was wrong from the beginning, may be taken back; the operator
     * says what of it is still too small. */
    {"quantity(string(self.spec.storage.size))"
     ".compareTo(quantity(string(oldSelf.spec.storage.size))) >= 0 || "
     "!has(self.status) || !has(self.status.clusterID) || (has(self.status.conditions) && "
     "self.status.conditions.exists(c, c.type == 'SpecApplied' && c.status == 'False'))",
     MESSAGE_SHRINK},
    {0}};

const struct api_rule etcdcluster_client_tls_rules[] = {{"self == oldSelf", MESSAGE_CLIENT_TLS},
                                                        {0}};

const struct api_rule etcdcluster_peer_tls_rules[] = {{"self == oldSelf", MESSAGE_PEER_TLS}, {0}};

const struct api_rule etcdcluster_resources_rules[] = {
    {"quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0",
     MESSAGE_CPU},
    {"quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0",
     MESSAGE_MEMORY},
    {0}};

const struct api_rule etcdcluster_recovery_rules[] = {
    {"duration(self.maxBackoff) >= duration(self.retryInterval)", MESSAGE_BACKOFF}, {0}};

const struct api_rule etcdcluster_etcd_rules[] = {
    {"duration(self.electionTimeout).getMilliseconds() >= "
     "5 * duration(self.heartbeatInterval).getMilliseconds()",
     MESSAGE_ELECTION},
    {"self.autoCompactionMode != 'periodic' || "
     "self.autoCompactionRetention.matches('" PERIODIC_PATTERN "')",
     MESSAGE_PERIODIC},
    {"self.autoCompactionMode != 'revision' || "
     "self.autoCompactionRetention.matches('" REVISION_PATTERN "')",
     MESSAGE_REVISION},
    {0}};

const struct api_rule etcdcluster_argument_rules[] = {
    {"!(self in [" MANAGED_FLAGS(AS_CEL) "''])", MESSAGE_MANAGED}, {0}};

/* The patterns below by hand: this runs in every pass, and regcomp(3) costs more than all the rest.
 */

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

/* NAME_PATTERN */
static bool is_name(const char *text)
{
    size_t length = strlen(text);

    return length && length <= ETCDCLUSTER_MAX_NAME && strchr(LETTERS, *text) &&
           strspn(text, LETTERS DIGITS "-") == length && text[length - 1] != '-';
}

/* PERIODIC_PATTERN */
static bool is_periodic(const char *text)
{
    if (!strcmp(text, "0")) {
        return true;
    }
    do {
        size_t digits = strspn(text, DIGITS);
        if (!digits || !text[digits] || !strchr("hms", text[digits])) {
            return false;
        }
        text += digits + 1;
    } while (*text);
    return true;
}

/* REVISION_PATTERN */
static bool is_revision(const char *text)
{
    return *text && strspn(text, DIGITS) == strlen(text);
}

static size_t number_length(const char *text)
{
    return strspn(text, DIGITS);
}

/* Of TAGGED_PATTERN: "3.6.16" and its length; 0: the tag is none of etcd's. */
static size_t tagged_version(const char *image, const char **version)
{
    size_t end = strcspn(image, "@"), begin = end;

    while (begin && image[begin - 1] != ':') {
        begin--;
    }
    const char *tag = image + begin + (image[begin] == 'v');
    size_t minor = strncmp(tag, "3.", 2) ? 0 : number_length(tag + 2);
    size_t patch = minor && tag[2 + minor] == '.' ? number_length(tag + 3 + minor) : 0;

    *version = tag;
    return begin > 1 && patch && tag + 3 + minor + patch == image + end ? 3 + minor + patch : 0;
}

static bool image_is_another(const struct etcdcluster_spec *spec)
{
    const char *tagged;
    size_t length = spec->image ? tagged_version(spec->image, &tagged) : 0;

    return length && (strlen(spec->version) != length || strncmp(tagged, spec->version, length));
}

static const char *managed_argument(const struct etcdcluster_spec *spec)
{
    const struct etcdcluster_argument *arguments = spec->etcd.extra_args.items;

    for (size_t i = 0; i < spec->etcd.extra_args.length; i++) {
        for (const char *const *flag = etcdcluster_managed_flags; *flag; flag++) {
            if (!strcmp(arguments[i].name, *flag)) {
                return *flag;
            }
        }
    }
    return NULL;
}

static const char *broken_resources_rule(const struct etcdcluster_spec *spec)
{
    const struct etcdcluster_quantities *requests = &spec->resources.requests;
    const struct etcdcluster_quantities *limits = &spec->resources.limits;

    if (api_quantity_compare(requests->cpu, limits->cpu) > 0) {
        return MESSAGE_CPU;
    }
    if (api_quantity_compare(requests->memory, limits->memory) > 0) {
        return MESSAGE_MEMORY;
    }
    return NULL;
}

static const char *broken_etcd_rule(const struct etcdcluster_spec *spec)
{
    const char *retention = spec->etcd.auto_compaction_retention;
    bool periodic = !strcmp(spec->etcd.auto_compaction_mode, "periodic");

    if (spec->etcd.election_timeout_ms / 5 < spec->etcd.heartbeat_interval_ms) {
        return MESSAGE_ELECTION;
    }
    if (periodic && !is_periodic(retention)) {
        return MESSAGE_PERIODIC;
    }
    if (!periodic && !is_revision(retention)) {
        return MESSAGE_REVISION;
    }
    return NULL;
}

int etcdcluster_check_rules(const char *name, const struct etcdcluster_spec *spec,
                            struct error *error)
{
    const char *flag = managed_argument(spec);
    const char *broken = broken_resources_rule(spec);

    if (name && !is_name(name)) {
        return error_set(error, ERROR_INVALID, "%s", MESSAGE_NAME);
    }
    if (!broken && spec->recovery.max_backoff_ms < spec->recovery.retry_interval_ms) {
        broken = MESSAGE_BACKOFF;
    }
    if (!broken && image_is_another(spec)) {
        broken = MESSAGE_IMAGE;
    }
    if (!broken) {
        broken = broken_etcd_rule(spec);
    }
    if (broken) {
        return error_set(error, ERROR_INVALID, "spec: %s", broken);
    }
    if (flag) {
        return error_set(error, ERROR_INVALID, "spec.etcd.extraArgs: %s: %s", flag,
                         MESSAGE_MANAGED);
    }
    return 0;
}
