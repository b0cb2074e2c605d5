/* Server-side apply: what it removes, what it leaves alone, and what it cannot do. */
#include <string.h>

#include "kube_scenarios.h"

static json_t *map(const char *data)
{
    return json_of("{\"metadata\": {\"name\": \"a\"}, \"data\": %s}", data);
}

static void say_apply(struct kube_stage *stage, const char *what,
                      const struct kube_resource *resource, json_t *object)
{
    struct error error;
    say_result(stage, what, apply(stage, resource, object, &error), &error);
}

static void apply_data(struct kube_stage *stage, const char *data)
{
    char what[300] = "apply ";

    strncat(what, data, sizeof what - 7);
    say_apply(stage, what, &kube_config_maps, map(data));
    say_json(stage, "data", json_object_get(see(stage, &kube_config_maps, "a"), "data"));
}

static void by_other(struct kube_stage *stage, const struct kube_resource *resource,
                     const char *name, json_t *json)
{
    struct error error;
    int result = patch_by_other(stage, resource, name, json, &error);

    if (result) {
        say_result(stage, "FAILED patch by another", result, &error);
    }
}

static void apply_again(struct kube_stage *stage)
{
    apply_data(stage, "{\"k\": \"1\", \"l\": \"1\"}");
    const char *version = version_of(stage, &kube_config_maps, "a");
    apply_data(stage, "{\"k\": \"1\", \"l\": \"1\"}");
    say(stage, "version: %s",
        strcmp(version, version_of(stage, &kube_config_maps, "a")) ? "new" : "the same");
    apply_data(stage, "{\"k\": \"2\"}");
    apply_data(stage, "{}");
}

static void apply_and_others(struct kube_stage *stage)
{
    apply_data(stage, "{\"k\": \"1\", \"l\": \"1\", \"m\": \"1\"}");
    by_other(stage, &kube_config_maps, "a",
             json_of("{\"metadata\": {\"labels\": {\"theirs\": \"1\"}}, \"data\": {\"l\": \"2\", "
                     "\"n\": \"2\", \"m\": \"1\"}}"));
    apply_data(stage, "{\"k\": \"1\"}"); /* l is theirs now, m was not changed. */
    apply_data(stage, "{\"k\": \"1\", \"l\": \"3\", \"n\": \"2\"}");
    apply_data(stage, "{\"k\": \"1\"}"); /* l was taken back, n is both's. */
    by_other(stage, &kube_config_maps, "a", json_of("{\"data\": {\"k\": null}}"));
    apply_data(stage, "{\"k\": \"4\"}");
    say_json(stage, "labels",
             json_path(see(stage, &kube_config_maps, "a"), "metadata", "labels", NULL));
}

static void apply_onto_created(struct kube_stage *stage)
{
    make(stage, &kube_config_maps, map("{\"k\": \"1\", \"l\": \"1\"}"));
    apply_data(stage, "{\"k\": \"1\"}");
    apply_data(stage, "{\"l\": \"2\"}");
    apply_data(stage, "{\"m\": \"1\"}");
}

static void apply_without_force(struct kube_stage *stage)
{
    struct error error;
    AUTO_JSON json_t *object = map("{\"k\": \"2\"}");

    apply_data(stage, "{\"k\": \"1\"}");
    json_object_set_new(object, "apiVersion", json_string("v1"));
    json_object_set_new(object, "kind", json_string("ConfigMap"));
    json_object_set_new(json_object_get(object, "metadata"), "namespace",
                        json_string(stage->namespace));
    int result =
        stage->other->apply(stage->other->context, &kube_config_maps, object, false, NULL, &error);
    say(stage, "changed: %s", error_kind_name((enum error_kind) - result));
    say(stage, "it names %s", strstr(error.message, "etcd-operator") ? "the other" : "nobody");
    json_object_set_new(json_object_get(object, "data"), "k", json_string("1"));
    result =
        stage->other->apply(stage->other->context, &kube_config_maps, object, false, NULL, &error);
    say_result(stage, "the same value", result, &error);
    apply_data(stage, "{\"l\": \"1\"}"); /* k is the other's, too. */
}

static void apply_finalizers_and_owners(struct kube_stage *stage)
{
    say_apply(stage, "first", &kube_config_maps,
              json_of("{\"metadata\": {\"name\": \"a\", \"finalizers\": [\"test.etcd.io/a\"], "
                      "\"annotations\": {\"x\": \"1\"}}}"));
    by_other(stage, &kube_config_maps, "a",
             json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/b\", \"test.etcd.io/a\"]}}"));
    say_apply(stage, "second", &kube_config_maps,
              json_of("{\"metadata\": {\"name\": \"a\", \"labels\": {\"y\": \"1\"}}}"));
    json_t *live = see(stage, &kube_config_maps, "a");
    say_json(stage, "finalizers", json_path(live, "metadata", "finalizers", NULL));
    say_json(stage, "annotations", json_path(live, "metadata", "annotations", NULL));
    say_json(stage, "labels", json_path(live, "metadata", "labels", NULL));
    change(stage, &kube_config_maps, "a", json_of("{\"metadata\": {\"finalizers\": null}}"));
}

/* --- StatefulSets and Services ------------------------------------------------------------- */

static json_t *set(const char *container, const char *claims)
{
    return json_of(
        "{\"metadata\": {\"name\": \"c\"}, \"spec\": {\"replicas\": 0, \"serviceName\": \"p\", "
        "\"podManagementPolicy\": \"Parallel\", \"updateStrategy\": {\"type\": \"OnDelete\"}, "
        "\"selector\": {\"matchLabels\": {\"a\": \"b\"}}, \"template\": {\"metadata\": "
        "{\"labels\": {\"a\": \"b\"}}, \"spec\": {\"containers\": [{\"name\": \"etcd\", \"image\": "
        "\"i:v1\", %s}]}}, \"volumeClaimTemplates\": [{\"metadata\": {\"name\": \"data\"}, "
        "\"spec\": {\"accessModes\": [\"ReadWriteOnce\"], \"resources\": {\"requests\": "
        "{\"storage\": \"%s\"}}}}]}}",
        container, claims);
}

static void say_container(struct kube_stage *stage)
{
    json_t *spec =
        json_path(see(stage, &kube_stateful_sets, "c"), "spec", "template", "spec", NULL);
    say_json(stage, "containers", json_object_get(spec, "containers"));
}

static void apply_containers(struct kube_stage *stage)
{
    say_apply(
        stage, "first", &kube_stateful_sets,
        set("\"env\": [{\"name\": \"A\", \"value\": \"1\"}, {\"name\": \"B\", \"value\": \"1\"}], "
            "\"volumeMounts\": [{\"name\": \"data\", \"mountPath\": \"/a\"}, {\"name\": \"data\", "
            "\"mountPath\": \"/b\", \"readOnly\": false}], \"ports\": [{\"name\": \"x\", "
            "\"containerPort\": 1, \"protocol\": \"TCP\"}], \"args\": [\"a\", \"b\"], "
            "\"readinessProbe\": {\"httpGet\": {\"path\": \"/\", \"port\": 80}}",
            "1Gi"));
    say_container(stage);
    by_other(stage, &kube_stateful_sets, "c",
             json_of("{\"spec\": {\"template\": {\"metadata\": {\"annotations\": {\"theirs\": "
                     "\"1\"}}, \"spec\": {\"priorityClassName\": \"system-node-critical\"}}}}"));
    say_apply(
        stage, "second", &kube_stateful_sets,
        set("\"env\": [{\"name\": \"B\", \"value\": \"2\"}], \"volumeMounts\": [{\"name\": "
            "\"data\", \"mountPath\": \"/b\", \"readOnly\": true}], \"ports\": [{\"name\": \"x\", "
            "\"containerPort\": 2, \"protocol\": \"TCP\"}], \"args\": [\"c\"]",
            "1Gi"));
    say_container(stage);
    json_t *template = json_path(see(stage, &kube_stateful_sets, "c"), "spec", "template", NULL);
    say_json(stage, "annotations", json_path(template, "metadata", "annotations", NULL));
    say_json(stage, "priority", json_path(template, "spec", "priorityClassName", NULL));
    say(stage, "generation %lld", (long long)generation_of(stage, &kube_stateful_sets, "c"));
}

static void apply_claim_templates(struct kube_stage *stage)
{
    struct error error;

    say_apply(stage, "first", &kube_stateful_sets, set("\"args\": [\"a\"]", "1Gi"));
    say_apply(stage, "larger claims", &kube_stateful_sets, set("\"args\": [\"a\"]", "2Gi"));
    say_apply(stage, "written otherwise", &kube_stateful_sets, set("\"args\": [\"a\"]", "1024Mi"));
    say_json(stage, "claims",
             json_path(see(stage, &kube_stateful_sets, "c"), "spec", "volumeClaimTemplates", NULL));
    json_t *same = set("\"args\": [\"b\"]", "9Gi");
    json_object_set(
        json_object_get(same, "spec"), "volumeClaimTemplates",
        json_path(see(stage, &kube_stateful_sets, "c"), "spec", "volumeClaimTemplates", NULL));
    say_apply(stage, "the live claims with new args", &kube_stateful_sets, same);
    say_json(stage, "claims",
             json_path(see(stage, &kube_stateful_sets, "c"), "spec", "volumeClaimTemplates", NULL));
    say_result(stage, "another service",
               patch(stage, &kube_stateful_sets, "c",
                     json_of("{\"spec\": {\"serviceName\": \"q\"}}"), &error),
               &error);
    say_result(stage, "another policy",
               patch(stage, &kube_stateful_sets, "c",
                     json_of("{\"spec\": {\"podManagementPolicy\": \"OrderedReady\"}}"), &error),
               &error);
    say_result(stage, "what may change",
               patch(stage, &kube_stateful_sets, "c",
                     json_of("{\"spec\": {\"minReadySeconds\": 1, \"revisionHistoryLimit\": 3, "
                             "\"persistentVolumeClaimRetentionPolicy\": {\"whenScaled\": "
                             "\"Delete\"}}}"),
                     &error),
               &error);
    say_json(stage, "retention",
             json_path(see(stage, &kube_stateful_sets, "c"), "spec",
                       "persistentVolumeClaimRetentionPolicy", NULL));
}

static void defaults_of_a_set(struct kube_stage *stage)
{
    say_apply(
        stage, "apply", &kube_stateful_sets,
        json_of("{\"metadata\": {\"name\": \"c\", \"annotations\": {}, \"labels\": {}}, "
                "\"spec\": {\"replicas\": 0, \"serviceName\": \"p\", \"podManagementPolicy\": "
                "\"Parallel\", \"updateStrategy\": {\"type\": \"OnDelete\"}, \"selector\": "
                "{\"matchLabels\": {\"a\": \"b\"}}, \"template\": {\"metadata\": {\"labels\": "
                "{\"a\": \"b\"}}, \"spec\": {\"automountServiceAccountToken\": false, "
                "\"enableServiceLinks\": false, \"imagePullSecrets\": [], \"hostNetwork\": "
                "false, \"containers\": [{\"name\": \"etcd\", \"image\": \"i\", \"env\": "
                "[{\"name\": \"N\", \"valueFrom\": {\"fieldRef\": {\"fieldPath\": "
                "\"metadata.name\"}}}, {\"name\": \"E\", \"value\": \"\"}], \"ports\": "
                "[{\"containerPort\": 1}], \"resources\": {\"requests\": {}, \"limits\": {}}, "
                "\"command\": [], \"securityContext\": {\"privileged\": false, "
                "\"capabilities\": {\"drop\": [\"ALL\"], \"add\": []}}, \"livenessProbe\": "
                "{\"httpGet\": {\"port\": 1}}}], \"volumes\": [{\"name\": \"s\", \"secret\": "
                "{\"secretName\": \"s\"}}, {\"name\": \"c\", \"configMap\": {\"name\": "
                "\"c\"}}, {\"name\": \"e\", \"emptyDir\": {}}, {\"name\": \"d\", "
                "\"downwardAPI\": {\"items\": [{\"path\": \"p\", \"fieldRef\": "
                "{\"fieldPath\": \"metadata.name\"}}]}}]}}}}"));
    json_t *live = see(stage, &kube_stateful_sets, "c");
    say_json(stage, "spec", json_object_get(live, "spec"));
    say_json(stage, "labels", json_path(live, "metadata", "labels", NULL));
    say_json(stage, "annotations", json_path(live, "metadata", "annotations", NULL));
}

static json_t *service(int port)
{
    return json_of("{\"metadata\": {\"name\": \"s\"}, \"spec\": {\"type\": \"ClusterIP\", "
                   "\"clusterIP\": \"None\", \"selector\": {\"a\": \"b\"}, \"ports\": [{\"name\": "
                   "\"client\", \"port\": %d, \"targetPort\": \"client\", \"protocol\": \"TCP\"}, "
                   "{\"name\": \"peer\", \"port\": 2380, \"targetPort\": \"peer\", \"protocol\": "
                   "\"TCP\"}]}}",
                   port);
}

static json_t *ports(struct kube_stage *stage)
{
    return json_path(see(stage, &kube_services, "s"), "spec", "ports", NULL);
}

static void apply_service(struct kube_stage *stage)
{
    struct error error;

    say_apply(stage, "first", &kube_services, service(2379));
    say_json(stage, "spec", json_object_get(see(stage, &kube_services, "s"), "spec"));
    by_other(stage, &kube_services, "s",
             json_of("{\"spec\": {\"ports\": [{\"name\": \"client\", \"port\": 99, "
                     "\"targetPort\": \"client\"}, {\"name\": \"peer\", \"port\": 2380, "
                     "\"targetPort\": \"peer\"}]}}"));
    say_json(stage, "ports", ports(stage));
    say_apply(stage, "a changed number", &kube_services, service(2379));
    say_result(stage, "the list as a whole",
               patch(stage, &kube_services, "s",
                     json_of("{\"spec\": {\"ports\": [{\"name\": \"client\", \"port\": 2379, "
                             "\"targetPort\": \"client\", \"protocol\": \"TCP\"}, {\"name\": "
                             "\"peer\", \"port\": 2380, \"targetPort\": \"peer\", \"protocol\": "
                             "\"TCP\"}]}}"),
                     &error),
               &error);
    say_apply(stage, "then", &kube_services, service(2379));
    say_json(stage, "ports", ports(stage));
    by_other(stage, &kube_services, "s",
             json_of("{\"spec\": {\"publishNotReadyAddresses\": true, \"selector\": {\"c\": "
                     "\"d\"}}}"));
    say_json(stage, "selector",
             json_path(see(stage, &kube_services, "s"), "spec", "selector", NULL));
    say_apply(stage, "last", &kube_services, service(2379));
    say_json(stage, "spec", json_object_get(see(stage, &kube_services, "s"), "spec"));
}

static void apply_budget(struct kube_stage *stage)
{
    say_apply(stage, "first", &kube_pod_disruption_budgets,
              json_of("{\"metadata\": {\"name\": \"b\"}, \"spec\": {\"maxUnavailable\": 1, "
                      "\"unhealthyPodEvictionPolicy\": \"IfHealthyBudget\", \"selector\": "
                      "{\"matchLabels\": {\"a\": \"b\"}}}}"));
    by_other(stage, &kube_pod_disruption_budgets, "b",
             json_of("{\"spec\": {\"selector\": {\"matchLabels\": {\"x\": \"y\"}}}}"));
    say_json(stage, "spec", json_object_get(see(stage, &kube_pod_disruption_budgets, "b"), "spec"));
    say_apply(stage, "second", &kube_pod_disruption_budgets,
              json_of("{\"metadata\": {\"name\": \"b\"}, \"spec\": {\"maxUnavailable\": 2, "
                      "\"selector\": {\"matchLabels\": {\"a\": \"b\"}}}}"));
    json_t *live = see(stage, &kube_pod_disruption_budgets, "b");
    say_json(stage, "spec", json_object_get(live, "spec"));
    say(stage, "generation %lld",
        (long long)generation_of(stage, &kube_pod_disruption_budgets, "b"));
}

const struct kube_scenario apply_scenarios[] = {
    {"apply again", apply_again},
    {"apply and others' fields", apply_and_others},
    {"apply onto a created object", apply_onto_created},
    {"apply without force", apply_without_force},
    {"apply of finalizers", apply_finalizers_and_owners},
    {"apply of containers", apply_containers},
    {"apply of claim templates", apply_claim_templates},
    {"defaults of a StatefulSet", defaults_of_a_set},
    {"apply of a Service", apply_service},
    {"apply of a budget", apply_budget},
    {NULL},
};
