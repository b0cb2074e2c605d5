/* Small HTTP server over libmicrohttpd, for /healthz, /readyz and /metrics (HTTPS for admission
 * comes through the same door).  Handlers run on the server's own thread(s). */
#ifndef NET_SERVER_H
#define NET_SERVER_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct http_server;

struct http_server_request {
    const char *method;
    const char *path; /* Without the query. */
    const char *body; /* Collected, at most `max_body` bytes (larger ones are answered 413). */
    size_t body_size;
};

struct http_server_answer {
    unsigned status;
    const char *content_type; /* A static string. */
    struct buffer body;       /* Freed by the server. */
};

struct http_server_options {
    const char *address; /* Such as "0.0.0.0" or "::"; NULL means all addresses, v4 and v6. */
    uint16_t port;       /* 0: any free one, see http_server_port(). */
    size_t max_body;     /* 0 means 1 MiB. */
    void (*handle)(void *context, const struct http_server_request *request,
                   struct http_server_answer *answer);
    void *context;
};

/* ERROR_INVALID if the address is no IP address, ERROR_TERMINAL if it cannot be listened on. The
 * handler is never called by two threads at once. The process ignores SIGPIPE. */
int http_server_start(const struct http_server_options *options, struct http_server **server,
                      struct error *error);
uint16_t http_server_port(const struct http_server *server);
void http_server_stop(struct http_server *server); /* NULL is allowed. */

#endif
