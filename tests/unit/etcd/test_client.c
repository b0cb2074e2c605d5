/* What the client sends, byte for byte, and where to when something fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "etcd/client.h"
#include "etcd/errors.h"
#include "grpc_peer.h"

#define TEXT(text) ((struct etcd_bytes){text, sizeof(text) - 1})
/* A frame with {header {revision 9}}, which many answers are. */
#define HEADER "\0\0\0\0\4\x0a\2\x18\x09"

static const struct etcd_credentials credentials = {.key = "ns/c"};

/* Two members, asked in this order. */
struct pair {
    struct grpc_peer peers[2];
    struct etcd_endpoint endpoints[2];
    struct etcd_target target;
    struct etcd_client *client;
    const struct etcd_api *api;
};

static void begin(struct pair *pair)
{
    for (size_t i = 0; i < 2; i++) {
        grpc_peer_start(&pair->peers[i]);
        pair->endpoints[i] = (struct etcd_endpoint){"localhost", "127.0.0.1", pair->peers[i].port};
    }
    pair->target = (struct etcd_target){&credentials, pair->endpoints, 2, 5000};
    pair->client = etcd_client_new();
    pair->api = etcd_client_api(pair->client);
}

static void end(struct pair *pair)
{
    etcd_client_free(pair->client);
    for (size_t i = 0; i < 2; i++) {
        grpc_peer_stop(&pair->peers[i]);
    }
}

static const struct grpc_peer done = {.status = "0", .body = HEADER, .body_size = 9};

static void expect_request(const struct pair *pair, const char *message, size_t size)
{
    assert_int_equal(pair->peers[0].request_size, 5 + size);
    assert_int_equal(pair->peers[0].request[4], size);
    assert_memory_equal(pair->peers[0].request + 5, message, size);
}

#define EXPECT_REQUEST(pair, message) expect_request(pair, message, sizeof(message) - 1)

static void test_requests(void **state)
{
    struct pair pair = {.peers = {done, done}};
    struct error error = {0};

    (void)state;
    begin(&pair);
    const struct etcd_api *api = pair.api;
    const struct etcd_target *target = &pair.target;
    assert_int_equal(api->member_promote(api->context, target, 300, &error), 0);
    EXPECT_REQUEST(&pair, "\x08\xac\x02");
    assert_int_equal(api->member_update(api->context, target, 1, "http://a", &error), 0);
    EXPECT_REQUEST(&pair, "\x08\x01\x12\x08http://a");
    assert_int_equal(api->alarm_set(api->context, target, 1, ETCD_ALARM_NOSPACE, false, &error), 0);
    EXPECT_REQUEST(&pair, "\x08\x02\x10\x01\x18\x01");
    assert_int_equal(api->put(api->context, target, TEXT("k"), TEXT("v"), NULL, &error), 0);
    EXPECT_REQUEST(&pair, "\x0a\x01k\x12\x01v");
    assert_int_equal(api->compact(api->context, target, 5, true, &error), 0);
    EXPECT_REQUEST(&pair, "\x08\x05\x10\x01");
    assert_int_equal(api->downgrade(api->context, target, ETCD_DOWNGRADE_ENABLE, "3.5", &error), 0);
    EXPECT_REQUEST(&pair, "\x08\x01\x12\x03"
                          "3.5");
    end(&pair);
    assert_int_equal(pair.peers[1].calls, 0);
}

/* A change through the pair; how often the second was asked. */
static unsigned change(struct pair *pair, int *result, struct error *error)
{
    begin(pair);
    *result = pair->api->member_remove(pair->api->context, &pair->target, 1, error);
    end(pair);
    return pair->peers[1].calls;
}

static void test_change_goes_on_when_nothing_was_done(void **state)
{
    struct pair no_leader = {.peers = {{.status = "14", .message = "etcdserver: no leader"}, done}};
    struct pair refused = {
        .peers = {{.status = "9", .message = "etcdserver: Peer URLs already exists"}, done}};
    struct error error = {0};
    int result;

    (void)state;
    assert_int_equal(change(&no_leader, &result, &error), 1);
    assert_int_equal(result, 0);
    /* Another member would say the same. */
    assert_int_equal(change(&refused, &result, &error), 0);
    assert_int_equal(result, -ERROR_CONFLICT);
    assert_int_equal(etcd_error_of(&error), ETCD_ERROR_PEER_URL_EXISTS);
}

static void test_change_of_unknown_outcome_is_not_repeated(void **state)
{
    struct pair pairs[] = {
        {.peers = {{.status = NULL}, done}}, /* Hangs up. */
        {.peers = {{.status = "14", .message = "etcdserver: request timed out"}, done}},
        {.peers = {{.status = "0", .body = "\0\0\0\0\1\xff", .body_size = 6}, done}},
        {.peers = {{.status = "0"}, done}}, /* No message. */
    };
    struct error error = {0};
    int result;

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(change(&pairs[i], &result, &error), 0);
        assert_int_equal(result, -ERROR_RETRYABLE);
        assert_non_null(strstr(error.message, "it may have been carried out"));
    }
}

static void test_read_goes_on(void **state)
{
    struct pair pair = {.peers = {{.status = NULL}, done}};
    struct arena *arena AUTO_ARENA = arena_new();
    const struct etcd_range_request request = {.key = TEXT("k")};
    struct etcd_range range;
    struct error error = {0};

    (void)state;
    begin(&pair);
    assert_int_equal(
        pair.api->range(pair.api->context, &pair.target, &request, arena, &range, &error), 0);
    assert_int_equal(range.revision, 9);
    end(&pair);
}

struct collected {
    char data[16];
    size_t size;
};

static int on_piece(void *context, const void *data, size_t size, uint64_t remaining_bytes,
                    struct error *error)
{
    struct collected *collected = context;

    (void)remaining_bytes;
    (void)error;
    assert_true(collected->size + size <= sizeof collected->data);
    memcpy(collected->data + collected->size, data, size);
    collected->size += size;
    return 0;
}

#define SUM "0123456789abcdef0123456789abcdef"
/* "abc", of which 2 remain; "de"; the sum. */
#define ABC                                                                                        \
    "\0\0\0\0\7\x10\2\x1a\3"                                                                       \
    "abc"
#define DE                                                                                         \
    "\0\0\0\0\4\x1a\2"                                                                             \
    "de"
#define ALL ABC DE "\0\0\0\0\x22\x1a\x20" SUM

static int snapshot(const char *body, size_t size, struct collected *collected, uint8_t *sum)
{
    struct pair pair = {.peers = {{.status = "0", .body = body, .body_size = size}, done}};
    const struct etcd_snapshot request = {.on_piece = on_piece, .context = collected};
    struct error error = {0};

    begin(&pair);
    const struct etcd_stream_api *stream = etcd_client_stream(pair.client);
    int result = stream->snapshot(stream->context, &pair.target, &request, sum, &error);
    end(&pair);
    return result;
}

static void test_snapshot(void **state)
{
    struct collected collected = {0}, other = {0};
    uint8_t sum[ETCD_SNAPSHOT_SHA256_SIZE];

    (void)state;
    assert_int_equal(snapshot(ALL, sizeof ALL - 1, &collected, sum), 0);
    assert_int_equal(collected.size, 5);
    assert_memory_equal(collected.data, "abcde", 5);
    assert_memory_equal(sum, SUM, sizeof sum);
    /* No sum; a piece too few; half a frame. */
    assert_int_equal(snapshot(ABC DE, sizeof(ABC DE) - 1, &other, sum), -ERROR_RETRYABLE);
    assert_int_equal(snapshot(ABC ABC, sizeof(ABC ABC) - 1, &other, sum), -ERROR_RETRYABLE);
    other.size = 0;
    assert_int_equal(snapshot(ALL, sizeof ALL - 2, &other, sum), -ERROR_RETRYABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_change_goes_on_when_nothing_was_done),
        cmocka_unit_test(test_change_of_unknown_outcome_is_not_repeated),
        cmocka_unit_test(test_read_goes_on),
        cmocka_unit_test(test_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
