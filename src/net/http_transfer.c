#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/http_internal.h"

#define DEFAULT_CONNECT_TIMEOUT_MS 5000
#define DEFAULT_TIMEOUT_MS         30000
#define DEFAULT_MAX_RESPONSE       (64 * 1024 * 1024)
#define MAX_HEADERS                (256 * 1024)

static size_t take_header(char *data, size_t one, size_t size, void *context)
{
    struct http_transfer *transfer = context;
    struct http_response *response = transfer->response;

    (void)one;
    transfer->active_ms = clock_boot_ms();
    if (size >= 5 && !strncmp(data, "HTTP/", 5)) {
        buffer_clear(&response->headers); /* What came before belonged to a 1xx answer. */
        transfer->headers_whole = false;
        return size;
    }
    if (size <= 2) {
        transfer->headers_whole = true;
        return size; /* The empty line. */
    }
    if (!buffer_append(&response->headers, data, size)) {
        char name[256];
        http_request_name(transfer->request, name, sizeof name);
        error_set(&transfer->own_error, ERROR_INVALID,
                  "%s: the answer has more than %d bytes of headers", name, MAX_HEADERS);
        return 0;
    }
    return size;
}

/* Returning less than `size` makes libcurl end the transfer with CURLE_WRITE_ERROR. */
static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct http_transfer *transfer = context;
    const struct http_request *request = transfer->request;
    long status = 0;

    (void)one;
    curl_easy_getinfo(transfer->connection->easy, CURLINFO_RESPONSE_CODE, &status);
    if (request->on_body && (status == 200 || status == 206)) {
        int r = request->on_body(request->on_body_context, data, size, &transfer->own_error);
        transfer->active_ms = clock_boot_ms(); /* The callback's own time is not silence. */
        if (r < 0 && !transfer->own_error.kind) {
            error_set(&transfer->own_error, (enum error_kind) - r,
                      "the receiver of the body stopped");
        }
        return r < 0 ? 0 : size;
    }
    transfer->active_ms = clock_boot_ms();
    if (!buffer_append(&transfer->response->body, data, size)) {
        char name[256];
        http_request_name(request, name, sizeof name);
        error_set(&transfer->own_error, ERROR_INVALID,
                  "%s: the answer is larger than the %zu bytes allowed", name,
                  transfer->response->body.limit);
        return 0;
    }
    return size;
}

/* The connection stands, and the request goes out next. */
static int before_request(void *context, char *remote_ip, char *local_ip, int remote_port,
                          int local_port)
{
    struct http_transfer *transfer = context;

    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    if (!http_client_allows(transfer->client)) {
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->response->sent = true;
    return CURL_PREREQFUNC_OK;
}

static struct curl_slist *append(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    if (!longer) {
        memory_exhausted();
    }
    return longer;
}

static void set_headers(struct http_transfer *transfer)
{
    const char *const *line = transfer->request->headers;
    bool has_content_type = false;

    for (; line && *line; line++) {
        transfer->headers = append(transfer->headers, *line);
        has_content_type |= !strncasecmp(*line, "content-type:", 13);
    }
    if (!has_content_type) {
        transfer->headers = append(transfer->headers, "Content-Type:"); /* No form data. */
    }
    transfer->headers = append(transfer->headers, "Expect:"); /* No round trip for 100 Continue. */
    curl_easy_setopt(transfer->connection->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_method_and_body(CURL *easy, const struct http_request *request)
{
    const char *method = request->method;
    bool sends = !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH");

    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* Undoes what the last request set. */
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (!strcmp(method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (request->body_size || sends) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body_size ? request->body : "");
    }
    if (strcmp(method, "GET") != 0 || request->body_size) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
}

/* An address stands in for host and port alike: "::ADDRESS:" keeps the URL's port. */
static void set_connect_to(struct http_transfer *transfer)
{
    const char *address = transfer->request->connect_to;

    if (address) {
        bool ipv6 = strchr(address, ':') && address[0] != '[';
        AUTO_FREE char *entry = xasprintf(ipv6 ? "::[%s]:" : "::%s:", address);
        transfer->connect_to = append(NULL, entry);
    }
    curl_easy_setopt(transfer->connection->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
}

static void set_version(struct http_transfer *transfer)
{
    CURL *easy = transfer->connection->easy;

    if (!http_client_http2(transfer->client)) {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    } else if (strncasecmp(transfer->request->url, "http://", 7) != 0) {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    } else {
        /* libcurl before 8.0 puts a second HTTP/2 layer on such a connection when it uses it again
         * (its issue 10634). Without TLS a fresh one costs little. */
        bool broken = curl_version_info(CURLVERSION_NOW)->version_num < 0x080000;
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, broken ? 1L : 0L);
    }
}

void http_transfer_begin(struct http_transfer *transfer, int64_t now_ms)
{
    const struct http_request *request = transfer->request;
    struct http_response *response = transfer->response;

    transfer->started_ms = transfer->active_ms = now_ms;
    response->body.limit = request->max_response ? request->max_response : DEFAULT_MAX_RESPONSE;
    response->headers.limit = MAX_HEADERS;

    transfer->connection = http_client_acquire(transfer->client, request);
    CURL *easy = transfer->connection->easy;
    int64_t timeout_ms = request->timeout_ms ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
    int64_t connect_ms =
        request->connect_timeout_ms ? request->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms < 0 ? 0L : (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    set_version(transfer);
    set_method_and_body(easy, request);
    set_headers(transfer);
    set_connect_to(transfer);
}

bool http_transfer_interrupted(struct http_transfer *transfer, int64_t now_ms)
{
    const struct http_request *request = transfer->request;
    curl_off_t up = 0, down = 0;
    char name[256];

    curl_easy_getinfo(transfer->connection->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    bool to_end =
        request->unbroken && transfer->response->sent && up >= (curl_off_t)request->body_size;
    if (!to_end && request->cancelled && request->cancelled(request->cancelled_context)) {
        http_request_name(request, name, sizeof name);
        error_set(&transfer->own_error, ERROR_CANCELLED, "%s: cancelled", name);
        return true;
    }
    if (request->idle_timeout_ms <= 0) {
        return false;
    }
    curl_easy_getinfo(transfer->connection->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    if (up + down != transfer->moved) {
        transfer->moved = up + down;
        transfer->active_ms = now_ms;
    }
    if (now_ms - transfer->active_ms < request->idle_timeout_ms) {
        return false;
    }
    http_request_name(request, name, sizeof name);
    error_set(&transfer->own_error, ERROR_RETRYABLE, "%s: the peer was silent for %lld ms", name,
              (long long)request->idle_timeout_ms);
    return true;
}

static int result_of(struct http_transfer *transfer, CURLcode code, struct error *error)
{
    char name[256];
    long version = 0;

    if (transfer->own_error.kind) {
        *error = transfer->own_error;
        return -(int)error->kind;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        http_request_name(transfer->request, name, sizeof name);
        return error_set(error, ERROR_CANCELLED, "%s: not sent, changes are no longer allowed",
                         name);
    }
    if (code != CURLE_OK) {
        return http_error_set(error, transfer->request, code, transfer->curl_text);
    }
    if (!transfer->headers_whole) { /* libcurl takes what came for an answer without a body. */
        http_request_name(transfer->request, name, sizeof name);
        return error_set(error, ERROR_RETRYABLE,
                         "%s: the connection broke within the headers of the answer", name);
    }
    curl_easy_getinfo(transfer->connection->easy, CURLINFO_RESPONSE_CODE,
                      &transfer->response->status);
    curl_easy_getinfo(transfer->connection->easy, CURLINFO_HTTP_VERSION, &version);
    if (http_client_http2(transfer->client) && version != CURL_HTTP_VERSION_2_0) {
        http_request_name(transfer->request, name, sizeof name);
        return error_set(error, ERROR_RETRYABLE,
                         "%s: the peer speaks HTTP/1 only, so it is no gRPC server: check what "
                         "listens on this port",
                         name);
    }
    return 0;
}

/* A header may be a token. */
static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line; line = line->next) {
        memory_wipe(line->data, strlen(line->data));
    }
    curl_slist_free_all(headers);
}

void http_transfer_end(struct http_transfer *transfer, CURLcode code)
{
    CURL *easy = transfer->connection->easy;
    struct error unwanted;
    struct error *error = transfer->error ? transfer->error : &unwanted;

    *error = (struct error){0};
    transfer->result = result_of(transfer, code, error);
    transfer->ended = true;

    /* An idle handle points to nothing of this request. */
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, NULL);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    http_client_release(transfer->client, transfer->connection, transfer->result == 0);
    transfer->connection = NULL;
    free_headers(transfer->headers);
    curl_slist_free_all(transfer->connect_to);
}
