/* The HTTP client against peers that are silent, slow, rude or gone, and the pool of connections.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/http.h"
#include "peer.h"

static struct http_client *new_client(const struct http_options *options)
{
    static const struct http_options defaults = {0};
    struct http_client *client = NULL;
    struct error error = {0};

    assert_int_equal(http_client_new(options ? options : &defaults, &client, &error), 0);
    return client;
}

static char *url_of(const struct peer *peer)
{
    return xasprintf("http://127.0.0.1:%u/path?secret=1", peer_port(peer));
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void serve_silence(void *context, struct peer_stream *stream)
{
    (void)context;
    peer_wait_closed(stream);
}

static void test_timeout(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, serve_silence, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 200};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};
    int64_t before = clock_boot_ms();

    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_RETRYABLE);
    assert_true(clock_boot_ms() - before < 2000);
    assert_non_null(strstr(error.message, "timed out"));
    assert_non_null(strstr(error.message, "GET http://127.0.0.1"));
    assert_null(strstr(error.message, "secret")); /* The query never is in a message. */
    assert_null(strstr(error.message, " after "));
    assert_non_null(strstr(error.message, "timed out with 0 bytes received"));
    http_client_free(client);
    peer_stop(peer);
}

/* A first piece, then nothing. */
static void serve_piece(void *context, struct peer_stream *stream)
{
    char request[1024];

    (void)context;
    peer_read_request(stream, request, sizeof request);
    peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npiece");
    peer_wait_closed(stream);
}

/* Five pieces, each sooner than the idle limit, all together later than it. */
static void serve_trickle(void *context, struct peer_stream *stream)
{
    char request[1024];

    (void)context;
    peer_read_request(stream, request, sizeof request);
    peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        pause_ms(120);
        peer_write(stream, "x");
    }
    peer_wait_closed(stream);
}

static void test_idle_timeout(void **state)
{
    (void)state;
    struct peer *silent = peer_start(NULL, serve_piece, NULL);
    struct peer *slow = peer_start(NULL, serve_trickle, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *silent_url = url_of(silent);
    AUTO_FREE char *slow_url = url_of(slow);
    struct http_request request = {
        .method = "GET", .url = silent_url, .timeout_ms = -1, .idle_timeout_ms = 400};
    struct http_response response;
    struct error error = {0};
    int64_t before = clock_boot_ms();

    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "silent for 400 ms"));
    assert_true(response.sent);
    assert_in_range(clock_boot_ms() - before, 350, 2000);
    http_response_fini(&response);

    request.url = slow_url;
    assert_int_equal(http_do(client, &request, &response, &error), 0);
    assert_string_equal(response.body.data, "xxxxx");
    http_response_fini(&response);
    http_client_free(client);
    peer_stop(silent);
    peer_stop(slow);
}

static bool after_a_while(void *context)
{
    return clock_boot_ms() >= *(int64_t *)context;
}

static void test_cancel(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, serve_piece, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *url = url_of(peer);
    int64_t before = clock_boot_ms(), when = before + 250;
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .timeout_ms = -1,
                                   .cancelled = after_a_while,
                                   .cancelled_context = &when};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_CANCELLED);
    assert_int_equal(error.kind, ERROR_CANCELLED);
    assert_in_range(clock_boot_ms() - before, 250, 1000);
    http_client_free(client);
    peer_stop(peer);
}

/* Answers once the client has long wished to stop. */
static void serve_late(void *context, struct peer_stream *stream)
{
    char request[256];

    (void)context;
    if (peer_read_request(stream, request, sizeof request)) {
        usleep(600 * 1000);
        peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    }
}

/* Reads nothing, so that the body cannot be sent. */
static void serve_deaf(void *context, struct peer_stream *stream)
{
    (void)context;
    (void)stream;
    usleep(1000 * 1000);
}

static void test_what_was_sent_whole_is_waited_for(void **state)
{
    (void)state;
    struct peer *late = peer_start(NULL, serve_late, NULL);
    struct peer *deaf = peer_start(NULL, serve_deaf, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *late_url = url_of(late), *deaf_url = url_of(deaf);
    size_t size = 32 * 1024 * 1024; /* More than the kernel takes in. */
    AUTO_FREE char *body = xcalloc(1, size);
    int64_t when = clock_boot_ms() + 200;
    struct http_request request = {.method = "PUT",
                                   .url = late_url,
                                   .body = body,
                                   .body_size = 1000,
                                   .timeout_ms = -1,
                                   .cancelled = after_a_while,
                                   .cancelled_context = &when,
                                   .unbroken = true};
    struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), 0);
    assert_string_equal(response.body.data, "done");
    assert_true(clock_boot_ms() > when);
    http_response_fini(&response);

    request.url = deaf_url;
    request.body_size = size;
    when = clock_boot_ms() + 200;
    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_CANCELLED);
    http_response_fini(&response);
    http_client_free(client);
    peer_stop(late);
    peer_stop(deaf);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, serve_silence, NULL);
    AUTO_FREE char *url = url_of(peer);
    struct http_client *client = new_client(NULL);
    struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};

    peer_stop(peer);
    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "cannot connect"));
    assert_null(strstr(error.message, " after "));
    assert_false(response.sent);
    http_client_free(client);
}

static void serve_redirect(void *context, struct peer_stream *stream)
{
    char request[1024];

    (void)context;
    while (peer_read_request(stream, request, sizeof request)) {
        peer_write(stream, "HTTP/1.1 100 Continue\r\nEarly: yes\r\n\r\n"
                           "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nTwice: one\r\n"
                           "Twice:  two \r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\nabc\r\n0\r\nGrpc-Status: 0\r\n\r\n");
    }
}

/* No redirect is followed; headers of an interim answer are dropped; trailers are found. */
static void test_headers_and_trailers(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, serve_redirect, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};
    char value[32];

    assert_int_equal(http_do(client, &request, &response, &error), 0);
    assert_int_equal(response.status, 302);
    assert_string_equal(response.body.data, "abc");
    assert_false(http_response_header(&response, "Early", value, sizeof value));
    assert_true(http_response_header(&response, "twice", value, sizeof value));
    assert_string_equal(value, "two");
    assert_true(http_response_header(&response, "grpc-status", value, sizeof value));
    assert_string_equal(value, "0");
    assert_true(http_response_header(&response, "Location", value, 4)); /* Cut, terminated. */
    assert_string_equal(value, "/el");
    http_client_free(client);
    peer_stop(peer);
}

static void serve_many_headers(void *context, struct peer_stream *stream)
{
    char request[1024], value[1024], header[1100];

    (void)context;
    peer_read_request(stream, request, sizeof request);
    peer_write(stream, "HTTP/1.1 200 OK\r\n");
    memset(value, 'h', sizeof value);
    snprintf(header, sizeof header, "Name: %.*s\r\n", (int)sizeof value, value);
    for (int i = 0; i < 300; i++) {
        peer_write(stream, header);
    }
    peer_wait_closed(stream);
}

static void test_header_limit(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, serve_many_headers, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "headers"));
    http_client_free(client);
    peer_stop(peer);
}

static void serve_request_text(void *context, struct peer_stream *stream)
{
    char *seen = context;

    while (peer_read_request(stream, seen, 4096)) {
        peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}

static void test_request_headers(void **state)
{
    (void)state;
    char seen[4096] = "";
    struct peer *peer = peer_start(NULL, serve_request_text, seen);
    struct http_client *client = new_client(NULL);
    static const char *const headers[] = {"Authorization: Bearer x", "Content-Type: text/x", NULL};
    char url[64];
    snprintf(url, sizeof url, "http://member.invalid:%u/a", peer_port(peer));
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .connect_to = "127.0.0.1",
                                   .headers = headers,
                                   .body = "b",
                                   .body_size = 1};
    struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), 0);
    http_response_fini(&response);
    assert_memory_equal(seen, "POST /a HTTP/1.1\r\n", 18);
    assert_non_null(strstr(seen, "\r\nAuthorization: Bearer x\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Type: text/x\r\n"));
    assert_non_null(strstr(seen, "\r\nHost: member.invalid:"));
    assert_non_null(strstr(seen, "\r\nUser-Agent: etcd-operator/"));
    assert_null(strcasestr(seen, "Expect:"));

    request.headers = NULL;
    assert_int_equal(http_do(client, &request, &response, &error), 0);
    http_response_fini(&response);
    assert_null(strstr(seen, "Authorization"));
    assert_null(strcasestr(seen, "Content-Type"));
    assert_int_equal(peer_connections(peer), 1);
    http_client_free(client);
    peer_stop(peer);
}

/* Waits, so that requests which run one after another take long. */
static void serve_late_hello(void *context, struct peer_stream *stream)
{
    char request[1024];

    (void)context;
    while (peer_read_request(stream, request, sizeof request)) {
        pause_ms(200);
        peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
}

static void test_many_in_parallel(void **state)
{
    enum { COUNT = 10 };
    (void)state;
    struct peer *peer = peer_start(NULL, serve_late_hello, NULL);
    struct peer *gone = peer_start(NULL, serve_silence, NULL);
    struct http_options options = {.max_idle = COUNT};
    struct http_client *client = new_client(&options);
    struct http_client *clients[COUNT];
    AUTO_FREE char *url = url_of(peer);
    AUTO_FREE char *gone_url = url_of(gone);
    struct http_request requests[COUNT];
    struct http_response responses[COUNT];
    int results[COUNT];
    struct error errors[COUNT];

    for (int i = 0; i < COUNT; i++) {
        clients[i] = client;
        requests[i] = (struct http_request){.method = "GET", .url = url};
    }
    requests[3].url = gone_url;
    requests[3].timeout_ms = 100;
    requests[7].url = "nonsense";
    for (int round = 0; round < 2; round++) {
        int64_t before = clock_boot_ms();
        http_do_many(clients, requests, responses, results, errors, COUNT);
        assert_true(clock_boot_ms() - before < 1000);
        for (int i = 0; i < COUNT; i++) {
            if (i == 3) {
                assert_int_equal(results[i], -ERROR_RETRYABLE);
                assert_int_equal(errors[i].kind, ERROR_RETRYABLE);
            } else if (i == 7) {
                assert_true(results[i] < 0);
            } else {
                assert_int_equal(results[i], 0);
                assert_int_equal(errors[i].kind, ERROR_NONE);
                assert_string_equal(responses[i].body.data, "hello");
            }
            http_response_fini(&responses[i]);
        }
    }
    /* The second round and a single request used the connections of the first. */
    struct error error = {0};
    assert_int_equal(http_do(client, &requests[0], &responses[0], &error), 0);
    http_response_fini(&responses[0]);
    assert_int_equal(peer_connections(peer), COUNT - 2);
    http_client_free(client);
    peer_stop(peer);
    peer_stop(gone);
}

/* More hosts than idle connections: the least recently used goes. */
static void test_pool_is_bounded(void **state)
{
    (void)state;
    struct peer *peers[3];
    char *urls[3];
    struct http_options options = {.max_idle = 2};
    struct http_client *client = new_client(&options);
    struct error error = {0};

    for (int i = 0; i < 3; i++) {
        peers[i] = peer_start(NULL, peer_serve_hello, NULL);
        urls[i] = url_of(peers[i]);
    }
    static const int order[] = {0, 1, 0, 2, 0, 2, 1};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct http_request request = {.method = "GET", .url = urls[order[i]]};
        AUTO_HTTP_RESPONSE struct http_response response;
        assert_int_equal(http_do(client, &request, &response, &error), 0);
    }
    assert_int_equal(peer_connections(peers[0]), 1);
    assert_int_equal(peer_connections(peers[1]), 2); /* Evicted by the third peer. */
    assert_int_equal(peer_connections(peers[2]), 1);
    http_client_free(client);
    for (int i = 0; i < 3; i++) {
        peer_stop(peers[i]);
        free(urls[i]);
    }
}

/* What was not used for long goes when another one is given back; what is used stays. */
static void test_idle_connections_age(void **state)
{
    (void)state;
    struct peer *rare = peer_start(NULL, peer_serve_hello, NULL);
    struct peer *frequent = peer_start(NULL, peer_serve_hello, NULL);
    AUTO_FREE char *rare_url = url_of(rare);
    AUTO_FREE char *frequent_url = url_of(frequent);
    struct http_options options = {.max_idle_ms = 300};
    struct http_client *client = new_client(&options);
    struct error error = {0};
    int64_t started_ms = clock_boot_ms();
    unsigned asked = 0;

    for (; clock_boot_ms() - started_ms < 600; asked++) {
        const char *urls[] = {frequent_url, rare_url};
        struct http_request request = {.method = "GET", .url = urls[asked == 0]};
        AUTO_HTTP_RESPONSE struct http_response response;
        assert_int_equal(http_do(client, &request, &response, &error), 0);
    }
    struct http_request again = {.method = "GET", .url = rare_url};
    AUTO_HTTP_RESPONSE struct http_response response;
    assert_int_equal(http_do(client, &again, &response, &error), 0);
    assert_int_equal(peer_connections(rare), 2);
    assert_true(peer_connections(frequent) < asked / 2);
    http_client_free(client);
    peer_stop(rare);
    peer_stop(frequent);
}

/* The first connection dies after its first answer, at the moment of the second request. */
static void serve_one_then_hang_up(void *context, struct peer_stream *stream)
{
    atomic_uint *requests = context;
    char request[1024];

    if (!peer_read_request(stream, request, sizeof request)) {
        return;
    }
    atomic_fetch_add(requests, 1);
    peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    if (peer_read_request(stream, request, sizeof request) && stream->number > 0) {
        atomic_fetch_add(requests, 1);
        peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
}

static bool count_and_allow(void *context)
{
    unsigned *left = context;
    if (!*left) {
        return false;
    }
    --*left;
    return true;
}

static void test_allow_is_asked_before_each_sending(void **state)
{
    (void)state;
    atomic_uint requests = 0;
    unsigned allowed = 100;
    struct peer *peer = peer_start(NULL, serve_one_then_hang_up, &requests);
    struct http_options options = {.allow = count_and_allow, .allow_context = &allowed};
    struct http_client *client = new_client(&options);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "GET", .url = url};
    struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), 0);
    http_response_fini(&response);
    assert_int_equal(allowed, 99);
    assert_int_equal(http_do(client, &request, &response, &error), 0); /* Sent twice. */
    http_response_fini(&response);
    assert_int_equal(allowed, 97);
    assert_int_equal(peer_connections(peer), 2);

    allowed = 0;
    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_CANCELLED);
    assert_non_null(strstr(error.message, "no longer allowed"));
    assert_false(response.sent);
    http_response_fini(&response);
    http_client_free(client);
    peer_stop(peer);
    assert_int_equal(requests, 2);
}

/* Who was allowed when the request went out on a connection that had died is not when it is sent
 * again: the peer sees it at most once. */
static void test_a_resend_is_refused(void **state)
{
    (void)state;
    atomic_uint requests = 0;
    unsigned allowed = 2; /* The first request, and the second one's first sending. */
    struct peer *peer = peer_start(NULL, serve_one_then_hang_up, &requests);
    struct http_options options = {.allow = count_and_allow, .allow_context = &allowed};
    struct http_client *client = new_client(&options);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "PATCH", .url = url, .body = "{}", .body_size = 2};
    struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), 0);
    http_response_fini(&response);
    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_CANCELLED);
    http_response_fini(&response);
    assert_int_equal(allowed, 0);
    http_client_free(client);
    peer_stop(peer);
    assert_int_equal(requests, 1); /* Answered ones: the second met a connection that ended. */
}

/* The bound of the connections to this port, in milliseconds; 0 without any. */
static unsigned delivery_bound(uint16_t port)
{
    unsigned bound = 0;

    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_in address;
        socklen_t size = sizeof address, bound_size = sizeof bound;
        if (!getpeername(fd, (struct sockaddr *)&address, &size) && address.sin_family == AF_INET &&
            ntohs(address.sin_port) == port) {
            getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &bound, &bound_size);
            return bound;
        }
    }
    return 0;
}

/* What waits in the kernel for a network that is gone must not arrive when it is back. */
static void test_delivery_is_bounded(void **state)
{
    (void)state;
    unsigned allowed = 1;
    struct http_options guarded = {.allow = count_and_allow, .allow_context = &allowed};
    const struct {
        const struct http_options *options;
        unsigned bound;
    } cases[] = {{&guarded, HTTP_DELIVERY_MS}, {NULL, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer *peer = peer_start(NULL, peer_serve_hello, NULL);
        struct http_client *client = new_client(cases[i].options);
        AUTO_FREE char *url = url_of(peer);
        struct http_request request = {.method = "GET", .url = url};
        AUTO_HTTP_RESPONSE struct http_response response;
        struct error error = {0};
        assert_int_equal(http_do(client, &request, &response, &error), 0);
        assert_int_equal(delivery_bound(peer_port(peer)), cases[i].bound);
        http_client_free(client);
        peer_stop(peer);
    }
}

/* A peer that speaks HTTP/1 is no gRPC server, even if its answer looks fine. */
static void test_http2_only(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, peer_serve_hello, NULL);
    struct http_options options = {.http2 = true};
    struct http_client *client = new_client(&options);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 2000};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_RETRYABLE);
    http_client_free(client);
    peer_stop(peer);
}

static void serve_half_a_header(void *context, struct peer_stream *stream)
{
    char request[1024];

    (void)context;
    peer_read_request(stream, request, sizeof request);
    peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Len");
}

static void test_cut_within_headers(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, serve_half_a_header, NULL);
    struct http_client *client = new_client(NULL);
    AUTO_FREE char *url = url_of(peer);
    struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "within the headers"));
    http_client_free(client);
    peer_stop(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_cut_within_headers),
        cmocka_unit_test(test_idle_timeout),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_what_was_sent_whole_is_waited_for),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_headers_and_trailers),
        cmocka_unit_test(test_header_limit),
        cmocka_unit_test(test_request_headers),
        cmocka_unit_test(test_many_in_parallel),
        cmocka_unit_test(test_pool_is_bounded),
        cmocka_unit_test(test_idle_connections_age),
        cmocka_unit_test(test_allow_is_asked_before_each_sending),
        cmocka_unit_test(test_a_resend_is_refused),
        cmocka_unit_test(test_delivery_is_bounded),
        cmocka_unit_test(test_http2_only),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
