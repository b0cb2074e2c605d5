/* Pods that run: grace periods, claims in use, what is ready. */
#include <string.h>

#include "kube_scenarios.h"
#include "set_scenes.h"

static void make_set(struct kube_stage *stage, int replicas)
{
    make(stage, &kube_stateful_sets, set_of(replicas, true, "first"));
    UNTIL(stage, set_settled(stage, replicas, replicas));
}

static bool pod_replaced(struct kube_stage *stage, const char *pod, const char *old)
{
    const char *uid = uid_of(stage, &kube_pods, pod);
    return strcmp(uid, "none") != 0 && strcmp(uid, old) != 0;
}

static void say_claim_phase(struct kube_stage *stage, const char *claim)
{
    const char *phase = json_path_string(see(stage, &kube_persistent_volume_claims, claim),
                                         "status", "phase", NULL);
    say(stage, "%s %s%s", claim, phase ? phase : "missing",
        is_terminating(stage, &kube_persistent_volume_claims, claim) ? ", terminating" : "");
}

static void from_nothing(struct kube_stage *stage)
{
    make_set(stage, 2);
    say_pods(stage);
    say_claims(stage);
    say_claim_phase(stage, "data-c-0");
    say_claim_phase(stage, "data-c-1");
    say_status(stage);
}

static void a_pod_is_deleted(struct kube_stage *stage)
{
    struct error error;

    make_set(stage, 1);
    /* Held, so that its end can be looked at. */
    change(stage, &kube_pods, "c-0",
           json_of("{\"metadata\": {\"finalizers\": [\"test.etcd.io/a\"]}}"));
    const char *uid = uid_of(stage, &kube_pods, "c-0");
    const char *claim = uid_of(stage, &kube_persistent_volume_claims, "data-c-0");
    json_int_t generation = generation_of(stage, &kube_pods, "c-0");
    drop(stage, &kube_pods, "c-0");
    const json_t *pod = see(stage, &kube_pods, "c-0");
    say(stage, "terminating: %d", is_terminating(stage, &kube_pods, "c-0"));
    say_json(stage, "grace", json_path(pod, "metadata", "deletionGracePeriodSeconds", NULL));
    say(stage, "generation %lld and then %lld", (long long)generation,
        (long long)generation_of(stage, &kube_pods, "c-0"));
    say_result(stage, "undoing it",
               patch(stage, &kube_pods, "c-0",
                     json_of("{\"metadata\": {\"deletionTimestamp\": null, "
                             "\"deletionGracePeriodSeconds\": null}}"),
                     &error),
               &error);
    say_result(stage, "putting it off",
               patch(stage, &kube_pods, "c-0",
                     json_of("{\"metadata\": {\"deletionGracePeriodSeconds\": 500}}"), &error),
               &error);
    say(stage, "terminating: %d", is_terminating(stage, &kube_pods, "c-0"));
    UNTIL(stage, set_status(stage, "readyReplicas") == 0);
    UNTIL(stage, json_path_integer(see(stage, &kube_pods, "c-0"), -1, "metadata",
                                   "deletionGracePeriodSeconds", NULL) == 0);
    settle(stage);
    say(stage, "held: %d, %zu pods", !strcmp(uid, uid_of(stage, &kube_pods, "c-0")),
        pods_there(stage));
    say_status(stage);
    change(stage, &kube_pods, "c-0", json_of("{\"metadata\": {\"finalizers\": null}}"));
    UNTIL(stage, pod_replaced(stage, "c-0", uid));
    UNTIL(stage, set_settled(stage, 1, 1));
    say(stage, "the claim is %s",
        strcmp(claim, uid_of(stage, &kube_persistent_volume_claims, "data-c-0")) ? "another"
                                                                                 : "the same");
}

static void the_newest_template(struct kube_stage *stage)
{
    make_set(stage, 2);
    const char *first = uid_of(stage, &kube_pods, "c-0"),
               *second = uid_of(stage, &kube_pods, "c-1");
    relabel_set(stage, "second");
    UNTIL(stage, set_settled(stage, 2, 2));
    settle(stage);
    say(stage, "c-0 %s", pod_label(stage, "c-0"));
    drop(stage, &kube_pods, "c-0");
    relabel_set(stage, "third"); /* While it ends. */
    UNTIL(stage, pod_replaced(stage, "c-0", first));
    UNTIL(stage, set_settled(stage, 2, 2) && set_status(stage, "updatedReplicas") == 1);
    say(stage, "c-0 %s, c-1 %s", pod_label(stage, "c-0"),
        strcmp(second, uid_of(stage, &kube_pods, "c-1")) ? "replaced" : pod_label(stage, "c-1"));
    say_status(stage);
}

static void a_claim_in_use(struct kube_stage *stage)
{
    make_set(stage, 1);
    const char *claim = uid_of(stage, &kube_persistent_volume_claims, "data-c-0");
    const char *pod = uid_of(stage, &kube_pods, "c-0");
    drop(stage, &kube_persistent_volume_claims, "data-c-0");
    settle(stage);
    say_claim_phase(stage, "data-c-0");
    say_status(stage);
    drop(stage, &kube_pods, "c-0");
    UNTIL(stage, pod_replaced(stage, "c-0", pod));
    UNTIL(stage, set_settled(stage, 1, 1));
    say(stage, "the claim is %s",
        strcmp(claim, uid_of(stage, &kube_persistent_volume_claims, "data-c-0")) ? "another"
                                                                                 : "the same");
    say_claim_phase(stage, "data-c-0");
}

static void ask_for(struct kube_stage *stage, const char *claim, const char *size)
{
    struct error error = {0};
    int result =
        patch(stage, &kube_persistent_volume_claims, claim,
              json_of("{\"spec\": {\"resources\": {\"requests\": {\"storage\": \"%s\"}}}}", size),
              &error);

    error.message[strcspn(error.message, "\n")] = '\0'; /* What differs follows, as Go has it. */
    say_result(stage, size, result, &error);
}

/* A bound claim does not ask for less; one that is not bound does not change its mind at all. */
static void what_claims_ask_for(struct kube_stage *stage)
{
    make(stage, &kube_persistent_volume_claims,
         json_of("{\"metadata\": {\"name\": \"waiting\"}, \"spec\": {\"accessModes\": "
                 "[\"ReadWriteOnce\"], \"storageClassName\": \"no-such-class\", \"resources\": "
                 "{\"requests\": {\"storage\": \"1Gi\"}}}}"));
    ask_for(stage, "waiting", "2Gi");
    ask_for(stage, "waiting", "512Mi");
    make_set(stage, 1);
    ask_for(stage, "data-c-0", "1Ki");
    say_claim_phase(stage, "data-c-0");
}

static void scaled_in(struct kube_stage *stage)
{
    make_set(stage, 3);
    const char *claim = uid_of(stage, &kube_persistent_volume_claims, "data-c-2");
    scale_set(stage, 2);
    UNTIL(stage, set_settled(stage, 2, 2));
    say_pods(stage);
    say(stage, "the claim is %s",
        strcmp(claim, uid_of(stage, &kube_persistent_volume_claims, "data-c-2")) ? "gone" : "kept");
    say_claim_phase(stage, "data-c-2");
    say_status(stage);
}

static void the_set_is_deleted(struct kube_stage *stage)
{
    const struct kube_delete_options options = {.grace_period_seconds = -1,
                                                .propagation_policy = "Background"};
    struct error error;

    make_set(stage, 2);
    say_result(stage, "delete", delete_object(stage, &kube_stateful_sets, "c", &options, &error),
               &error);
    say(stage, "gone at once: %d", see(stage, &kube_stateful_sets, "c") == NULL);
    UNTIL(stage, pods_there(stage) == 0);
    settle(stage);
    say_claims(stage);
    say_claim_phase(stage, "data-c-0");
}

static void killed_by_force(struct kube_stage *stage)
{
    const struct kube_delete_options at_once = {.grace_period_seconds = 0};
    struct error error;

    make_set(stage, 1);
    const char *uid = uid_of(stage, &kube_pods, "c-0");
    say_result(stage, "delete", delete_object(stage, &kube_pods, "c-0", &at_once, &error), &error);
    say(stage, "gone at once: %d", strcmp(uid, uid_of(stage, &kube_pods, "c-0")) != 0);
    UNTIL(stage, pod_replaced(stage, "c-0", uid));
    UNTIL(stage, set_settled(stage, 1, 1));
}

const struct kube_scenario pod_scenarios[] = {
    {"pods from nothing to ready", from_nothing},
    {"a pod is deleted", a_pod_is_deleted},
    {"pods of the newest template", the_newest_template},
    {"a claim in use", a_claim_in_use},
    {"what claims ask for", what_claims_ask_for},
    {"pods are scaled in", scaled_in},
    {"the set of pods is deleted", the_set_is_deleted},
    {"a pod is killed by force", killed_by_force},
    {NULL},
};
