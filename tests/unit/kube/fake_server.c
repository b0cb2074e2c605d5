#include "fake_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define MAX_CONNECTIONS 64

struct fake_server {
    fake_handler *handle;
    void *context;
    int listener;
    char url[64];
    pthread_t acceptor;
    atomic_bool stopping;
    size_t connections;
    pthread_t threads[MAX_CONNECTIONS];
};

struct connection {
    struct fake_server *server;
    int fd;
};

bool fake_server_stopping(const struct fake_server *server)
{
    return atomic_load(&server->stopping);
}

/* Waits for something to read; false when the server stops. */
static bool readable(const struct fake_server *server, int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    while (!fake_server_stopping(server)) {
        if (poll(&poller, 1, 20) > 0) {
            return true;
        }
    }
    return false;
}

static bool write_text(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text += sent;
        left -= (size_t)sent;
    }
    return true;
}

/* Reads up to the empty line into `head`, which then holds it all and perhaps some of the body. */
static bool read_request(struct fake_server *server, struct fake_request *request)
{
    char data[16384];
    size_t used = 0, length = 0;
    char *end = NULL;

    for (;;) {
        if (!readable(server, request->fd)) {
            return false;
        }
        ssize_t got = recv(request->fd, data + used, sizeof data - 1 - used, 0);
        if (got <= 0) {
            return false;
        }
        used += (size_t)got;
        data[used] = '\0';
        if (!end && (end = strstr(data, "\r\n\r\n"))) {
            char *header = strcasestr(data, "\r\ncontent-length:");
            length = header && header < end ? strtoul(header + 17, NULL, 10) : 0;
        }
        if (end && used >= (size_t)(end + 4 - data) + length) {
            break;
        }
    }
    snprintf(request->body, sizeof request->body, "%.*s", (int)length, end + 4);
    end[2] = '\0';
    char *line_end = strstr(data, "\r\n");
    snprintf(request->headers, sizeof request->headers, "%s", line_end);
    return sscanf(data, "%15s %1023s", request->method, request->target) == 2;
}

static void *serve(void *argument)
{
    struct connection connection = *(struct connection *)argument;
    struct fake_request *request = xcalloc(1, sizeof *request);

    free(argument);
    request->fd = connection.fd;
    request->server = connection.server;
    while (read_request(connection.server, request) &&
           connection.server->handle(connection.server->context, request)) {
    }
    close(connection.fd);
    free(request);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct fake_server *server = argument;

    while (readable(server, server->listener) && server->connections < MAX_CONNECTIONS) {
        struct connection *connection = xcalloc(1, sizeof *connection);
        connection->server = server;
        connection->fd = accept(server->listener, NULL, NULL);
        if (connection->fd < 0 ||
            pthread_create(&server->threads[server->connections], NULL, serve, connection)) {
            free(connection);
            break;
        }
        server->connections++;
    }
    return NULL;
}

struct fake_server *fake_server_start(fake_handler *handle, void *context)
{
    struct fake_server *server = xcalloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    server->handle = handle;
    server->context = context;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&address, size) || listen(server->listener, 16) ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) ||
        pthread_create(&server->acceptor, NULL, accept_all, server)) {
        perror("fake server");
        abort();
    }
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return server;
}

void fake_server_stop(struct fake_server *server)
{
    atomic_store(&server->stopping, true);
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->connections; i++) {
        pthread_join(server->threads[i], NULL);
    }
    close(server->listener);
    free(server);
}

const char *fake_server_url(const struct fake_server *server)
{
    return server->url;
}

bool fake_answer(struct fake_request *request, int status, const char *headers, const char *body)
{
    char *text = xasprintf("HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"
                           "%sContent-Length: %zu\r\n\r\n%s",
                           status, headers, strlen(body), body);
    bool sent = write_text(request->fd, text);

    free(text);
    return sent;
}

bool fake_stream_begin(struct fake_request *request)
{
    return write_text(request->fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n");
}

bool fake_stream(struct fake_request *request, const char *text)
{
    char *chunk = xasprintf("%zx\r\n%s\r\n", strlen(text), text);
    bool sent = write_text(request->fd, chunk);

    free(chunk);
    return sent;
}

void fake_stream_end(struct fake_request *request)
{
    write_text(request->fd, "0\r\n\r\n");
}

void fake_stream_hold(struct fake_request *request)
{
    readable(request->server, request->fd); /* The client sends nothing but its end. */
}
