#include "backup_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"

#define BEGAN_MS INT64_C(1764000000000)

static int64_t now(void *context)
{
    const struct backup_site *site = context;
    return site->kube.now_ms;
}

static int get_progress(void *context, const char *pod_ip, json_t **out, struct error *error)
{
    const struct backup_site *site = context;

    assert_string_equal(pod_ip, "10.0.0.9");
    if (!site->progress) {
        return error_set(error, ERROR_RETRYABLE, "nobody listens");
    }
    *out = json_loads(site->progress, 0, NULL);
    return 0;
}

void backup_site_set_cluster(struct backup_site *site, bool serves)
{
    json_t *cluster = fake_kube_find(&site->kube, "EtcdCluster", "c");
    json_object_set_new(
        cluster, "status",
        json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[{s:s, s:s}, {s:s, s:s}]}", "clusterID", "1f",
                  "message", serves ? "" : "two members are down", "conditions", "type",
                  "Available", "status", serves ? "True" : "False", "members", "clientURL",
                  "https://c-0.c-peer.ns.svc:2379", "role", "leader", "clientURL",
                  "https://c-1.c-peer.ns.svc:2379", "role", "learner"));
    fake_kube_touch(&site->kube, cluster);
}

void backup_site_init(struct backup_site *site, const char *spec)
{
    *site = (struct backup_site){0};
    fake_kube_init(&site->kube, BEGAN_MS);
    site->options = (struct backup_options){.kube = &site->kube.api,
                                            .operator_image = "operator:1",
                                            .now_wall_ms = now,
                                            .progress = get_progress,
                                            .context = site};
    json_t *decoded = json_loads(spec, 0, NULL);
    assert_non_null(decoded);
    fake_kube_put(&site->kube, "EtcdBackup",
                  json_pack("{s:{s:s, s:s}, s:o}", "metadata", "name", BACKUP, "namespace",
                            NAMESPACE, "spec", decoded));
    fake_kube_put(&site->kube, "EtcdCluster",
                  json_pack("{s:{s:s, s:s}}", "metadata", "name", "c", "namespace", NAMESPACE));
    backup_site_set_cluster(site, true);
}

void backup_site_fini(struct backup_site *site)
{
    fake_kube_fini(&site->kube);
}

int backup_site_pass(struct backup_site *site)
{
    struct work_result result = {.requeue_after_ms = -1};
    struct error error = {0};

    int r = backup_pass(&site->options, NAMESPACE "/" BACKUP, &result, &error);
    site->requeue_ms = result.requeue_after_ms;
    return r;
}

void backup_site_settle(struct backup_site *site)
{
    int64_t before;
    int passes = 0;

    do {
        before = site->kube.version;
        assert_int_equal(backup_site_pass(site), 0);
        assert_in_range(++passes, 1, 20);
    } while (site->kube.version != before);
}

json_t *backup_site_object(const struct backup_site *site)
{
    return fake_kube_find(&site->kube, "EtcdBackup", BACKUP);
}

const char *backup_site_status(const struct backup_site *site, const char *name)
{
    return json_path_string(backup_site_object(site), "status", name, NULL);
}

json_t *backup_site_job(const struct backup_site *site, const char *purpose)
{
    char name[64];
    snprintf(name, sizeof name, BACKUP "-%s", purpose);
    return fake_kube_find(&site->kube, "Job", name);
}

json_t *backup_site_start_pod(struct backup_site *site, const char *purpose)
{
    const json_t *job = backup_site_job(site, purpose);

    assert_non_null(job);
    json_t *pod =
        json_pack("{s:{s:o, s:s, s:O, s:[{s:s}]}, s:{s:s, s:[{s:{s:{}}}]}}", "metadata", "name",
                  json_sprintf("pod-%lld", (long long)site->kube.uids), "namespace", NAMESPACE,
                  "labels", json_path(job, "spec", "template", "metadata", "labels", NULL),
                  "ownerReferences", "uid", json_path_string(job, "metadata", "uid", NULL),
                  "status", "podIP", "10.0.0.9", "containerStatuses", "state", "running");
    assert_non_null(pod);
    return fake_kube_put(&site->kube, "Pod", pod);
}

void backup_site_end_pod(struct backup_site *site, json_t *pod, int code, const char *message)
{
    char date[CLOCK_RFC3339_SIZE];

    clock_rfc3339(site->kube.now_ms, date, sizeof date);
    json_object_set_new(pod, "status",
                        json_pack("{s:[{s:{s:{s:i, s:s, s:s}}}]}", "containerStatuses", "state",
                                  "terminated", "exitCode", code, "message", message, "finishedAt",
                                  date));
    fake_kube_touch(&site->kube, pod);
}

void backup_site_end_job(struct backup_site *site, const char *purpose, bool failed,
                         const char *reason)
{
    json_t *job = backup_site_job(site, purpose);
    char date[CLOCK_RFC3339_SIZE];

    clock_rfc3339(site->kube.now_ms, date, sizeof date);
    json_object_set_new(job, "status",
                        json_pack("{s:i, s:[{s:s, s:s, s:s, s:s, s:s}]}", "failed", failed,
                                  "conditions", "type", failed ? "Failed" : "Complete", "status",
                                  "True", "reason", reason, "message", "as Kubernetes says it",
                                  "lastTransitionTime", date));
    fake_kube_touch(&site->kube, job);
}

void backup_site_collect(struct backup_site *site)
{
    const char *name;
    json_t *pod;
    void *next;

    json_object_foreach_safe(site->kube.objects, next, name, pod)
    {
        const char *purpose =
            json_path_string(pod, "metadata", "labels", "etcd.etcd.io/purpose", NULL);
        if (!strncmp(name, "Pod/", 4) && purpose && !backup_site_job(site, purpose)) {
            fake_kube_drop(&site->kube, "Pod", name + 4);
        }
    }
}
