/* The objects that the StatefulSet controller makes, and how it knows them again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sim/kube/controllers_internal.h"

json_t *sim_controller_reference(const json_t *set)
{
    return json_pack("{s:s, s:s, s:O, s:O, s:b, s:b}", "apiVersion", "apps/v1", "kind",
                     "StatefulSet", "name", json_path(set, "metadata", "name", NULL), "uid",
                     json_path(set, "metadata", "uid", NULL), "controller", 1, "blockOwnerDeletion",
                     1);
}

const json_t *sim_controller_of(const json_t *object)
{
    size_t i;
    json_t *reference;

    json_array_foreach(json_path(object, "metadata", "ownerReferences", NULL), i, reference)
    {
        if (json_is_true(json_object_get(reference, "controller"))) {
            return reference;
        }
    }
    return NULL;
}

int sim_stateful_ordinal(const json_t *set, const json_t *pod)
{
    const char *prefix = json_path_string(set, "metadata", "name", NULL);
    const char *name = json_path_string(pod, "metadata", "name", NULL);
    size_t length = strlen(prefix);

    if (strncmp(name, prefix, length) != 0 || name[length] != '-') {
        return -1;
    }
    const char *digits = name + length + 1;
    size_t count = strspn(digits, "0123456789");
    return count && count < 7 && !digits[count] ? atoi(digits) : -1;
}

static json_t *copy_or_new(const json_t *object)
{
    return object ? json_copy((json_t *)object) : json_object();
}

/* The claims' volumes come first, in place of any of the same name. */
static json_t *volumes(const json_t *set, const json_t *spec, const char *pod)
{
    json_t *list = json_array(), *template, *volume;
    json_t *templates = json_path(set, "spec", "volumeClaimTemplates", NULL);
    size_t i, t;

    json_array_foreach(templates, i, template)
    {
        const char *name = json_path_string(template, "metadata", "name", NULL);
        json_array_append_new(list,
                              json_pack("{s:s, s:{s:o}}", "name", name, "persistentVolumeClaim",
                                        "claimName", json_sprintf("%s-%s", name, pod)));
    }
    json_array_foreach(json_object_get(spec, "volumes"), i, volume)
    {
        bool claimed = false;
        json_array_foreach(templates, t, template)
        {
            claimed = claimed || json_equal(json_path(template, "metadata", "name", NULL),
                                            json_object_get(volume, "name"));
        }
        if (!claimed) {
            json_array_append(list, volume);
        }
    }
    return list;
}

static json_t *pod_metadata(const json_t *set, const char *name, int ordinal, const char *revision)
{
    const json_t *template = json_path(set, "spec", "template", "metadata", NULL);
    json_t *labels = copy_or_new(json_object_get(template, "labels"));

    json_object_set_new(labels, "statefulset.kubernetes.io/pod-name", json_string(name));
    json_object_set_new(labels, "apps.kubernetes.io/pod-index", json_sprintf("%d", ordinal));
    json_object_set_new(labels, "controller-revision-hash", json_string(revision));
    return json_pack("{s:s, s:O, s:o, s:o, s:o, s:[o]}", "name", name, "namespace",
                     json_path(set, "metadata", "namespace", NULL), "generateName",
                     json_sprintf("%s-", json_path_string(set, "metadata", "name", NULL)), "labels",
                     labels, "annotations", copy_or_new(json_object_get(template, "annotations")),
                     "ownerReferences", sim_controller_reference(set));
}

json_t *sim_stateful_pod(const json_t *set, int ordinal, const char *revision)
{
    char name[300];
    json_t *spec = json_copy(json_path(set, "spec", "template", "spec", NULL));

    snprintf(name, sizeof name, "%s-%d", json_path_string(set, "metadata", "name", NULL), ordinal);
    json_object_set_new(spec, "hostname", json_string(name));
    json_object_set(spec, "subdomain", json_path(set, "spec", "serviceName", NULL));
    json_object_set_new(spec, "volumes", volumes(set, spec, name));
    return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Pod", "metadata",
                     pod_metadata(set, name, ordinal, revision), "spec", spec);
}

json_t *sim_stateful_claim(const json_t *set, const json_t *claim_template, const char *pod)
{
    const json_t *metadata = json_object_get(claim_template, "metadata");
    json_t *labels = copy_or_new(json_object_get(metadata, "labels"));

    json_object_update(labels, json_path(set, "spec", "selector", "matchLabels", NULL));
    return json_pack("{s:s, s:s, s:{s:o, s:O, s:o, s:o}, s:O}", "apiVersion", "v1", "kind",
                     "PersistentVolumeClaim", "metadata", "name",
                     json_sprintf("%s-%s", json_path_string(metadata, "name", NULL), pod),
                     "namespace", json_path(set, "metadata", "namespace", NULL), "labels", labels,
                     "annotations", copy_or_new(json_object_get(metadata, "annotations")), "spec",
                     json_object_get(claim_template, "spec"));
}
