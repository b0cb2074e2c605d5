#include "sim/kube/defaults.h"

#include <stdio.h>
#include <string.h>

#include "api/field.h"
#include "base/json.h"

static void fill(json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name)) {
        json_decref(value);
    } else {
        json_object_set_new(object, name, value);
    }
}

static void fill_string(json_t *object, const char *name, const char *value)
{
    if (!json_object_get(object, name)) {
        json_object_set_new(object, name, json_string(value));
    }
}

static void fill_integer(json_t *object, const char *name, json_int_t value)
{
    if (!json_object_get(object, name)) {
        json_object_set_new(object, name, json_integer(value));
    }
}

/* --- One form for what can be said in several -------------------------------------------- */

static bool one_of(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name) != 0) {
        list++;
    }
    return *list;
}

static bool says_nothing(const char *name, const json_t *value)
{
    /* Optional lists and maps in Go's types, which an empty one does not survive. Structures that
     * are there for being there (emptyDir) are not among them. */
    static const char *const lists[] = {"labels",
                                        "annotations",
                                        "finalizers",
                                        "ownerReferences",
                                        "requests",
                                        "limits",
                                        "args",
                                        "command",
                                        "env",
                                        "volumes",
                                        "volumeMounts",
                                        "ports",
                                        "tolerations",
                                        "imagePullSecrets",
                                        "nodeSelector",
                                        "data",
                                        "binaryData",
                                        "matchLabels",
                                        "selector",
                                        "initContainers",
                                        "accessModes",
                                        "add",
                                        "drop",
                                        "items",
                                        "volumeClaimTemplates",
                                        "conditions",
                                        "topologySpreadConstraints",
                                        NULL};
    static const char *const switches[] = {
        "readOnly", "publishNotReadyAddresses", "hostNetwork", "hostPID", "hostIPC", "stdin", "tty",
        NULL};

    if (json_is_null(value)) {
        return true;
    }
    if (json_is_false(value)) {
        return one_of(name, switches);
    }
    if (json_is_string(value) && !*json_string_value(value)) {
        return !strcmp(name, "value"); /* Of a variable. */
    }
    bool empty = (json_is_object(value) && !json_object_size(value)) ||
                 (json_is_array(value) && !json_array_size(value));
    return empty && one_of(name, lists);
}

/* A quantity in the one form in which it is stored: the largest unit that leaves a whole number. */
static json_t *quantity(const char *text)
{
    static const char *const binary[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
    static const char *const decimal[] = {"m", "", "k", "M", "G", "T", "P"};
    size_t length = strlen(text), unit = 0;
    bool is_binary = length && text[length - 1] == 'i';
    const int64_t base = is_binary ? 1024 : 1000;
    int64_t number;

    if (!api_quantity_parse(text, &number)) {
        return json_string(text);
    }
    number = is_binary ? number / 1000 : number;
    while (number && number % base == 0 && unit < 5) {
        number /= base;
        unit++;
    }
    if (!number) {
        return json_string("0");
    }
    return json_sprintf("%lld%s", (long long)number, is_binary ? binary[unit] : decimal[unit]);
}

static void normalise_quantities(json_t *resources)
{
    const char *name;
    json_t *value;

    json_object_foreach(resources, name, value)
    {
        json_t *normal = json_is_string(value) ? quantity(json_string_value(value)) : NULL;
        if (normal && !json_equal(normal, value)) {
            json_object_set(resources, name, normal);
        }
        json_decref(normal);
    }
}

static void normalise(json_t *value)
{
    const char *name;
    json_t *child;
    void *next;
    size_t i;

    if (json_is_array(value)) {
        json_array_foreach(value, i, child)
        {
            normalise(child);
        }
        return;
    }
    json_object_foreach_safe(value, next, name, child)
    {
        normalise(child);
        if (!strcmp(name, "requests") || !strcmp(name, "limits")) {
            normalise_quantities(child);
        }
        if (says_nothing(name, child)) {
            json_object_del(value, name);
        }
    }
}

/* --- Pods -------------------------------------------------------------------------------- */

static void fill_probe(json_t *probe)
{
    json_t *http = json_object_get(probe, "httpGet");

    if (!probe) {
        return;
    }
    fill_integer(probe, "timeoutSeconds", 1);
    fill_integer(probe, "periodSeconds", 10);
    fill_integer(probe, "successThreshold", 1);
    fill_integer(probe, "failureThreshold", 3);
    if (http) {
        fill_string(http, "path", "/");
        fill_string(http, "scheme", "HTTP");
    }
}

static bool has_latest_tag(const char *image)
{
    const char *slash = strrchr(image, '/'), *colon = strrchr(image, ':');

    return !strchr(image, '@') && (!colon || (slash && colon < slash) || !strcmp(colon, ":latest"));
}

static void fill_container(json_t *container)
{
    const char *image = json_path_string(container, "image", NULL);
    json_t *item;
    size_t i;

    fill_string(container, "terminationMessagePath", "/dev/termination-log");
    fill_string(container, "terminationMessagePolicy", "File");
    fill_string(container, "imagePullPolicy",
                image && has_latest_tag(image) ? "Always" : "IfNotPresent");
    fill(container, "resources", json_object());
    fill_probe(json_object_get(container, "startupProbe"));
    fill_probe(json_object_get(container, "livenessProbe"));
    fill_probe(json_object_get(container, "readinessProbe"));
    json_array_foreach(json_object_get(container, "ports"), i, item)
    {
        fill_string(item, "protocol", "TCP");
    }
    json_array_foreach(json_object_get(container, "env"), i, item)
    {
        json_t *field = json_path(item, "valueFrom", "fieldRef", NULL);
        if (field) {
            fill_string(field, "apiVersion", "v1");
        }
    }
}

static void fill_volume(json_t *volume)
{
    static const char *const with_mode[] = {"secret", "configMap", "downwardAPI", "projected"};
    json_t *item;
    size_t i;

    for (size_t v = 0; v < sizeof with_mode / sizeof *with_mode; v++) {
        json_t *source = json_object_get(volume, with_mode[v]);
        if (source) {
            fill_integer(source, "defaultMode", 0644);
        }
    }
    json_array_foreach(json_path(volume, "downwardAPI", "items", NULL), i, item)
    {
        fill_string(json_object_get(item, "fieldRef"), "apiVersion", "v1");
    }
}

static void fill_pod_spec(json_t *spec)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(spec, "initContainers"), i, item)
    {
        fill_container(item);
    }
    json_array_foreach(json_object_get(spec, "containers"), i, item)
    {
        fill_container(item);
    }
    json_array_foreach(json_object_get(spec, "volumes"), i, item)
    {
        fill_volume(item);
    }
    fill_string(spec, "restartPolicy", "Always");
    fill_integer(spec, "terminationGracePeriodSeconds", 30);
    fill_string(spec, "dnsPolicy", "ClusterFirst");
    fill_string(spec, "schedulerName", "default-scheduler");
    fill(spec, "securityContext", json_object());
}

static void create_pod(json_t *pod)
{
    json_t *spec = json_object_get(pod, "spec");

    fill_pod_spec(spec);
    fill(spec, "enableServiceLinks", json_true());
    fill_string(spec, "serviceAccountName", "default");
    json_object_set_new(pod, "status", json_pack("{s:s}", "phase", "Pending"));
}

/* --- The other kinds ----------------------------------------------------------------------- */

static void fill_claim_spec(json_t *spec)
{
    fill_string(spec, "volumeMode", "Filesystem");
}

static void fill_stateful_set(json_t *set)
{
    json_t *spec = json_object_get(set, "spec"), *claim;
    size_t i;

    fill_integer(spec, "replicas", 1);
    fill_integer(spec, "revisionHistoryLimit", 10);
    fill_string(spec, "podManagementPolicy", "OrderedReady");
    fill(spec, "updateStrategy", json_pack("{s:s}", "type", "RollingUpdate"));
    fill(spec, "persistentVolumeClaimRetentionPolicy",
         json_pack("{s:s, s:s}", "whenDeleted", "Retain", "whenScaled", "Retain"));
    fill_pod_spec(json_path(spec, "template", "spec", NULL));
    json_array_foreach(json_object_get(spec, "volumeClaimTemplates"), i, claim)
    {
        fill_string(claim, "apiVersion", "v1");
        fill_string(claim, "kind", "PersistentVolumeClaim");
        fill_claim_spec(json_object_get(claim, "spec"));
        fill(claim, "status", json_pack("{s:s}", "phase", "Pending"));
    }
}

static void fill_service(json_t *service)
{
    json_t *spec = json_object_get(service, "spec"), *port;
    size_t i;

    fill_string(spec, "type", "ClusterIP");
    fill_string(spec, "sessionAffinity", "None");
    fill_string(spec, "internalTrafficPolicy", "Cluster");
    json_array_foreach(json_object_get(spec, "ports"), i, port)
    {
        fill_string(port, "protocol", "TCP");
        fill(port, "targetPort", json_incref(json_object_get(port, "port")));
    }
}

static void create_service(struct sim_api_server *server, json_t *service)
{
    json_t *spec = json_object_get(service, "spec");

    fill_service(service);
    fill(spec, "clusterIP",
         json_sprintf("10.96.%d.%d", (int)(server->version / 250 % 250),
                      (int)(server->version % 250 + 1)));
    fill(spec, "clusterIPs", json_pack("[O]", json_object_get(spec, "clusterIP")));
    fill(spec, "ipFamilies", json_pack("[s]", "IPv4"));
    fill_string(spec, "ipFamilyPolicy", "SingleStack");
    json_object_set_new(service, "status", json_pack("{s:{}}", "loadBalancer"));
}

static void find_default_class(void *context, const json_t *class)
{
    const char *mark = json_path_string(class, "metadata", "annotations",
                                        "storageclass.kubernetes.io/is-default-class", NULL);
    if (mark && !strcmp(mark, "true")) {
        *(const char **)context = json_path_string(class, "metadata", "name", NULL);
    }
}

static void create_claim(struct sim_api_server *server, json_t *claim)
{
    json_t *spec = json_object_get(claim, "spec"), *metadata = json_object_get(claim, "metadata");
    const char *class = NULL;

    fill_claim_spec(spec);
    sim_api_server_for_each(server, &kube_storage_classes, find_default_class, &class);
    if (class) {
        fill_string(spec, "storageClassName", class);
    }
    fill(metadata, "finalizers", json_array());
    json_array_append_new(json_object_get(metadata, "finalizers"),
                          json_string("kubernetes.io/pvc-protection"));
    json_object_set_new(claim, "status", json_pack("{s:s}", "phase", "Pending"));
}

void sim_defaults_create(struct sim_api_server *server, const struct kube_resource *resource,
                         json_t *object)
{
    normalise(object);
    if (resource == &kube_pods) {
        create_pod(object);
    } else if (resource == &kube_stateful_sets) {
        fill_stateful_set(object);
        json_object_set_new(object, "status",
                            json_pack("{s:i, s:i}", "replicas", 0, "availableReplicas", 0));
    } else if (resource == &kube_services) {
        create_service(server, object);
    } else if (resource == &kube_persistent_volume_claims) {
        create_claim(server, object);
    } else if (resource == &kube_secrets) {
        fill_string(object, "type", "Opaque");
    }
}

/* What is shared with the object before was completed when that was stored, and is not written to:
 * only what the request brought is new. */
void sim_defaults_update(const struct kube_resource *resource, const json_t *before, json_t *object)
{
    json_t *spec = json_object_get(object, "spec");

    normalise(json_object_get(object, "metadata"));
    if (spec && spec == json_object_get(before, "spec")) {
        return;
    }
    normalise(object);
    if (resource == &kube_stateful_sets) {
        fill_stateful_set(object);
    } else if (resource == &kube_services) {
        static const char *const kept[] = {"clusterIP", "clusterIPs", "ipFamilies",
                                           "ipFamilyPolicy", NULL};
        for (size_t i = 0; kept[i]; i++) {
            fill(spec, kept[i], json_incref(json_path(before, "spec", kept[i], NULL)));
        }
        fill_service(object);
    } else if (resource == &kube_persistent_volume_claims) {
        fill_claim_spec(spec);
    } else if (resource == &kube_secrets) {
        fill_string(object, "type", "Opaque");
    }
}

json_t *sim_defaults_applied(const struct sim_kind *kind, const json_t *object)
{
    static const char *const not_applied[] = {"uid",
                                              "resourceVersion",
                                              "creationTimestamp",
                                              "deletionTimestamp",
                                              "deletionGracePeriodSeconds",
                                              "generation",
                                              "managedFields"};
    json_t *copy = json_deep_copy(object);
    json_t *metadata = json_object_get(copy, "metadata");

    for (size_t i = 0; i < sizeof not_applied / sizeof *not_applied; i++) {
        json_object_del(metadata, not_applied[i]);
    }
    if (kind->has_status) {
        json_object_del(copy, "status");
    }
    return copy;
}
