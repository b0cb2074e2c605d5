#include "set_scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE "gcr.io/etcd-development/etcd:v3.6.16"

/* etcd's image has nothing that waits but its own programs: a gateway to nowhere. */
json_t *set_of(int replicas, bool placed, const char *label)
{
    const char *image = getenv("KUBE_TEST_IMAGE");

    return json_of(
        "{\"metadata\": {\"name\": \"c\"}, \"spec\": {\"replicas\": %d, \"serviceName\": \"c\", "
        "\"podManagementPolicy\": \"Parallel\", \"updateStrategy\": {\"type\": \"OnDelete\"}, "
        "\"selector\": {\"matchLabels\": {\"app\": \"c\"}}, \"template\": {\"metadata\": "
        "{\"labels\": {\"app\": \"c\", \"look\": \"%s\"}, \"annotations\": {\"x\": \"y\"}}, "
        "\"spec\": {\"terminationGracePeriodSeconds\": 5, %s \"containers\": [{\"name\": \"etcd\", "
        "\"image\": \"%s\", \"imagePullPolicy\": \"IfNotPresent\", \"command\": "
        "[\"/usr/local/bin/etcd\", \"gateway\", \"start\", \"--endpoints=127.0.0.1:1\"], "
        "\"volumeMounts\": [{\"name\": \"data\", \"mountPath\": \"/data\"}]}]}}, "
        "\"volumeClaimTemplates\": [{\"metadata\": {\"name\": \"data\", \"labels\": {\"l\": "
        "\"m\"}, \"annotations\": {\"by\": \"test\"}}, \"spec\": {\"accessModes\": "
        "[\"ReadWriteOnce\"], \"resources\": {\"requests\": {\"storage\": \"16Mi\"}}}}]}}",
        replicas, label, placed ? "" : "\"nodeSelector\": {\"no\": \"where\"},",
        image ? image : IMAGE);
}

void scale_set(struct kube_stage *stage, int replicas)
{
    struct error error;
    int result = stage->api->scale(stage->api->context, &kube_stateful_sets, stage->namespace, "c",
                                   replicas, &error);

    if (result) {
        say_result(stage, "FAILED scale", result, &error);
    }
}

void relabel_set(struct kube_stage *stage, const char *label)
{
    change(stage, &kube_stateful_sets, "c",
           json_of("{\"spec\": {\"template\": {\"metadata\": {\"labels\": {\"look\": \"%s\"}}}}}",
                   label));
}

const char *pod_label(struct kube_stage *stage, const char *pod)
{
    const char *label =
        json_path_string(see(stage, &kube_pods, pod), "metadata", "labels", "look", NULL);
    return label ? label : "none";
}

bool pod_there(struct kube_stage *stage, const char *pod)
{
    return see(stage, &kube_pods, pod) != NULL;
}

size_t pods_there(struct kube_stage *stage)
{
    return json_array_size(see_all(stage, &kube_pods, NULL));
}

json_int_t set_status(struct kube_stage *stage, const char *field)
{
    return json_path_integer(see(stage, &kube_stateful_sets, "c"), 0, "status", field, NULL);
}

bool set_settled(struct kube_stage *stage, int replicas, int ready)
{
    return set_status(stage, "observedGeneration") ==
               generation_of(stage, &kube_stateful_sets, "c") &&
           set_status(stage, "replicas") == replicas &&
           set_status(stage, "readyReplicas") == ready && pods_there(stage) == (size_t)replicas;
}

static const char *owner_of(const json_t *object, char out[100])
{
    const json_t *owner = json_array_get(json_path(object, "metadata", "ownerReferences", NULL), 0);

    snprintf(out, 100, "%s", "nobody");
    if (owner) {
        snprintf(out, 100, "%s %s%s%s", json_path_string(owner, "kind", NULL),
                 json_path_string(owner, "name", NULL),
                 json_is_true(json_object_get(owner, "controller")) ? ", controller" : "",
                 json_is_true(json_object_get(owner, "blockOwnerDeletion")) ? ", blocks" : "");
    }
    return out;
}

/* The volumes that the set made; the API server adds one of its own. */
static json_t *claimed_volumes(const json_t *pod)
{
    json_t *list = json_array(), *volume;
    size_t i;

    json_array_foreach(json_path(pod, "spec", "volumes", NULL), i, volume)
    {
        if (json_object_get(volume, "persistentVolumeClaim")) {
            json_array_append(list, volume);
        }
    }
    return list;
}

void say_pods(struct kube_stage *stage)
{
    json_t *pod;
    size_t i;
    char owner[100];

    json_array_foreach(see_all(stage, &kube_pods, NULL), i, pod)
    {
        const json_t *metadata = json_object_get(pod, "metadata");
        AUTO_JSON json_t *labels = json_copy(json_object_get(metadata, "labels"));
        AUTO_JSON json_t *volumes = claimed_volumes(pod);
        bool revision = json_object_del(labels, "controller-revision-hash") == 0;
        json_object_del(labels, "topology.kubernetes.io/region"); /* The node's. */
        json_object_del(labels, "topology.kubernetes.io/zone");
        say(stage, "pod %s of %s, revision %s, host %s.%s",
            json_path_string(metadata, "name", NULL), owner_of(pod, owner),
            revision ? "said" : "not said", json_path_string(pod, "spec", "hostname", NULL),
            json_path_string(pod, "spec", "subdomain", NULL));
        say_json(stage, "  labels", labels);
        say_json(stage, "  annotations", json_object_get(metadata, "annotations"));
        say_json(stage, "  claims", volumes);
    }
}

void say_claims(struct kube_stage *stage)
{
    json_t *claim;
    size_t i;
    char owner[100];

    json_array_foreach(see_all(stage, &kube_persistent_volume_claims, NULL), i, claim)
    {
        const json_t *metadata = json_object_get(claim, "metadata");
        const char *by = json_path_string(metadata, "annotations", "by", NULL);
        say(stage, "claim %s of %s, by %s", json_path_string(metadata, "name", NULL),
            owner_of(claim, owner), by ? by : "nobody");
        say_json(stage, "  labels", json_object_get(metadata, "labels"));
        say_json(stage, "  finalizers", json_object_get(metadata, "finalizers"));
        say_json(stage, "  size", json_path(claim, "spec", "resources", NULL));
    }
}

void say_status(struct kube_stage *stage)
{
    const json_t *set = see(stage, &kube_stateful_sets, "c");
    const char *current = json_path_string(set, "status", "currentRevision", NULL);
    const char *update = json_path_string(set, "status", "updateRevision", NULL);

    say(stage,
        "status: %lld replicas, %lld ready, %lld current, %lld updated, %lld available, "
        "revisions %s, generation %lld seen %lld",
        (long long)set_status(stage, "replicas"), (long long)set_status(stage, "readyReplicas"),
        (long long)set_status(stage, "currentReplicas"),
        (long long)set_status(stage, "updatedReplicas"),
        (long long)set_status(stage, "availableReplicas"),
        !current || !update       ? "missing"
        : strcmp(current, update) ? "differ"
                                  : "agree",
        (long long)generation_of(stage, &kube_stateful_sets, "c"),
        (long long)set_status(stage, "observedGeneration"));
}
