/* What we make of answers, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "etcd/client.h"
#include "etcd/message.h"
#include "rpc.pb-c.h"

static int make_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int drop_arena(void **state)
{
    arena_free(*state);
    return 0;
}

/* The bytes of a message, in the arena. */
static struct grpc_frame pack(struct arena *arena, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(arena, size + 1);

    protobuf_c_message_pack(message, bytes);
    return (struct grpc_frame){bytes, size};
}

static Etcdserverpb__ResponseHeader header(void)
{
    Etcdserverpb__ResponseHeader header = ETCDSERVERPB__RESPONSE_HEADER__INIT;

    header.cluster_id = UINT64_MAX;
    header.member_id = UINT64_C(0x8e9e05c52164694d);
    header.revision = 7;
    return header;
}

static void test_status(void **state)
{
    Etcdserverpb__StatusResponse in = ETCDSERVERPB__STATUS_RESPONSE__INIT;
    Etcdserverpb__ResponseHeader head = header();
    char version[] = "3.6.16", storage[] = "3.6.0", alarm[] = "memberID:1 alarm:NOSPACE ";
    char *errors[] = {alarm};
    struct etcd_status status;
    struct error error = {0};

    in.header = &head;
    in.version = version;
    in.storageversion = storage;
    in.dbsize = 20480;
    in.dbsizeinuse = 16384;
    in.dbsizequota = INT64_C(2147483648);
    in.leader = 2;
    in.raftindex = 11;
    in.raftterm = 3;
    in.raftappliedindex = 10;
    in.islearner = true;
    in.errors = errors;
    in.n_errors = 1;
    struct grpc_frame frame = pack(*state, &in.base);
    assert_int_equal(etcd_status_decode(&frame, *state, &status, &error), 0);
    assert_true(status.cluster_id == UINT64_MAX);
    assert_true(status.member_id == UINT64_C(0x8e9e05c52164694d));
    assert_int_equal(status.revision, 7);
    assert_int_equal(status.leader_id, 2);
    assert_int_equal(status.raft_index, 11);
    assert_int_equal(status.raft_term, 3);
    assert_int_equal(status.raft_applied_index, 10);
    assert_int_equal(status.db_size, 20480);
    assert_int_equal(status.db_size_in_use, 16384);
    assert_true(status.db_size_quota == INT64_C(2147483648));
    assert_string_equal(status.version, "3.6.16");
    assert_string_equal(status.storage_version, "3.6.0");
    assert_true(status.is_learner);
    assert_int_equal(status.n_errors, 1);
    assert_string_equal(status.errors[0], alarm);
}

/* What a newer etcd adds is skipped; what an older one lacks is empty. */
static void test_status_of_other_versions(void **state)
{
    static const uint8_t bytes[] = "\x0a\x02\x10\x09" /* header {member_id 9} */
                                   "\x12\x06"
                                   "3.5.35"           /* version */
                                   "\x6a\x02\x08\x01" /* downgradeInfo, which we skip */
                                   "\xa2\x06\x03new"  /* field 100, unheard of */
                                   "\xa8\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    struct grpc_frame frame = {bytes, sizeof bytes - 1};
    struct etcd_status status;
    struct error error = {0};

    assert_int_equal(etcd_status_decode(&frame, *state, &status, &error), 0);
    assert_int_equal(status.member_id, 9);
    assert_string_equal(status.version, "3.5.35");
    assert_string_equal(status.storage_version, "");
    assert_int_equal(status.db_size_quota, 0);
}

static struct grpc_frame packed_members(struct arena *arena, char *name)
{
    Etcdserverpb__MemberListResponse in = ETCDSERVERPB__MEMBER_LIST_RESPONSE__INIT;
    Etcdserverpb__Member first = ETCDSERVERPB__MEMBER__INIT;
    Etcdserverpb__Member second = ETCDSERVERPB__MEMBER__INIT;
    Etcdserverpb__ResponseHeader head = header();
    char peer[] = "https://c-0.c-peer.ns.svc:2380", client[] = "https://c-0.c-peer.ns.svc:2379";
    char other[] = "https://c-1.c-peer.ns.svc:2380";
    char *peers[] = {peer}, *clients[] = {client}, *others[] = {other};
    Etcdserverpb__Member *members[] = {&first, &second};

    first.id = UINT64_MAX - 1;
    first.name = name;
    first.peerurls = peers;
    first.clienturls = clients;
    first.n_peerurls = first.n_clienturls = 1;
    second.id = 2;
    second.peerurls = others;
    second.n_peerurls = 1;
    second.islearner = true;
    in.header = &head;
    in.members = members;
    in.n_members = 2;
    return pack(arena, &in.base);
}

static void test_member_list(void **state)
{
    char name[] = "c-0";
    struct grpc_frame frame = packed_members(*state, name);
    struct etcd_member_list list;
    struct error error = {0};

    assert_int_equal(etcd_member_list_decode(&frame, *state, &list, &error), 0);
    assert_true(list.cluster_id == UINT64_MAX);
    assert_int_equal(list.n_members, 2);
    assert_true(list.members[0].id == UINT64_MAX - 1);
    assert_string_equal(list.members[0].name, "c-0");
    assert_string_equal(list.members[0].peer_urls[0], "https://c-0.c-peer.ns.svc:2380");
    assert_string_equal(list.members[0].client_urls[0], "https://c-0.c-peer.ns.svc:2379");
    assert_false(list.members[0].is_learner);
    assert_string_equal(list.members[1].name, ""); /* Added, and not started. */
    assert_int_equal(list.members[1].n_client_urls, 0);
    assert_true(list.members[1].is_learner);
}

static void test_text_must_be_utf8(void **state)
{
    char name[] = "c-\xff";
    struct grpc_frame frame = packed_members(*state, name);
    struct etcd_member_list list = {.cluster_id = 5};
    struct error error = {0};

    assert_int_equal(etcd_member_list_decode(&frame, *state, &list, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "UTF-8"));
    assert_int_equal(list.cluster_id, 5); /* Written only on success. */
}

/* Each cut of a good answer is refused or is a shorter good answer; none crashes. */
static void test_every_cut(void **state)
{
    char name[] = "c-0";
    struct grpc_frame whole = packed_members(*state, name);
    struct etcd_member_list list;
    struct error error = {0};
    size_t refused = 0;

    for (size_t size = 0; size < whole.size; size++) {
        /* malloc'ed to the byte, so that a sanitizer sees a read beyond it. */
        uint8_t *bytes AUTO_FREE = xmalloc(size ? size : 1);
        memcpy(bytes, whole.data, size);
        struct grpc_frame frame = {bytes, size};
        refused += etcd_member_list_decode(&frame, *state, &list, &error) != 0;
    }
    assert_true(refused >= whole.size - 2);
}

/* Two bytes announce an empty member that takes a hundred in memory. */
static void test_amplification_is_bounded(void **state)
{
    size_t size = ETCD_MESSAGE_LIMIT;
    uint8_t *bytes AUTO_FREE = xmalloc(size);
    struct etcd_member_list list;
    struct error error = {0};

    memcpy(bytes, "\x0a\x02\x10\x09", 4); /* A header, so that nothing else is wrong. */
    for (size_t i = 4; i + 1 < size; i += 2) {
        bytes[i] = 0x12; /* members = 2, length-delimited */
        bytes[i + 1] = 0;
    }
    struct grpc_frame frame = {bytes, size};
    assert_int_equal(etcd_member_list_decode(&frame, *state, &list, &error), -ERROR_RETRYABLE);
    frame.size = 4 + 2 * 1000;
    assert_int_equal(etcd_member_list_decode(&frame, *state, &list, &error), 0);
    assert_int_equal(list.n_members, 1000);
}

static void test_empty_answers_are_refused(void **state)
{
    struct grpc_frame frame = {(const uint8_t *)"", 0};
    struct etcd_member_list list;
    struct etcd_status status;
    struct error error = {0};

    assert_int_equal(etcd_status_decode(&frame, *state, &status, &error), -ERROR_RETRYABLE);
    assert_int_equal(etcd_member_list_decode(&frame, *state, &list, &error), -ERROR_RETRYABLE);
    assert_int_equal(etcd_header_decode(&frame, *state, NULL, &error), -ERROR_RETRYABLE);
}

static void test_alarms(void **state)
{
    Etcdserverpb__AlarmResponse in = ETCDSERVERPB__ALARM_RESPONSE__INIT;
    Etcdserverpb__AlarmMember full = ETCDSERVERPB__ALARM_MEMBER__INIT;
    Etcdserverpb__AlarmMember future = ETCDSERVERPB__ALARM_MEMBER__INIT;
    Etcdserverpb__AlarmMember *members[] = {&full, &future};
    struct etcd_alarms alarms = {.n = 9};
    struct error error = {0};

    struct grpc_frame none = pack(*state, &in.base);
    assert_int_equal(etcd_alarms_decode(&none, *state, &alarms, &error), 0);
    assert_int_equal(alarms.n, 0);

    full.memberid = UINT64_MAX;
    full.alarm = ETCDSERVERPB__ALARM_TYPE__NOSPACE;
    future.alarm = (Etcdserverpb__AlarmType)9;
    in.alarms = members;
    in.n_alarms = 2;
    struct grpc_frame frame = pack(*state, &in.base);
    assert_int_equal(etcd_alarms_decode(&frame, *state, &alarms, &error), 0);
    assert_int_equal(alarms.n, 2);
    assert_true(alarms.items[0].member_id == UINT64_MAX);
    assert_int_equal(alarms.items[0].type, ETCD_ALARM_NOSPACE);
    assert_int_equal((int)alarms.items[1].type, 9);
}

static Etcdserverpb__KeyValue key_value(char *key, char *value)
{
    Etcdserverpb__KeyValue out = ETCDSERVERPB__KEY_VALUE__INIT;

    out.key = (ProtobufCBinaryData){strlen(key), (uint8_t *)key};
    out.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
    out.create_revision = 3;
    out.mod_revision = 5;
    out.version = 2;
    return out;
}

static void expect_bytes(struct etcd_bytes bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

static void test_range(void **state)
{
    /* header {revision 9}, kvs {key "k", create 3, mod 5, version 2, value "v", lease 7 (not
     * read)}, more, count 4 */
    static const uint8_t bytes[] = "\x0a\x02\x18\x09"
                                   "\x12\x0e\x0a\x01k\x10\x03\x18\x05\x20\x02\x2a\x01v\x30\x07"
                                   "\x18\x01\x20\x04";
    struct grpc_frame frame = {bytes, sizeof bytes - 1};
    struct etcd_range range;
    struct error error = {0};

    if (etcd_range_decode(&frame, *state, &range, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(range.revision, 9);
    assert_int_equal(range.n, 1);
    assert_int_equal(range.count, 4);
    assert_true(range.more);
    expect_bytes(range.items[0].key, "k");
    expect_bytes(range.items[0].value, "v");
    assert_int_equal(range.items[0].create_revision, 3);
    assert_int_equal(range.items[0].mod_revision, 5);
    assert_int_equal(range.items[0].version, 2);
    frame.data += 4; /* Without its header. */
    frame.size -= 4;
    assert_int_equal(etcd_range_decode(&frame, *state, &range, &error), -ERROR_RETRYABLE);
}

static void test_txn(void **state)
{
    /* header {revision 9}, succeeded, responses: range {count 1}, put {}, delete {deleted 2} */
    static const uint8_t bytes[] = "\x0a\x02\x18\x09\x10\x01"
                                   "\x1a\x04\x0a\x02\x20\x01"
                                   "\x1a\x02\x12\x00"
                                   "\x1a\x04\x1a\x02\x10\x02";
    /* A nested transaction, which nobody asked for. */
    static const uint8_t nested[] = "\x0a\x02\x18\x09\x1a\x02\x22\x00";
    struct grpc_frame frame = {bytes, sizeof bytes - 1}, other = {nested, sizeof nested - 1};
    struct etcd_txn_result txn;
    struct error error = {0};

    assert_int_equal(etcd_txn_decode(&frame, *state, &txn, &error), 0);
    assert_true(txn.succeeded);
    assert_int_equal(txn.revision, 9);
    assert_int_equal(txn.n_results, 3);
    assert_int_equal(txn.results[0].type, ETCD_OP_RANGE);
    assert_int_equal(txn.results[0].range.count, 1);
    assert_int_equal(txn.results[0].range.revision, 9);
    assert_int_equal(txn.results[1].type, ETCD_OP_PUT);
    assert_int_equal(txn.results[2].type, ETCD_OP_DELETE_RANGE);
    assert_int_equal(txn.results[2].deleted, 2);
    assert_int_equal(etcd_txn_decode(&other, *state, &txn, &error), -ERROR_RETRYABLE);
}

static void test_watch(void **state)
{
    Etcdserverpb__WatchResponse in = ETCDSERVERPB__WATCH_RESPONSE__INIT;
    Etcdserverpb__Event put = ETCDSERVERPB__EVENT__INIT, gone = ETCDSERVERPB__EVENT__INIT;
    Etcdserverpb__Event *events[] = {&put, &gone};
    Etcdserverpb__ResponseHeader head = header();
    char key[] = "k", value[] = "v", old[] = "old";
    Etcdserverpb__KeyValue now = key_value(key, value), before = key_value(key, old);
    struct etcd_watch_answer answer;
    struct error error = {0};

    put.kv = gone.kv = &now;
    put.prev_kv = &before;
    gone.type = ETCDSERVERPB__EVENT__EVENT_TYPE__DELETE;
    in.header = &head;
    in.events = events;
    in.n_events = 2;
    in.fragment = true;
    struct grpc_frame frame = pack(*state, &in.base);
    assert_int_equal(etcd_watch_decode(&frame, *state, &answer, &error), 0);
    assert_int_equal(answer.n_events, 2);
    assert_true(answer.fragment);
    assert_int_equal(answer.revision, 7);
    assert_false(answer.events[0].deleted);
    assert_true(answer.events[0].has_previous);
    expect_bytes(answer.events[0].previous.value, "old");
    assert_true(answer.events[1].deleted);
    assert_false(answer.events[1].has_previous);
    assert_int_equal(answer.events[1].now.mod_revision, 5);

    gone.kv = NULL;
    frame = pack(*state, &in.base);
    assert_int_equal(etcd_watch_decode(&frame, *state, &answer, &error), -ERROR_RETRYABLE);
}

static void test_auth(void **state)
{
    static const uint8_t names[] = "\x0a\x02\x18\x09\x12\x04root\x12\x03\x61pp";
    static const uint8_t token[] = "\x12\x05\x61.b.c";
    struct grpc_frame frame = {names, sizeof names - 1};
    struct etcd_names list;
    struct etcd_permissions permissions;
    const char *text;
    struct error error = {0};

    assert_int_equal(etcd_names_decode(&frame, *state, &list, &error), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0], "root");
    assert_string_equal(list.items[1], "app");
    frame = (struct grpc_frame){token, sizeof token - 1};
    assert_int_equal(etcd_token_decode(&frame, *state, &text, &error), 0);
    assert_string_equal(text, "a.b.c");
    frame.size = 0;
    assert_int_equal(etcd_token_decode(&frame, *state, &text, &error), -ERROR_RETRYABLE);
    /* READWRITE from "k" on: the range's end is one byte of 0. */
    static const uint8_t range_end[] = "\x12\x08\x08\x02\x12\x01k\x1a\x01\x00";
    frame = (struct grpc_frame){range_end, sizeof range_end - 1};
    assert_int_equal(etcd_permissions_decode(&frame, *state, &permissions, &error), 0);
    assert_int_equal(permissions.n, 1);
    assert_int_equal(permissions.items[0].type, ETCD_PERMISSION_READWRITE);
    expect_bytes(permissions.items[0].key, "k");
    assert_int_equal(permissions.items[0].range_end.size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_status, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_status_of_other_versions, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_member_list, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_text_must_be_utf8, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_every_cut, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_amplification_is_bounded, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_empty_answers_are_refused, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_alarms, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_auth, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_watch, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_txn, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_range, make_arena, drop_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
