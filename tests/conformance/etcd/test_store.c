/* Keys, watches, snapshots, users, failover and a full store, on three members. The tests share one
 * cluster and run in order. */
#include <signal.h>
#include <stdio.h>

#include "base/buffer.h"
#include "etcd/errors.h"
#include "fixture.h"

#define TIMEOUT_MS  3000
#define DEADLINE_MS 30000
#define TEXT(text)  ((struct etcd_bytes){text, sizeof(text) - 1})

struct world {
    struct real_cluster cluster;
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    struct etcd_look looks[MEMBERS];
    size_t n;
};

static bool serves(void *context)
{
    struct world *world = context;

    return real_cluster_serves(&world->cluster, world->api, world->n, world->arena, world->looks);
}

static void begin(struct world *world)
{
    for (size_t i = 0; i < world->n; i++) {
        real_member_start(&world->cluster, i);
    }
    world->client = etcd_client_new();
    world->api = etcd_client_api(world->client);
    world->arena = arena_new();
    assert_true(wait_until(serves, world, DEADLINE_MS));
}

static void end(struct world *world)
{
    etcd_client_free(world->client);
    arena_free(world->arena);
    real_cluster_fini(&world->cluster);
}

static int start(void **state)
{
    static struct world world = {.n = MEMBERS};
    struct pki_leaf peer_client = {.common_name = PEER_CN, .client_auth = true};

    real_cluster_init(&world.cluster, PEER_CN, &peer_client);
    *state = &world;
    begin(&world);
    return 0;
}

static int stop(void **state)
{
    end(*state);
    return 0;
}

static struct etcd_target all_of(const struct world *world)
{
    return (struct etcd_target){&world->cluster.credentials, world->cluster.endpoints, world->n,
                                TIMEOUT_MS};
}

static void ok(int result, const struct error *error)
{
    if (result) {
        fail_msg("%s", error->message);
    }
}

static int put(struct world *world, const struct etcd_target *target, struct etcd_bytes key,
               struct etcd_bytes value, struct error *error)
{
    return world->api->put(world->api->context, target, key, value, NULL, error);
}

static bool last_leads(void *context)
{
    struct world *world = context;

    return serves(world) && world->looks[0].status.leader_id == world->looks[2].status.member_id;
}

/* The last member leads, so that the others may die without an election. */
static void make_last_lead(struct world *world)
{
    struct etcd_target leader = all_of(world);
    struct error error = {0};

    assert_true(wait_until(serves, world, DEADLINE_MS));
    leader.n = 1;
    for (size_t i = 0; i < 2; i++) {
        leader.endpoints = &world->cluster.endpoints[i];
        if (world->looks[i].status.member_id == world->looks[i].status.leader_id) {
            ok(world->api->move_leader(world->api->context, &leader,
                                       world->looks[2].status.member_id, &error),
               &error);
        }
    }
    assert_true(wait_until(last_leads, world, DEADLINE_MS));
}

static void test_keys(void **state)
{
    struct world *world = *state;
    const struct etcd_target target = all_of(world);
    const struct etcd_range_request two = {.key = TEXT("a"), .range_end = TEXT("b"), .limit = 2};
    struct etcd_range range;
    struct error error = {0};
    int64_t revision = 0, deleted = 0;

    ok(put(world, &target, TEXT("a1"), TEXT("one"), &error), &error);
    ok(put(world, &target, TEXT("a2"), TEXT("two\0and more"), &error), &error);
    ok(world->api->put(world->api->context, &target, TEXT("a3"), TEXT(""), &revision, &error),
       &error);
    ok(world->api->range(world->api->context, &target, &two, world->arena, &range, &error), &error);
    assert_int_equal(range.n, 2);
    assert_int_equal(range.count, 3);
    assert_true(range.more);
    assert_int_equal(range.revision, revision);
    assert_int_equal(range.items[1].value.size, 12);
    assert_memory_equal(range.items[1].value.data, "two\0and more", 12);
    ok(world->api->delete_range(world->api->context, &target, TEXT("a"), TEXT("b"), &deleted,
                                &error),
       &error);
    assert_int_equal(deleted, 3);
    assert_int_equal(put(world, &target, TEXT(""), TEXT("x"), &error), -ERROR_INVALID);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_EMPTY_KEY);
}

static void test_txn(void **state)
{
    struct world *world = *state;
    const struct etcd_target target = all_of(world);
    const struct etcd_compare absent = {.key = TEXT("t"), .target = ETCD_COMPARE_VERSION};
    const struct etcd_compare value = {.key = TEXT("t"),
                                       .target = ETCD_COMPARE_VALUE,
                                       .result = ETCD_COMPARE_NOT_EQUAL,
                                       .value = TEXT("v")};
    const struct etcd_op write[] = {
        {.type = ETCD_OP_PUT, .key = TEXT("t"), .value = TEXT("v")},
        {.type = ETCD_OP_RANGE, .range = {.key = TEXT("t")}},
    };
    const struct etcd_op remove = {.type = ETCD_OP_DELETE_RANGE, .range = {.key = TEXT("t")}};
    struct etcd_txn txn = {.compares = &absent, .n_compares = 1, .success = write, .n_success = 2};
    struct etcd_txn_result result;
    struct error error = {0};

    ok(world->api->txn(world->api->context, &target, &txn, world->arena, &result, &error), &error);
    assert_true(result.succeeded);
    assert_int_equal(result.n_results, 2);
    assert_int_equal(result.results[1].range.n, 1);
    assert_memory_equal(result.results[1].range.items[0].value.data, "v", 1);
    ok(world->api->txn(world->api->context, &target, &txn, world->arena, &result, &error), &error);
    assert_false(result.succeeded); /* It exists by now. */
    assert_int_equal(result.n_results, 0);

    txn =
        (struct etcd_txn){.compares = &value, .n_compares = 1, .failure = &remove, .n_failure = 1};
    ok(world->api->txn(world->api->context, &target, &txn, world->arena, &result, &error), &error);
    assert_false(result.succeeded);
    assert_int_equal(result.results[0].deleted, 1);
}

static void test_hashes_agree(void **state)
{
    struct world *world = *state;
    struct etcd_target target = all_of(world);
    struct etcd_hash first, hash;
    struct error error = {0};

    assert_true(serves(world));
    int64_t revision = world->looks[0].status.revision;
    target.n = 1;
    for (size_t i = 0; i < MEMBERS; i++) {
        target.endpoints = &world->cluster.endpoints[i];
        ok(world->api->hash_kv(world->api->context, &target, revision, &hash, &error), &error);
        first = i ? first : hash;
        assert_int_equal(hash.hash, first.hash);
        assert_int_equal(hash.compact_revision, first.compact_revision);
        bool old = !strncmp(world->looks[i].status.version, "3.5.", 4);
        assert_int_equal(hash.revision, old ? 0 : revision);
    }
    assert_int_equal(world->api->hash_kv(world->api->context, &target, 1000000, &hash, &error),
                     -ERROR_INVALID);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_FUTURE_REVISION);
}

struct seen {
    struct world *world;
    char keys[64]; /* Of the events, in their order. */
    int64_t resume_revision;
    bool kill_watched; /* Once the watch stands. */
    const char *until;
};

static int on_delivery(void *context, const struct etcd_delivery *delivery, struct error *error)
{
    struct seen *seen = context;
    const struct etcd_target others = {&seen->world->cluster.credentials,
                                       seen->world->cluster.endpoints + 1, 2, TIMEOUT_MS};

    for (size_t i = 0; i < delivery->n; i++) {
        const struct etcd_event *event = &delivery->events[i];
        size_t length = strlen(seen->keys);
        snprintf(seen->keys + length, sizeof seen->keys - length, "%s%.*s ",
                 event->deleted ? "-" : "", (int)event->now.key.size,
                 (const char *)event->now.key.data);
    }
    seen->resume_revision = delivery->resume_revision;
    if (strstr(seen->keys, seen->until)) {
        return error_set(error, ERROR_CANCELLED, "seen");
    }
    if (!delivery->n) {
        ok(put(seen->world, &others, TEXT("w1"), TEXT("x"), error), error);
    } else if (seen->kill_watched) {
        real_member_signal(&seen->world->cluster, 0, SIGKILL);
        seen->kill_watched = false;
        ok(put(seen->world, &others, TEXT("w2"), TEXT("x"), error), error);
    }
    return 0;
}

/* The watched member dies; the watch goes on elsewhere without a gap. */
static void test_watch_across_a_death(void **state)
{
    struct world *world = *state;
    const struct etcd_stream_api *stream = etcd_client_stream(world->client);
    struct seen seen = {.world = world, .kill_watched = true, .until = "-w"};
    struct etcd_watch watch = {
        .key = TEXT("w"), .range_end = TEXT("x"), .on_delivery = on_delivery, .context = &seen};
    struct etcd_target first = all_of(world), all = all_of(world);
    struct error error = {0};

    make_last_lead(world);
    first.n = 1;
    assert_int_equal(stream->watch(stream->context, &first, &watch, &error), -ERROR_RETRYABLE);
    assert_string_equal(seen.keys, "w1 ");
    ok(world->api->delete_range(world->api->context, &all, TEXT("w1"), (struct etcd_bytes){0}, NULL,
                                &error),
       &error);
    watch.start_revision = seen.resume_revision;
    seen.keys[0] = '\0';
    assert_int_equal(stream->watch(stream->context, &all, &watch, &error), -ERROR_CANCELLED);
    assert_string_equal(error.message, "seen");
    if (strncmp(seen.keys, "w2 -w1 ", 7) != 0) {
        fail_msg("%s", seen.keys);
    }
    real_member_start(&world->cluster, 0);
    assert_true(wait_until(serves, world, DEADLINE_MS));
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void test_watch_ends(void **state)
{
    struct world *world = *state;
    const struct etcd_stream_api *stream = etcd_client_stream(world->client);
    const struct etcd_target target = all_of(world);
    struct seen seen = {.world = world, .until = "none"};
    struct etcd_watch watch = {
        .key = TEXT("quiet"), .on_delivery = on_delivery, .context = &seen, .cancelled = at_once};
    struct error error = {0};
    int64_t revision = 0;

    assert_int_equal(stream->watch(stream->context, &target, &watch, &error), -ERROR_CANCELLED);
    ok(world->api->put(world->api->context, &target, TEXT("c"), TEXT("1"), &revision, &error),
       &error);
    ok(world->api->compact(world->api->context, &target, revision, true, &error), &error);
    watch.cancelled = NULL;
    watch.start_revision = 1;
    assert_int_equal(stream->watch(stream->context, &target, &watch, &error), -ERROR_GONE);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_COMPACTED);
}

static int on_piece(void *context, const void *data, size_t size, uint64_t remaining_bytes,
                    struct error *error)
{
    struct buffer *file = context;

    (void)remaining_bytes;
    (void)error;
    assert_in_range(size, 1, 32 * 1024);
    assert_true(buffer_append(file, data, size));
    return 0;
}

static void test_snapshot(void **state)
{
    struct world *world = *state;
    const struct etcd_stream_api *stream = etcd_client_stream(world->client);
    const struct etcd_target target = all_of(world);
    struct buffer file AUTO_BUFFER = {0};
    const struct etcd_snapshot snapshot = {.on_piece = on_piece, .context = &file};
    uint8_t sum[ETCD_SNAPSHOT_SHA256_SIZE];
    char said[PKI_SHA256_HEX_SIZE] = "", is[PKI_SHA256_HEX_SIZE];
    struct error error = {0};

    ok(stream->snapshot(stream->context, &target, &snapshot, sum, &error), &error);
    for (size_t i = 0; i < sizeof sum; i++) {
        snprintf(said + 2 * i, 3, "%02x", sum[i]);
    }
    pki_sha256_hex(file.data, file.size, is);
    assert_string_equal(said, is);
    assert_int_equal(file.size % 4096, 0);
}

/* Root by its certificate's name, and another user by a token. */
static void test_auth(void **state)
{
    struct world *world = *state;
    const struct etcd_auth_api *auth = etcd_client_auth(world->client);
    const struct etcd_permission permission = {
        .type = ETCD_PERMISSION_READWRITE, .key = TEXT("app/"), .range_end = TEXT("app0")};
    struct etcd_credentials credentials = world->cluster.credentials;
    const struct etcd_target root = all_of(world);
    struct etcd_target app = all_of(world);
    struct etcd_auth_status status;
    struct etcd_names names;
    struct etcd_permissions permissions;
    struct error error = {0};
    void *context = auth->context;

    assert_int_equal(auth->enable(context, &root, &error), -ERROR_CONFLICT);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_ROOT_USER_MISSING);
    ok(auth->user_add(context, &root, "root", NULL, &error), &error);
    ok(auth->user_grant_role(context, &root, "root", "root", &error), &error);
    ok(auth->role_add(context, &root, "app", &error), &error);
    assert_int_equal(auth->role_add(context, &root, "app", &error), -ERROR_CONFLICT);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_ROLE_EXISTS);
    ok(auth->role_grant_permission(context, &root, "app", &permission, &error), &error);
    ok(auth->user_add(context, &root, "app", "first", &error), &error);
    ok(auth->user_change_password(context, &root, "app", "secret", &error), &error);
    ok(auth->user_grant_role(context, &root, "app", "app", &error), &error);
    ok(auth->enable(context, &root, &error), &error);
    ok(auth->status(context, &root, &status, &error), &error);
    assert_true(status.enabled && status.revision > 1);
    ok(auth->user_list(context, &root, world->arena, &names, &error), &error);
    assert_int_equal(names.n, 2);
    ok(auth->user_get(context, &root, "app", world->arena, &names, &error), &error);
    assert_int_equal(names.n, 1);
    assert_string_equal(names.items[0], "app");
    ok(auth->role_list(context, &root, world->arena, &names, &error), &error);
    assert_int_equal(names.n, 1 + (size_t)!strcmp(names.items[names.n - 1], "root"));
    ok(auth->role_get(context, &root, "app", world->arena, &permissions, &error), &error);
    assert_int_equal(permissions.n, 1);
    assert_int_equal(permissions.items[0].type, ETCD_PERMISSION_READWRITE);

    app.credentials = &credentials;
    assert_int_equal(auth->authenticate(context, &root, "app", "wrong", world->arena,
                                        &credentials.token, &error),
                     -ERROR_INVALID);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_AUTH_FAILED);
    ok(auth->authenticate(context, &root, "app", "secret", world->arena, &credentials.token,
                          &error),
       &error);
    ok(put(world, &app, TEXT("app/x"), TEXT("1"), &error), &error);
    assert_int_equal(put(world, &app, TEXT("other"), TEXT("1"), &error), -ERROR_DENIED);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_PERMISSION_DENIED);
    credentials.token = "no.such.token";
    assert_int_equal(put(world, &app, TEXT("app/x"), TEXT("1"), &error), -ERROR_DENIED);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_AUTH_INVALID_TOKEN);
    credentials.token = "two\r\nlines";
    assert_int_equal(put(world, &app, TEXT("app/x"), TEXT("1"), &error), -ERROR_INVALID);

    ok(put(world, &root, TEXT("other"), TEXT("1"), &error), &error);
    ok(auth->disable(context, &root, &error), &error);
    ok(auth->role_revoke_permission(context, &root, "app", &permission, &error), &error);
    ok(auth->user_revoke_role(context, &root, "app", "app", &error), &error);
    ok(auth->role_delete(context, &root, "app", &error), &error);
    ok(auth->user_delete(context, &root, "app", &error), &error);
}

/* One endpoint where nobody listens, one frozen, one that works. */
static void test_failover(void **state)
{
    struct world *world = *state;
    const struct etcd_endpoint *members = world->cluster.endpoints;
    const struct etcd_endpoint endpoints[] = {
        {.server_name = "c-9.c-peer.ns.svc", .address = "127.0.0.1", .port = 1},
        members[1],
        members[2]};
    const struct etcd_target target = {&world->cluster.credentials, endpoints, 3, 3000};
    const struct etcd_range_request read = {.key = TEXT("f")};
    struct etcd_range range;
    struct error error = {0};

    /* A connection to the frozen member is kept: the change goes out, and nobody knows more. */
    make_last_lead(world);
    real_member_signal(&world->cluster, 1, SIGSTOP);
    assert_int_equal(put(world, &target, TEXT("f"), TEXT("1"), &error), -ERROR_RETRYABLE);
    if (!strstr(error.message, "it may have been carried out")) {
        fail_msg("%s", error.message);
    }
    ok(world->api->range(world->api->context, &target, &read, world->arena, &range, &error),
       &error);
    /* None is kept: the handshake fails, and the change is made at the last. */
    world->api->forget(world->api->context, "ns/c");
    ok(put(world, &target, TEXT("f"), TEXT("2"), &error), &error);
    real_member_signal(&world->cluster, 1, SIGCONT);
    assert_true(wait_until(serves, world, DEADLINE_MS));
    ok(world->api->range(world->api->context, &target, &read, world->arena, &range, &error),
       &error);
    assert_int_equal(range.n, 1);
}

/* Fills a store of its own until it says NOSPACE, and gets it going again. */
static void test_full_store(void **state)
{
    static char value[64 * 1024];
    struct world world = {.n = 1};
    struct etcd_alarm *alarms;
    struct error error = {0};
    int64_t revision = 1;
    size_t n = 0;
    int result = 0;

    (void)state;
    real_cluster_init_plain(&world.cluster, 1);
    world.cluster.quota = "2097152";
    begin(&world);
    const struct etcd_target target = all_of(&world);
    for (int i = 0; i < 1000 && !result; i++) {
        result = world.api->put(world.api->context, &target, TEXT("k"),
                                (struct etcd_bytes){value, sizeof value}, &revision, &error);
    }
    assert_int_equal(result, -ERROR_RETRYABLE);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_NO_SPACE);
    ok(world.api->alarms(world.api->context, &target, world.arena, &alarms, &n, &error), &error);
    assert_int_equal(n, 1);
    assert_int_equal(alarms[0].type, ETCD_ALARM_NOSPACE);
    assert_true(serves(&world));
    int64_t full = world.looks[0].status.db_size;

    ok(world.api->compact(world.api->context, &target, revision, true, &error), &error);
    assert_int_equal(world.api->compact(world.api->context, &target, revision, true, &error),
                     -ERROR_INVALID);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_COMPACTED);
    ok(world.api->defragment(world.api->context, &target, &error), &error);
    ok(world.api->alarm_set(world.api->context, &target, alarms[0].member_id, ETCD_ALARM_NOSPACE,
                            false, &error),
       &error);
    ok(put(&world, &target, TEXT("k"), TEXT("small"), &error), &error);
    assert_true(serves(&world));
    assert_true(world.looks[0].status.db_size < full / 2);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),         cmocka_unit_test(test_txn),
        cmocka_unit_test(test_hashes_agree), cmocka_unit_test(test_watch_across_a_death),
        cmocka_unit_test(test_watch_ends),   cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_auth),         cmocka_unit_test(test_failover),
        cmocka_unit_test(test_full_store),
    };
    return real_etcd() ? cmocka_run_group_tests(tests, start, stop) : SKIPPED;
}
