/* What observe() makes of pods, claims and events; etcd is silent here. */
#include "world_builder.h"

#include "cluster/observe.h"
#include "fake_kube.h"

struct fixture {
    struct fake_kube kube;
    struct etcd_api etcd;
    struct memos *memos;
    struct world world;
};

static int64_t now_ms(void *context)
{
    (void)context;
    return NOW_MS;
}

static void draw(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 0xab, size);
}

static void look(void *context, const struct etcd_credentials *credentials,
                 const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                 struct arena *arena, struct etcd_look *looks)
{
    (void)context, (void)credentials, (void)endpoints, (void)timeout_ms, (void)arena;
    for (size_t i = 0; i < n; i++) {
        error_set(&looks[i].status_error, ERROR_RETRYABLE, "silence");
        error_set(&looks[i].read_error, ERROR_RETRYABLE, "silence");
    }
}

static void reports(void *context, const struct etcd_endpoint *endpoints, size_t n,
                    int64_t timeout_ms, struct arena *arena, const char **out)
{
    (void)context, (void)endpoints, (void)n, (void)timeout_ms, (void)arena, (void)out;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, text);
    }
    return json;
}

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->etcd.look = look;
    f->etcd.reports = reports;
    f->memos = memos_new();
    fake_kube_init(&f->kube, NOW_MS - 60000);
    fake_kube_put(&f->kube, "EtcdCluster",
                  parse("{\"metadata\": {\"name\": \"c\", \"namespace\": \"ns\"}, \"spec\": {}}"));
    fake_kube_put(&f->kube, "StatefulSet",
                  json_pack("{s:{s:s, s:{s:s}, s:[{s:s}]}}", "metadata", "name", "c", "labels",
                            LABEL_CLUSTER, "c", "ownerReferences", "uid", "uid-1"));
}

static void teardown(struct fixture *f)
{
    memos_free(f->memos);
    fake_kube_fini(&f->kube);
}

static void put_pod(struct fixture *f, const char *name, const char *status)
{
    json_t *pod =
        json_pack("{s:{s:s, s:{s:s}, s:[{s:s}]}, s:o}", "metadata", "name", name, "labels",
                  LABEL_CLUSTER, "c", "ownerReferences", "uid", "uid-2", "status", parse(status));
    fake_kube_put(&f->kube, "Pod", pod);
}

static const struct world *observe(struct fixture *f, struct arena *arena)
{
    const struct reconciler_options options = {.kube = &f->kube.api,
                                               .etcd = &f->etcd,
                                               .operator_image = "operator:test",
                                               .now_boot_ms = now_ms,
                                               .now_wall_ms = now_ms,
                                               .random = draw};
    struct error error;

    if (observe_object(&options, "ns", "c", arena, &f->world, &error) ||
        observe_cluster(&options, memos_get(f->memos, "ns/c", "uid-1"), arena, &f->world, &error)) {
        fail_msg("%s", error.message);
    }
    return &f->world;
}

static void a_pods_words_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    put_pod(
        &f, "c-0",
        "{\"podIP\": \"10.0.0.1\", \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}],"
        "\"containerStatuses\": [{\"name\": \"sidecar\", \"restartCount\": 9},"
        "{\"name\": \"etcd\", \"restartCount\": 2, \"state\": {\"running\": {\"startedAt\": "
        "\"2026-11-23T15:40:04Z\"}}, \"lastState\": {\"terminated\": {\"exitCode\": 137,"
        "\"reason\": \"OOMKilled\"}}}]}");
    put_pod(
        &f, "c-1",
        "{\"initContainerStatuses\": [{\"name\": \"i\", \"state\": {\"waiting\": {\"reason\": "
        "\"ErrImagePull\", \"message\": \"no such image\"}}}], \"containerStatuses\": [{\"name\":"
        " \"etcd\", \"state\": {\"waiting\": {\"reason\": \"PodInitializing\"}}}]}");
    put_pod(
        &f, "c-2",
        "{\"conditions\": [{\"type\": \"PodScheduled\", \"status\": \"False\"}],"
        "\"containerStatuses\": [{\"name\": \"etcd\", \"state\": {\"terminated\": {\"exitCode\": 2,"
        "\"message\": \"last words\"}}}]}");
    const struct world *world = observe(&f, arena);
    const struct world_pod *pod = &world->members[0].pod;
    assert_true(pod->ready && pod->started && pod->exists);
    assert_int_equal(pod->started_ms, NOW_MS);
    assert_int_equal(pod->restarts, 2);
    assert_string_equal(pod->ended_reason, "OOMKilled");
    assert_int_equal(pod->ended_code, 137);
    assert_null(pod->unschedulable);
    pod = &world->members[1].pod; /* The first that waits tells why. */
    assert_string_equal(pod->waiting_reason, "ErrImagePull");
    assert_string_equal(pod->waiting_message, "no such image");
    assert_false(pod->ready || pod->started);
    pod = &world->members[2].pod;
    assert_string_equal(pod->unschedulable, "no reason given");
    assert_string_equal(pod->ended_reason, "Error");
    assert_string_equal(pod->ended_message, "last words");
    teardown(&f);
}
TEST(a_pods_words)

static void another_sets_pod_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    put_pod(&f, "c-0", "{}");
    json_t *pod = fake_kube_find(&f.kube, "Pod", "c-0");
    json_object_set_new(json_object_get(pod, "metadata"), "ownerReferences",
                        parse("[{\"uid\": \"of-an-earlier-set\"}]"));
    const struct world *world = observe(&f, arena);
    assert_false(world->members[0].pod.exists);
    assert_true(world->pods_left); /* It still keeps a cluster from being gone. */
    assert_int_equal(world->n_orphans, 0);
    json_object_del(json_object_get(pod, "metadata"), "ownerReferences");
    world = observe(&f, arena);
    assert_int_equal(world->n_orphans, 1); /* Nobody but us will end it. */
    assert_string_equal(world->orphans[0].name, "c-0");
    teardown(&f);
}
TEST(another_sets_pod)

/* The StatefulSet is made anew: a pod that runs with our flags is a member's, and still nobody's.
 */
static void a_pod_between_sets_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    fake_kube_put(&f.kube, "ConfigMap",
                  json_pack("{s:{s:s, s:{s:s}, s:[{s:s}]}}", "metadata", "name", "c-config-1",
                            "labels", LABEL_CLUSTER, "c", "ownerReferences", "uid", "uid-1"));
    put_pod(&f, "c-0", "{}");
    put_pod(&f, "c-1", "{}");
    for (int i = 0; i < 2; i++) {
        json_t *pod = fake_kube_find(&f.kube, "Pod", i ? "c-1" : "c-0");
        json_t *metadata = json_object_get(pod, "metadata");
        json_object_del(metadata, "ownerReferences");
        json_object_set_new(metadata, "annotations",
                            json_pack("{s:s}", ANNOTATION_CONFIG, i ? "c-config-2" : "c-config-1"));
    }
    const struct world *world = observe(&f, arena);
    assert_true(world->members[0].pod.exists);
    assert_false(world->members[1].pod.exists); /* Of an earlier object of this name. */
    assert_int_equal(world->n_orphans, 2);

    /* The set that owns it is gone, and garbage collection has not come by yet. */
    json_object_set_new(json_object_get(fake_kube_find(&f.kube, "Pod", "c-0"), "metadata"),
                        "ownerReferences", parse("[{\"uid\": \"of-an-earlier-set\"}]"));
    world = observe(&f, arena);
    assert_true(world->members[0].pod.exists && world->members[0].pod.terminating);
    assert_int_equal(world->n_orphans, 1);
    teardown(&f);
}
TEST(a_pod_between_sets)

static void put_claim(struct fixture *f, const char *name, const char *class, const char *creator)
{
    json_t *claim =
        json_pack("{s:{s:s, s:{s:s}, s:{s:s}}, s:{}, s:{s:s}}", "metadata", "name", name, "labels",
                  LABEL_CLUSTER, "c", "annotations", ANNOTATION_CLUSTER_UID, creator, "spec",
                  "status", "phase", "Pending");
    if (class) {
        json_object_set_new(json_object_get(claim, "spec"), "storageClassName", json_string(class));
    }
    fake_kube_put(&f->kube, "PersistentVolumeClaim", claim);
}

static void claims_in(struct arena *arena)
{
    const char *unschedulable = "{\"conditions\": [{\"type\": \"PodScheduled\", \"status\": "
                                "\"False\", \"message\": \"m\"}]}";
    struct fixture f;

    setup(&f);
    fake_kube_put(&f.kube, "StorageClass", parse("{\"metadata\": {\"name\": \"slow\"}}"));
    put_claim(&f, "data-c-0", NULL, "uid-1");
    put_claim(&f, "data-c-1", "gold", "uid-1");
    put_claim(&f, "data-c-2", "slow", "uid-1");
    put_claim(&f, "data-c-3", "slow", "uid-of-before");
    put_claim(&f, "data-c-12", "slow", "uid-of-before");
    put_claim(&f, "data-c-4", "slow", "uid-1"); /* Ours, from a larger size. */
    put_pod(&f, "c-0", unschedulable);
    put_pod(&f, "c-1", unschedulable);
    put_pod(&f, "c-2", unschedulable);
    const struct world *world = observe(&f, arena);
    assert_contains(world->members[0].claim.problem, "names no StorageClass");
    assert_contains(world->members[1].claim.problem, "StorageClass gold does not exist");
    assert_null(world->members[2].claim.problem);
    assert_string_equal(world->members[2].claim.creator_uid, "uid-1");
    assert_int_equal(world->n_foreign_claims, 2);
    teardown(&f);
}
TEST(claims)

/* A volume of 8Gi that is asked for 8Gi; the spec's default is the same. */
static json_t *put_bound(struct fixture *f, const char *name, const char *class)
{
    put_claim(f, name, class, "uid-1");
    json_t *claim = fake_kube_find(&f->kube, "PersistentVolumeClaim", name);
    json_object_set_new(json_object_get(claim, "spec"), "volumeName", json_string("pvc-1"));
    json_object_set_new(json_object_get(claim, "spec"), "resources",
                        parse("{\"requests\": {\"storage\": \"4Gi\"}}"));
    json_object_set_new(claim, "status",
                        parse("{\"phase\": \"Bound\", \"capacity\": {\"storage\": \"4Gi\"}}"));
    return claim;
}

static void a_class_that_does_not_let_grow_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    fake_kube_put(&f.kube, "StorageClass",
                  parse("{\"metadata\": {\"name\": \"fast\"}, \"allowVolumeExpansion\": true}"));
    fake_kube_put(&f.kube, "StorageClass", parse("{\"metadata\": {\"name\": \"fixed\"}}"));
    put_bound(&f, "data-c-0", "fast");
    put_bound(&f, "data-c-1", "fixed");
    put_bound(&f, "data-c-2", "gone");
    put_bound(&f, "data-c-3", NULL);
    json_object_set_new(json_object_get(put_bound(&f, "data-c-4", "fixed"), "spec"), "resources",
                        parse("{\"requests\": {\"storage\": \"8Gi\"}}"));
    const struct world *world = observe(&f, arena);
    assert_string_equal(world->members[0].claim.requested, "4Gi");
    assert_string_equal(world->members[0].claim.capacity, "4Gi");
    assert_null(world->members[0].claim.cannot_grow);
    assert_contains(world->members[1].claim.cannot_grow, "StorageClass fixed does not allow it");
    assert_contains(world->members[2].claim.cannot_grow, "StorageClass gone does not exist");
    assert_contains(world->members[3].claim.cannot_grow, "names no StorageClass");
    assert_null(world->members[4].claim.cannot_grow); /* It has asked already. */
    teardown(&f);
}
TEST(a_class_that_does_not_let_grow)

static void a_growth_under_way_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    json_object_set_new(json_object_get(put_bound(&f, "data-c-0", "fast"), "status"), "conditions",
                        parse("[{\"type\": \"FileSystemResizePending\", \"status\": \"True\","
                              "  \"lastTransitionTime\": \"2026-01-01T00:00:00Z\"}]"));
    json_t *status = json_object_get(put_bound(&f, "data-c-1", "fast"), "status");
    json_object_set_new(status, "allocatedResourceStatuses",
                        parse("{\"storage\": \"ControllerResizeInfeasible\"}"));
    json_object_set_new(status, "conditions",
                        parse("[{\"type\": \"ControllerResizeError\", \"status\": \"True\","
                              "  \"message\": \"no room\"}]"));
    json_object_set_new(
        json_object_get(put_bound(&f, "data-c-2", "fast"), "status"), "conditions",
        parse("[{\"type\": \"NodeResizeError\", \"status\": \"False\", \"message\": \"m\"}]"));
    const struct world *world = observe(&f, arena);
    assert_true(world->members[0].claim.mount_wanted_ms > 0);
    assert_true(world->members[0].claim.mount_waits_ms > 0);
    assert_null(world->members[0].claim.growth_problem);
    assert_true(world->members[1].claim.growth_infeasible);
    assert_string_equal(world->members[1].claim.growth_problem, "no room");
    assert_null(world->members[2].claim.growth_problem);
    assert_int_equal(world->members[2].claim.mount_wanted_ms, 0);
    teardown(&f);
}
TEST(a_growth_under_way)

static void put_event(struct fixture *f, const char *name, const char *date, const char *message)
{
    fake_kube_put(&f->kube, "Event",
                  json_pack("{s:{s:s}, s:s, s:s}", "metadata", "name", name, "lastTimestamp", date,
                            "message", message));
}

static void refused_pods_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    put_event(&f, "a", "2026-11-23T15:39:00Z", "exceeded quota");
    put_event(&f, "b", "2026-11-23T15:30:00Z", "older");
    put_event(&f, "c", "2026-11-23T15:00:00Z", "too old");
    assert_string_equal(observe(&f, arena)->create_failure, "exceeded quota");
    int calls = f.kube.calls;
    for (int i = 0; i < 3; i++) {
        put_pod(&f, arena_printf(arena, "c-%d", i), "{}");
    }
    assert_null(observe(&f, arena)->create_failure); /* And nobody asks. */
    assert_int_equal(f.kube.calls - calls, 5);       /* The Secrets, which are due. */
    teardown(&f);
}
TEST(refused_pods)

static void nonces_and_memory_in(struct arena *arena)
{
    struct fixture f;

    setup(&f);
    const struct world *world = observe(&f, arena);
    assert_string_equal(world->members[0].nonce, "abababababababababababababababab");
    struct memo *memo = memos_get(f.memos, "ns/c", "uid-1");
    assert_ptr_equal(memos_get(f.memos, "ns/c", "uid-1"), memo);
    memo->busy_passes = 7;
    assert_int_equal(memos_get(f.memos, "ns/c", "another-uid")->busy_passes, 0); /* Created anew. */
    memos_drop(f.memos, "ns/c");
    memos_drop(f.memos, "ns/none");
    teardown(&f);
}
TEST(nonces_and_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pods_words),
        cmocka_unit_test(another_sets_pod),
        cmocka_unit_test(claims),
        cmocka_unit_test(a_pod_between_sets),
        cmocka_unit_test(a_class_that_does_not_let_grow),
        cmocka_unit_test(a_growth_under_way),
        cmocka_unit_test(refused_pods),
        cmocka_unit_test(nonces_and_memory),
    };
    return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
