#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

#define DEFAULT_MAX_BODY (1024 * 1024)

/* Enough for the handlers, which format into heap buffers. */
#define STACK_SIZE (256 * 1024)

/* Probes and scrapers come one at a time; more than this is an accident. */
#define MAX_CONNECTIONS      64
#define CONNECTION_TIMEOUT_S 30
#define CONNECTION_MEMORY    (16 * 1024)

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_options options;
};

/* What has arrived of one request. */
struct exchange {
    struct buffer body;
    bool too_large;
};

static enum MHD_Result queue_answer(struct MHD_Connection *connection, unsigned status,
                                    const char *content_type, struct buffer *body)
{
    struct MHD_Response *response =
        body->size ? MHD_create_response_from_buffer(body->size, body->data, MHD_RESPMEM_MUST_FREE)
                   : MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

    if (!body->size || !response) {
        buffer_fini(body);
    }
    if (!response) {
        return MHD_NO;
    }
    if (content_type) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result queue_too_large(struct MHD_Connection *connection, size_t limit)
{
    struct buffer body = {0};

    buffer_printf(&body, "The request is larger than %zu bytes.\n", limit);
    return queue_answer(connection, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain; charset=utf-8", &body);
}

static enum MHD_Result answer(struct http_server *server, struct MHD_Connection *connection,
                              const char *method, const char *path, struct exchange *exchange)
{
    struct http_server_request request = {
        .method = method,
        .path = path,
        .body = exchange->body.data ? exchange->body.data : "",
        .body_size = exchange->body.size,
    };
    struct http_server_answer out = {0};

    if (exchange->too_large) {
        return queue_too_large(connection, exchange->body.limit);
    }
    server->options.handle(server->options.context, &request, &out);
    return queue_answer(connection, out.status ? out.status : MHD_HTTP_INTERNAL_SERVER_ERROR,
                        out.content_type, &out.body);
}

/* Called first with the headers alone, then with each piece of the body, then once with no more. */
static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
                                    const char *path, const char *method, const char *version,
                                    const char *data, size_t *size, void **state)
{
    struct http_server *server = context;
    struct exchange *exchange = *state;

    (void)version;
    if (!exchange) {
        const char *announced = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                            MHD_HTTP_HEADER_CONTENT_LENGTH);
        exchange = *state = xcalloc(1, sizeof *exchange);
        exchange->body.limit = server->options.max_body;
        if (announced && strtoull(announced, NULL, 10) > server->options.max_body) {
            return queue_too_large(connection, server->options.max_body);
        }
        return MHD_YES;
    }
    if (*size) {
        if (!exchange->too_large && !buffer_append(&exchange->body, data, *size)) {
            exchange->too_large = true;
        }
        *size = 0;
        return MHD_YES;
    }
    return answer(server, connection, method, path, exchange);
}

static void end_request(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *state;

    (void)context, (void)connection, (void)code;
    if (exchange) {
        buffer_fini(&exchange->body);
        free(exchange);
        *state = NULL;
    }
}

__attribute__((format(printf, 2, 0))) static void take_log(void *context, const char *format,
                                                           va_list arguments)
{
    char line[256];

    (void)context;
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    log_debug("http server", "detail", line, NULL);
}

/* The socket address for `text`; its family, or 0 if it is no address. */
static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return AF_INET;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return AF_INET6;
    }
    return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, unsigned family_flag,
                                       const struct sockaddr_storage *address)
{
    struct MHD_OptionItem items[] = {
        {MHD_OPTION_SOCK_ADDR, 0, (void *)address},
        {MHD_OPTION_END, 0, NULL},
    };

    errno = 0;
    return MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | family_flag,
                            server->options.port, NULL, NULL, take_request, server,
                            MHD_OPTION_EXTERNAL_LOGGER, take_log, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                            end_request, NULL, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_ARRAY, address ? items : items + 1, MHD_OPTION_END);
}

int http_server_start(const struct http_server_options *options, struct http_server **out,
                      struct error *error)
{
    const char *address = options->address ? options->address : "";
    struct sockaddr_storage socket_address;
    int family = 0;

    if (options->address) {
        family = parse_address(options->address, options->port, &socket_address);
        if (!family) {
            return error_set(error, ERROR_INVALID, "'%s' is no IP address to listen on",
                             options->address);
        }
    }
    struct http_server *server = xcalloc(1, sizeof *server);
    server->options = *options;
    server->options.address = NULL; /* The caller's string need not live on. */
    server->options.max_body = options->max_body ? options->max_body : DEFAULT_MAX_BODY;
    if (family) {
        server->daemon =
            start_daemon(server, family == AF_INET6 ? MHD_USE_IPv6 : MHD_NO_FLAG, &socket_address);
    } else {
        server->daemon = start_daemon(server, MHD_USE_DUAL_STACK, NULL);
        if (!server->daemon && errno != EADDRINUSE) {
            server->daemon = start_daemon(server, MHD_NO_FLAG, NULL); /* A node without IPv6. */
        }
    }
    if (!server->daemon) {
        int reason = errno;
        free(server);
        return error_set(error, ERROR_TERMINAL, "cannot listen on %s:%u: %s", address,
                         options->port, reason ? strerror(reason) : "unknown reason");
    }
    *out = server;
    return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : server->options.port;
}

void http_server_stop(struct http_server *server)
{
    if (server) {
        MHD_stop_daemon(server->daemon);
        free(server);
    }
}
