/* Explaining beside a cluster that comes, loses a volume and goes: nothing changes by it, and what
 * it says comes next is what the operator's next pass does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "cluster/explain.h"
#include "cluster/memo.h"
#include "cluster/observe.h"
#include "fake_kube.h"
#include "fake_site.h"
#include "manager/read_only.h"

#define NOW_MS INT64_C(1795448404000)
#define PASSES 60

struct run {
    struct fake_kube kube;
    struct fake_site site;
    unsigned char chance;
    int actions, silences; /* Passes that were said to act, and not to. */
};

static int64_t now_ms(void *context)
{
    return ((struct run *)context)->kube.now_ms;
}

static void draw(void *context, void *out, size_t size)
{
    memset(out, ((struct run *)context)->chance++, size);
}

static struct reconciler_options options_of(struct run *run, const struct kube_api *kube)
{
    return (struct reconciler_options){
        .kube = kube,
        .etcd = &run->site.etcd,
        .operator_image = "operator:test",
        .now_boot_ms = now_ms,
        .now_wall_ms = now_ms,
        .random = draw,
        .context = run,
    };
}

/* NULL when the cluster is gone. */
static json_t *explain(struct run *run)
{
    const struct kube_api door = read_only_api(&run->kube.api);
    const struct reconciler_options options = options_of(run, &door);
    AUTO_ARENA struct arena *arena = arena_new();
    CLEANUP(memo_forget_certificates) struct memo memo = {0};
    struct explain_view view = {0};
    struct error error;
    struct world world;
    struct plan plan;

    int result = observe_object(&options, "ns", "c", arena, &world, &error);
    if (result == -(int)ERROR_NOT_FOUND) {
        return NULL;
    }
    if (result || observe_cluster(&options, &memo, arena, &world, &error)) {
        fail_msg("%s", error.message);
    }
    explain_take_helper(&world);
    explain_assume(&world, arena, &view);
    assert_null(view.secrets_unread);
    plan_make(&world, arena, &plan);
    return explain_document(&world, &plan, &view, arena);
}

static void pass(struct run *run, struct reconciler *reconciler)
{
    struct work_result result;
    struct error error;

    fake_site_step(&run->site);
    run->kube.now_ms += 1000;
    AUTO_JSON json_t *before = json_deep_copy(run->kube.objects);
    int writes = run->kube.writes, events = run->kube.events, changes = run->site.changes;
    AUTO_JSON json_t *document = explain(run);
    assert_true(json_equal(before, run->kube.objects));
    assert_int_equal(run->kube.writes, writes);
    assert_int_equal(run->kube.events, events);
    assert_int_equal(run->site.changes, changes);

    assert_int_equal(reconciler_pass(reconciler, "ns/c", &result, &error), 0);
    if (!document) {
        return;
    }
    const json_t *next = json_object_get(document, "next");
    bool acts = strcmp(json_path_string(next, "action", NULL), "None") != 0;
    int written = run->kube.writes - writes + run->site.changes - changes;
    const json_t *cluster = fake_kube_find(&run->kube, "EtcdCluster", "c");
    if (acts ? written < 1
             : written > 1) { /* The status counts, and nothing else without an act. */
        fail_msg("%s was said to come, and %d writes did", json_path_string(next, "action", NULL),
                 written);
    }
    if (!acts) {
        assert_string_equal(json_path_string(cluster, "status", "phase", NULL),
                            json_path_string(document, "cluster", "phase", NULL));
    }
    run->actions += acts;
    run->silences += !acts;
}

static void passes(struct run *run, struct reconciler *reconciler)
{
    for (int i = 0; i < PASSES; i++) {
        pass(run, reconciler);
    }
}

static void a_whole_life(void **state)
{
    struct run run = {0};

    (void)state;
    fake_kube_init(&run.kube, NOW_MS);
    fake_site_init(&run.site, &run.kube);
    const struct reconciler_options options = options_of(&run, &run.kube.api);
    struct reconciler *reconciler = reconciler_new(&options);
    fake_kube_put(&run.kube, "EtcdCluster",
                  json_pack("{s:s, s:{s:s, s:s}, s:{}}", "apiVersion", "etcd.etcd.io/v1alpha1",
                            "metadata", "name", "c", "namespace", "ns", "spec"));
    passes(&run, reconciler);
    assert_string_equal(
        json_path_string(fake_kube_find(&run.kube, "EtcdCluster", "c"), "status", "phase", NULL),
        "Running");
    fake_site_lose_volume(&run.site, 1);
    passes(&run, reconciler);
    fake_kube_delete(&run.kube, "EtcdCluster", "c");
    passes(&run, reconciler);
    assert_null(fake_kube_find(&run.kube, "EtcdCluster", "c"));
    assert_true(run.actions > 8 && run.silences > 20);
    reconciler_free(reconciler);
    fake_site_fini(&run.site);
    fake_kube_fini(&run.kube);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_whole_life)};
    return cmocka_run_group_tests_name("explain-site", tests, NULL, NULL);
}
