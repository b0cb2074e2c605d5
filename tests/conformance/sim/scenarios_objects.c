/* Single objects: versions, preconditions, finalizers, status and generation, what is immutable. */
#include <string.h>

#include "kube_scenarios.h"

#define MAP(name, value)                                                                           \
    json_of("{\"metadata\": {\"name\": \"%s\"}, \"data\": {\"key\": \"%s\"}}", name, value)

static const char *value(struct kube_stage *stage, const char *name)
{
    const char *text = json_path_string(see(stage, &kube_config_maps, name), "data", "key", NULL);
    return text ? text : "none";
}

static json_t *cluster(const char *name)
{
    return json_of("{\"metadata\": {\"name\": \"%s\", \"labels\": {\"a\": \"1\"}}, \"spec\": "
                   "{\"size\": 1}, \"status\": {\"phase\": \"Running\"}}",
                   name);
}

static void create_twice(struct kube_stage *stage)
{
    struct error error;

    say_result(stage, "first", create(stage, &kube_config_maps, MAP("a", "1"), &error), &error);
    say_result(stage, "second", create(stage, &kube_config_maps, MAP("a", "2"), &error), &error);
    say(stage, "value %s", value(stage, "a"));
    make(stage, &kube_etcd_clusters, cluster("c"));
    say_result(stage, "cluster", create(stage, &kube_etcd_clusters, cluster("c"), &error), &error);
    say_result(stage, "version set",
               create(stage, &kube_config_maps,
                      json_of("{\"metadata\": {\"name\": \"b\", \"resourceVersion\": \"1\"}}"),
                      &error),
               &error);
}

static void names(struct kube_stage *stage)
{
    struct error error;

    say_result(stage, "spaces", create(stage, &kube_config_maps, MAP("a b", "1"), &error), &error);
    say_result(stage, "capitals", create(stage, &kube_config_maps, MAP("A", "1"), &error), &error);
    say_result(stage, "dots", create(stage, &kube_config_maps, MAP("a.b", "1"), &error), &error);
}

static void what_is_not_there(struct kube_stage *stage)
{
    struct error error;

    say_result(stage, "get",
               stage->api->get(stage->api->context, &kube_stateful_sets, stage->namespace, "no",
                               NULL, &error),
               &error);
    say_result(stage, "patch",
               patch(stage, &kube_etcd_clusters, "no", json_of("{\"spec\": {}}"), &error), &error);
    say_result(stage, "replace", replace(stage, &kube_config_maps, MAP("no", "1"), &error), &error);
    say_result(stage, "delete", delete_object(stage, &kube_pods, "no", NULL, &error), &error);
    say_result(stage, "scale",
               stage->api->scale(stage->api->context, &kube_stateful_sets, stage->namespace, "no",
                                 1, &error),
               &error);
    say_result(stage, "apply of a version",
               apply(stage, &kube_config_maps,
                     json_of("{\"metadata\": {\"name\": \"no\", \"resourceVersion\": \"1\"}}"),
                     &error),
               &error);
}

static json_t *versioned(const char *name, const char *version, const char *data)
{
    return json_of("{\"metadata\": {\"name\": \"%s\", \"resourceVersion\": \"%s\"}, \"data\": "
                   "{\"key\": \"%s\"}}",
                   name, version, data);
}

static void stale_versions(struct kube_stage *stage)
{
    struct error error;

    make(stage, &kube_config_maps, MAP("a", "1"));
    const char *old = version_of(stage, &kube_config_maps, "a");
    change(stage, &kube_config_maps, "a", json_of("{\"data\": {\"key\": \"2\"}}"));
    say_result(stage, "replace, stale",
               replace(stage, &kube_config_maps, versioned("a", old, "3"), &error), &error);
    say_result(stage, "patch, stale",
               patch(stage, &kube_config_maps, "a", versioned("a", old, "3"), &error), &error);
    say_result(stage, "apply, stale",
               apply(stage, &kube_config_maps, versioned("a", old, "3"), &error), &error);
    say(stage, "value %s", value(stage, "a"));
    const char *fresh = version_of(stage, &kube_config_maps, "a");
    say_result(stage, "replace, fresh",
               replace(stage, &kube_config_maps, versioned("a", fresh, "4"), &error), &error);
    say_result(stage, "replace, any version",
               replace(stage, &kube_config_maps, MAP("a", "5"), &error), &error);
    fresh = version_of(stage, &kube_config_maps, "a");
    say_result(stage, "patch, fresh",
               patch(stage, &kube_config_maps, "a", versioned("a", fresh, "6"), &error), &error);
    say(stage, "value %s", value(stage, "a"));
}

static void stale_status(struct kube_stage *stage)
{
    struct error error;

    make(stage, &kube_etcd_clusters, cluster("c"));
    const char *old = version_of(stage, &kube_etcd_clusters, "c");
    change(stage, &kube_etcd_clusters, "c",
           json_of("{\"metadata\": {\"labels\": {\"b\": \"1\"}}}"));
    say_result(stage, "stale",
               replace_status(stage, &kube_etcd_clusters,
                              json_of("{\"metadata\": {\"name\": \"c\", \"resourceVersion\": "
                                      "\"%s\"}, \"status\": {\"phase\": \"Late\"}}",
                                      old),
                              &error),
               &error);
    say_result(stage, "without version",
               replace_status(stage, &kube_etcd_clusters,
                              json_of("{\"metadata\": {\"name\": \"c\"}, \"status\": {\"phase\": "
                                      "\"Late\"}}"),
                              &error),
               &error);
    say_json(stage, "status", json_path(see(stage, &kube_etcd_clusters, "c"), "status", NULL));
}

static void other_uid(struct kube_stage *stage)
{
    const char *wrong = "00000000-0000-4000-8000-000000000000";
    const struct kube_delete_options by_uid = {.uid = wrong, .grace_period_seconds = -1};
    const struct kube_delete_options by_version = {.resource_version = "1",
                                                   .grace_period_seconds = -1};
    struct error error;

    make(stage, &kube_config_maps, MAP("a", "1"));
    say(stage, "delete, other uid: %s",
        error_kind_name((enum error_kind) -
                        delete_object(stage, &kube_config_maps, "a", &by_uid, &error)));
    say(stage, "it says %s", strstr(error.message, "the UID in the precondition") ? "why" : "less");
    say(stage, "delete, other version: %s",
        error_kind_name((enum error_kind) -
                        delete_object(stage, &kube_config_maps, "a", &by_version, &error)));
    say(stage, "it says %s",
        strstr(error.message, "the ResourceVersion in the precondition") ? "why" : "less");
    say(stage, "patch: %s",
        error_kind_name(
            (enum error_kind) -
            patch(stage, &kube_config_maps, "a",
                  json_of("{\"metadata\": {\"uid\": \"%s\"}, \"data\": {\"key\": \"2\"}}", wrong),
                  &error)));
    say(stage, "value %s", value(stage, "a"));
    const char *uid = uid_of(stage, &kube_config_maps, "a");
    const struct kube_delete_options right = {.uid = uid, .grace_period_seconds = -1};
    say_result(stage, "patch, right uid",
               patch(stage, &kube_config_maps, "a",
                     json_of("{\"metadata\": {\"uid\": \"%s\"}, \"data\": {\"key\": \"3\"}}", uid),
                     &error),
               &error);
    say(stage, "value %s", value(stage, "a"));
    say_result(stage, "delete, right uid",
               delete_object(stage, &kube_config_maps, "a", &right, &error), &error);
    say(stage, "there: %d", see(stage, &kube_config_maps, "a") != NULL);
}

static void finalizers(struct kube_stage *stage)
{
    struct error error;

    make(stage, &kube_etcd_clusters,
         json_of("{\"metadata\": {\"name\": \"c\", \"finalizers\": [\"test.etcd.io/a\", "
                 "\"test.etcd.io/b\"]}, \"spec\": {\"size\": 1}}"));
    say(stage, "generation %lld", (long long)generation_of(stage, &kube_etcd_clusters, "c"));
    drop(stage, &kube_etcd_clusters, "c");
    say(stage, "terminating: %d", is_terminating(stage, &kube_etcd_clusters, "c"));
    say(stage, "generation %lld", (long long)generation_of(stage, &kube_etcd_clusters, "c"));
    say_json(stage, "grace",
             json_path(see(stage, &kube_etcd_clusters, "c"), "metadata",
                       "deletionGracePeriodSeconds", NULL));
    const char *version = version_of(stage, &kube_etcd_clusters, "c");
    drop(stage, &kube_etcd_clusters, "c");
    say(stage, "a second deletion changes it: %d",
        strcmp(version, version_of(stage, &kube_etcd_clusters, "c")) != 0);
    say_result(stage, "create again", create(stage, &kube_etcd_clusters, cluster("c"), &error),
               &error);
    say_result(stage, "patch of the spec",
               patch(stage, &kube_etcd_clusters, "c", json_of("{\"spec\": {\"size\": 3}}"), &error),
               &error);
    say_result(stage, "a new finalizer",
               patch(stage, &kube_etcd_clusters, "c",
                     json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/a\", "
                             "\"test.etcd.io/b\", \"test.etcd.io/c\"]}}"),
                     &error),
               &error);
    say_result(stage, "undoing the deletion",
               patch(stage, &kube_etcd_clusters, "c",
                     json_of("{\"metadata\": {\"deletionTimestamp\": null}}"), &error),
               &error);
    say(stage, "terminating: %d", is_terminating(stage, &kube_etcd_clusters, "c"));
    change(stage, &kube_etcd_clusters, "c",
           json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/b\"]}}"));
    say(stage, "one left: %d", is_terminating(stage, &kube_etcd_clusters, "c"));
    change(stage, &kube_etcd_clusters, "c", json_of("{\"metadata\": {\"finalizers\": null}}"));
    say(stage, "there: %d", see(stage, &kube_etcd_clusters, "c") != NULL);
}

static void status_and_spec(struct kube_stage *stage)
{
    struct error error;

    make(stage, &kube_etcd_clusters, cluster("c"));
    json_t *live = see(stage, &kube_etcd_clusters, "c");
    say_json(stage, "status of a new one", json_object_get(live, "status"));
    change(stage, &kube_etcd_clusters, "c", json_of("{\"status\": {\"phase\": \"Failed\"}}"));
    say_json(stage, "after a patch",
             json_object_get(see(stage, &kube_etcd_clusters, "c"), "status"));
    say_result(stage, "replace_status",
               replace_status(stage, &kube_etcd_clusters,
                              json_of("{\"metadata\": {\"name\": \"c\", \"resourceVersion\": "
                                      "\"%s\", \"labels\": {\"a\": \"2\"}}, \"spec\": {\"size\": "
                                      "5}, \"status\": {\"phase\": \"Scaling\"}}",
                                      version_of(stage, &kube_etcd_clusters, "c")),
                              &error),
               &error);
    live = see(stage, &kube_etcd_clusters, "c");
    say_json(stage, "size", json_path(live, "spec", "size", NULL));
    say_json(stage, "labels", json_path(live, "metadata", "labels", NULL));
    say_json(stage, "phase", json_path(live, "status", "phase", NULL));
    json_t *own = json_deep_copy(live);
    json_object_set_new(json_object_get(own, "spec"), "size", json_integer(3));
    json_object_del(own, "status");
    say_result(stage, "replace", replace(stage, &kube_etcd_clusters, own, &error), &error);
    live = see(stage, &kube_etcd_clusters, "c");
    say_json(stage, "size", json_path(live, "spec", "size", NULL));
    say_json(stage, "phase", json_path(live, "status", "phase", NULL));
}

/* Whether a patch changes the version and the generation. */
static void count(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
                  const char *what, json_t *json)
{
    const char *version = version_of(stage, resource, name);

    change(stage, resource, name, json);
    say(stage, "%s %s: generation %lld, version %s", resource->kind, what,
        (long long)generation_of(stage, resource, name),
        strcmp(version, version_of(stage, resource, name)) ? "new" : "the same");
}

static void generations(struct kube_stage *stage)
{
    make(stage, &kube_etcd_clusters, cluster("c"));
    count(stage, &kube_etcd_clusters, "c", "a label",
          json_of("{\"metadata\": {\"labels\": {\"a\": \"2\"}}}"));
    count(stage, &kube_etcd_clusters, "c", "the same", json_of("{\"spec\": {\"size\": 1}}"));
    count(stage, &kube_etcd_clusters, "c", "the spec", json_of("{\"spec\": {\"size\": 3}}"));
    count(stage, &kube_etcd_clusters, "c", "the status",
          json_of("{\"status\": {\"phase\": \"x\"}}"));
    make(stage, &kube_pod_disruption_budgets,
         json_of("{\"metadata\": {\"name\": \"b\"}, \"spec\": {\"maxUnavailable\": 1, "
                 "\"selector\": {\"matchLabels\": {\"a\": \"b\"}}}}"));
    say(stage, "budget: generation %lld",
        (long long)generation_of(stage, &kube_pod_disruption_budgets, "b"));
    make(stage, &kube_config_maps, MAP("a", "1"));
    count(stage, &kube_config_maps, "a", "the data", json_of("{\"data\": {\"key\": \"2\"}}"));
    count(stage, &kube_config_maps, "a", "an empty map",
          json_of("{\"metadata\": {\"annotations\": {}}}"));
}

static void merge_patches(struct kube_stage *stage)
{
    make(stage, &kube_config_maps,
         json_of("{\"metadata\": {\"name\": \"a\", \"annotations\": {\"x\": \"1\", \"y\": \"1\"}, "
                 "\"finalizers\": [\"test.etcd.io/a\"]}, \"data\": {\"k\": \"1\", \"l\": \"1\"}}"));
    change(stage, &kube_config_maps, "a",
           json_of("{\"metadata\": {\"annotations\": {\"x\": null, \"z\": \"2\"}, \"finalizers\": "
                   "[\"test.etcd.io/b\"]}, \"data\": {\"k\": null, \"m\": \"2\", \"n\": null}}"));
    json_t *live = see(stage, &kube_config_maps, "a");
    say_json(stage, "annotations", json_path(live, "metadata", "annotations", NULL));
    say_json(stage, "finalizers", json_path(live, "metadata", "finalizers", NULL));
    say_json(stage, "data", json_object_get(live, "data"));
    change(stage, &kube_config_maps, "a",
           json_of("{\"metadata\": {\"annotations\": null, \"finalizers\": []}, \"data\": null}"));
    live = see(stage, &kube_config_maps, "a");
    say_json(stage, "annotations", json_path(live, "metadata", "annotations", NULL));
    say_json(stage, "finalizers", json_path(live, "metadata", "finalizers", NULL));
    say_json(stage, "data", json_object_get(live, "data"));
}

static void immutable_config_map(struct kube_stage *stage)
{
    struct error error;

    make(stage, &kube_config_maps,
         json_of("{\"metadata\": {\"name\": \"a\"}, \"immutable\": true, \"data\": {\"k\": "
                 "\"1\"}}"));
    say_result(stage, "data",
               patch(stage, &kube_config_maps, "a", json_of("{\"data\": {\"k\": \"2\"}}"), &error),
               &error);
    say_result(stage, "immutable",
               patch(stage, &kube_config_maps, "a", json_of("{\"immutable\": false}"), &error),
               &error);
    say_result(stage, "apply",
               apply(stage, &kube_config_maps,
                     json_of("{\"metadata\": {\"name\": \"a\"}, \"immutable\": true, \"data\": "
                             "{\"k\": \"3\"}}"),
                     &error),
               &error);
    say_result(stage, "a label",
               patch(stage, &kube_config_maps, "a",
                     json_of("{\"metadata\": {\"labels\": {\"a\": \"1\"}}}"), &error),
               &error);
    say_json(stage, "data", json_object_get(see(stage, &kube_config_maps, "a"), "data"));
}

const struct kube_scenario object_scenarios[] = {
    {"create twice", create_twice},
    {"names", names},
    {"what is not there", what_is_not_there},
    {"stale versions", stale_versions},
    {"stale status", stale_status},
    {"another uid", other_uid},
    {"finalizers", finalizers},
    {"status and spec", status_and_spec},
    {"generations", generations},
    {"merge patches", merge_patches},
    {"an immutable ConfigMap", immutable_config_map},
    {NULL},
};
