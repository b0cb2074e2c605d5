#include "manager/trim.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A member that stays. With `fields`, only those of the object (or of each object of the array)
 * that it is; without, all of it. Lists end with a NULL name. */
struct keep {
    const char *name;
    const struct keep *fields;
    bool required; /* Array elements without this member go. */
};

static const struct keep metadata_fields[] = {
    {.name = "name"},
    {.name = "namespace"},
    {.name = "uid"},
    {.name = "resourceVersion"},
    {.name = "labels"},
    {.name = "annotations"},
    {.name = "ownerReferences"},
    {.name = "finalizers"},
    {.name = "creationTimestamp"},
    {.name = "deletionTimestamp"},
    {.name = NULL},
};

static const struct keep container_fields[] = {
    {.name = "name"},
    {.name = "image"},
    {.name = NULL},
};

/* A member's pod has a handful of volumes; only the one that holds data matters. */
static const struct keep volume_fields[] = {
    {.name = "name"},
    {.name = "persistentVolumeClaim", .required = true},
    {.name = NULL},
};

static const struct keep pod_spec_fields[] = {
    {.name = "nodeName"},
    {.name = "containers", .fields = container_fields},
    {.name = "volumes", .fields = volume_fields},
    {.name = NULL},
};

static const struct keep pod_status_fields[] = {
    {.name = "phase"},
    {.name = "podIP"},
    {.name = "podIPs"},
    {.name = "conditions"},
    {.name = "containerStatuses"},
    {.name = "initContainerStatuses"},
    {.name = "reason"},
    {.name = "message"},
    {.name = "startTime"},
    {.name = NULL},
};

static const struct keep pod_fields[] = {
    {.name = "metadata", .fields = metadata_fields},
    {.name = "spec", .fields = pod_spec_fields},
    {.name = "status", .fields = pod_status_fields},
    {.name = NULL},
};

static const struct keep claim_spec_fields[] = {
    {.name = "storageClassName"}, {.name = "resources"},   {.name = "volumeName"},
    {.name = "volumeMode"},       {.name = "accessModes"}, {.name = NULL},
};

static const struct keep claim_status_fields[] = {
    {.name = "phase"},
    {.name = "capacity"},
    {.name = "conditions"},
    {.name = NULL},
};

static const struct keep claim_fields[] = {
    {.name = "metadata", .fields = metadata_fields},
    {.name = "spec", .fields = claim_spec_fields},
    {.name = "status", .fields = claim_status_fields},
    {.name = NULL},
};

static const struct keep *find(const struct keep *fields, const char *name)
{
    for (; fields->name; fields++) {
        if (!strcmp(fields->name, name)) {
            return fields;
        }
    }
    return NULL;
}

static void trim_object(json_t *object, const struct keep *fields);

static bool lacks_required(const json_t *object, const struct keep *fields)
{
    for (; fields->name; fields++) {
        if (fields->required && !json_object_get(object, fields->name)) {
            return true;
        }
    }
    return false;
}

static void trim_value(json_t *value, const struct keep *fields)
{
    if (json_is_object(value)) {
        trim_object(value, fields);
    } else if (json_is_array(value)) {
        for (size_t i = json_array_size(value); i-- > 0;) {
            json_t *element = json_array_get(value, i);
            if (lacks_required(element, fields)) {
                json_array_remove(value, i);
            } else {
                trim_value(element, fields);
            }
        }
    }
}

static void trim_object(json_t *object, const struct keep *fields)
{
    void *next;
    const char *name;
    json_t *value;

    json_object_foreach_safe(object, next, name, value)
    {
        const struct keep *keep = find(fields, name);
        if (!keep) {
            json_object_del(object, name);
        } else if (keep->fields) {
            trim_value(value, keep->fields);
        }
    }
}

/* managedFields is often larger than the rest of an object; kubectl's annotation repeats its spec.
 */
static void trim_metadata(json_t *object)
{
    json_t *metadata = json_object_get(object, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");

    json_object_del(metadata, "managedFields");
    json_object_del(annotations, "kubectl.kubernetes.io/last-applied-configuration");
}

void trim_pod(json_t *object)
{
    trim_metadata(object);
    trim_object(object, pod_fields);
}

void trim_persistent_volume_claim(json_t *object)
{
    trim_metadata(object);
    trim_object(object, claim_fields);
}

void trim_common(json_t *object)
{
    trim_metadata(object);
}
