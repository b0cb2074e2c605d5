/* What a claim says of its volume, and what its StorageClass, PersistentVolume and Node say when
 * that matters. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/observe.h"
#include "cluster/volumes.h"

/* Why a claim that keeps its pod from being scheduled is not bound. */
void observe_claim_problem(const struct reconciler_options *options, struct arena *arena,
                           struct world_claim *claim)
{
    const struct kube_api *kube = options->kube;
    struct error error;

    if (!claim->storage_class) {
        claim->problem = "it names no StorageClass and the Kubernetes cluster has no default one: "
                         "mark a StorageClass as default, or set spec.storage.storageClassName";
    } else if (kube->get(kube->context, &kube_storage_classes, NULL, claim->storage_class, NULL,
                         &error) == -(int)ERROR_NOT_FOUND) {
        claim->class_missing = true;
        claim->problem = arena_printf(arena,
                                      "StorageClass %s does not exist: create it, or set "
                                      "spec.storage.storageClassName to one that does",
                                      claim->storage_class);
    }
}

/* What the resizer and the kubelet tell of a growth under way. */
static void observe_growth(const json_t *object, struct world_claim *out)
{
    const char *status =
        json_path_string(object, "status", "allocatedResourceStatuses", "storage", NULL);
    json_t *condition;
    size_t i;

    out->growth_infeasible = status && strstr(status, "Infeasible");
    out->growth_problem = out->growth_infeasible ? status : NULL;
    json_array_foreach(json_path(object, "status", "conditions", NULL), i, condition)
    {
        const char *type = json_path_string(condition, "type", NULL);
        const char *message = json_path_string(condition, "message", NULL);
        const char *since = json_path_string(condition, "lastTransitionTime", NULL);
        const char *value = json_path_string(condition, "status", NULL);
        if (!type || !value || strcmp(value, "True") != 0) {
            continue;
        }
        if (!strcmp(type, "FileSystemResizePending")) {
            out->mount_wanted_ms = since ? clock_parse_rfc3339(since) : 1;
        } else if (strstr(type, "ResizeError")) { /* Controller... and Node... */
            out->growth_problem = message && *message ? message : type;
        }
    }
}

void observe_claim(const json_t *object, struct world_claim *out)
{
    const char *phase = json_path_string(object, "status", "phase", NULL);

    out->exists = true;
    out->bound = phase && !strcmp(phase, "Bound");
    out->gone = phase && !strcmp(phase, "Lost") ? "its PersistentVolume is gone" : NULL;
    out->terminating = json_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
    out->name = json_path_string(object, "metadata", "name", NULL);
    out->uid = json_path_string(object, "metadata", "uid", NULL);
    out->resource_version = json_path_string(object, "metadata", "resourceVersion", NULL);
    out->creator_uid =
        json_path_string(object, "metadata", "annotations", ANNOTATION_CLUSTER_UID, NULL);
    out->requested = json_path_string(object, "spec", "resources", "requests", "storage", NULL);
    out->capacity = json_path_string(object, "status", "capacity", "storage", NULL);
    observe_growth(object, out);
    out->storage_class = json_path_string(object, "spec", "storageClassName", NULL);
    out->volume = json_path_string(object, "spec", "volumeName", NULL);
    out->selected_node = json_path_string(object, "metadata", "annotations",
                                          "volume.kubernetes.io/selected-node", NULL);
}

/* "kubernetes.io/hostname", "topology.hostpath.csi/node": a label that one node bears. */
static bool names_one_node(const char *label)
{
    const char *slash = label ? strrchr(label, '/') : NULL;
    const char *last = slash ? slash + 1 : label;

    return last &&
           (!strcmp(last, "hostname") || !strcmp(last, "node") || !strcmp(last, "nodename"));
}

/* The volume can be reached from this node alone: it is on disks of its own. */
static bool volume_is_on(const json_t *volume, const char *node)
{
    json_t *terms =
        json_path(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms", NULL);
    json_t *expression;
    size_t i;

    if (json_array_size(terms) != 1) {
        return false;
    }
    json_array_foreach(json_object_get(json_array_get(terms, 0), "matchExpressions"), i, expression)
    {
        json_t *values = json_object_get(expression, "values");
        const char *value = json_string_value(json_array_get(values, 0));
        if (names_one_node(json_path_string(expression, "key", NULL)) &&
            json_array_size(values) == 1 && value && !strcmp(value, node)) {
            return true;
        }
    }
    return false;
}

/* Two witnesses: the volume says that it is on that node's disks, and Kubernetes has no such Node
 * any more. What may not be read is no witness. */
bool claim_node_is_gone(const struct reconciler_options *options, const struct world_claim *claim)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *volume = NULL;
    struct error error;

    return claim->bound && claim->volume && claim->selected_node &&
           !kube->get(kube->context, &kube_persistent_volumes, NULL, claim->volume, &volume,
                      &error) &&
           volume_is_on(volume, claim->selected_node) &&
           kube->get(kube->context, &kube_nodes, NULL, claim->selected_node, NULL, &error) ==
               -(int)ERROR_NOT_FOUND;
}

/* Asked for only while a volume is to grow. The API server asks the same before it lets a claim
 * grow, and does not say what to do. */
void observe_claim_growth(const struct reconciler_options *options, const struct world *world,
                          struct arena *arena, struct world_claim *claim)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *class = NULL;
    struct error error;

    if (!claim_wants_more(claim, world->spec.storage.size)) {
        return;
    }
    if (!claim->storage_class) {
        claim->cannot_grow = "it names no StorageClass, which is what allows a volume to grow";
        return;
    }
    int result =
        kube->get(kube->context, &kube_storage_classes, NULL, claim->storage_class, &class, &error);
    if (result == -(int)ERROR_NOT_FOUND) {
        claim->cannot_grow =
            arena_printf(arena, "its StorageClass %s does not exist any more: create it again",
                         claim->storage_class);
    } else if (result) {
        claim->cannot_grow = arena_printf(arena, "its StorageClass %s cannot be read: %s",
                                          claim->storage_class, error.message);
    } else if (!json_is_true(json_object_get(class, "allowVolumeExpansion"))) {
        claim->cannot_grow = arena_printf(arena,
                                          "its StorageClass %s does not allow it: set "
                                          "allowVolumeExpansion: true there if its driver can",
                                          claim->storage_class);
    }
}
