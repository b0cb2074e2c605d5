#include "kube/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kube/credentials.h"
#include "kube/status.h"

/* Each watch holds a connection of its own while it runs; these are for what comes and goes. */
#define MAX_IDLE 4

#define WHAT_SIZE 320

struct kube_transport {
    char *server;
    struct kube_token *token;
    struct http_client *reading;
    struct http_client *changing; /* Its requests ask allow_change first. */
    void (*observe)(void *context, const char *verb, const char *resource, long status,
                    int64_t milliseconds);
    void *observe_context;
};

/* --- Life -------------------------------------------------------------------------------- */

static int open_clients(struct kube_transport *transport, const struct kube_client_options *options,
                        bool tls, struct error *error)
{
    const char *ca_file = options->ca_file ? options->ca_file : kube_credentials_ca_file();
    struct http_options http = {.ca_file = tls ? ca_file : NULL, .max_idle = MAX_IDLE};
    int result = http_client_new(&http, &transport->reading, error);

    if (result) {
        return result;
    }
    http.allow = options->allow_change;
    http.allow_context = options->allow_change_context;
    return http_client_new(&http, &transport->changing, error);
}

int kube_transport_new(const struct kube_client_options *options, struct kube_transport **transport,
                       struct error *error)
{
    char *server = kube_credentials_server(options->server, error);

    *transport = NULL;
    if (!server) {
        return -(int)ERROR_INVALID;
    }
    bool tls = strncmp(server, "http://", 7) != 0;
    const char *token_file = options->token_file;
    if (!token_file && tls) { /* Without TLS a token goes out only to whom somebody named it for. */
        token_file = kube_credentials_token_file();
    }
    struct kube_transport *made = xcalloc(1, sizeof *made);
    made->server = server;
    made->token = kube_token_new(token_file);
    made->observe = options->observe;
    made->observe_context = options->observe_context;
    if (open_clients(made, options, tls, error)) {
        kube_transport_free(made);
        return error_wrap(error, "connect to the API server %s", server);
    }
    *transport = made;
    return 0;
}

void kube_transport_free(struct kube_transport *transport)
{
    if (!transport) {
        return;
    }
    http_client_free(transport->reading);
    http_client_free(transport->changing);
    kube_token_free(transport->token);
    free(transport->server);
    free(transport);
}

/* --- Requests ---------------------------------------------------------------------------- */

/* "get pods ns/name" */
static void describe(const struct kube_call *call, char out[WHAT_SIZE])
{
    const char *namespace = call->namespace ? call->namespace : "";
    const char *name = call->name ? call->name : "";

    snprintf(out, WHAT_SIZE, "%s %s%s%s%s%s", call->verb,
             call->resource ? call->resource->plural : call->target, *namespace || *name ? " " : "",
             namespace, *namespace && *name ? "/" : "", name);
}

static int send_once(struct kube_transport *transport, const struct kube_call *call,
                     const char *url, const char *authorization, struct http_response *response,
                     struct error *error)
{
    char content_type[128];
    const char *headers[5] = {"Accept: application/json", "User-Agent: etcd-operator/" VERSION};
    size_t count = 2;

    if (call->content_type) {
        snprintf(content_type, sizeof content_type, "Content-Type: %s", call->content_type);
        headers[count++] = content_type;
    }
    if (authorization) {
        headers[count++] = authorization;
    }
    struct http_request request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .body = call->body,
        .body_size = call->body_size,
        .timeout_ms = call->timeout_ms,
        .idle_timeout_ms = call->idle_timeout_ms,
        .max_response = call->max_response,
        .on_body = call->on_body,
        .on_body_context = call->on_body_context,
        .cancelled = call->cancelled,
        .cancelled_context = call->cancelled_context,
    };
    return http_do(call->changing ? transport->changing : transport->reading, &request, response,
                   error);
}

static void observe(struct kube_transport *transport, const struct kube_call *call, long status,
                    int64_t started_ms)
{
    if (transport->observe) {
        transport->observe(transport->observe_context, call->verb,
                           call->resource ? call->resource->plural : "", status,
                           clock_boot_ms() - started_ms);
    }
}

/* Once with the token at hand; once more when it was refused and the file has another one now. */
static int send_authorised(struct kube_transport *transport, const struct kube_call *call,
                           const char *url, struct http_response *response, struct error *error)
{
    CLEANUP(kube_token_wipe) char *authorization = NULL;
    CLEANUP(kube_token_wipe) char *renewed = NULL;
    int64_t started = clock_boot_ms();
    int result = kube_token_header(transport->token, false, &authorization, error);

    if (result) {
        return result;
    }
    result = send_once(transport, call, url, authorization, response, error);
    observe(transport, call, result ? 0 : response->status, started);
    if (result || response->status != 401 || !authorization ||
        kube_token_header(transport->token, true, &renewed, NULL) ||
        !strcmp(authorization, renewed)) {
        return result;
    }
    http_response_fini(response);
    *response = (struct http_response){0};
    started = clock_boot_ms();
    result = send_once(transport, call, url, renewed, response, error);
    observe(transport, call, result ? 0 : response->status, started);
    return result;
}

int kube_transport_do(struct kube_transport *transport, const struct kube_call *call,
                      struct http_response *response, struct error *error)
{
    AUTO_FREE char *url = xasprintf("%s%s", transport->server, call->target);
    char what[WHAT_SIZE], retry_after[32];
    struct error own;

    error = error ? error : &own;
    describe(call, what);
    *response = (struct http_response){0};
    if (send_authorised(transport, call, url, response, error)) {
        return error_wrap(error, "%s", what);
    }
    if (response->status >= 200 && response->status < 300) {
        return 0;
    }
    bool has_retry_after =
        http_response_header(response, "Retry-After", retry_after, sizeof retry_after);
    return kube_status_error(what, response->status, response->body.data, response->body.size,
                             has_retry_after ? retry_after : NULL, error);
}
