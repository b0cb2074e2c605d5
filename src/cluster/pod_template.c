#include "cluster/pod_template.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "pki/pki.h"

#define SERVER_TLS_DIR "/etc/etcd-tls/server"
#define PEER_TLS_DIR   "/etc/etcd-tls/peer"
#define USER_ID        65532

static json_t *mount(const char *name, const char *path, bool read_only)
{
    json_t *mount = json_pack("{s:s, s:s}", "name", name, "mountPath", path);
    if (read_only) { /* The API server leaves a false one out. */
        json_object_set_new(mount, "readOnly", json_true());
    }
    return mount;
}

static json_t *field_variable(const char *name, const char *path)
{
    return json_pack("{s:s, s:{s:{s:s}}}", "name", name, "valueFrom", "fieldRef", "fieldPath",
                     path);
}

static json_t *restricted(void)
{
    return json_pack("{s:b, s:b, s:b, s:{s:[s]}}", "allowPrivilegeEscalation", 0,
                     "readOnlyRootFilesystem", 1, "privileged", 0, "capabilities", "drop", "ALL");
}

static json_t *quantities(const struct etcdcluster_quantities *quantities)
{
    json_t *json = json_object();
    if (quantities->cpu) {
        json_object_set_new(json, "cpu", json_string(quantities->cpu));
    }
    if (quantities->memory) {
        json_object_set_new(json, "memory", json_string(quantities->memory));
    }
    return json;
}

static json_t *probe(const char *path, int period, int failures, int timeout)
{
    return json_pack("{s:{s:s, s:i, s:s}, s:i, s:i, s:i, s:i}", "httpGet", "path", path, "port",
                     MEMBER_METRICS_PORT, "scheme", "HTTP", "periodSeconds", period,
                     "failureThreshold", failures, "timeoutSeconds", timeout, "successThreshold",
                     1);
}

static json_t *etcd_mounts(const struct world *world)
{
    json_t *mounts = json_pack("[o,o,o,o]", mount("data", MEMBER_VOLUME_DIR, false),
                               mount("helper", MEMBER_HELPER_DIR, false),
                               mount("permit", MEMBER_PERMIT_DIR, true),
                               mount("config", MEMBER_CONFIG_DIR, true));
    if (world->spec.security.tls.client.enabled) {
        json_array_append_new(mounts, mount("server-tls", SERVER_TLS_DIR, true));
    }
    if (world->spec.security.tls.peer.enabled) {
        json_array_append_new(mounts, mount("peer-tls", PEER_TLS_DIR, true));
    }
    return mounts;
}

static json_t *container_port(const char *name, int number)
{
    return json_pack("{s:s, s:i, s:s}", "name", name, "containerPort", number, "protocol", "TCP");
}

static json_t *etcd_container(const struct world *world, const char *image)
{
    json_t *container = json_pack(
        "{s:s, s:s, s:s, s:[o,o,o,o], s:[o,o,o], s:{s:o, s:o}, s:o, s:o, s:s}", "name", "etcd",
        "image", image, "imagePullPolicy", world->spec.image_pull_policy, "env",
        field_variable("POD_NAME", "metadata.name"),
        field_variable("POD_NAMESPACE", "metadata.namespace"),
        field_variable("POD_UID", "metadata.uid"), field_variable("POD_IP", "status.podIP"),
        "ports", container_port("client", MEMBER_CLIENT_PORT),
        container_port("peer", MEMBER_PEER_PORT), container_port("metrics", MEMBER_METRICS_PORT),
        "resources", "requests", quantities(&world->spec.resources.requests), "limits",
        quantities(&world->spec.resources.limits), "securityContext", restricted(), "volumeMounts",
        etcd_mounts(world), "terminationMessagePolicy", "FallbackToLogsOnError");

    /* Patient for a day: nothing is killed while the helper waits for a permit or a restored etcd
     * opens a large database. /livez, never /health: that one kills on lost quorum. And only after
     * five minutes: /livez reads a key, which waits for as long as a large database is defragmented
     * or a disk stalls, and killing makes neither of them shorter. */
    json_object_set_new(container, "startupProbe", probe("/livez", 1, 86400, 2));
    json_object_set_new(container, "livenessProbe", probe("/livez", 10, 30, 10));
    json_object_set_new(container, "readinessProbe", probe("/readyz", 2, 2, 2));
    return container;
}

static json_t *secret_volume(const char *name, const char *secret)
{
    return json_pack("{s:s, s:{s:s, s:i}}", "name", name, "secret", "secretName", secret,
                     "defaultMode", 0440);
}

static json_t *volumes(const struct world *world, const char *config_name)
{
    const char *permit_field = "metadata.annotations['" PERMIT_ANNOTATION "']";
    json_t *list = json_pack("[{s:s, s:{s:s}}, {s:s, s:{s:[{s:s, s:{s:s}}]}}, {s:s, s:{s:s}}]",
                             "name", "helper", "emptyDir", "sizeLimit", "16Mi", "name", "permit",
                             "downwardAPI", "items", "path", "permit", "fieldRef", "fieldPath",
                             permit_field, "name", "config", "configMap", "name", config_name);

    if (world->spec.security.tls.client.enabled) {
        json_array_append_new(list, secret_volume("server-tls", world->names->server_secret));
    }
    if (world->spec.security.tls.peer.enabled) {
        json_array_append_new(list, secret_volume("peer-tls", world->names->peer_secret));
    }
    return list;
}

/* Members spread over nodes and zones, but a small cluster of machines still runs them. */
static json_t *spread(const struct world *world, const char *topology_key)
{
    return json_pack("{s:i, s:s, s:s, s:{s:o}}", "maxSkew", 1, "topologyKey", topology_key,
                     "whenUnsatisfiable", "ScheduleAnyway", "labelSelector", "matchLabels",
                     names_selector(world->names));
}

static json_t *affinity(const struct world *world)
{
    return json_pack("{s:{s:[{s:i, s:{s:s, s:{s:o}}}]}}", "podAntiAffinity",
                     "preferredDuringSchedulingIgnoredDuringExecution", "weight", 100,
                     "podAffinityTerm", "topologyKey", "kubernetes.io/hostname", "labelSelector",
                     "matchLabels", names_selector(world->names));
}

static json_t *pull_secrets(const struct world *world)
{
    const struct api_list *list = &world->spec.image_pull_secrets;
    const struct etcdcluster_local_object *items = list->items;
    json_t *json = json_array();

    for (size_t i = 0; i < list->length; i++) {
        json_array_append_new(json, json_pack("{s:s}", "name", items[i].name));
    }
    return json;
}

static json_t *init_container(const struct world *world)
{
    return json_pack("{s:s, s:s, s:s, s:[s,s,s], s:{s:{s:s,s:s}, s:{s:s,s:s}}, s:o, s:[o]}", "name",
                     "install-helper", "image", world->operator_image, "imagePullPolicy",
                     "IfNotPresent", "command", "/etcd-member", "install", MEMBER_HELPER_DIR,
                     "resources", "requests", "cpu", "10m", "memory", "16Mi", "limits", "cpu",
                     "500m", "memory", "32Mi", "securityContext", restricted(), "volumeMounts",
                     mount("helper", MEMBER_HELPER_DIR, false));
}

/* Brings the start helper in and makes it the entrypoint of the etcd container. Not part of the
 * hash: a release of the operator must not roll every cluster. */
static void deliver_helper(const struct world *world, json_t *spec)
{
    json_t *etcd = json_array_get(json_object_get(spec, "containers"), 0);
    const char *path = MEMBER_HELPER_PATH;

    if (world->helper_image_volume) {
        path = MEMBER_IMAGE_DIR "/etcd-member";
        json_array_append_new(json_object_get(etcd, "volumeMounts"),
                              mount("helper-image", MEMBER_IMAGE_DIR, true));
        json_array_append_new(json_object_get(spec, "volumes"),
                              json_pack("{s:s, s:{s:s, s:s}}", "name", "helper-image", "image",
                                        "reference", world->operator_image, "pullPolicy",
                                        "IfNotPresent"));
    } else {
        json_object_set_new(spec, "initContainers", json_pack("[o]", init_container(world)));
    }
    json_object_set_new(etcd, "command", json_pack("[s,s]", path, "run"));
}

json_t *pod_template(const struct world *world, const char *image, const char *config_name,
                     struct arena *arena, const char **hash)
{
    json_t *spec = json_pack(
        "{s:[o], s:o, s:b, s:b, s:i, s:{s:b, s:i, s:i, s:i, s:s, s:{s:s}}, s:o, s:[o,o]}",
        "containers", etcd_container(world, image), "volumes", volumes(world, config_name),
        "automountServiceAccountToken", 0, "enableServiceLinks", 0, "terminationGracePeriodSeconds",
        30, "securityContext", "runAsNonRoot", 1, "runAsUser", USER_ID, "runAsGroup", USER_ID,
        "fsGroup", USER_ID, "fsGroupChangePolicy", "OnRootMismatch", "seccompProfile", "type",
        "RuntimeDefault", "affinity", affinity(world), "topologySpreadConstraints",
        spread(world, "kubernetes.io/hostname"), spread(world, "topology.kubernetes.io/zone"));
    if (world->spec.image_pull_secrets.length) {
        json_object_set_new(spec, "imagePullSecrets", pull_secrets(world));
    }
    char digest[PKI_SHA256_HEX_SIZE];
    AUTO_FREE char *text = json_canonical(spec);
    pki_sha256_hex(text, strlen(text), digest);
    *hash = arena_printf(arena, "%.16s", digest);
    deliver_helper(world, spec);
    return json_pack("{s:{s:o, s:{s:s, s:s, s:s}}, s:o}", "metadata", "labels",
                     names_labels(world->names), "annotations", ANNOTATION_TEMPLATE_HASH, *hash,
                     "kubectl.kubernetes.io/default-container", "etcd", ANNOTATION_CONFIG,
                     config_name, "spec", spec);
}

static void argument(json_t *args, const char *name, const char *value)
{
    json_array_append_new(args, json_sprintf("--%s=%s", name, value));
}

static void number_argument(json_t *args, const char *name, int64_t value)
{
    json_array_append_new(args, json_sprintf("--%s=%lld", name, (long long)value));
}

static void plane_arguments(json_t *args, const char *prefix, const char *directory, bool peer)
{
    static const struct {
        const char *flag, *file;
    } files[] = {
        {"cert-file", "tls.crt"},
        {"key-file", "tls.key"},
        {"trusted-ca-file", "ca.crt"},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        json_array_append_new(
            args, json_sprintf("--%s%s=%s/%s", prefix, files[i].flag, directory, files[i].file));
    }
    json_array_append_new(args, json_sprintf("--%sclient-cert-auth=true", prefix));
    if (peer) {
        json_array_append_new(args,
                              json_sprintf("--peer-client-cert-file=%s/client.crt", directory));
        json_array_append_new(args,
                              json_sprintf("--peer-client-key-file=%s/client.key", directory));
        argument(args, "peer-cert-allowed-cn", CERTIFICATE_PEER_NAME);
    }
}

/* What checks its data at start, by minor version (experimental flags end with 3.5). */
static void corruption_arguments(json_t *args, const char *version)
{
    if (!strncmp(version, "3.5.", 4)) {
        argument(args, "experimental-initial-corrupt-check", "true");
        argument(args, "experimental-watch-progress-notify-interval", "5s");
    } else {
        argument(args, "feature-gates", "InitialCorruptCheck=true");
        argument(args, "watch-progress-notify-interval", "5s");
    }
}

static void tuning_arguments(json_t *args, const struct etcdcluster_spec *spec)
{
    int64_t quota_milli = 0;

    if (api_quantity_parse(spec->etcd.quota_backend_bytes, &quota_milli)) {
        number_argument(args, "quota-backend-bytes", quota_milli / 1000);
    }
    argument(args, "auto-compaction-mode", spec->etcd.auto_compaction_mode);
    argument(args, "auto-compaction-retention", spec->etcd.auto_compaction_retention);
    number_argument(args, "snapshot-count", spec->etcd.snapshot_count);
    number_argument(args, "heartbeat-interval", spec->etcd.heartbeat_interval_ms);
    number_argument(args, "election-timeout", spec->etcd.election_timeout_ms);
    number_argument(args, "max-request-bytes", spec->etcd.max_request_bytes);
    const struct etcdcluster_argument *extra = spec->etcd.extra_args.items;
    for (size_t i = 0; i < spec->etcd.extra_args.length; i++) {
        argument(args, extra[i].name, extra[i].value ? extra[i].value : "");
    }
}

char *pod_member_config(const struct world *world, const char *version)
{
    const struct names *names = world->names;
    bool client_tls = world->spec.security.tls.client.enabled;
    bool peer_tls = world->spec.security.tls.peer.enabled;
    const char *client = client_tls ? "https" : "http", *peer = peer_tls ? "https" : "http";
    AUTO_JSON json_t *args = json_array();

    argument(args, "name", "{name}");
    argument(args, "data-dir", MEMBER_DATA_DIR);
    json_array_append_new(
        args, json_sprintf("--listen-client-urls=%s://{listen}:%d", client, MEMBER_CLIENT_PORT));
    json_array_append_new(
        args, json_sprintf("--listen-peer-urls=%s://{listen}:%d", peer, MEMBER_PEER_PORT));
    json_array_append_new(
        args, json_sprintf("--listen-metrics-urls=http://{listen}:%d", MEMBER_METRICS_PORT));
    json_array_append_new(args,
                          json_sprintf("--advertise-client-urls=%s://{name}.%s.%s.svc:%d", client,
                                       names->peer_service, names->namespace, MEMBER_CLIENT_PORT));
    json_array_append_new(
        args, json_sprintf("--initial-advertise-peer-urls=%s://{name}.%s.%s.svc:%d", peer,
                           names->peer_service, names->namespace, MEMBER_PEER_PORT));
    if (client_tls) {
        plane_arguments(args, "", SERVER_TLS_DIR, false);
    }
    if (peer_tls) {
        plane_arguments(args, "peer-", PEER_TLS_DIR, true);
    }
    corruption_arguments(args, version);
    tuning_arguments(args, &world->spec);
    AUTO_FREE const char **list = xcalloc(json_array_size(args), sizeof *list);
    for (size_t i = 0; i < json_array_size(args); i++) {
        list[i] = json_string_value(json_array_get(args, i));
    }
    const struct member_config config = {
        .cluster_uid = world->uid,
        /* Data of the bootstraps before must not start again; the first has none before it. */
        .generation = world->recorded.generation > 1 ? world->recorded.generation : 0,
        .args = list,
        .n_args = json_array_size(args),
    };
    return member_config_encode(&config);
}
