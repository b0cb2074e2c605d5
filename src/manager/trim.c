#include "manager/trim.h"

#include <stdbool.h>
#include <stddef.h>

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
    {.name = "phase"},      {.name = "capacity"}, {.name = "allocatedResourceStatuses"},
    {.name = "conditions"}, {.name = NULL},
};

static const struct keep claim_fields[] = {
    {.name = "metadata", .fields = metadata_fields},
    {.name = "spec", .fields = claim_spec_fields},
    {.name = "status", .fields = claim_status_fields},
    {.name = NULL},
};

static const struct keep job_spec_fields[] = {{.name = "suspend"}, {.name = NULL}};

static const struct keep job_status_fields[] = {
    {.name = "conditions"}, {.name = "active"}, {.name = "failed"}, {.name = NULL}};

static const struct keep job_fields[] = {
    {.name = "metadata", .fields = metadata_fields},
    {.name = "spec", .fields = job_spec_fields},
    {.name = "status", .fields = job_status_fields},
    {.name = NULL},
};

static json_t *kept_object(const json_t *object, const struct keep *fields);

static bool lacks_required(const json_t *object, const struct keep *fields)
{
    for (; fields->name; fields++) {
        if (fields->required && !json_object_get(object, fields->name)) {
            return true;
        }
    }
    return false;
}

static json_t *kept_value(json_t *value, const struct keep *fields)
{
    json_t *element;
    size_t i;

    if (json_is_object(value)) {
        return kept_object(value, fields);
    }
    if (!json_is_array(value)) {
        return json_incref(value);
    }
    json_t *kept = json_array();
    json_array_foreach(value, i, element)
    {
        if (!lacks_required(element, fields)) {
            json_array_append_new(kept, kept_value(element, fields));
        }
    }
    return kept;
}

static json_t *kept_object(const json_t *object, const struct keep *fields)
{
    json_t *kept = json_object();

    for (; fields->name; fields++) {
        json_t *value = json_object_get(object, fields->name);
        if (value) {
            json_object_set_new(kept, fields->name,
                                fields->fields ? kept_value(value, fields->fields)
                                               : json_incref(value));
        }
    }
    return kept;
}

/* Of metadata that nobody else has: kubectl's annotation repeats the object's spec. */
static void drop_annotation(json_t *metadata)
{
    static const char applied[] = "kubectl.kubernetes.io/last-applied-configuration";
    json_t *annotations = json_object_get(metadata, "annotations");

    if (json_object_get(annotations, applied)) {
        json_t *others = json_copy(annotations);
        json_object_del(others, applied);
        json_object_set_new(metadata, "annotations", others);
    }
}

static json_t *trim(const json_t *object, const struct keep *fields)
{
    json_t *kept = kept_object(object, fields);

    drop_annotation(json_object_get(kept, "metadata"));
    return kept;
}

json_t *trim_pod(const json_t *object)
{
    return trim(object, pod_fields);
}

json_t *trim_persistent_volume_claim(const json_t *object)
{
    return trim(object, claim_fields);
}

json_t *trim_job(const json_t *object)
{
    return trim(object, job_fields);
}

/* managedFields is often larger than the rest of an object. */
json_t *trim_common(const json_t *object)
{
    json_t *kept = json_copy((json_t *)object);
    json_t *metadata = json_copy(json_object_get(object, "metadata"));

    if (metadata) {
        json_object_del(metadata, "managedFields");
        drop_annotation(metadata);
        json_object_set_new(kept, "metadata", metadata);
    }
    return kept;
}
