#include "member/responder.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

#define MAX_CONNECTIONS 16
#define MAX_REQUEST     4096
#define DEADLINE_MS     5000

struct connection {
    int fd; /* -1: free. */
    int64_t deadline_ms;
    bool draining; /* The answer is sent; waiting for the client to close. */
    struct buffer request, response;
};

struct responder {
    int listener;
    char *report, *message;
    struct connection connections[MAX_CONNECTIONS];
};

static int listen_on(int family, uint16_t port)
{
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_six = family == AF_INET6;
    const int on = 1, off = 0;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_six) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four,
             is_six ? sizeof six : sizeof four) ||
        listen(fd, MAX_CONNECTIONS)) {
        int problem = errno;
        close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

int responder_open(uint16_t port, struct responder **out, struct error *error)
{
    int fd = listen_on(AF_INET6, port);

    if (fd < 0) { /* A node without IPv6. */
        fd = listen_on(AF_INET, port);
    }
    if (fd < 0) {
        return error_set(error, ERROR_RETRYABLE, "cannot listen on port %u: %s", (unsigned)port,
                         strerror(errno));
    }
    struct responder *responder = xcalloc(1, sizeof *responder);
    responder->listener = fd;
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        responder->connections[i].fd = -1;
        responder->connections[i].request.limit = MAX_REQUEST;
    }
    responder_set(responder, "{}", "waiting");
    *out = responder;
    return 0;
}

static void connection_close(struct connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
        connection->fd = -1;
    }
    buffer_fini(&connection->request);
    buffer_fini(&connection->response);
}

void responder_close(struct responder *responder)
{
    if (!responder) {
        return;
    }
    close(responder->listener);
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        connection_close(&responder->connections[i]);
    }
    free(responder->report);
    free(responder->message);
    free(responder);
}

void responder_set(struct responder *responder, const char *report, const char *message)
{
    free(responder->report);
    free(responder->message);
    responder->report = xstrdup(report);
    responder->message = xasprintf("%s\n", message);
}

static void respond(struct connection *connection, const char *status, const char *type,
                    const char *body)
{
    buffer_printf(&connection->response,
                  "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                  "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                  status, type, strlen(body), body);
}

/* True when the request line is "GET `path`[?query] HTTP/1.x". */
static bool asks_for(const char *request, const char *path)
{
    size_t length = strlen(path);
    const char *target = request + strlen("GET ");

    return !strncmp(target, path, length) && (target[length] == ' ' || target[length] == '?');
}

static void answer(const struct responder *responder, struct connection *connection)
{
    const char *request = connection->request.data;

    if (strncmp(request, "GET ", 4) != 0) {
        respond(connection, "405 Method Not Allowed", "text/plain", "only GET is answered here\n");
    } else if (asks_for(request, "/")) {
        respond(connection, "200 OK", "application/json", responder->report);
    } else if (asks_for(request, "/livez") || asks_for(request, "/readyz")) {
        respond(connection, "503 Service Unavailable", "text/plain", responder->message);
    } else {
        respond(connection, "404 Not Found", "text/plain", "not found\n");
    }
}

/* False when the connection is done with. */
static bool send_response(struct connection *connection)
{
    struct buffer *response = &connection->response;
    ssize_t sent = send(connection->fd, response->data, response->size, MSG_NOSIGNAL);

    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    buffer_consume(response, (size_t)sent);
    if (!response->size) {
        /* Closing at once could reset the connection under an answer that was not read yet. */
        shutdown(connection->fd, SHUT_WR);
        connection->draining = true;
    }
    return true;
}

static bool read_request(const struct responder *responder, struct connection *connection)
{
    char bytes[1024];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);

    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (!got) {
        return false;
    }
    if (connection->draining) {
        return true;
    }
    if (!buffer_append(&connection->request, bytes, (size_t)got)) {
        respond(connection, "431 Request Header Fields Too Large", "text/plain",
                "the request is too long\n");
    } else if (memmem(connection->request.data, connection->request.size, "\r\n\r\n", 4)) {
        answer(responder, connection);
    }
    return !connection->response.size || send_response(connection);
}

/* A free place, or the one that was taken first: who is silent makes room. */
static struct connection *find_place(struct responder *responder)
{
    struct connection *oldest = &responder->connections[0];

    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *connection = &responder->connections[i];
        if (connection->fd < 0) {
            return connection;
        }
        if (connection->deadline_ms < oldest->deadline_ms) {
            oldest = connection;
        }
    }
    connection_close(oldest);
    return oldest;
}

static void accept_connection(struct responder *responder, int64_t now_ms)
{
    int fd = accept4(responder->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    struct connection *connection = find_place(responder);
    connection->fd = fd;
    connection->deadline_ms = now_ms + DEADLINE_MS;
    connection->draining = false;
}

static void serve_once(struct responder *responder, int64_t now_ms, int timeout_ms)
{
    struct pollfd polls[MAX_CONNECTIONS + 1] = {{.fd = responder->listener, .events = POLLIN}};

    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        const struct connection *connection = &responder->connections[i];
        polls[i + 1].fd = connection->fd;
        polls[i + 1].events = connection->response.size ? POLLOUT : POLLIN;
    }
    if (poll(polls, MAX_CONNECTIONS + 1, timeout_ms) < 0) {
        return;
    }
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *connection = &responder->connections[i];
        if (connection->fd < 0) {
            continue;
        }
        bool keep = now_ms < connection->deadline_ms;
        if (keep && polls[i + 1].revents) {
            keep = connection->response.size ? send_response(connection)
                                             : read_request(responder, connection);
        }
        if (!keep) {
            connection_close(connection);
        }
    }
    if (polls[0].revents) {
        accept_connection(responder, now_ms);
    }
}

void responder_serve(struct responder *responder, int64_t milliseconds)
{
    int64_t now_ms = clock_boot_ms(), end_ms = now_ms + milliseconds;

    for (; now_ms < end_ms; now_ms = clock_boot_ms()) {
        serve_once(responder, now_ms, (int)(end_ms - now_ms));
    }
}
