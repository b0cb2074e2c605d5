/* Who trusts whom, and what the refusals say. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "net/http.h"
#include "peer.h"

#define HOST "c-0.c-peer.ns.svc"

static struct test_identity ca, other_ca, server, client_identity, stranger, expired;

static int make_identities(void **state)
{
    (void)state;
    test_ca_new("ca", &ca);
    test_ca_new("other ca", &other_ca);
    test_leaf_new(&ca, &(struct test_leaf){"etcd", HOST, 3600}, &server);
    test_leaf_new(&ca, &(struct test_leaf){"etcd", HOST, -3600}, &expired);
    test_leaf_new(&ca, &(struct test_leaf){"root", NULL, 3600}, &client_identity);
    test_leaf_new(&other_ca, &(struct test_leaf){"root", NULL, 3600}, &stranger);
    return 0;
}

static int free_identities(void **state)
{
    (void)state;
    test_identity_fini(&ca);
    test_identity_fini(&other_ca);
    test_identity_fini(&server);
    test_identity_fini(&client_identity);
    test_identity_fini(&stranger);
    test_identity_fini(&expired);
    return 0;
}

static int ask(struct http_client *client, struct peer *peer, const char *host, struct error *error)
{
    AUTO_FREE char *url = xasprintf("https://%s:%u/", host, peer_port(peer));
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .connect_to = "127.0.0.1",
                                   .body = "x",
                                   .body_size = 1,
                                   .timeout_ms = 5000};
    AUTO_HTTP_RESPONSE struct http_response response;

    *error = (struct error){0};
    int r = http_do(client, &request, &response, error);
    if (r == 0) {
        assert_int_equal(response.status, 200);
        assert_string_equal(response.body.data, "hello");
    }
    return r;
}

/* One request by a fresh client to a fresh peer. */
static int ask_once(const struct http_options *options, const struct test_identity *identity,
                    const char *client_ca, const char *host, struct error *error)
{
    struct peer *peer = peer_start(test_server_tls(identity, client_ca), peer_serve_hello, NULL);
    struct http_client *client = NULL;

    assert_int_equal(http_client_new(options, &client, error), 0);
    int r = ask(client, peer, host, error);
    http_client_free(client);
    peer_stop(peer);
    return r;
}

static void expect_denied(int r, const struct error *error, const char *words)
{
    if (r != -ERROR_DENIED || !strstr(error->message, words)) {
        fail_msg("got %d '%s', wanted words '%s'", r, error->message, words);
    }
}

static void test_verified(void **state)
{
    (void)state;
    struct http_options options = {.ca_pem = ca.certificate_pem};
    struct error error;
    int r = ask_once(&options, &server, NULL, HOST, &error);
    if (r) {
        fail_msg("%s", error.message);
    }
}

static void test_server_refused(void **state)
{
    (void)state;
    struct http_options options = {.ca_pem = ca.certificate_pem};
    struct error error;

    expect_denied(ask_once(&options, &server, NULL, "other.ns.svc", &error), &error,
                  "does not cover this host name");
    expect_denied(ask_once(&options, &expired, NULL, HOST, &error), &error, "has expired");
    options.ca_pem = other_ca.certificate_pem;
    expect_denied(ask_once(&options, &server, NULL, HOST, &error), &error, "unknown CA");
    options.ca_pem = NULL; /* The system's do not know it either. */
    expect_denied(ask_once(&options, &server, NULL, HOST, &error), &error, "unknown CA");
}

static void test_client_certificate(void **state)
{
    (void)state;
    struct http_options options = {.ca_pem = ca.certificate_pem,
                                   .certificate_pem = client_identity.certificate_pem,
                                   .key_pem = client_identity.key_pem};
    struct error error;

    assert_int_equal(ask_once(&options, &server, ca.certificate_pem, HOST, &error), 0);
    options.certificate_pem = stranger.certificate_pem;
    options.key_pem = stranger.key_pem;
    expect_denied(ask_once(&options, &server, ca.certificate_pem, HOST, &error), &error,
                  "does not trust the CA of our client certificate");
    options.certificate_pem = options.key_pem = NULL;
    expect_denied(ask_once(&options, &server, ca.certificate_pem, HOST, &error), &error,
                  "demands a client certificate");
    options.http2 = true; /* The text must survive that layer, too. */
    expect_denied(ask_once(&options, &server, ca.certificate_pem, HOST, &error), &error,
                  "demands a client certificate");
}

/* A connection that was made as somebody else is not used again. */
static void test_identity_is_changed(void **state)
{
    struct peer *peer =
        peer_start(test_server_tls(&server, ca.certificate_pem), peer_serve_hello, NULL);
    const struct http_options options = {.ca_pem = ca.certificate_pem};
    struct http_client *client;
    struct error error;

    (void)state;
    assert_int_equal(http_client_new(&options, &client, &error), 0);
    assert_int_equal(ask(client, peer, HOST, &error), -ERROR_DENIED);
    assert_int_equal(http_client_set_identity(client, client_identity.certificate_pem,
                                              client_identity.key_pem, &error),
                     0);
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    unsigned connections = peer_connections(peer);
    assert_int_equal(
        http_client_set_identity(client, client_identity.certificate_pem, stranger.key_pem, &error),
        -ERROR_INVALID);
    assert_int_equal(http_client_set_identity(client, client_identity.certificate_pem,
                                              client_identity.key_pem, &error),
                     0);
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    assert_int_equal(peer_connections(peer), connections);
    assert_int_equal(
        http_client_set_identity(client, stranger.certificate_pem, stranger.key_pem, &error), 0);
    assert_int_equal(ask(client, peer, HOST, &error), -ERROR_DENIED);
    http_client_free(client);
    peer_stop(peer);
}

static void test_peer_without_tls(void **state)
{
    (void)state;
    struct peer *peer = peer_start(NULL, peer_serve_hello, NULL);
    struct http_options options = {.ca_pem = ca.certificate_pem};
    struct http_client *client = NULL;
    struct error error;

    assert_int_equal(http_client_new(&options, &client, &error), 0);
    AUTO_FREE char *url = xasprintf("https://127.0.0.1:%u/", peer_port(peer));
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 500};
    AUTO_HTTP_RESPONSE struct http_response response;
    assert_int_equal(http_do(client, &request, &response, &error), -ERROR_RETRYABLE);
    http_client_free(client);
    peer_stop(peer);
}

static void test_http2_refuses_http1_over_tls(void **state)
{
    (void)state;
    struct http_options options = {.ca_pem = ca.certificate_pem, .http2 = true};
    struct error error;

    assert_int_equal(ask_once(&options, &server, NULL, HOST, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "HTTP/1"));
}

static void expect_invalid(const struct http_options *options, const char *words)
{
    struct http_client *client = NULL;
    struct error error = {0};

    assert_int_equal(http_client_new(options, &client, &error), -ERROR_INVALID);
    assert_null(client);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' lacks '%s'", error.message, words);
    }
}

static void test_bad_material(void **state)
{
    (void)state;
    AUTO_FREE char *half = xstrdup(ca.certificate_pem);
    AUTO_FREE char *good_and_bad = NULL;
    half[strlen(half) / 2] = '\0';
    good_and_bad = xasprintf("%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                             ca.certificate_pem);

    expect_invalid(&(struct http_options){.ca_pem = "nothing"}, "number 1 of the CAs");
    expect_invalid(&(struct http_options){.ca_pem = ""}, "number 1 of the CAs");
    expect_invalid(&(struct http_options){.ca_pem = half}, "number 1 of the CAs");
    expect_invalid(&(struct http_options){.ca_pem = good_and_bad}, "number 2 of the CAs");
    expect_invalid(&(struct http_options){.ca_file = "/nonexistent/ca.crt"}, "/nonexistent/ca.crt");
    expect_invalid(&(struct http_options){.certificate_pem = server.certificate_pem},
                   "without its key");
    expect_invalid(&(struct http_options){.key_pem = server.key_pem}, "without its certificate");
    expect_invalid(
        &(struct http_options){.certificate_pem = server.key_pem, .key_pem = server.key_pem},
        "client certificate does not parse");
    expect_invalid(&(struct http_options){.certificate_pem = server.certificate_pem,
                                          .key_pem = server.certificate_pem},
                   "client key does not parse");
    expect_invalid(&(struct http_options){.certificate_pem = server.certificate_pem,
                                          .key_pem = stranger.key_pem},
                   "does not belong to");
}

static void write_file(const char *path, const char *text)
{
    AUTO_FREE char *next = xasprintf("%s.new", path);
    FILE *file = fopen(next, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(next, path), 0);
}

static void test_ca_file_is_read_again(void **state)
{
    (void)state;
    char path[] = "/tmp/test-ca-XXXXXX";
    int fd = mkstemp(path);
    struct peer *peer = peer_start(test_server_tls(&server, NULL), peer_serve_hello, NULL);
    struct http_options options = {.ca_file = path};
    struct http_client *client = NULL;
    struct error error = {0};

    close(fd);
    write_file(path, ca.certificate_pem);
    assert_int_equal(http_client_new(&options, &client, &error), 0);
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    assert_int_equal(peer_connections(peer), 1);

    write_file(path, "half written"); /* The old trust holds. */
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    unlink(path);
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    assert_int_equal(peer_connections(peer), 1);

    write_file(path, other_ca.certificate_pem); /* The old connection is not used any more. */
    expect_denied(ask(client, peer, HOST, &error), &error, "unknown CA");
    write_file(path, ca.certificate_pem);
    assert_int_equal(ask(client, peer, HOST, &error), 0);
    http_client_free(client);
    peer_stop(peer);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verified),
        cmocka_unit_test(test_server_refused),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_identity_is_changed),
        cmocka_unit_test(test_peer_without_tls),
        cmocka_unit_test(test_http2_refuses_http1_over_tls),
        cmocka_unit_test(test_bad_material),
        cmocka_unit_test(test_ca_file_is_read_again),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
