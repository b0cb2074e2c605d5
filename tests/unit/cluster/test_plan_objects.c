/* How the spec comes into child objects and pods, and what holds it back. */
#include "world_builder.h"

#include "cluster/drawing.h"

#include <stdio.h>

static json_t *find_live(const struct world *world, const char *kind)
{
    size_t i;
    json_t *child;

    json_array_foreach(world->children, i, child)
    {
        if (!strcmp(json_path_string(child, "kind", NULL), kind)) {
            return child;
        }
    }
    fail_msg("no %s", kind);
    return NULL;
}

static void a_steady_cluster_is_left_alone_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "NothingToDo", ACTION_NONE);
    assert_int_equal(plan->requeue_ms, 10000);
    world = world_running(arena, "{\"healthCheck\": {\"interval\": \"1m\"}}");
    assert_int_equal(plan_of(world, arena)->requeue_ms, 60000);
}
TEST(a_steady_cluster_is_left_alone)

static void invalid_spec_touches_nothing_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"size\": 4}");
    world->has_finalizer = false;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "InvalidSpec", ACTION_NONE);
    assert_string_equal(plan->status.phase, "Failed");
    assert_contains(plan->status.message, "spec.size");
    assert_false(plan->status.conditions[CONDITION_SPEC_APPLIED].status);
    assert_true(plan->status.recorded.cluster_id == CLUSTER_ID);
}
TEST(invalid_spec_touches_nothing)

static void taken_name_holds_in(struct arena *arena)
{
    struct world *world = world_new(arena, "{}");

    world->name_taken = "StatefulSet c";
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "NameTaken", ACTION_NONE);
    assert_contains(plan->status.message, "StatefulSet c exists and does not belong");
    world->name_taken = NULL;
    world->certificates.foreign = "c-peer-tls";
    plan = plan_of(world, arena);
    assert_action(plan, "NameTaken", ACTION_NONE);
    assert_contains(plan->status.message, "Secret c-peer-tls");
    assert_string_equal(plan->status.phase, "Failed");
}
TEST(taken_name_holds)

static void certificates_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->certificates.due[SECRET_CLIENT] = "Secret c-client-tls: it ends";
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "IssueCertificates", ACTION_ISSUE_CERTIFICATES);
    assert_contains(plan->reason, "it ends");

    world->certificates.due[SECRET_PEER_CA] = "Secret c-peer-ca: it does not exist";
    world->certificates.exists[SECRET_PEER_CA] = false;
    plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_string_equal(plan->status.phase, "Failed");
    assert_contains(plan->status.message, "Secret c-peer-ca with the certificate authority's key");
    world->recorded.cluster_id = 0; /* Nobody trusts the old one yet. */
    world->member_list = NULL;
    assert_action(plan_of(world, arena), "IssueCertificates", ACTION_ISSUE_CERTIFICATES);

    world = world_new(arena, "{}");
    world->certificates_problem = "reading the certificates: refused";
    plan = plan_of(world, arena);
    assert_action(plan, "IssueCertificates", ACTION_NONE); /* No objects before Secrets. */
    assert_contains(plan->status.message, "refused");
}
TEST(certificates)

static void applies_what_differs_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    json_t *service = find_live(world, "Service");

    json_object_set_new(json_object_get(service, "spec"), "publishNotReadyAddresses", json_false());
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY);
    assert_int_equal(plan->action.n_apply, 1);
    assert_string_equal(plan->action.apply[0].name, "c-peer");
    assert_contains(plan->action.apply_reason[0], "publishNotReadyAddresses");

    /* Our last apply came out as this very object: somebody else keeps changing it. */
    struct settled *settled = (struct settled *)(uintptr_t)world->settled;
    const char *hash = json_path_string(plan->action.apply[0].object, "metadata", "annotations",
                                        ANNOTATION_APPLIED_HASH, NULL);
    snprintf(settled->child, sizeof settled->child, "Service/c-peer");
    snprintf(settled->applied_hash, sizeof settled->applied_hash, "%s", hash);
    snprintf(settled->resource_version, sizeof settled->resource_version, "7");
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    snprintf(settled->resource_version, sizeof settled->resource_version, "6");
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_APPLY);
    snprintf(settled->resource_version, sizeof settled->resource_version, "7");
    settled->applied_hash[0] ^= 1; /* We want something else since. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_APPLY);
}
TEST(applies_what_differs)

/* An object in which nothing differed is known again, and by nothing but itself. */
static void what_agrees_is_compared_once_in(struct arena *arena)
{
    struct drawing *drawing = NULL;
    struct world *world = world_running(arena, "{}");
    json_t *service = find_live(world, "Service");
    size_t at = 0;

    world->drawing = &drawing;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    assert_true(drawing_agrees(drawing, 0, service));
    assert_false(drawing_agrees(drawing, 1, service));
    assert_false(drawing_agrees(NULL, 0, service));
    assert_false(drawing_agrees(drawing, 0, NULL));

    while (json_array_get(world->children, at) != service) {
        at++;
    }
    json_t *changed = json_deep_copy(service); /* As the store gives a later version. */
    json_object_set_new(json_object_get(changed, "spec"), "publishNotReadyAddresses", json_false());
    json_array_set_new(world->children, at, changed);
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    drawing_free(drawing);
}
TEST(what_agrees_is_compared_once)

static void a_field_taken_back_is_applied_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"imagePullSecrets\": [{\"name\": \"mirror\"}]}");

    world_set_spec(world, arena, "{}"); /* The live object still has more than is wanted. */
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
}
TEST(a_field_taken_back_is_applied)

static void make_outdated(struct world *world, int ordinal)
{
    world->members[ordinal].pod.template_hash = "earlier";
}

/* Whatever permit it bears: if need be its member is removed and joins anew. */
static void a_permit_keeps_no_pod_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    make_outdated(world, 1);
    world_is_down(world, 1);
    world_give_permit(world, arena, 1);
    assert_action(plan_of(world, arena), "ReplaceOutdatedPod", ACTION_DELETE_PODS);
    world_waits(world, arena, 1)->has_wal = true;
    assert_action(plan_of(world, arena), "ReplaceOutdatedPod", ACTION_DELETE_PODS);
}
TEST(a_permit_keeps_no_pod)

static void outdated_needs_two_witnesses_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    make_outdated(world, 1); /* While it serves, that is for another rule (test_plan_roll.c). */
    assert_string_equal(plan_of(world, arena)->rule, "RollPod");
    world->members[1].pod.ready = false;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE); /* etcd answers. */
    world_is_down(world, 1);
    world->members[1].pod.ready = true;
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE); /* The kubelet is content. */
    world_is_down(world, 1);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ReplaceOutdatedPod", ACTION_DELETE_PODS);
    assert_pods(plan, 1, 1);
    json_object_set_new(json_object_get(world->stateful_set, "metadata"), "generation",
                        json_integer(2)); /* A pod that comes back might not have the template. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(outdated_needs_two_witnesses)

static void outdated_one_at_a_time_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    for (int i = 0; i < 3; i++) {
        make_outdated(world, i);
        world_is_down(world, i);
    }
    assert_pods(plan_of(world, arena), 1, 0);
    world->members[0].pod.terminating = true;
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    world->members[0].pod.terminating = false;
    world->members[2].pod.terminating = true;
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    world->members[2].pod.terminating = false;
    world->members[2].pod.exists = false; /* Deleted, and not there again. */
    assert_int_equal(plan_of(world, arena)->action.n_pods, 0);
    world->members[2].pod.exists = true;
    world->recorded.cluster_id = 0; /* Nobody holds a quorum. */
    assert_pods(plan_of(world, arena), 3, 0, 1, 2);
}
TEST(outdated_one_at_a_time)

static void a_version_enters_the_template_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"version\": \"3.7.3\"}");
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "ApplyObjects", ACTION_APPLY);
    assert_string_equal(plan->status.target_version, "3.7.3");
    world_is_down(world, 2); /* Not while a member is away, and it is said. */
    plan = plan_of(world, arena);
    assert_int_equal(plan->action.kind, ACTION_NONE);
    assert_string_equal(plan->status.target_version, "3.6.16");
    assert_contains(
        plan->status.conditions[CONDITION_SPEC_APPLIED].message,
        "3.7.3 is asked for and 3.6.16 stays (image gcr.io/etcd-development/etcd:v3.6.16): c-2 "
        "does not serve");
    world_set_spec(world, arena, "{\"version\": \"3.6.15\"}"); /* Back must not wait for that. */
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    /* Before it has formed, a wrong version is mended by a right one. */
    world = world_made(arena, "{\"version\": \"3.6.99\"}");
    world_set_spec(world, arena, "{}");
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
}
TEST(a_version_enters_the_template)

static void stale_config_goes_last_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    json_t *stale = json_deep_copy(find_live(world, "ConfigMap"));
    json_t *metadata = json_object_get(stale, "metadata");

    json_object_set_new(metadata, "name", json_string("c-config-earlier"));
    json_object_set_new(metadata, "uid", json_string("stale-uid"));
    json_array_append_new(world->children, stale);
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "RemoveStale", ACTION_REMOVE);
    assert_int_equal(plan->action.n_remove, 1);
    assert_string_equal(plan->action.remove[0].name, "c-config-earlier");
    assert_string_equal(plan->action.remove[0].uid, "stale-uid");
    world->members[1].pod.config = "c-config-earlier"; /* A pod may restart with it. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
    world->members[1].pod.config = NULL; /* It names one that we do not know. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(stale_config_goes_last)

/* Deletion. */
static struct world *deleted(struct arena *arena, const char *spec)
{
    struct world *world = world_running(arena, spec);
    world->deleting = true;
    world->pods_left = true;
    return world;
}

static void drop(struct world *world, const char *kind)
{
    for (size_t i = json_array_size(world->children); i-- > 0;) {
        if (!strcmp(json_path_string(json_array_get(world->children, i), "kind", NULL), kind)) {
            json_array_remove(world->children, i);
        }
    }
}

static void assert_removes(const struct world *world, struct arena *arena, const char *kind, int n)
{
    struct plan *plan = plan_of(world, arena);

    assert_action(plan, "DeleteCluster", ACTION_REMOVE);
    assert_int_equal(plan->action.n_remove, n);
    for (int i = 0; i < n; i++) {
        assert_string_equal(plan->action.remove[i].resource->kind, kind);
    }
    assert_string_equal(plan->status.phase, "Deleting");
}

static void deletion_order_in(struct arena *arena)
{
    struct world *world = deleted(arena, "{\"storage\": {\"persistentVolumeClaimRetentionPolicy\": "
                                         "{\"whenDeleted\": \"Delete\"}}}");
    json_t *set = json_incref(world->stateful_set);
    arena_json(arena, set);

    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_STOP_ETCD);
    json_object_set_new(json_object_get(set, "spec"), "replicas", json_integer(0));
    json_object_set_new(json_object_get(set, "metadata"), "generation", json_integer(2));
    world->pods_left = false; /* None is seen, and the controller may be about to make one. */
    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_NONE);
    json_object_set_new(json_object_get(set, "status"), "observedGeneration", json_integer(2));
    world->pods_left = true;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "DeleteCluster", ACTION_NONE);
    assert_contains(plan->status.message, "c-1 on node node-1");
    world->pods_left = false;
    assert_removes(world, arena, "StatefulSet", 1);
    drop(world, "StatefulSet");
    world->stateful_set = NULL;
    assert_removes(world, arena, "Service", 2);
    drop(world, "Service");
    assert_removes(world, arena, "PodDisruptionBudget", 1);
    drop(world, "PodDisruptionBudget");
    assert_removes(world, arena, "ConfigMap", 1);
    drop(world, "ConfigMap");
    assert_removes(world, arena, "Secret", 5);
    memset(world->certificates.exists, 0, sizeof world->certificates.exists);
    assert_removes(world, arena, "PersistentVolumeClaim", 3);
    for (int i = 0; i < 3; i++) {
        world->members[i].claim.terminating = true;
    }
    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_REMOVE_FINALIZER);
    world->has_finalizer = false;
    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_NONE);
}
TEST(deletion_order)

/* `kubectl delete statefulset --cascade=orphan`: nobody but us would end the pods. */
static void deletion_ends_orphans_in(struct arena *arena)
{
    struct world *world = deleted(arena, "{}");

    json_object_set_new(json_object_get(world->stateful_set, "spec"), "replicas", json_integer(0));
    world->orphans[world->n_orphans++] = (struct world_orphan){"c-1", "pod-1"};
    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_NONE); /* It will be adopted. */
    world->stateful_set = NULL;
    struct plan *plan = plan_of(world, arena);
    assert_action(plan, "DeleteCluster", ACTION_REMOVE);
    assert_int_equal(plan->action.n_remove, 1);
    assert_ptr_equal(plan->action.remove[0].resource, &kube_pods);
    assert_string_equal(plan->action.remove[0].name, "c-1");
    assert_string_equal(plan->action.remove[0].uid, "pod-1");
    world->n_orphans = 0; /* It is ending. */
    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_NONE);
}
TEST(deletion_ends_orphans)

static struct world *almost_gone(struct arena *arena, const char *when_deleted)
{
    struct world *world =
        deleted(arena, arena_printf(arena,
                                    "{\"storage\": {\"persistentVolumeClaimRetentionPolicy\": "
                                    "{\"whenDeleted\": \"%s\"}}}",
                                    when_deleted));

    json_array_clear(world->children);
    world->stateful_set = NULL;
    world->pods_left = false;
    memset(world->certificates.exists, 0, sizeof world->certificates.exists);
    return world;
}

static void claims_by_policy_in(struct arena *arena)
{
    struct world *world = almost_gone(arena, "Retain");

    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_REMOVE_FINALIZER);
    world = almost_gone(arena, "Delete");
    world_set_spec(world, arena, "{\"size\": 4}"); /* Nobody can tell what was asked. */
    assert_action(plan_of(world, arena), "DeleteCluster", ACTION_REMOVE_FINALIZER);

    world = almost_gone(arena, "Delete");
    world->recorded.n_permits = 0; /* It never came to use them. */
    world->members[1].claim.creator_uid = EARLIER_UID;
    world->members[2].claim.creator_uid = NULL;
    assert_removes(world, arena, "PersistentVolumeClaim", 1);
    world_record(world, 1, PERMIT_ADOPT, "pod-1"); /* That one it has taken over. */
    assert_removes(world, arena, "PersistentVolumeClaim", 2);
}
TEST(claims_by_policy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_cluster_is_left_alone),
        cmocka_unit_test(invalid_spec_touches_nothing),
        cmocka_unit_test(taken_name_holds),
        cmocka_unit_test(certificates),
        cmocka_unit_test(applies_what_differs),
        cmocka_unit_test(what_agrees_is_compared_once),
        cmocka_unit_test(a_field_taken_back_is_applied),
        cmocka_unit_test(a_permit_keeps_no_pod),
        cmocka_unit_test(outdated_needs_two_witnesses),
        cmocka_unit_test(outdated_one_at_a_time),
        cmocka_unit_test(a_version_enters_the_template),
        cmocka_unit_test(stale_config_goes_last),
        cmocka_unit_test(deletion_order),
        cmocka_unit_test(deletion_ends_orphans),
        cmocka_unit_test(claims_by_policy),
    };
    return cmocka_run_group_tests_name("plan objects", tests, NULL, NULL);
}
