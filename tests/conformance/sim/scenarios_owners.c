/* Owners and dependents: what the garbage collector does. */
#include <string.h>

#include "kube_scenarios.h"

static void make_map(struct kube_stage *stage, const char *name)
{
    make(stage, &kube_config_maps, json_of("{\"metadata\": {\"name\": \"%s\"}}", name));
}

static void make_owned(struct kube_stage *stage, const char *name, const char *owner,
                       const char *uid)
{
    make(stage, &kube_config_maps,
         json_of("{\"metadata\": {\"name\": \"%s\", \"ownerReferences\": [{\"apiVersion\": \"v1\", "
                 "\"kind\": \"ConfigMap\", \"name\": \"%s\", \"uid\": \"%s\", "
                 "\"blockOwnerDeletion\": true}]}}",
                 name, owner, uid));
}

static bool there(struct kube_stage *stage, const char *name)
{
    return see(stage, &kube_config_maps, name) != NULL;
}

static void delete_with(struct kube_stage *stage, const char *name, const char *policy)
{
    const struct kube_delete_options options = {.grace_period_seconds = -1,
                                                .propagation_policy = policy};
    struct error error;
    say_result(stage, policy, delete_object(stage, &kube_config_maps, name, &options, &error),
               &error);
}

static void say_map(struct kube_stage *stage, const char *name)
{
    const json_t *map = see(stage, &kube_config_maps, name);

    say(stage, "%s: %s, %zu owners", name,
        !map                                                    ? "gone"
        : json_path(map, "metadata", "deletionTimestamp", NULL) ? "terminating"
                                                                : "there",
        json_array_size(json_path(map, "metadata", "ownerReferences", NULL)));
}

static void family(struct kube_stage *stage)
{
    make_map(stage, "parent");
    make_owned(stage, "child", "parent", uid_of(stage, &kube_config_maps, "parent"));
    make_owned(stage, "grandchild", "child", uid_of(stage, &kube_config_maps, "child"));
    make_map(stage, "stranger");
}

static void say_family(struct kube_stage *stage)
{
    say_map(stage, "parent");
    say_map(stage, "child");
    say_map(stage, "grandchild");
    say_map(stage, "stranger");
}

static void in_the_background(struct kube_stage *stage)
{
    family(stage);
    delete_with(stage, "parent", "Background");
    say_map(stage, "parent");
    UNTIL(stage, !there(stage, "grandchild"));
    say_family(stage);
}

static void without_a_policy(struct kube_stage *stage)
{
    struct error error;

    family(stage);
    say_result(stage, "delete", delete_object(stage, &kube_config_maps, "parent", NULL, &error),
               &error);
    UNTIL(stage, !there(stage, "grandchild"));
    say_family(stage);
}

static void in_the_foreground(struct kube_stage *stage)
{
    family(stage);
    change(stage, &kube_config_maps, "child",
           json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/a\"]}}"));
    delete_with(stage, "parent", "Foreground");
    UNTIL(stage, is_terminating(stage, &kube_config_maps, "child"));
    settle(stage);
    say_map(stage, "parent");
    say_map(stage, "child");
    change(stage, &kube_config_maps, "child", json_of("{\"metadata\": {\"finalizers\": null}}"));
    UNTIL(stage, !there(stage, "parent") && !there(stage, "grandchild"));
    say_family(stage);
}

static void orphans(struct kube_stage *stage)
{
    family(stage);
    delete_with(stage, "parent", "Orphan");
    UNTIL(stage, !there(stage, "parent"));
    settle(stage);
    say_family(stage);
}

static void an_owner_that_never_was(struct kube_stage *stage)
{
    make_map(stage, "parent");
    make_owned(stage, "child", "parent", "00000000-0000-4000-8000-000000000000");
    make_owned(stage, "other", "nobody", "00000000-0000-4000-8000-000000000001");
    UNTIL(stage, !there(stage, "child") && !there(stage, "other"));
    say_map(stage, "parent");
    say_map(stage, "child");
}

/* The parent comes again under its name before the collector has looked: it is another. */
static void an_owner_of_the_same_name(struct kube_stage *stage)
{
    family(stage);
    delete_with(stage, "parent", "Background");
    make_map(stage, "parent");
    UNTIL(stage, !there(stage, "grandchild"));
    say_family(stage);
}

static void two_owners(struct kube_stage *stage)
{
    make_map(stage, "a");
    make_map(stage, "b");
    make_owned(stage, "child", "a", uid_of(stage, &kube_config_maps, "a"));
    change(stage, &kube_config_maps, "child",
           json_of("{\"metadata\": {\"ownerReferences\": [{\"apiVersion\": \"v1\", \"kind\": "
                   "\"ConfigMap\", \"name\": \"a\", \"uid\": \"%s\"}, {\"apiVersion\": \"v1\", "
                   "\"kind\": \"ConfigMap\", \"name\": \"b\", \"uid\": \"%s\"}]}}",
                   uid_of(stage, &kube_config_maps, "a"), uid_of(stage, &kube_config_maps, "b")));
    delete_with(stage, "a", "Background");
    UNTIL(stage, json_array_size(json_path(see(stage, &kube_config_maps, "child"), "metadata",
                                           "ownerReferences", NULL)) == 1);
    say_map(stage, "child");
    delete_with(stage, "b", "Background");
    UNTIL(stage, !there(stage, "child"));
}

static void a_dependent_with_a_finalizer(struct kube_stage *stage)
{
    family(stage);
    change(stage, &kube_config_maps, "child",
           json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/a\"]}}"));
    delete_with(stage, "parent", "Background");
    UNTIL(stage, is_terminating(stage, &kube_config_maps, "child"));
    settle(stage);
    say_family(stage);
    change(stage, &kube_config_maps, "child", json_of("{\"metadata\": {\"finalizers\": null}}"));
    UNTIL(stage, !there(stage, "grandchild"));
    say_family(stage);
}

const struct kube_scenario owner_scenarios[] = {
    {"dependents go in the background", in_the_background},
    {"dependents go without a policy", without_a_policy},
    {"dependents go first", in_the_foreground},
    {"orphans stay", orphans},
    {"an owner that never was", an_owner_that_never_was},
    {"an owner of the same name", an_owner_of_the_same_name},
    {"two owners", two_owners},
    {"a dependent with a finalizer", a_dependent_with_a_finalizer},
    {NULL},
};
