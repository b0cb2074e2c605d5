/* A tiny HTTP/1.1 server on 127.0.0.1 that shows a test what was sent and answers as the test says,
 * also in streams and with cut connections. */
#ifndef TESTS_KUBE_FAKE_SERVER_H
#define TESTS_KUBE_FAKE_SERVER_H 1

#include <stdbool.h>

struct fake_server;

struct fake_request {
    char method[16];
    char target[1024];  /* Path and query. */
    char headers[4096]; /* All lines. */
    char body[8192];
    int fd; /* To answer on. */
    struct fake_server *server;
};

/* Called on a thread of the connection. Returns false to cut the connection. */
typedef bool fake_handler(void *context, struct fake_request *request);

struct fake_server *fake_server_start(fake_handler *handle, void *context);
void fake_server_stop(struct fake_server *server);
const char *fake_server_url(const struct fake_server *server);
bool fake_server_stopping(const struct fake_server *server);

/* A whole answer; `headers` are further lines, each with its end, or "". Returns true. */
bool fake_answer(struct fake_request *request, int status, const char *headers, const char *body);
/* A stream: the head, then pieces. False when the client has gone. */
bool fake_stream_begin(struct fake_request *request);
bool fake_stream(struct fake_request *request, const char *text);
void fake_stream_end(struct fake_request *request);
/* Keeps the stream open until the client or the server goes. */
void fake_stream_hold(struct fake_request *request);

#endif
