/* The other side for tests of the HTTP client: a listener on a free loopback port whose behaviour
 * each test writes down as a function, over plain TCP or TLS. */
#ifndef TESTS_NET_PEER_H
#define TESTS_NET_PEER_H 1

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

/* One accepted connection. */
struct peer_stream {
    int fd;
    SSL *ssl;        /* NULL: plain. */
    unsigned number; /* 0 for the first connection that the peer accepted. */
    struct peer *peer;
};

/* Runs on a thread of its own; the connection is closed when it returns. */
typedef void peer_serve(void *context, struct peer_stream *stream);

/* `tls` is taken over; NULL means plain TCP. */
struct peer *peer_start(SSL_CTX *tls, peer_serve *serve, void *context);
void peer_stop(struct peer *peer); /* Breaks open connections. */
uint16_t peer_port(const struct peer *peer);
unsigned peer_connections(const struct peer *peer); /* Accepted so far (TLS: shaken hands). */

/* Reads one request (headers, and the body that Content-Length announces) into `out`, cut to
 * `size`. False at the end of the connection. */
bool peer_read_request(struct peer_stream *stream, char *out, size_t size);
void peer_write(struct peer_stream *stream, const char *text);
/* Waits until the client hangs up or the peer is stopped. */
void peer_wait_closed(struct peer_stream *stream);

/* Answers every request on the connection with 200 and "hello". */
void peer_serve_hello(void *context, struct peer_stream *stream);

/* Certificates, made on the spot. */
struct test_identity {
    char *certificate_pem;
    char *key_pem;
};

struct test_leaf {
    const char *common_name;
    const char *dns_name;  /* NULL: no subject alternative name. */
    long not_after_offset; /* Seconds from now. */
};

void test_ca_new(const char *common_name, struct test_identity *out);
void test_leaf_new(const struct test_identity *ca, const struct test_leaf *leaf,
                   struct test_identity *out);
void test_identity_fini(struct test_identity *identity);

/* A server's context; with `client_ca_pem` clients must show a certificate of that CA. */
SSL_CTX *test_server_tls(const struct test_identity *identity, const char *client_ca_pem);

#endif
