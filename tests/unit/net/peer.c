#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define MAX_STREAMS 64

struct peer {
    int listener;
    uint16_t port;
    SSL_CTX *tls;
    peer_serve *serve;
    void *context;
    pthread_t acceptor;
    atomic_bool stopping;
    atomic_uint connections;
    pthread_t threads[MAX_STREAMS];
    struct peer_stream streams[MAX_STREAMS];
    size_t n_streams;
};

static void *run_stream(void *argument)
{
    struct peer_stream *stream = argument;
    struct peer *peer = stream->peer;

    if (peer->tls) {
        stream->ssl = SSL_new(peer->tls);
        SSL_set_fd(stream->ssl, stream->fd);
        if (SSL_accept(stream->ssl) != 1) {
            /* Take in what the client still sends, or the alert may be lost to a reset. */
            shutdown(stream->fd, SHUT_WR);
            peer_wait_closed(stream);
            goto out;
        }
    }
    stream->number = atomic_fetch_add(&peer->connections, 1);
    peer->serve(peer->context, stream);
    if (stream->ssl) {
        SSL_shutdown(stream->ssl);
    }
out:
    SSL_free(stream->ssl);
    shutdown(stream->fd, SHUT_RDWR); /* Closed by peer_stop(), so that the number stays ours. */
    return NULL;
}

static void *run_acceptor(void *argument)
{
    struct peer *peer = argument;

    while (peer->n_streams < MAX_STREAMS) {
        int fd = accept(peer->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        struct peer_stream *stream = &peer->streams[peer->n_streams];
        *stream = (struct peer_stream){.fd = fd, .peer = peer};
        pthread_create(&peer->threads[peer->n_streams++], NULL, run_stream, stream);
    }
    return NULL;
}

struct peer *peer_start(SSL_CTX *tls, peer_serve *serve, void *context)
{
    struct peer *peer = xcalloc(1, sizeof *peer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    peer->tls = tls;
    peer->serve = serve;
    peer->context = context;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(peer->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(peer->listener, 32) < 0 ||
        getsockname(peer->listener, (struct sockaddr *)&address, &size) < 0) {
        perror("peer");
        abort();
    }
    peer->port = ntohs(address.sin_port);
    pthread_create(&peer->acceptor, NULL, run_acceptor, peer);
    return peer;
}

void peer_stop(struct peer *peer)
{
    atomic_store(&peer->stopping, true);
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->acceptor, NULL);
    for (size_t i = 0; i < peer->n_streams; i++) {
        shutdown(peer->streams[i].fd, SHUT_RDWR);
    }
    for (size_t i = 0; i < peer->n_streams; i++) {
        pthread_join(peer->threads[i], NULL);
        close(peer->streams[i].fd);
    }
    close(peer->listener);
    SSL_CTX_free(peer->tls);
    free(peer);
}

uint16_t peer_port(const struct peer *peer)
{
    return peer->port;
}

unsigned peer_connections(const struct peer *peer)
{
    return atomic_load(&peer->connections);
}

static ssize_t stream_read(struct peer_stream *stream, void *out, size_t size)
{
    return stream->ssl ? SSL_read(stream->ssl, out, (int)size) : read(stream->fd, out, size);
}

bool peer_read_request(struct peer_stream *stream, char *out, size_t size)
{
    size_t used = 0, wanted = 0;
    char byte;

    while (!wanted || used < wanted) {
        if (stream_read(stream, &byte, 1) != 1) {
            return false;
        }
        if (used + 1 < size) {
            out[used] = byte;
            out[used + 1] = '\0';
        }
        used++;
        if (!wanted && used < size && used >= 4 && !strcmp(out + used - 4, "\r\n\r\n")) {
            const char *length = strcasestr(out, "\r\nContent-Length:");
            wanted = used + (length ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    return true;
}

void peer_write(struct peer_stream *stream, const char *text)
{
    size_t size = strlen(text);

    if (stream->ssl) {
        SSL_write(stream->ssl, text, (int)size);
    } else if (send(stream->fd, text, size, MSG_NOSIGNAL) < 0) {
        return; /* The client hung up, which the test will notice. */
    }
}

void peer_wait_closed(struct peer_stream *stream)
{
    char byte[256];

    while (!atomic_load(&stream->peer->stopping) && read(stream->fd, byte, sizeof byte) > 0) {
    }
}

void peer_serve_hello(void *context, struct peer_stream *stream)
{
    char request[4096];

    (void)context;
    while (peer_read_request(stream, request, sizeof request)) {
        peer_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
}
