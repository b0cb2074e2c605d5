/* What the files of the HTTP client share; nobody else includes it.
 *
 * http_client.c   the identity and its pool of connections
 * http_pem.c      what certificates, keys and CAs must be
 * http_transfer.c one request on one connection: options in, answer out
 * http_many.c     the loop that runs transfers side by side (http_do() is a loop of one)
 * http_error.c    what a failure means, in words
 * http_response.c the answer */
#ifndef NET_HTTP_INTERNAL_H
#define NET_HTTP_INTERNAL_H 1

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"

/* A client certificate and its key, for as long as a connection was made with them: the easy
 * handles borrow the texts, so that no copy of a key outlives its wiping. */
struct http_identity {
    unsigned references;             /* Guarded by the client's lock. */
    char *certificate_pem, *key_pem; /* Both or neither. */
};

/* One easy handle and the connection that it keeps alive.  The connection lives in the handle's own
 * share and not in the multi handle that drives it, so it survives each call. */
struct http_connection {
    struct http_connection *next; /* In the client's idle list, most recently used first. */
    CURL *easy;
    CURLSH *share;
    struct http_identity *identity;
    char *origin;         /* "scheme://authority" and the address connected to. */
    unsigned trust_epoch; /* The client's when the handle was made. */
    int64_t released_ms;  /* CLOCK_BOOTTIME, when it became idle. */
};

/* A connection for the request's origin: an idle one, or a new handle that has yet to connect. */
struct http_connection *http_client_acquire(struct http_client *client,
                                            const struct http_request *request);
/* Gives it back; it is kept only if `reusable`. */
void http_client_release(struct http_client *client, struct http_connection *connection,
                         bool reusable);
bool http_client_http2(const struct http_client *client);
bool http_client_allows(const struct http_client *client); /* What `allow` says now. */

/* Every certificate of the text parses, and there is one. `source` names it in the message. */
int http_check_ca(const char *pem, const char *source, struct error *error);
/* Both parse and belong together, or both are NULL. */
int http_check_identity(const char *certificate_pem, const char *key_pem, struct error *error);

/* A request under way. */
struct http_transfer {
    struct http_client *client;
    struct http_connection *connection;
    const struct http_request *request;
    struct http_response *response;
    struct error *error;             /* The caller's, or `own_error`. */
    struct error own_error;          /* Filled when a callback stopped the transfer. */
    struct curl_slist *headers;      /* Borrowed by the easy handle. */
    struct curl_slist *connect_to;   /* Likewise. */
    char curl_text[CURL_ERROR_SIZE]; /* CURLOPT_ERRORBUFFER */
    int64_t started_ms, active_ms;   /* When it began; when bytes last moved. */
    curl_off_t moved;                /* Bytes moved by then. */
    int result;
    bool headers_whole; /* The empty line after them has come. */
    bool ended;
};

/* Takes a connection and sets it up; the easy handle is then ready for the loop. */
void http_transfer_begin(struct http_transfer *transfer, int64_t now_ms);
/* True when it must stop now although libcurl has not ended it: cancelled, or silent for too long;
 * the transfer's own error says which. */
bool http_transfer_interrupted(struct http_transfer *transfer, int64_t now_ms);
/* Turns libcurl's code, or what a callback or http_transfer_interrupted() said, into the result,
 * and gives the connection back. */
void http_transfer_end(struct http_transfer *transfer, CURLcode code);

/* The kind and the message for a code that libcurl gave by itself. `text` is the error buffer. */
int http_error_set(struct error *error, const struct http_request *request, CURLcode code,
                   const char *text);
/* "GET https://host/path" for messages: without the query, which may hold signatures or tokens. */
void http_request_name(const struct http_request *request, char *out, size_t size);

#endif
