/* The operator's own objects: applied, they are what it asked for, and stay as they are when they
 * are applied again.  The whole of what is then there is compared. */
#include "cluster/objects.h"
#include "kube_scenarios.h"
#include "world_builder.h"

/* Without owner, which is not there, and without pods, whose image is not. */
static json_t *applicable(struct kube_stage *stage, const struct child *child)
{
    json_t *object = arena_json(stage->arena, json_deep_copy(child->object));

    json_object_del(json_object_get(object, "metadata"), "ownerReferences");
    if (child->resource == &kube_stateful_sets) {
        json_object_set_new(json_object_get(object, "spec"), "replicas", json_integer(0));
    }
    return object;
}

/* What no two servers fill in alike. */
static json_t *comparable(struct kube_stage *stage, const json_t *live)
{
    static const char *const own[] = {"uid", "resourceVersion", "creationTimestamp", "namespace",
                                      "managedFields"};
    json_t *object = arena_json(stage->arena, json_deep_copy(live));

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        json_object_del(json_object_get(object, "metadata"), own[i]);
    }
    json_object_del(object, "status");
    json_t *address = json_path(object, "spec", "clusterIP", NULL);
    if (address && strcmp(json_string_value(address), "None") != 0) {
        json_object_set_new(json_object_get(object, "spec"), "clusterIP", json_string("some"));
        json_object_del(json_object_get(object, "spec"), "clusterIPs");
    }
    return object;
}

static void apply_child(struct kube_stage *stage, const struct child *child)
{
    json_t *object = applicable(stage, child);
    struct error error;
    char what[200];

    snprintf(what, sizeof what, "%s %s", child->resource->kind, child->name);
    say_result(stage, what, apply(stage, child->resource, json_incref(object), &error), &error);
    json_t *live = see(stage, child->resource, child->name);
    const char *version = version_of(stage, child->resource, child->name);
    const char *difference = object_difference(stage->arena, object, live);
    say(stage, "difference: %s", difference ? difference : "none");
    say_json(stage, "live", comparable(stage, live));
    say_result(stage, "again", apply(stage, child->resource, json_incref(object), &error), &error);
    if (json_path(live, "metadata", "generation", NULL)) { /* Controllers write its status. */
        say(stage, "generation %lld",
            (long long)generation_of(stage, child->resource, child->name));
    } else {
        say(stage, "version: %s",
            strcmp(version, version_of(stage, child->resource, child->name)) ? "new" : "the same");
    }
}

static void apply_all(struct kube_stage *stage, struct world *world)
{
    struct children children;

    world->stateful_set = see(stage, &kube_stateful_sets, world->names->cluster);
    children_desired(world, stage->arena, &children);
    for (int i = 0; i < children.length; i++) {
        apply_child(stage, &children.items[i]);
    }
}

static void plain_cluster(struct kube_stage *stage)
{
    apply_all(stage, world_new(stage->arena, "{\"size\": 3}"));
}

static void full_cluster(struct kube_stage *stage)
{
    struct world *world = world_new(
        stage->arena,
        "{\"size\": 3, \"storage\": {\"size\": \"1024Mi\", \"storageClassName\": \"fast\"}, "
        "\"resources\": {\"requests\": {\"cpu\": \"0.5\", \"memory\": \"1024Mi\"}, \"limits\": "
        "{\"memory\": \"2Gi\"}}, \"security\": {\"tls\": {\"client\": {\"enabled\": true}, "
        "\"peer\": {\"enabled\": true}}}, \"imagePullSecrets\": [{\"name\": \"pull\"}]}");
    if (!world->spec_valid) {
        say(stage, "FAILED: %s", world->spec_problem);
        return;
    }
    apply_all(stage, world);
}

/* From one spec to the other and back: what the first asked for alone must go. */
static void changed_cluster(struct kube_stage *stage)
{
    struct world *world = world_new(stage->arena, "{\"size\": 3}");

    apply_all(stage, world);
    world_set_spec(world, stage->arena,
                   "{\"size\": 3, \"security\": {\"tls\": {\"client\": {\"enabled\": true}, "
                   "\"peer\": {\"enabled\": true}}}, \"imagePullSecrets\": [{\"name\": "
                   "\"pull\"}]}");
    world->helper_image_volume = true;
    apply_all(stage, world);
    world_set_spec(world, stage->arena, "{\"size\": 3}");
    world->helper_image_volume = false;
    apply_all(stage, world);
}

const struct kube_scenario children_scenarios[] = {
    {"a plain cluster's objects", plain_cluster},
    {"a full cluster's objects", full_cluster},
    {"a changed cluster's objects", changed_cluster},
    {NULL},
};
