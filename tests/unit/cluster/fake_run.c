#include "fake_run.h"

#include <stdio.h>
#include <string.h>

#include "api/permit.h"
#include "base/json.h"

#define NOW_MS INT64_C(1795448404000)

static int64_t now_ms(void *context)
{
    return ((struct run *)context)->kube.now_ms;
}

static void draw(void *context, void *out, size_t size)
{
    memset(out, ((struct run *)context)->chance++, size);
}

void run_start_operator(struct run *run)
{
    const struct reconciler_options options = {
        .kube = &run->kube.api,
        .etcd = &run->site.etcd,
        .operator_image = "operator:test",
        .now_boot_ms = now_ms,
        .now_wall_ms = now_ms,
        .random = draw,
        .context = run,
    };

    reconciler_free(run->reconciler);
    run->reconciler = reconciler_new(&options);
}

void run_create_cluster(struct run *run, const char *spec)
{
    json_t *object =
        json_pack("{s:s, s:{s:s, s:s}, s:o}", "apiVersion", "etcd.etcd.io/v1alpha1", "metadata",
                  "name", "c", "namespace", "ns", "spec", json_loads(spec, 0, NULL));
    fake_kube_put(&run->kube, "EtcdCluster", object);
}

void run_init(struct run *run, const char *spec)
{
    memset(run, 0, sizeof *run);
    fake_kube_init(&run->kube, NOW_MS);
    fake_site_init(&run->site, &run->kube);
    run_start_operator(run);
    run_create_cluster(run, spec);
}

void run_fini(struct run *run)
{
    reconciler_free(run->reconciler);
    fake_site_fini(&run->site);
    fake_kube_fini(&run->kube);
}

json_t *run_cluster(const struct run *run)
{
    return fake_kube_find(&run->kube, "EtcdCluster", "c");
}

const char *run_status(const struct run *run, const char *name)
{
    const char *text = json_path_string(run_cluster(run), "status", name, NULL);
    return text ? text : "";
}

/* One second of the site and one pass. What the pass returned. */
int run_pass(struct run *run)
{
    struct work_result result;
    struct error error = {0};

    fake_site_step(&run->site);
    run->kube.now_ms += 1000;
    int status = reconciler_pass(run->reconciler, "ns/c", &result, &error);
    if (run->kube.violation) {
        fail_msg("%s", run->kube.violation);
    }
    return status;
}

/* Passes until one changes nothing. */
void run_settle(struct run *run)
{
    for (int i = 0; i < PATIENCE; i++) {
        int64_t before = run->kube.version + run->site.asked;
        int calls_failed = run_pass(run);
        if (!calls_failed && before == run->kube.version + run->site.asked && i > 2) {
            return;
        }
    }
    fail_msg("not settled: %s, %s", run_status(run, "phase"), run_status(run, "message"));
}

void assert_runs(const struct run *run, int members, int generation)
{
    const json_t *status = json_object_get(run_cluster(run), "status");

    if (strcmp(run_status(run, "phase"), "Running") != 0 || *run_status(run, "message")) {
        fail_msg("%s: %s", run_status(run, "phase"), run_status(run, "message"));
    }
    assert_int_equal(json_path_integer(status, 0, "readyReplicas", NULL), members);
    assert_int_equal(json_array_size(json_path(status, "bootstrap", "permits", NULL)), members);
    assert_int_equal(json_path_integer(status, 0, "bootstrap", "generation", NULL), generation);
    assert_string_not_equal(run_status(run, "clusterID"), "");
    for (int i = 0; i < members; i++) {
        char name[16];
        snprintf(name, sizeof name, "c-%d", i);
        assert_null(json_path(fake_kube_find(&run->kube, "Pod", name), "metadata", "annotations",
                              PERMIT_ANNOTATION, NULL)); /* Used, and taken away. */
    }
}

void run_survive(struct run *run, int call)
{
    run->kube.cancel_from = call;
    for (int i = 0; i < PATIENCE && run->kube.calls < call; i++) {
        run_pass(run);
    }
    run->kube.cancel_from = 0;
    run_start_operator(run);
    run_settle(run);
}
