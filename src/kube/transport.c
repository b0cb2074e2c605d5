#include "kube/transport.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kube/credentials.h"
#include "kube/rate_limit.h"
#include "kube/status.h"

/* Each watch holds a connection of its own while it runs; these are for what comes and goes. */
#define MAX_IDLE 4

/* A wait for the rate limit looks so often whether the call was cancelled. */
#define WAIT_STEP_MS 100

#define WHAT_SIZE 320

struct kube_transport {
    struct kube_credentials *credentials;
    const struct kube_server *server; /* Of the credentials. */
    struct http_client *reading;
    struct http_client *changing; /* Its requests ask allow_change first. */
    void (*observe)(void *context, const char *verb, const char *resource, long status,
                    int64_t milliseconds);
    void *observe_context;
    pthread_mutex_t lock; /* For `limit`. */
    struct kube_rate_limit limit;
};

/* --- Life -------------------------------------------------------------------------------- */

static int open_clients(struct kube_transport *transport, const struct kube_client_options *options,
                        struct error *error)
{
    const struct kube_server *server = transport->server;
    struct http_options http = {
        .ca_file = server->ca_file, .ca_pem = server->ca_pem, .max_idle = MAX_IDLE};
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
    struct kube_transport *made = xcalloc(1, sizeof *made);
    int result = kube_credentials_new(options, &made->credentials, error);

    *transport = NULL;
    pthread_mutex_init(&made->lock, NULL);
    kube_rate_limit_init(&made->limit, options->per_second, options->burst, clock_boot_ms());
    if (!result) {
        made->server = kube_credentials_server(made->credentials);
        made->observe = options->observe;
        made->observe_context = options->observe_context;
        result = open_clients(made, options, error);
        if (result) {
            error_wrap(error, "connect to the API server %s", made->server->url);
        }
    }
    if (result) {
        kube_transport_free(made);
        return result;
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
    kube_credentials_free(transport->credentials);
    pthread_mutex_destroy(&transport->lock);
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

static bool is_cancelled(const struct kube_call *call)
{
    return call->cancelled && call->cancelled(call->cancelled_context);
}

/* Waits for the call's turn. A request that was cancelled meanwhile goes on to http_do(), which
 * says so. */
static void wait_for_turn(struct kube_transport *transport, const struct kube_call *call)
{
    if (call->resource == &kube_leases || !strcmp(call->verb, "watch")) {
        return;
    }
    pthread_mutex_lock(&transport->lock);
    int64_t wait_ms = kube_rate_limit_take(&transport->limit, clock_boot_ms());
    pthread_mutex_unlock(&transport->lock);
    while (wait_ms > 0 && !is_cancelled(call)) {
        int64_t step_ms = wait_ms < WAIT_STEP_MS ? wait_ms : WAIT_STEP_MS;
        nanosleep(&(struct timespec){.tv_nsec = step_ms * 1000000}, NULL);
        wait_ms -= step_ms;
    }
}

static int send_once(struct kube_transport *transport, const struct kube_call *call,
                     const char *url, const struct kube_identity *identity,
                     struct http_response *response, struct error *error)
{
    struct http_client *client = call->changing ? transport->changing : transport->reading;
    char content_type[128];
    const char *headers[5] = {"Accept: application/json", "User-Agent: etcd-operator/" VERSION};
    size_t count = 2;

    if (call->content_type) {
        snprintf(content_type, sizeof content_type, "Content-Type: %s", call->content_type);
        headers[count++] = content_type;
    }
    if (identity->header) {
        headers[count++] = identity->header;
    }
    struct http_request request = {
        .method = call->method,
        .url = url,
        .connect_to = transport->server->connect_to,
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
    int result =
        http_client_set_identity(client, identity->certificate_pem, identity->key_pem, error);
    return result ? result : http_do(client, &request, response, error);
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

static int send_observed(struct kube_transport *transport, const struct kube_call *call,
                         const char *url, const struct kube_identity *identity,
                         struct http_response *response, struct error *error)
{
    int64_t started = clock_boot_ms();
    int result = send_once(transport, call, url, identity, response, error);

    observe(transport, call, result ? 0 : response->status, started);
    return result;
}

/* Once as who we are at the moment; once more when that was refused and we have become another. */
static int send_authorised(struct kube_transport *transport, const struct kube_call *call,
                           const char *url, struct http_response *response, struct error *error)
{
    CLEANUP(kube_identity_fini) struct kube_identity identity = {0};
    CLEANUP(kube_identity_fini) struct kube_identity renewed = {0};
    int result = kube_credentials_get(transport->credentials, NULL, &identity, error);

    if (result) {
        return result;
    }
    result = send_observed(transport, call, url, &identity, response, error);
    if (result || response->status != 401 ||
        kube_credentials_get(transport->credentials, &identity, &renewed, NULL) ||
        kube_identity_equal(&identity, &renewed)) {
        return result;
    }
    http_response_fini(response);
    *response = (struct http_response){0};
    return send_observed(transport, call, url, &renewed, response, error);
}

int kube_transport_do(struct kube_transport *transport, const struct kube_call *call,
                      struct http_response *response, struct error *error)
{
    AUTO_FREE char *url = xasprintf("%s%s", transport->server->url, call->target);
    char what[WHAT_SIZE], retry_after[32];
    struct error own;

    error = error ? error : &own;
    describe(call, what);
    *response = (struct http_response){0};
    wait_for_turn(transport, call);
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
