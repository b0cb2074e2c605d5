#include "grpc_peer.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* RFC 9113: frame types and flags. */
enum { DATA = 0, HEADERS = 1, SETTINGS = 4 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

#define PREFACE_SIZE 24
#define HEAD_SIZE    9
#define PIECE_SIZE   7

static bool read_all(int fd, void *out, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = recv(fd, (char *)out + got, size - got, 0);
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

static void send_frame(int fd, int type, int flags, uint32_t stream, const void *data, size_t size)
{
    uint8_t head[HEAD_SIZE] = {0, (uint8_t)(size >> 8), (uint8_t)size, (uint8_t)type,
                               (uint8_t)flags};

    head[8] = (uint8_t)stream; /* A connection has a few streams at most. */
    if (send(fd, head, sizeof head, MSG_NOSIGNAL) > 0 && size) {
        (void)!send(fd, data, size, MSG_NOSIGNAL);
    }
}

/* RFC 7541: a literal that is not indexed, with a new name. */
static size_t literal(uint8_t *out, const char *name, const char *value)
{
    size_t n = strlen(name), v = strlen(value);

    assert_true(n < 127 && v < 127);
    out[0] = 0;
    out[1] = (uint8_t)n;
    memcpy(out + 2, name, n);
    out[2 + n] = (uint8_t)v;
    memcpy(out + 3 + n, value, v);
    return 3 + n + v;
}

static void answer(const struct grpc_peer *peer, int fd, uint32_t stream)
{
    uint8_t block[256] = {0x88}; /* :status 200 of the static table. */
    size_t size = 1 + literal(block + 1, "content-type", "application/grpc");

    send_frame(fd, HEADERS, END_HEADERS, stream, block, size);
    for (size_t at = 0; at < peer->body_size; at += PIECE_SIZE) {
        size_t left = peer->body_size - at;
        send_frame(fd, DATA, 0, stream, (const char *)peer->body + at,
                   left < PIECE_SIZE ? left : PIECE_SIZE);
    }
    size = literal(block, "grpc-status", peer->status);
    size += peer->message ? literal(block + size, "grpc-message", peer->message) : 0;
    send_frame(fd, HEADERS, END_HEADERS | END_STREAM, stream, block, size);
}

/* False when the connection is to end. */
static bool take_frame(struct grpc_peer *peer, int fd, size_t *got)
{
    uint8_t head[HEAD_SIZE], payload[16384];

    if (!read_all(fd, head, sizeof head)) {
        return false;
    }
    size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | (size_t)head[2];
    if (size > sizeof payload || !read_all(fd, payload, size)) {
        return false;
    }
    if (head[3] == SETTINGS && !(head[4] & ACK)) {
        send_frame(fd, SETTINGS, ACK, 0, NULL, 0);
    }
    if (head[3] == DATA && *got + size <= sizeof peer->request) {
        memcpy(peer->request + *got, payload, size);
        *got += size;
    }
    if (head[3] == DATA && head[4] & END_STREAM) {
        peer->request_size = *got;
        peer->calls++;
        if (!peer->status) {
            return false;
        }
        answer(peer, fd, head[8]);
        *got = 0;
    }
    return true;
}

static void *serve(void *context)
{
    struct grpc_peer *peer = context;
    int fd;

    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        uint8_t preface[PREFACE_SIZE];
        size_t got = 0;
        if (read_all(fd, preface, sizeof preface)) {
            send_frame(fd, SETTINGS, 0, 0, NULL, 0);
            while (take_frame(peer, fd, &got)) {
            }
        }
        close(fd);
    }
    return NULL;
}

void grpc_peer_start(struct grpc_peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

void grpc_peer_stop(struct grpc_peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}
