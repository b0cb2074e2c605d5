#include "sim/kube/rules.h"

#include <stdio.h>
#include <string.h>

#include "api/field.h"
#include "base/json.h"

static bool refuse(char why[SIM_RULE_SIZE], const char *words)
{
    snprintf(why, SIM_RULE_SIZE, "%s", words);
    return false;
}

/* RFC 1123 subdomain, which nearly all names of objects are. */
static bool name_ok(const char *name)
{
    size_t length = strlen(name);

    return length && length < 254 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length && name[0] != '-' &&
           name[0] != '.' && name[length - 1] != '-' && name[length - 1] != '.';
}

/* Two ports of one name, or of one number and protocol. */
static bool ports_ok(const json_t *object, char why[SIM_RULE_SIZE])
{
    json_t *ports = json_path(object, "spec", "ports", NULL), *port, *other;
    size_t i;

    json_array_foreach(ports, i, port)
    {
        for (size_t j = 0; j < i; j++) {
            other = json_array_get(ports, j);
            if (json_equal(json_object_get(port, "name"), json_object_get(other, "name"))) {
                snprintf(why, SIM_RULE_SIZE, "spec.ports[%zu].name: Duplicate value: \"%s\"", i,
                         json_path_string(port, "name", NULL));
                return false;
            }
            if (json_equal(json_object_get(port, "port"), json_object_get(other, "port")) &&
                json_equal(json_object_get(port, "protocol"), json_object_get(other, "protocol"))) {
                snprintf(why, SIM_RULE_SIZE, "spec.ports[%zu]: Duplicate value: %lld", i,
                         (long long)json_path_integer(port, 0, "port", NULL));
                return false;
            }
        }
    }
    return true;
}

bool sim_rules_create(const struct kube_resource *resource, const json_t *object,
                      char why[SIM_RULE_SIZE])
{
    const char *name = json_path_string(object, "metadata", "name", NULL);

    if (!name || !name_ok(name)) {
        snprintf(
            why, SIM_RULE_SIZE,
            "metadata.name: Invalid value: \"%s\": a lowercase RFC 1123 subdomain must consist "
            "of lower case alphanumeric characters, '-' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            name ? name : "");
        return false;
    }
    return resource != &kube_services || ports_ok(object, why);
}

/* The two specs agree in all but these members. */
static bool same_but(const json_t *before, const json_t *after, const char *const *free_members)
{
    json_t *a = json_copy(json_object_get(before, "spec"));
    json_t *b = json_copy(json_object_get(after, "spec"));

    for (; *free_members; free_members++) {
        json_object_del(a, *free_members);
        json_object_del(b, *free_members);
    }
    bool same = json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return same;
}

static bool stateful_set_ok(const json_t *before, const json_t *after, char why[SIM_RULE_SIZE])
{
    static const char *const members[] = {"replicas",
                                          "ordinals",
                                          "template",
                                          "updateStrategy",
                                          "revisionHistoryLimit",
                                          "persistentVolumeClaimRetentionPolicy",
                                          "minReadySeconds",
                                          NULL};

    return same_but(before, after, members) ||
           refuse(why, "spec: Forbidden: updates to statefulset spec for fields other than "
                       "'replicas', 'ordinals', 'template', 'updateStrategy', "
                       "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                       "'minReadySeconds' are forbidden");
}

static const char *requested(const json_t *claim)
{
    return json_path_string(claim, "spec", "resources", "requests", "storage", NULL);
}

/* A claim may be bound, and grow. */
static bool claim_ok(const json_t *before, const json_t *after, char why[SIM_RULE_SIZE])
{
    static const char *const members[] = {"resources", "volumeName", "volumeAttributesClassName",
                                          NULL};
    const char *volume = json_path_string(before, "spec", "volumeName", NULL);
    const char *phase = json_path_string(before, "status", "phase", NULL);
    const char *had = requested(before), *asks = requested(after);
    const char *has = json_path_string(before, "status", "capacity", "storage", NULL);

    if (phase && strcmp(phase, "Bound") != 0 && (had || asks) &&
        (!had || !asks || strcmp(had, asks))) {
        return refuse(why, "spec: Forbidden: spec is immutable after creation except "
                           "resources.requests and volumeAttributesClassName for bound claims");
    }
    if (had && asks && api_quantity_compare(asks, had) < 0 &&
        (!has || api_quantity_compare(asks, has) <= 0)) {
        return refuse(why, "spec.resources.requests.storage: Forbidden: field can not be less than "
                           "status.capacity");
    }
    if (same_but(before, after, members) &&
        (!volume || json_equal(json_path(before, "spec", "volumeName", NULL),
                               json_path(after, "spec", "volumeName", NULL)))) {
        return true;
    }
    return refuse(why, "spec: Forbidden: spec is immutable after creation except "
                       "resources.requests and volumeAttributesClassName for bound claims");
}

static bool is_immutable(const json_t *object)
{
    return json_is_true(json_object_get(object, "immutable"));
}

static bool content_ok(const json_t *before, const json_t *after, char why[SIM_RULE_SIZE])
{
    static const char *const members[] = {"data", "binaryData"};

    if (!is_immutable(before)) {
        return true;
    }
    if (!is_immutable(after)) {
        return refuse(why, "immutable: Forbidden: field is immutable when `immutable` is set");
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!json_equal(json_object_get(before, members[i]), json_object_get(after, members[i])) &&
            json_object_get(before, members[i]) != json_object_get(after, members[i])) {
            snprintf(why, SIM_RULE_SIZE,
                     "%s: Forbidden: field is immutable when `immutable` is set", members[i]);
            return false;
        }
    }
    return true;
}

static bool has(const json_t *list, const json_t *wanted)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        if (json_equal(item, wanted)) {
            return true;
        }
    }
    return false;
}

/* What is being deleted gets no new finalizers. */
static bool finalizers_ok(const json_t *before, const json_t *after, char why[SIM_RULE_SIZE])
{
    size_t i;
    json_t *finalizer;

    if (!json_path(before, "metadata", "deletionTimestamp", NULL)) {
        return true;
    }
    json_array_foreach(json_path(after, "metadata", "finalizers", NULL), i, finalizer)
    {
        if (!has(json_path(before, "metadata", "finalizers", NULL), finalizer)) {
            snprintf(why, SIM_RULE_SIZE,
                     "metadata.finalizers: Forbidden: no new finalizers can be added if the object "
                     "is being deleted, found new finalizers []string{\"%s\"}",
                     json_string_value(finalizer));
            return false;
        }
    }
    return true;
}

bool sim_rules_update(const struct kube_resource *resource, const json_t *before,
                      const json_t *after, char why[SIM_RULE_SIZE])
{
    if (!finalizers_ok(before, after, why)) {
        return false;
    }
    if (resource == &kube_stateful_sets) {
        return stateful_set_ok(before, after, why);
    }
    if (resource == &kube_persistent_volume_claims) {
        return claim_ok(before, after, why);
    }
    if (resource == &kube_config_maps || resource == &kube_secrets) {
        return content_ok(before, after, why);
    }
    return resource != &kube_services || ports_ok(after, why);
}
