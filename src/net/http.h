/* HTTP(S) client over libcurl.
 *
 * A `struct http_client` is one TLS identity (client certificate, CA, options) with a bounded pool
 * of kept-alive connections; it may be used from any thread.  A request blocks its caller.
 * HTTP/1.1 for Kubernetes and object stores; HTTP/2 for etcd: negotiated by ALPN over TLS, where an
 * answer in HTTP/1 is ERROR_RETRYABLE; by prior knowledge without TLS, where each request has a
 * connection of its own (libcurl 7.88 cannot use such a one twice).
 * No redirect is followed, no proxy used, no cookie kept. The process ignores SIGPIPE.
 * Nothing secret is ever logged: headers and bodies are not.
 *
 * Sources: libcurl's documentation; DESIGN.md's list of measured traps (HTTP/2 trailers arrive as
 * ordinary headers, no pause, small buffers). */
#ifndef NET_HTTP_H
#define NET_HTTP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct http_client;

/* Less than what lies between a leader's last change and another's first (kube/elector.h). */
#define HTTP_DELIVERY_MS 4000

struct http_options {
    const char *ca_pem;          /* PEM of the CAs to trust; NULL: the system's. Copied. */
    const char *ca_file;         /* Or a file of them; read again when it changes. */
    const char *certificate_pem; /* Client certificate and key, both or neither. Copied. */
    const char *key_pem;         /* Wiped when the client is freed. */
    bool http2;                  /* HTTP/2 only (gRPC); else HTTP/1.1 only. */
    size_t max_idle;             /* Idle connections kept in all; 0 means 4. */
    int64_t max_idle_ms;         /* And how long, seen to when one is given back; 0: no limit. */
    /* Called before each request goes out on a connection, also when libcurl resends it on a new
     * one (CURLOPT_PREREQFUNCTION); false aborts it with ERROR_CANCELLED. What was allowed reaches
     * the peer's kernel within HTTP_DELIVERY_MS or never. NULL: always allowed. */
    bool (*allow)(void *context);
    void *allow_context;
};

struct http_request {
    const char *method;     /* "GET", "POST", "PATCH", ... */
    const char *url;        /* Absolute; its host name is what the certificate must cover. */
    const char *connect_to; /* IP address to connect to instead of resolving the host, or NULL. */
    const char *const *headers; /* "Name: value", ended by NULL; may be NULL. */
    const void *body;           /* May be NULL. */
    size_t body_size;
    int64_t connect_timeout_ms; /* 0 means 5000. */
    int64_t timeout_ms;         /* For the whole exchange; 0 means 30000, -1 none. */
    int64_t idle_timeout_ms;    /* Fails with ERROR_RETRYABLE when this long silent; 0: off. */
    size_t max_response;        /* Most bytes of the body kept; 0 means 64 MiB. */
    /* When set, the body goes here in pieces as it arrives (if the status is 200 or 206) and not
     * into the response. Returns 0, or a negative kind with `error` filled to stop. A slow callback
     * is the back-pressure. */
    int (*on_body)(void *context, const void *data, size_t size, struct error *error);
    void *on_body_context;
    /* Polled about every 100 ms while waiting (every 500 ms once the request has lasted for 5 s);
     * true stops with ERROR_CANCELLED. May be NULL. */
    bool (*cancelled)(void *context);
    void *cancelled_context;
    /* Once all of it has been sent, its answer is waited for although it is cancelled: else nobody
     * knows whether it takes effect, or when. */
    bool unbroken;
};

struct http_response {
    long status;           /* HTTP status. */
    bool sent;             /* False: nothing of the request can have reached the peer. */
    struct buffer body;    /* What arrived (and, with on_body, what a failed status said). */
    struct buffer headers; /* Headers and HTTP/2 trailers as "Name: value\r\n" lines. */
};

/* 0 with `*client` set, or ERROR_INVALID when a certificate, key or CA does not parse (which one is
 * said). */
int http_client_new(const struct http_options *options, struct http_client **client,
                    struct error *error);
/* Who connects from now on; connections of another identity are not used again. Both PEM texts may
 * be NULL: no certificate. 0 at once when nothing changes; ERROR_INVALID (the old identity stays)
 * when they do not parse or do not belong together. */
int http_client_set_identity(struct http_client *client, const char *certificate_pem,
                             const char *key_pem, struct error *error);
void http_client_free(struct http_client *client); /* NULL is allowed. No request may be running. */

/* 0 when an HTTP answer arrived, whatever its status; else ERROR_RETRYABLE (network, time-out),
 * ERROR_CANCELLED, ERROR_INVALID (bad URL, response too large) or ERROR_DENIED (TLS: says which
 * side refused which certificate and why) or what on_body returned. The query of the URL is never
 * in the message. Call http_response_fini() in either case. */
int http_do(struct http_client *client, const struct http_request *request,
            struct http_response *response, struct error *error);

/* Runs `count` requests at once (one thread, libcurl's multi interface) and returns when all have
 * ended: results[i] and errors[i] are what http_do() would have said of requests[i]. Each request
 * may use a client of its own. */
void http_do_many(struct http_client *const *clients, const struct http_request *requests,
                  struct http_response *responses, int *results, struct error *errors,
                  size_t count);

/* The last value of a header (or trailer) by case-insensitive name, copied to `out`; false if
 * absent. */
bool http_response_header(const struct http_response *response, const char *name, char *out,
                          size_t size);
void http_response_fini(struct http_response *response);

#define AUTO_HTTP_RESPONSE CLEANUP(http_response_fini)

#endif
