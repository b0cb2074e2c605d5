#include "fake_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"
#include "etcd/client.h"
#include "etcd/errors.h"
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

static json_t *list_of(const struct fake_site *site, const char *token)
{
    return token ? json_object_get(site->lists, token) : NULL;
}

/* The place in the list of the member of this id, or of this ordinal (id 0); -1: there is none. */
static int find_member(const json_t *list, uint64_t id, int ordinal)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        if (id ? id == (uint64_t)json_path_integer(member, 0, "id", NULL)
               : ordinal == json_path_integer(member, -1, "ordinal", NULL)) {
            return (int)i;
        }
    }
    return -1;
}

/* What runs at the ordinal, as it stands in its cluster's list; NULL: nothing, or a member that was
 * removed, and that etcd does not let be one any more. */
static json_t *running_member(const struct fake_site *site, int ordinal)
{
    const json_t *volume = volume_of(site, ordinal);
    json_t *list = list_of(site, json_path_string(volume, "token", NULL));
    int place = find_member(list, (uint64_t)json_path_integer(volume, 0, "id", NULL), -1);

    return runs(site, ordinal) && place >= 0 ? json_array_get(list, (size_t)place) : NULL;
}

static bool is_learner(const json_t *member)
{
    return json_is_true(json_object_get(member, "learner"));
}

/* The token of the cluster that the member serves, or NULL: it runs and most of its voters do. */
static const char *serves(struct fake_site *site, int ordinal)
{
    const char *token = json_path_string(volume_of(site, ordinal), "token", NULL);
    const json_t *list = list_of(site, token);
    int voters = 0, n = 0;

    if (!running_member(site, ordinal)) {
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *member = json_array_get(list, i);
        int at = (int)json_path_integer(member, -1, "ordinal", NULL);
        voters += !is_learner(member);
        n += !is_learner(member) && running_member(site, at) == member;
    }
    if (n <= voters / 2) {
        return NULL;
    }
    if (site->served[0] && strcmp(site->served, token) != 0) {
        site->kube->violation = "two clusters under one name";
    }
    snprintf(site->served, sizeof site->served, "%s", token);
    return token;
}

/* The one that led, as long as it serves; else the first voter that does. */
static uint64_t leader_of(struct fake_site *site)
{
    uint64_t first = 0;

    for (int i = MAX_MEMBERS; i-- > 0;) {
        const json_t *member = running_member(site, i);
        if (member && !is_learner(member) && serves(site, i)) {
            first = (uint64_t)json_path_integer(member, 0, "id", NULL);
            if (first == site->leader) {
                return first;
            }
        }
    }
    site->leader = first;
    return first;
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
        sight.wal.member_id = (uint64_t)json_path_integer(volume, 0, "id", NULL);
    }
    return sight;
}

static void add_member(json_t *list, uint64_t id, int ordinal, bool learner, const char *name)
{
    json_array_append_new(list, json_pack("{s:I, s:i, s:b, s:s}", "id", (json_int_t)id, "ordinal",
                                          ordinal, "learner", learner, "name", name));
}

static int commas(const char *text)
{
    int n = 0;
    for (; *text; text++) {
        n += *text == ',';
    }
    return n;
}

/* The first of a new cluster to start makes the list; who joins must know the one that is. */
static json_t *list_for(struct fake_site *site, const struct permit *permit)
{
    json_t *list = list_of(site, permit->token);
    int n = commas(permit->initial_cluster) + 1;

    if (!list && permit->mode == PERMIT_NEW) {
        AUTO_ARENA struct arena *arena = arena_new();
        list = json_array();
        json_object_set_new(site->lists, permit->token, list);
        for (int i = 0; i < n; i++) {
            add_member(list, etcd_static_member_id(peer_url(arena, i), permit->token), i, false,
                       "started");
        }
    }
    if (n != (int)json_array_size(list)) {
        site->kube->violation = "a member starts with another membership than there is";
    }
    return list;
}

/* etcd makes its log. An id that begins twice would vote again with an emptied one. */
static void begin(struct fake_site *site, const struct permit *permit, json_t *volume)
{
    json_t *list = list_for(site, permit);
    int place = find_member(list, 0, permit->ordinal);
    char key[24];

    if (place < 0) {
        site->kube->violation = "a member starts that nobody has added";
        return;
    }
    json_t *member = json_array_get(list, (size_t)place), *id = json_object_get(member, "id");
    snprintf(key, sizeof key, "%llx", (unsigned long long)json_integer_value(id));
    if (json_object_get(site->born, key)) {
        site->kube->violation = "a member has begun twice with an empty log";
    }
    if (permit->member_id != (uint64_t)json_integer_value(id)) {
        site->kube->violation = "the permit is for another member than etcd knows";
    }
    json_object_set_new(site->born, key, json_true());
    json_object_set_new(member, "name", json_string("started"));
    json_object_set_new(volume, "token", json_string(permit->token));
    json_object_set(volume, "id", id);
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
        begin(site, permit, volume);
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
        if (runs(site, i) && !running_member(site, i)) {
            fake_site_restart(site, i); /* It was removed, and ends. */
        }
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

    (void)timeout_ms, (void)arena;
    for (size_t i = 0; i < n; i++) {
        const char *token = serves(site, ordinal_of(&endpoints[i]));
        const json_t *member = running_member(site, ordinal_of(&endpoints[i]));
        looks[i] = (struct etcd_look){0};
        if (!token || !credentials->certificate_pem) {
            error_set(&looks[i].status_error, ERROR_RETRYABLE, "connection refused");
            error_set(&looks[i].read_error, ERROR_RETRYABLE, "connection refused");
            continue;
        }
        looks[i].status =
            (struct etcd_status){.cluster_id = id_of(token),
                                 .member_id = (uint64_t)json_path_integer(member, 0, "id", NULL),
                                 .leader_id = leader_of(site),
                                 .db_size = 20480,
                                 .db_size_in_use = 20480,
                                 .is_learner = is_learner(member),
                                 .version = "3.6.16"};
        if (is_learner(member)) {
            etcd_error_set(&looks[i].read_error, ETCD_ERROR_RPC_NOT_FOR_LEARNER);
        }
    }
}

/* The list behind the first endpoint that serves a linearizable one. */
static json_t *target_list(struct fake_site *site, const struct etcd_target *target,
                           struct error *error)
{
    for (size_t i = 0; i < target->n; i++) {
        int ordinal = ordinal_of(&target->endpoints[i]);
        const char *token = serves(site, ordinal);
        if (token && !is_learner(running_member(site, ordinal))) {
            return list_of(site, token);
        }
    }
    etcd_error_set(error, ETCD_ERROR_NO_LEADER);
    return NULL;
}

static int member_list(void *context, const struct etcd_target *target, struct arena *arena,
                       struct etcd_member_list *out, struct error *error)
{
    struct fake_site *site = context;
    const json_t *list = target_list(site, target, error);

    if (!list) {
        return -(int)error->kind;
    }
    out->cluster_id = id_of(site->served);
    out->n_members = json_array_size(list);
    out->members = arena_alloc(arena, out->n_members * sizeof *out->members);
    for (size_t i = 0; i < out->n_members; i++) {
        const json_t *item = json_array_get(list, i);
        struct etcd_member *member = &out->members[i];
        member->peer_urls = arena_alloc(arena, sizeof(char *));
        member->peer_urls[0] = peer_url(arena, (int)json_path_integer(item, 0, "ordinal", NULL));
        member->n_peer_urls = 1;
        member->id = (uint64_t)json_path_integer(item, 0, "id", NULL);
        member->is_learner = is_learner(item);
        member->name = arena_strdup(arena, json_path_string(item, "name", NULL));
    }
    return 0;
}

static bool is_to_fail(const struct fake_site *site)
{
    return site->asked >= site->fail_first && site->asked <= site->fail_last;
}

/* The call fails, and nothing is done. */
static bool is_refused(struct fake_site *site, struct error *error)
{
    site->asked++;
    return is_to_fail(site) && !site->fail_after && etcd_error_set(error, site->failure);
}

/* The change is done. What is answered. */
static int answer(struct fake_site *site, struct error *error)
{
    site->changes++;
    return is_to_fail(site) ? etcd_error_set(error, site->failure) : 0;
}

static int member_add(void *context, const struct etcd_target *target, const char *url,
                      bool learner, struct arena *arena, uint64_t *id, struct etcd_member_list *out,
                      struct error *error)
{
    struct fake_site *site = context;
    json_t *list = target_list(site, target, error);
    int ordinal = atoi(strstr(url, "//c-") + 4);

    if (!list || is_refused(site, error)) {
        return -(int)error->kind;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (is_learner(json_array_get(list, i))) {
            return etcd_error_set(error, ETCD_ERROR_TOO_MANY_LEARNERS);
        }
    }
    if (find_member(list, 0, ordinal) >= 0) {
        return etcd_error_set(error, ETCD_ERROR_PEER_URL_EXISTS);
    }
    *id = ++site->last_id;
    add_member(list, *id, ordinal, learner, "");
    member_list(site, target, arena, out, error);
    return answer(site, error);
}

/* The member that is asked for, or NULL and `error`. */
static json_t *target_member(struct fake_site *site, const struct etcd_target *target, uint64_t id,
                             struct error *error)
{
    json_t *list = target_list(site, target, error);
    int place = find_member(list, id, -1);

    if (list && place < 0) {
        etcd_error_set(error, ETCD_ERROR_MEMBER_NOT_FOUND);
    }
    return place < 0 ? NULL : json_array_get(list, (size_t)place);
}

static bool is_up(const struct fake_site *site, const json_t *member)
{
    return running_member(site, (int)json_path_integer(member, -1, "ordinal", NULL)) == member;
}

static int member_promote(void *context, const struct etcd_target *target, uint64_t id,
                          struct error *error)
{
    struct fake_site *site = context;
    json_t *member = target_member(site, target, id, error);

    if (!member || is_refused(site, error)) {
        return -(int)error->kind;
    }
    if (!is_learner(member)) {
        return etcd_error_set(error, ETCD_ERROR_NOT_A_LEARNER);
    }
    if (!is_up(site, member)) {
        return etcd_error_set(error, ETCD_ERROR_LEARNER_NOT_IN_SYNC);
    }
    json_object_set_new(member, "learner", json_false());
    return answer(site, error);
}

static int member_remove(void *context, const struct etcd_target *target, uint64_t id,
                         struct error *error)
{
    struct fake_site *site = context;
    json_t *list = target_list(site, target, error);

    if (!target_member(site, target, id, error) || is_refused(site, error)) {
        return -(int)error->kind;
    }
    json_array_remove(list, (size_t)find_member(list, id, -1));
    return answer(site, error);
}

static int move_leader(void *context, const struct etcd_target *target, uint64_t id,
                       struct error *error)
{
    struct fake_site *site = context;
    const json_t *member = target_member(site, target, id, error);

    if (member && is_refused(site, error)) {
        return -(int)error->kind;
    }
    if (!member || is_learner(member) || !is_up(site, member)) {
        return etcd_error_set(error, ETCD_ERROR_BAD_TRANSFEREE);
    }
    site->leader = id;
    return answer(site, error);
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
                 .member_add = member_add,
                 .member_promote = member_promote,
                 .member_remove = member_remove,
                 .move_leader = move_leader,
                 .alarms = alarms,
                 .reports = reports,
                 .forget = forget},
        .kube = kube,
        .volumes = json_object(),
        .nonces = json_object(),
        .running = json_object(),
        .lists = json_object(),
        .born = json_object(),
        .last_id = 0xadd0,
    };
}

void fake_site_fini(struct fake_site *site)
{
    json_decref(site->volumes);
    json_decref(site->nonces);
    json_decref(site->running);
    json_decref(site->lists);
    json_decref(site->born);
}
