#include "world_builder.h"

#include "etcd/client.h"

static json_t *parse(struct arena *arena, const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, text);
    }
    return arena_json(arena, json);
}

void world_set_spec(struct world *world, struct arena *arena, const char *spec)
{
    struct error error = {0};

    json_object_set(world->object, "spec", parse(arena, spec));
    world->spec_valid = !etcdcluster_decode(world->object, arena, &world->spec, &error);
    world->spec_problem = world->spec_valid ? NULL : arena_strdup(arena, error.message);
}

struct world *world_new(struct arena *arena, const char *spec)
{
    struct world *world = arena_alloc(arena, sizeof *world);

    world->object = parse(
        arena, "{\"apiVersion\": \"etcd.etcd.io/v1alpha1\", \"kind\": \"EtcdCluster\","
               "\"metadata\": {\"name\": \"c\", \"namespace\": \"ns\", \"uid\": \"" CLUSTER_UID
               "\", \"resourceVersion\": \"1\", \"generation\": 1}}");
    world->now_ms = NOW_MS;
    world->uid = CLUSTER_UID;
    world->resource_version = "1";
    world->generation = 1;
    world->has_finalizer = true;
    world->names = names_new(arena, "ns", "c");
    world->operator_image = "operator:test";
    world->children = arena_json(arena, json_array());
    world->settled = arena_alloc(arena, MAX_SETTLED * sizeof *world->settled);
    world->upkeep = arena_alloc(arena, sizeof *world->upkeep);
    world->certificates.known = true;
    for (int i = 0; i < N_SECRETS; i++) {
        world->certificates.wanted[i] = world->certificates.exists[i] = true;
    }
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        world->members[i].nonce = arena_printf(arena, "nonce-%d", i);
    }
    world_set_spec(world, arena, spec);
    return world;
}

/* As the API server would show them: each desired object with what the server adds. */
void world_make_children(struct world *world, struct arena *arena)
{
    struct children desired;

    world->children = arena_json(arena, json_array()); /* Pods borrow from the one before. */
    world->stateful_set = NULL;
    children_desired(world, arena, &desired);
    for (int i = 0; i < desired.length; i++) {
        json_t *live = json_deep_copy(desired.items[i].object);
        json_t *metadata = json_object_get(live, "metadata");
        json_object_set_new(metadata, "uid", json_sprintf("uid-of-%s", desired.items[i].name));
        json_object_set_new(metadata, "resourceVersion", json_string("7"));
        json_object_set_new(metadata, "generation", json_integer(1));
        json_object_set_new(live, "status", json_pack("{s:i}", "observedGeneration", 1));
        json_array_append_new(world->children, live);
    }
    world->stateful_set = world_child(world, &kube_stateful_sets, "c");
}

void world_make_pod(struct world *world, struct arena *arena, int ordinal, const char *uid)
{
    struct world_member *member = &world->members[ordinal];
    const json_t *annotations =
        json_path(world->stateful_set, "spec", "template", "metadata", "annotations", NULL);

    member->pod = (struct world_pod){
        .exists = true,
        .started = true,
        .started_ms = NOW_MS - 1000,
        .runs_ms = 1000,
        .name = names_pod(arena, world->names, ordinal),
        .uid = uid,
        .resource_version = "8",
        .ip = "10.0.0.1",
        .node = "node-1",
        .template_hash = json_path_string(annotations, ANNOTATION_TEMPLATE_HASH, NULL),
        .config = json_path_string(annotations, ANNOTATION_CONFIG, NULL),
    };
    member->claim = (struct world_claim){
        .exists = true,
        .bound = true,
        .name = names_claim(arena, world->names, ordinal),
        .uid = arena_printf(arena, "claim-%d", ordinal),
        .creator_uid = CLUSTER_UID,
        .storage_class = "standard",
        .requested = world->spec.storage.size,
        .capacity = world->spec.storage.size,
    };
    member->looked = false;
    member->report = NULL;
}

void world_record(struct world *world, int ordinal, enum permit_mode mode, const char *pod_uid)
{
    static const char *const nonces[ETCDCLUSTER_MAX_SIZE] = {"given-0", "given-1", "given-2",
                                                             "given-3", "given-4", "given-5",
                                                             "given-6", "given-7", "given-8"};
    struct recorded *recorded = &world->recorded;

    recorded->size = world->spec.size;
    recorded->generation = recorded->generation ? recorded->generation : 1;
    recorded->permits[recorded->n_permits++] = (struct permit_record){
        .ordinal = ordinal,
        .mode = mode,
        .pod_uid = pod_uid,
        .nonce = nonces[ordinal],
        .member_id = 0xa0 + (unsigned)ordinal,
        .previous_cluster_uid = mode == PERMIT_ADOPT ? EARLIER_UID : NULL,
    };
}

/* The pod bears the permit that is recorded for its ordinal. */
void world_give_permit(struct world *world, struct arena *arena, int ordinal)
{
    struct world_pod *pod = &world->members[ordinal].pod;

    for (int i = 0; i < world->recorded.n_permits; i++) {
        const struct permit_record *record = &world->recorded.permits[i];
        if (record->ordinal == ordinal) {
            pod->has_permit = true;
            pod->permit_sent_ms = world->now_ms;
            pod->permit = arena_alloc(arena, sizeof *pod->permit);
            *pod->permit = (struct permit){.mode = record->mode,
                                           .pod_uid = record->pod_uid,
                                           .nonce = record->nonce,
                                           .cluster_uid = CLUSTER_UID,
                                           .generation = world->recorded.generation,
                                           .ordinal = ordinal,
                                           .member_id = record->member_id};
        }
    }
}

struct report *world_waits(struct world *world, struct arena *arena, int ordinal)
{
    struct report *report = arena_alloc(arena, sizeof *report);

    *report = (struct report){.waiting = true,
                              .reason = REPORT_NO_DATA,
                              .message = "waiting for a start permit",
                              .pod = world->members[ordinal].pod.name,
                              .pod_uid = world->members[ordinal].pod.uid,
                              .cluster_uid = CLUSTER_UID,
                              .ordinal = ordinal};
    world_is_down(world, ordinal);
    world->members[ordinal].report = report;
    return report;
}

struct report *world_holds_earlier(struct world *world, struct arena *arena, int ordinal)
{
    struct report *report = world_waits(world, arena, ordinal);

    report->reason = REPORT_FOREIGN_DATA;
    report->message = "the volume holds the data of another cluster";
    report->has_wal = report->has_marker = true;
    report->wal_cluster_id = 0xee;
    report->wal_member_id = 0xb0 + (unsigned)ordinal;
    report->marker = (struct marker){EARLIER_UID, 4, ordinal, report->wal_member_id};
    world->members[ordinal].claim.creator_uid = EARLIER_UID;
    return report;
}

static struct etcd_member_list *list_of(struct world *world)
{
    return (struct etcd_member_list *)(uintptr_t)world->member_list;
}

struct etcd_member *world_list(struct world *world, struct arena *arena, int ordinal)
{
    struct world_member *member = &world->members[ordinal];
    struct etcd_member_list *list = list_of(world);
    struct etcd_member *entry = (struct etcd_member *)(uintptr_t)member->entry;
    const char **url = arena_alloc(arena, sizeof *url);

    if (!entry) {
        entry = list ? &list->members[list->n_members++] : arena_alloc(arena, sizeof *entry);
    }
    *url = names_peer_url(arena, world->names, ordinal, true);
    *entry = (struct etcd_member){.id = 0xa0 + (unsigned)ordinal,
                                  .name = names_pod(arena, world->names, ordinal),
                                  .peer_urls = url,
                                  .n_peer_urls = 1};
    member->entry = entry;
    return entry;
}

struct etcd_member *world_adds(struct world *world, struct arena *arena, int ordinal, uint64_t id)
{
    struct etcd_member *entry = world_list(world, arena, ordinal);

    entry->id = id;
    entry->name = "";
    entry->is_learner = true;
    return entry;
}

/* The last of the list takes its place. */
void world_unlist(struct world *world, int ordinal)
{
    struct etcd_member_list *list = list_of(world);
    struct etcd_member *entry = (struct etcd_member *)(uintptr_t)world->members[ordinal].entry;
    const struct etcd_member *last = &list->members[--list->n_members];

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (world->members[i].entry == last) {
            world->members[i].entry = entry;
        }
    }
    *entry = *last;
    world->members[ordinal].entry = NULL;
}

void world_leads(struct world *world, int ordinal)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        world->members[i].look.status.leader_id = world->members[ordinal].entry->id;
    }
}

void world_serves(struct world *world, struct arena *arena, int ordinal)
{
    struct world_member *member = &world->members[ordinal];
    const struct etcd_member *entry = world_list(world, arena, ordinal);

    member->report = NULL;
    member->looked = true;
    member->look = (struct etcd_look){.status = {.cluster_id = CLUSTER_ID,
                                                 .member_id = entry->id,
                                                 .leader_id = 0xa0,
                                                 .raft_index = 100,
                                                 .raft_applied_index = 100,
                                                 .db_size = 20480,
                                                 .db_size_in_use = 16384,
                                                 .version = "3.6.16"}};
    member->pod.ready = true;
}

void world_is_down(struct world *world, int ordinal)
{
    struct world_member *member = &world->members[ordinal];

    member->pod.ready = false;
    member->report = NULL;
    member->looked = true;
    error_set(&member->look.status_error, ERROR_RETRYABLE, "connection refused");
    error_set(&member->look.read_error, ERROR_RETRYABLE, "connection refused");
}

void world_runs_version(struct world *world, int ordinal, const char *version)
{
    world->members[ordinal].look.status.version = version;
}

void world_lists_stranger(struct world *world, uint64_t id)
{
    static const char *url = "https://10.9.8.7:2380";
    struct etcd_member_list *list = list_of(world);

    list->members[list->n_members++] =
        (struct etcd_member){.id = id, .name = "x", .peer_urls = &url, .n_peer_urls = 1};
}

void world_raises(struct world *world, struct arena *arena, enum etcd_alarm_type type)
{
    struct etcd_alarm *alarm = arena_alloc(arena, sizeof *alarm);

    *alarm = (struct etcd_alarm){.member_id = 0xa1, .type = type};
    world->alarms = alarm;
    world->n_alarms = 1;
}

struct world *world_made(struct arena *arena, const char *spec)
{
    struct world *world = world_new(arena, spec);

    world_make_children(world, arena);
    for (int i = 0; i < world->spec.size; i++) {
        world_make_pod(world, arena, i, arena_printf(arena, "pod-%d", i));
    }
    return world;
}

struct world *world_running(struct arena *arena, const char *spec)
{
    struct world *world = world_made(arena, spec);
    struct etcd_member_list *list = arena_alloc(arena, sizeof *list);

    list->cluster_id = CLUSTER_ID;
    list->members = arena_alloc(arena, 2 * ETCDCLUSTER_MAX_SIZE * sizeof *list->members);
    world->member_list = list;
    world->recorded.cluster_id = CLUSTER_ID;
    for (int i = 0; i < world->spec.size; i++) {
        world_record(world, i, PERMIT_NEW, world->members[i].pod.uid);
        world_serves(world, arena, i);
    }
    return world;
}

struct world *world_resizing(struct arena *arena, int from, int to)
{
    struct world *world = world_running(arena, arena_printf(arena, "{\"size\": %d}", from));

    world_set_spec(world, arena, arena_printf(arena, "{\"size\": %d}", to));
    world->recorded.size = to;
    world_make_children(world, arena);
    for (int i = from; i < to; i++) {
        world_make_pod(world, arena, i, arena_printf(arena, "pod-%d", i));
        world_waits(world, arena, i);
    }
    return world;
}

struct plan *plan_of(const struct world *world, struct arena *arena)
{
    struct plan *plan = arena_alloc(arena, sizeof *plan);
    plan_make(world, arena, plan);
    return plan;
}

void assert_action(const struct plan *plan, const char *rule, enum action_kind kind)
{
    if (strcmp(plan->rule, rule) != 0 || plan->action.kind != kind) {
        fail_msg("rule %s with action %d, not %s with %d; reason: %s", plan->rule,
                 (int)plan->action.kind, rule, (int)kind, plan->reason ? plan->reason : "(none)");
    }
}

void assert_pods(const struct plan *plan, int n, ...)
{
    va_list ordinals;

    assert_int_equal(plan->action.n_pods, n);
    va_start(ordinals, n);
    for (int i = 0; i < n; i++) {
        assert_int_equal(plan->action.pods[i], va_arg(ordinals, int));
    }
    va_end(ordinals);
}

void assert_calls(const struct plan *plan, const char *rule, enum action_kind kind, int ordinal)
{
    assert_action(plan, rule, kind);
    assert_int_equal(plan->action.ordinal, ordinal);
}

void assert_waits(const struct plan *plan, const char *rule, const char *words)
{
    if (plan->action.kind != ACTION_NONE) {
        fail_msg("rule %s acts: %s", plan->rule, plan->reason);
    }
    for (size_t i = 0; i < plan->n_answers; i++) {
        if (!strcmp(plan->answers[i].rule, rule)) {
            assert_contains(plan->answers[i].waits, words);
            return;
        }
    }
    fail_msg("there is no rule %s", rule);
}

void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part)) {
        fail_msg("\"%s\" does not say \"%s\"", text ? text : "(null)", part);
    }
}
