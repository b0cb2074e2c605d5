/* The other side for tests of the etcd client: a member that speaks HTTP/2 without TLS on a free
 * loopback port, and does to every call what the test wrote down. */
#ifndef TESTS_ETCD_GRPC_PEER_H
#define TESTS_ETCD_GRPC_PEER_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct grpc_peer {
    /* Set before grpc_peer_start(). */
    const char *status;  /* grpc-status at the end; NULL: hangs up when the request has come. */
    const char *message; /* grpc-message, or NULL. */
    const void *body;    /* Frames; sent in DATA of a few bytes each. */
    size_t body_size;

    uint16_t port;
    atomic_uint calls; /* Requests that came whole. */
    uint8_t request[512];
    atomic_size_t request_size; /* Of the last one, with its prefix. */

    int listener;
    pthread_t thread;
};

void grpc_peer_start(struct grpc_peer *peer);
void grpc_peer_stop(struct grpc_peer *peer);

#endif
