/* StatefulSets whose pods get no node: what the controller does with objects. */
#include <string.h>

#include "kube_scenarios.h"
#include "set_scenes.h"

static void parallel(struct kube_stage *stage)
{
    make(stage, &kube_stateful_sets, set_of(3, false, "first"));
    UNTIL(stage, set_settled(stage, 3, 0)); /* None is ever ready, and none waits for another. */
    say_pods(stage);
    say_claims(stage);
    say_status(stage);
}

static void on_delete(struct kube_stage *stage)
{
    make(stage, &kube_stateful_sets, set_of(2, false, "first"));
    UNTIL(stage, set_settled(stage, 2, 0));
    const char *uid = uid_of(stage, &kube_pods, "c-0");
    relabel_set(stage, "second");
    UNTIL(stage, set_settled(stage, 2, 0));
    settle(stage);
    say(stage, "c-0 is %s", strcmp(uid, uid_of(stage, &kube_pods, "c-0")) ? "another" : "the same");
    say_status(stage);
    drop(stage, &kube_pods, "c-0");
    say(stage, "without a node it is gone at once: %d",
        strcmp(uid, uid_of(stage, &kube_pods, "c-0")) != 0);
    UNTIL(stage, set_settled(stage, 2, 0) && set_status(stage, "updatedReplicas") == 1);
    say(stage, "c-0 %s, c-1 %s", pod_label(stage, "c-0"), pod_label(stage, "c-1"));
    say_status(stage);
    relabel_set(stage, "first"); /* Back again: the revision is the one that it was. */
    UNTIL(stage, set_settled(stage, 2, 0));
    say_status(stage);
    scale_set(stage, 3);
    UNTIL(stage, set_settled(stage, 3, 0));
    say(stage, "c-2 %s", pod_label(stage, "c-2"));
    say_status(stage);
}

static void scaling(struct kube_stage *stage)
{
    make(stage, &kube_stateful_sets, set_of(3, false, "first"));
    UNTIL(stage, set_settled(stage, 3, 0));
    const char *uid = uid_of(stage, &kube_persistent_volume_claims, "data-c-2");
    scale_set(stage, 1);
    UNTIL(stage, set_settled(stage, 1, 0));
    say_pods(stage);
    say_claims(stage);
    say_status(stage);
    scale_set(stage, 3);
    UNTIL(stage, set_settled(stage, 3, 0));
    say(stage, "the claim is %s",
        strcmp(uid, uid_of(stage, &kube_persistent_volume_claims, "data-c-2")) ? "another"
                                                                               : "the same");
    change(stage, &kube_stateful_sets, "c", json_of("{\"spec\": {\"replicas\": 0}}"));
    UNTIL(stage, set_settled(stage, 0, 0));
    say_pods(stage);
    say_status(stage);
}

static void claims_outlive(struct kube_stage *stage)
{
    make(stage, &kube_stateful_sets, set_of(2, false, "first"));
    UNTIL(stage, set_settled(stage, 2, 0));
    const char *claim = uid_of(stage, &kube_persistent_volume_claims, "data-c-0");
    drop(stage, &kube_stateful_sets, "c");
    UNTIL(stage, pods_there(stage) == 0);
    settle(stage);
    say_claims(stage);
    make(stage, &kube_stateful_sets, set_of(2, false, "second"));
    UNTIL(stage, set_settled(stage, 2, 0));
    say(stage, "c-0 %s with %s", pod_label(stage, "c-0"),
        strcmp(claim, uid_of(stage, &kube_persistent_volume_claims, "data-c-0")) ? "another claim"
                                                                                 : "its claim");
}

static void a_set_that_lingers(struct kube_stage *stage)
{
    make(stage, &kube_stateful_sets, set_of(2, false, "first"));
    UNTIL(stage, set_settled(stage, 2, 0));
    change(stage, &kube_stateful_sets, "c",
           json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/a\"]}}"));
    drop(stage, &kube_stateful_sets, "c");
    UNTIL(stage, set_settled(stage, 2, 0)); /* It has seen that it ends. */
    drop(stage, &kube_pods, "c-1");
    UNTIL(stage, set_settled(stage, 1, 0));
    settle(stage);
    say_status(stage); /* It does nothing any more. */
    change(stage, &kube_stateful_sets, "c", json_of("{\"metadata\": {\"finalizers\": null}}"));
    UNTIL(stage, pods_there(stage) == 0);
}

static json_t *lone_pod(const char *label)
{
    return json_of("{\"metadata\": {\"name\": \"c-0\", \"labels\": {\"app\": \"%s\", \"look\": "
                   "\"foreign\"}}, \"spec\": {\"nodeSelector\": {\"no\": \"where\"}, "
                   "\"containers\": [{\"name\": \"x\", \"image\": \"i:1\"}]}}",
                   label);
}

static void a_name_that_is_taken(struct kube_stage *stage)
{
    make(stage, &kube_pods, lone_pod("other"));
    make(stage, &kube_stateful_sets, set_of(2, false, "first"));
    UNTIL(stage, set_status(stage, "observedGeneration") == 1);
    settle(stage);
    say(stage, "c-0 %s, c-1 %s", pod_label(stage, "c-0"), pod_label(stage, "c-1"));
    say_status(stage);
    drop(stage, &kube_pods, "c-0");
    UNTIL(stage, set_settled(stage, 2, 0));
    say(stage, "c-0 %s", pod_label(stage, "c-0"));
}

static void adoption(struct kube_stage *stage)
{
    make(stage, &kube_pods, lone_pod("c"));
    make(stage, &kube_stateful_sets, set_of(1, false, "first"));
    UNTIL(stage, json_path(see(stage, &kube_pods, "c-0"), "metadata", "ownerReferences", NULL));
    UNTIL(stage, set_settled(stage, 1, 0));
    say(stage, "c-0 %s", pod_label(stage, "c-0"));
    say_status(stage);
}

static void orphaned_pods(struct kube_stage *stage)
{
    const struct kube_delete_options options = {.grace_period_seconds = -1,
                                                .propagation_policy = "Orphan"};
    struct error error;

    make(stage, &kube_stateful_sets, set_of(2, false, "first"));
    UNTIL(stage, set_settled(stage, 2, 0));
    const char *uid = uid_of(stage, &kube_pods, "c-0");
    say_result(stage, "delete", delete_object(stage, &kube_stateful_sets, "c", &options, &error),
               &error);
    UNTIL(stage, !see(stage, &kube_stateful_sets, "c"));
    settle(stage);
    say(stage, "%zu pods are left", pods_there(stage));
    make(stage, &kube_stateful_sets, set_of(2, false, "second"));
    UNTIL(stage, set_settled(stage, 2, 0));
    say(stage, "c-0 is %s", strcmp(uid, uid_of(stage, &kube_pods, "c-0")) ? "another" : "the same");
    say_pods(stage);
}

/* Why the set could not make `what` ("Pod", "Claim"), as the operator looks for it, or NULL. */
static const char *failure(struct kube_stage *stage, const char *what)
{
    char selector[200] = "reason=FailedCreate,involvedObject.uid=";
    json_t *events = NULL, *event;
    struct error error;
    size_t i;

    strncat(selector, uid_of(stage, &kube_stateful_sets, "c"), 100);
    if (stage->api->list(stage->api->context, &kube_events, stage->namespace, NULL, selector,
                         &events, &error)) {
        return error_kind_name(error.kind);
    }
    arena_json(stage->arena, events);
    json_array_foreach(events, i, event)
    {
        const char *message = json_path_string(event, "message", NULL);
        if (message && !strncmp(message + strlen("create "), what, strlen(what)) &&
            json_path_string(event, "lastTimestamp", NULL)) {
            return message;
        }
    }
    return NULL;
}

static void say_failure(struct kube_stage *stage, const char *what)
{
    UNTIL(stage, failure(stage, what));
    const char *words = failure(stage, what),
               *quota = words ? strstr(words, "exceeded quota") : NULL;
    say(stage, "the event says %.*s", quota ? (int)(quota - words) + 14 : 100,
        words ? words : "nothing");
}

static void quota_of_pods(struct kube_stage *stage)
{
    stage->refuse_creates(stage->context, &kube_pods, true);
    make(stage, &kube_stateful_sets, set_of(1, false, "first"));
    say_failure(stage, "Pod");
    say_claims(stage);
    say(stage, "%zu pods", pods_there(stage));
    stage->refuse_creates(stage->context, &kube_pods, false);
    UNTIL(stage, set_settled(stage, 1, 0));
    say_status(stage);
}

static void quota_of_claims(struct kube_stage *stage)
{
    stage->refuse_creates(stage->context, &kube_persistent_volume_claims, true);
    make(stage, &kube_stateful_sets, set_of(1, false, "first"));
    say_failure(stage, "Claim");
    say_failure(stage, "Pod");
    say(stage, "%zu pods", pods_there(stage));
    stage->refuse_creates(stage->context, &kube_persistent_volume_claims, false);
    UNTIL(stage, set_settled(stage, 1, 0));
}

static void quota_of_maps(struct kube_stage *stage)
{
    struct error error;

    stage->refuse_creates(stage->context, &kube_config_maps, true);
    int result =
        create(stage, &kube_config_maps, json_of("{\"metadata\": {\"name\": \"a\"}}"), &error);
    say(stage, "create: %s%s", error_kind_name((enum error_kind) - result),
        strstr(error.message, "exceeded quota") ? ", exceeded quota" : "");
    result = apply(stage, &kube_config_maps, json_of("{\"metadata\": {\"name\": \"a\"}}"), &error);
    say(stage, "apply: %s%s", error_kind_name((enum error_kind) - result),
        strstr(error.message, "exceeded quota") ? ", exceeded quota" : "");
    stage->refuse_creates(stage->context, &kube_config_maps, false);
    say_result(
        stage, "then",
        apply(stage, &kube_config_maps, json_of("{\"metadata\": {\"name\": \"a\"}}"), &error),
        &error);
}

/* A claim that no pod on a node uses goes at once, and a waiting pod gets a new one. */
static void a_claim_that_waits(struct kube_stage *stage)
{
    make(stage, &kube_stateful_sets, set_of(1, false, "first"));
    UNTIL(stage, set_settled(stage, 1, 0));
    const char *claim = uid_of(stage, &kube_persistent_volume_claims, "data-c-0");
    const char *pod = uid_of(stage, &kube_pods, "c-0");
    drop(stage, &kube_persistent_volume_claims, "data-c-0");
    UNTIL(stage, strcmp(claim, uid_of(stage, &kube_persistent_volume_claims, "data-c-0")) != 0);
    /* The controller looks when something happens to the set. */
    change(stage, &kube_stateful_sets, "c",
           json_of("{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"));
    UNTIL(stage, see(stage, &kube_persistent_volume_claims, "data-c-0"));
    say(stage, "the pod is %s",
        strcmp(pod, uid_of(stage, &kube_pods, "c-0")) ? "another" : "the same");
}

static void claims_do_not_shrink(struct kube_stage *stage)
{
    struct error error;

    make(stage, &kube_stateful_sets, set_of(1, false, "first"));
    UNTIL(stage, see(stage, &kube_persistent_volume_claims, "data-c-0"));
    int result = patch(stage, &kube_persistent_volume_claims, "data-c-0",
                       json_of("{\"spec\": {\"accessModes\": [\"ReadWriteMany\"]}}"), &error);
    say(stage, "other modes: %s", error_kind_name((enum error_kind) - result));
    result = patch(stage, &kube_persistent_volume_claims, "data-c-0",
                   json_of("{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"), &error);
    say(stage, "a label: %s", error_kind_name((enum error_kind) - result));
}

const struct kube_scenario set_scenarios[] = {
    {"all pods at once", parallel},
    {"on delete", on_delete},
    {"scaling", scaling},
    {"claims outlive pods and set", claims_outlive},
    {"a set that lingers", a_set_that_lingers},
    {"a name that is taken", a_name_that_is_taken},
    {"adoption", adoption},
    {"orphaned pods", orphaned_pods},
    {"a quota of pods", quota_of_pods},
    {"a quota of claims", quota_of_claims},
    {"a quota of ConfigMaps", quota_of_maps},
    {"a claim that waits", a_claim_that_waits},
    {"claims do not change", claims_do_not_shrink},
    {NULL},
};
