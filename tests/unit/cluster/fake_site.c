#include "fake_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"
#include "etcd/client.h"
#include "member/decide.h"
#include "pki/pki.h"

#define MAX_MEMBERS 9

static json_t *pod_of(const struct fake_site *site, int ordinal)
{
    char name[32];
    snprintf(name, sizeof name, "c-%d", ordinal);
    return fake_kube_find(site->kube, "Pod", name);
}

static const char *uid_of(const json_t *object)
{
    return json_path_string(object, "metadata", "uid", NULL);
}

static json_t *volume_of(const struct fake_site *site, int ordinal)
{
    char name[32];
    snprintf(name, sizeof name, "data-c-%d", ordinal);
    const char *uid = uid_of(fake_kube_find(site->kube, "PersistentVolumeClaim", name));
    return uid ? json_object_get(site->volumes, uid) : NULL;
}

static uint64_t id_of(const char *token)
{
    return pki_sha1_prefix64(token, strlen(token)) | 1;
}

static const char *peer_url(struct arena *arena, int ordinal)
{
    return names_peer_url(arena, names_new(arena, "ns", "c"), ordinal, true);
}

static bool runs(const struct fake_site *site, int ordinal)
{
    const char *uid = uid_of(pod_of(site, ordinal));
    return uid && json_object_get(site->running, uid);
}

/* The token of the cluster that the member serves, or NULL: it runs and most of its cluster do. */
static const char *serves(struct fake_site *site, int ordinal)
{
    const char *token = json_path_string(volume_of(site, ordinal), "token", NULL);
    int n = 0;

    if (!runs(site, ordinal) || !token) {
        return NULL;
    }
    for (int i = 0; i < MAX_MEMBERS; i++) {
        const char *other = json_path_string(volume_of(site, i), "token", NULL);
        n += runs(site, i) && other && !strcmp(other, token);
    }
    if (n <= json_path_integer(volume_of(site, ordinal), 0, "size", NULL) / 2) {
        return NULL;
    }
    if (site->served[0] && strcmp(site->served, token) != 0) {
        site->kube->violation = "two clusters under one name";
    }
    snprintf(site->served, sizeof site->served, "%s", token);
    return token;
}

static void make_claim(struct fake_site *site, const json_t *set, const char *name)
{
    json_t *template = json_array_get(json_path(set, "spec", "volumeClaimTemplates", NULL), 0);

    if (!fake_kube_find(site->kube, "PersistentVolumeClaim", name)) {
        json_t *claim = json_deep_copy(template);
        json_object_set_new(json_object_get(claim, "metadata"), "name", json_string(name));
        json_object_set_new(claim, "status", json_pack("{s:s}", "phase", "Bound"));
        claim = fake_kube_put(site->kube, "PersistentVolumeClaim", claim);
        json_object_set_new(site->volumes, uid_of(claim), json_object());
    }
}

static void make_pod(struct fake_site *site, const json_t *set, const char *name, int ordinal)
{
    json_t *template = json_path(set, "spec", "template", NULL);
    char date[CLOCK_RFC3339_SIZE];

    if (fake_kube_find(site->kube, "Pod", name)) {
        return;
    }
    json_t *pod = json_deep_copy(template);
    json_t *metadata = json_object_get(pod, "metadata");
    json_object_set_new(metadata, "name", json_string(name));
    json_object_set_new(metadata, "ownerReferences", json_pack("[{s:s}]", "uid", uid_of(set)));
    json_object_set_new(json_object_get(pod, "spec"), "nodeName", json_string("node"));
    clock_rfc3339(site->kube->now_ms, date, sizeof date);
    json_object_set_new(pod, "status",
                        json_pack("{s:s+, s:[], s:[{s:s, s:{s:{s:s}}}]}", "podIP", "10.0.0.",
                                  ordinal ? "2" : "1", "conditions", "containerStatuses", "name",
                                  "etcd", "state", "running", "startedAt", date));
    fake_kube_put(site->kube, "Pod", pod);
}

static void control_set(struct fake_site *site)
{
    json_t *set = fake_kube_find(site->kube, "StatefulSet", "c");
    int replicas = (int)json_path_integer(set, 0, "spec", "replicas", NULL);

    for (int i = 0; i < MAX_MEMBERS; i++) {
        char pod[32], claim[40];
        snprintf(pod, sizeof pod, "c-%d", i);
        snprintf(claim, sizeof claim, "data-%s", pod);
        if (i < replicas) {
            make_claim(site, set, claim);
            make_pod(site, set, pod, i);
        } else {
            fake_kube_drop(site->kube, "Pod", pod);
        }
    }
    if (set) {
        json_int_t generation = json_path_integer(set, 0, "metadata", "generation", NULL);
        json_t *status = json_pack("{s:I}", "observedGeneration", generation);
        if (!json_equal(status, json_object_get(set, "status"))) {
            json_object_set(set, "status", status);
            fake_kube_touch(site->kube, set);
        }
        json_decref(status);
    }
}

/* What the helper in this pod sees; everything in the arena. */
static struct member_sight look(struct fake_site *site, int ordinal, struct arena *arena)
{
    const json_t *pod = pod_of(site, ordinal), *volume = volume_of(site, ordinal);
    const json_t *annotations = json_path(pod, "metadata", "annotations", NULL);
    const char *permit = json_path_string(annotations, PERMIT_ANNOTATION, NULL);
    const char *marker = json_path_string(volume, "marker", NULL);
    const json_t *map = fake_kube_find(site->kube, "ConfigMap",
                                       json_path_string(annotations, ANNOTATION_CONFIG, NULL));
    const char *config = json_path_string(map, "data", "member.json", NULL);
    struct member_config *decoded = arena_alloc(arena, sizeof *decoded);
    struct permit *given = arena_alloc(arena, sizeof *given);
    struct marker *read = arena_alloc(arena, sizeof *read);
    struct member_sight sight = {
        .pod = json_path_string(pod, "metadata", "name", NULL),
        .pod_uid = uid_of(pod),
        .ordinal = ordinal,
        .used_nonce = json_path_string(site->nonces, uid_of(pod), NULL),
    };

    if (config && !member_config_decode(config, strlen(config), arena, decoded, NULL)) {
        sight.config = decoded;
    }
    if (permit && !permit_decode(permit, strlen(permit), arena, given, NULL)) {
        sight.permit = given;
    }
    if (marker && !marker_decode(marker, strlen(marker), arena, read, NULL)) {
        sight.marker = read;
    }
    const char *token = json_path_string(volume, "token", NULL);
    if (token) {
        sight.wal.state = WAL_OK;
        sight.wal.cluster_id = id_of(token);
        sight.wal.member_id = etcd_static_member_id(peer_url(arena, ordinal), token);
    }
    return sight;
}

static int commas(const char *text)
{
    int n = 0;
    for (; *text; text++) {
        n += *text == ',';
    }
    return n;
}

/* Marker, then nonce, then etcd: as the helper does it. */
static void carry_out(struct fake_site *site, const struct member_sight *sight,
                      enum member_action action)
{
    json_t *volume = volume_of(site, sight->ordinal);
    const struct permit *permit = sight->permit;

    if (action == MEMBER_START || action == MEMBER_ADOPT) {
        struct marker marker = {permit->cluster_uid, permit->generation, permit->ordinal,
                                permit->member_id};
        AUTO_FREE char *text = marker_encode(&marker);
        json_object_set_new(volume, "marker", json_string(text));
        json_object_set_new(site->nonces, sight->pod_uid, json_string(permit->nonce));
    }
    if (action == MEMBER_START) {
        json_object_del(volume, "token");
        if (site->etcd_fails) {
            return;
        }
        json_object_set_new(volume, "token", json_string(permit->token));
        json_object_set_new(volume, "size", json_integer(commas(permit->initial_cluster) + 1));
    }
    if (action != MEMBER_WAIT) {
        json_object_set_new(site->running, sight->pod_uid, json_true());
    }
}

static void set_ready(struct fake_site *site, json_t *pod, bool ready)
{
    AUTO_JSON json_t *conditions =
        json_pack("[{s:s, s:s}]", "type", "Ready", "status", ready ? "True" : "False");
    json_t *status = json_object_get(pod, "status");

    if (!json_equal(conditions, json_object_get(status, "conditions"))) {
        json_object_set(status, "conditions", conditions);
        fake_kube_touch(site->kube, pod);
    }
}

void fake_site_step(struct fake_site *site)
{
    control_set(site);
    for (int i = 0; i < MAX_MEMBERS; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        if (pod_of(site, i) && !runs(site, i)) {
            struct member_sight sight = look(site, i, arena);
            carry_out(site, &sight, member_decide(&sight, arena).action);
        }
    }
    for (int i = 0; i < MAX_MEMBERS; i++) {
        if (pod_of(site, i)) {
            set_ready(site, pod_of(site, i), serves(site, i) != NULL);
        }
    }
}

void fake_site_restart(struct fake_site *site, int ordinal)
{
    json_object_del(site->running, uid_of(pod_of(site, ordinal)));
}

void fake_site_lose_volume(struct fake_site *site, int ordinal)
{
    fake_site_restart(site, ordinal);
    json_object_clear(volume_of(site, ordinal));
}

static int ordinal_of(const struct etcd_endpoint *endpoint)
{
    return atoi(endpoint->server_name + 2); /* c-N.c-peer.ns.svc */
}

static void look_all(void *context, const struct etcd_credentials *credentials,
                     const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                     struct arena *arena, struct etcd_look *looks)
{
    struct fake_site *site = context;

    (void)timeout_ms;
    for (size_t i = 0; i < n; i++) {
        const char *token = serves(site, ordinal_of(&endpoints[i]));
        looks[i] = (struct etcd_look){0};
        if (!token || !credentials->certificate_pem) {
            error_set(&looks[i].status_error, ERROR_RETRYABLE, "connection refused");
            error_set(&looks[i].read_error, ERROR_RETRYABLE, "connection refused");
            continue;
        }
        looks[i].status = (struct etcd_status){
            .cluster_id = id_of(token),
            .member_id = etcd_static_member_id(peer_url(arena, ordinal_of(&endpoints[i])), token),
            .leader_id = etcd_static_member_id(peer_url(arena, 0), token),
            .db_size = 20480,
            .db_size_in_use = 20480,
            .version = "3.6.16"};
    }
}

static int member_list(void *context, const struct etcd_target *target, struct arena *arena,
                       struct etcd_member_list *out, struct error *error)
{
    struct fake_site *site = context;
    int ordinal = ordinal_of(&target->endpoints[0]);
    const char *token = serves(site, ordinal);

    if (!token) {
        return error_set(error, ERROR_RETRYABLE, "no leader");
    }
    out->cluster_id = id_of(token);
    out->n_members = (size_t)json_path_integer(volume_of(site, ordinal), 0, "size", NULL);
    out->members = arena_alloc(arena, out->n_members * sizeof *out->members);
    for (size_t i = 0; i < out->n_members; i++) {
        struct etcd_member *member = &out->members[i];
        member->peer_urls = arena_alloc(arena, sizeof(char *));
        member->peer_urls[0] = peer_url(arena, (int)i);
        member->n_peer_urls = 1;
        member->id = etcd_static_member_id(member->peer_urls[0], token);
        member->name = arena_printf(arena, "c-%zu", i);
    }
    return 0;
}

static int alarms(void *context, const struct etcd_target *target, struct arena *arena,
                  struct etcd_alarm **out, size_t *n_out, struct error *error)
{
    (void)context, (void)target, (void)arena, (void)error;
    *out = NULL;
    *n_out = 0;
    return 0;
}

static void reports(void *context, const struct etcd_endpoint *endpoints, size_t n,
                    int64_t timeout_ms, struct arena *arena, const char **out)
{
    struct fake_site *site = context;

    (void)timeout_ms;
    for (size_t i = 0; i < n; i++) {
        int ordinal = ordinal_of(&endpoints[i]);
        if (!runs(site, ordinal)) {
            struct member_sight sight = look(site, ordinal, arena);
            struct member_decision decision = member_decide(&sight, arena);
            struct report report = member_report(&sight, &decision);
            report.pod_uid = site->impostor ? "another-uid" : report.pod_uid;
            AUTO_FREE char *text = report_encode(&report);
            out[i] = arena_strdup(arena, text);
        }
    }
}

static void forget(void *context, const char *name)
{
    (void)context, (void)name;
}

void fake_site_init(struct fake_site *site, struct fake_kube *kube)
{
    *site = (struct fake_site){
        .etcd = {.context = site,
                 .look = look_all,
                 .member_list = member_list,
                 .alarms = alarms,
                 .reports = reports,
                 .forget = forget},
        .kube = kube,
        .volumes = json_object(),
        .nonces = json_object(),
        .running = json_object(),
    };
}

void fake_site_fini(struct fake_site *site)
{
    json_decref(site->volumes);
    json_decref(site->nonces);
    json_decref(site->running);
}
