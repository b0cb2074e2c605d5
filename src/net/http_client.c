#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/http_internal.h"

#define DEFAULT_MAX_IDLE 4

/* curl's own 100 kB of buffers for each handle buy nothing for messages of a few kB. */
#define CONNECTION_BUFFER_SIZE 16384L

/* An idle connection is probed by TCP keep-alive, so age alone does not make it suspect. */
#define CONNECTION_MAX_AGE_S 3600L

/* Far above any CA bundle (the public one has 220 kB). */
#define CA_FILE_LIMIT (4 * 1024 * 1024)

struct http_client {
    char *ca_file;
    bool http2;
    size_t max_idle;
    int64_t max_idle_ms;
    bool (*allow)(void *context);
    void *allow_context;

    pthread_mutex_t lock; /* Guards what follows. */
    struct http_connection *idle;
    size_t n_idle;
    struct http_identity *identity;
    char *ca_pem;            /* NULL: the system's. */
    struct stat ca_stat;     /* Of `ca_file` when it was read. */
    unsigned trust_epoch;    /* Grows when `ca_pem` changes; older connections are not kept. */
    bool ca_file_complained; /* That ca_file cannot be read has been said. */
};

static void initialise_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        memory_exhausted();
    }
}

/* The file as a new string; `seen` tells later whether it changed. */
static char *read_ca_file(const char *path, struct stat *seen, struct error *error)
{
    AUTO_FILE FILE *file = fopen(path, "re");
    AUTO_BUFFER struct buffer text = {.limit = CA_FILE_LIMIT};
    char piece[4096];
    size_t got;

    if (!file || fstat(fileno(file), seen) < 0) {
        error_set(error, ERROR_INVALID, "cannot read the CA file %s: %s", path, strerror(errno));
        return NULL;
    }
    while ((got = fread(piece, 1, sizeof piece, file))) {
        if (!buffer_append(&text, piece, got)) {
            error_set(error, ERROR_INVALID, "the CA file %s is larger than %d bytes", path,
                      CA_FILE_LIMIT);
            return NULL;
        }
    }
    if (http_check_ca(text.data ? text.data : "", path, error) < 0) {
        return NULL;
    }
    return xstrdup(text.data);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Takes over a changed CA file. A file that is gone or broken for the moment (it is being replaced)
 * leaves the old trust in force. */
static void refresh_ca_file(struct http_client *client)
{
    struct stat now;
    struct error error = {0};

    if (stat(client->ca_file, &now) == 0 && same_file(&now, &client->ca_stat)) {
        return;
    }
    char *pem = read_ca_file(client->ca_file, &now, &error);
    if (!pem) {
        if (!client->ca_file_complained) {
            log_warning("keeping the CAs read before", "error", error.message, NULL);
            client->ca_file_complained = true;
        }
        return;
    }
    client->ca_file_complained = false;
    client->ca_stat = now;
    if (strcmp(pem, client->ca_pem) != 0) {
        client->trust_epoch++;
    }
    free(client->ca_pem);
    client->ca_pem = pem;
}

static struct http_identity *identity_new(const char *certificate_pem, const char *key_pem)
{
    struct http_identity *identity = xcalloc(1, sizeof *identity);

    identity->references = 1;
    identity->certificate_pem = certificate_pem ? xstrdup(certificate_pem) : NULL;
    identity->key_pem = key_pem ? xstrdup(key_pem) : NULL;
    return identity;
}

static void identity_unref(struct http_identity *identity)
{
    if (--identity->references) {
        return;
    }
    memory_wipe_text(&identity->certificate_pem);
    memory_wipe_text(&identity->key_pem);
    free(identity);
}

int http_client_new(const struct http_options *options, struct http_client **out,
                    struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct stat ca_stat = {0};
    char *ca_pem = NULL;
    int r;

    pthread_once(&once, initialise_curl);
    r = http_check_identity(options->certificate_pem, options->key_pem, error);
    if (r < 0) {
        return r;
    }
    if (options->ca_pem) {
        r = http_check_ca(options->ca_pem, "PEM text", error);
        if (r < 0) {
            return r;
        }
        ca_pem = xstrdup(options->ca_pem);
    } else if (options->ca_file) {
        ca_pem = read_ca_file(options->ca_file, &ca_stat, error);
        if (!ca_pem) {
            return -(int)ERROR_INVALID;
        }
    }
    struct http_client *client = xcalloc(1, sizeof *client);
    client->ca_pem = ca_pem;
    client->ca_stat = ca_stat;
    client->ca_file = options->ca_file && !options->ca_pem ? xstrdup(options->ca_file) : NULL;
    client->identity = identity_new(options->certificate_pem, options->key_pem);
    client->http2 = options->http2;
    client->max_idle = options->max_idle ? options->max_idle : DEFAULT_MAX_IDLE;
    client->max_idle_ms = options->max_idle_ms;
    client->allow = options->allow;
    client->allow_context = options->allow_context;
    pthread_mutex_init(&client->lock, NULL);
    *out = client;
    return 0;
}

/* The identity stays: it is given up under the lock. */
static void connection_free(struct http_connection *connection)
{
    curl_easy_cleanup(connection->easy);
    curl_share_cleanup(connection->share); /* Closes the connection. */
    free(connection->origin);
    free(connection);
}

void http_client_free(struct http_client *client)
{
    if (!client) {
        return;
    }
    while (client->idle) {
        struct http_connection *next = client->idle->next;
        identity_unref(client->idle->identity);
        connection_free(client->idle);
        client->idle = next;
    }
    pthread_mutex_destroy(&client->lock);
    identity_unref(client->identity);
    free(client->ca_pem);
    free(client->ca_file);
    free(client);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

int http_client_set_identity(struct http_client *client, const char *certificate_pem,
                             const char *key_pem, struct error *error)
{
    pthread_mutex_lock(&client->lock);
    bool same = same_text(client->identity->certificate_pem, certificate_pem) &&
                same_text(client->identity->key_pem, key_pem);
    pthread_mutex_unlock(&client->lock);
    int r = same ? 0 : http_check_identity(certificate_pem, key_pem, error);
    if (same || r < 0) {
        return r;
    }
    pthread_mutex_lock(&client->lock);
    identity_unref(client->identity);
    client->identity = identity_new(certificate_pem, key_pem);
    pthread_mutex_unlock(&client->lock);
    return 0;
}

bool http_client_http2(const struct http_client *client)
{
    return client->http2;
}

bool http_client_allows(const struct http_client *client)
{
    return !client->allow || client->allow(client->allow_context);
}

/* Everything before the path, and the address that stands in for the host name. */
static char *origin_of(const struct http_request *request)
{
    const char *authority = strstr(request->url, "://");
    size_t length = authority ? (size_t)(authority - request->url) + 3 : 0;

    length += strcspn(request->url + length, "/?#");
    return xasprintf("%.*s %s", (int)length, request->url,
                     request->connect_to ? request->connect_to : "");
}

static void set_transport(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* Do not wait for a DNS answer that nobody
                                                     * wants any more. */
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, CONNECTION_BUFFER_SIZE);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, CONNECTION_BUFFER_SIZE);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_MAX_AGE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 15L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "etcd-operator/" VERSION);
}

/* OpenSSL otherwise keeps two record buffers of 16 kB for each idle connection. */
static CURLcode tune_tls(CURL *easy, void *ssl_ctx, void *context)
{
    (void)easy, (void)context;
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS);
    return CURLE_OK;
}

static void set_blob(CURL *easy, CURLoption option, char *pem, unsigned flags)
{
    struct curl_blob blob = {.data = pem, .len = strlen(pem), .flags = flags};
    curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, struct http_client *client)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, tune_tls);
    if (client->ca_pem) {
        /* The distribution's default directory would be trusted as well. */
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        set_blob(easy, CURLOPT_CAINFO_BLOB, client->ca_pem, CURL_BLOB_COPY);
    } else {
        /* A parsed public bundle is large; connections that need it are few. */
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    }
    if (client->identity->certificate_pem) {
        curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
        curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
        set_blob(easy, CURLOPT_SSLCERT_BLOB, client->identity->certificate_pem, CURL_BLOB_NOCOPY);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, client->identity->key_pem, CURL_BLOB_NOCOPY);
    }
}

/* What was allowed must also arrive soon or never: the kernel would go on sending it for many
 * minutes, also after the connection was closed (tcp(7), TCP_USER_TIMEOUT). */
static int bound_delivery(void *context, curl_socket_t fd, curlsocktype purpose)
{
    unsigned milliseconds = HTTP_DELIVERY_MS;

    (void)context, (void)purpose;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
    return CURL_SOCKOPT_OK;
}

static struct http_connection *connection_new(struct http_client *client, char *origin)
{
    struct http_connection *connection = xcalloc(1, sizeof *connection);

    connection->origin = origin;
    connection->trust_epoch = client->trust_epoch;
    connection->identity = client->identity;
    client->identity->references++;
    connection->easy = curl_easy_init();
    connection->share = curl_share_init();
    if (!connection->easy || !connection->share) {
        memory_exhausted();
    }
    curl_share_setopt(connection->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    curl_easy_setopt(connection->easy, CURLOPT_SHARE, connection->share);
    set_transport(connection->easy);
    set_tls(connection->easy, client);
    if (client->allow) {
        curl_easy_setopt(connection->easy, CURLOPT_SOCKOPTFUNCTION, bound_delivery);
    }
    return connection;
}

/* It was made as who we are now, trusting whom we trust now. */
static bool is_current(const struct http_client *client, const struct http_connection *connection)
{
    return connection->trust_epoch == client->trust_epoch &&
           connection->identity == client->identity;
}

struct http_connection *http_client_acquire(struct http_client *client,
                                            const struct http_request *request)
{
    struct http_connection *connection = NULL;
    char *origin = origin_of(request);

    pthread_mutex_lock(&client->lock);
    if (client->ca_file) {
        refresh_ca_file(client);
    }
    for (struct http_connection **link = &client->idle; *link; link = &(*link)->next) {
        if (is_current(client, *link) && !strcmp((*link)->origin, origin)) {
            connection = *link;
            *link = connection->next;
            client->n_idle--;
            break;
        }
    }
    if (connection) {
        free(origin);
    } else {
        connection = connection_new(client, origin);
    }
    pthread_mutex_unlock(&client->lock);
    return connection;
}

/* Takes the least recently used of the idle connections out of the list: those above the bound, and
 * those that have been idle for long. */
static struct http_connection *evict(struct http_client *client, int64_t now_ms)
{
    struct http_connection **link = &client->idle, *evicted;
    size_t kept = 0;

    while (*link && kept < client->max_idle &&
           (!client->max_idle_ms || now_ms - (*link)->released_ms <= client->max_idle_ms)) {
        link = &(*link)->next;
        kept++;
    }
    evicted = *link;
    *link = NULL;
    client->n_idle = kept;
    return evicted;
}

void http_client_release(struct http_client *client, struct http_connection *connection,
                         bool reusable)
{
    struct http_connection *unwanted = NULL;

    connection->released_ms = clock_boot_ms();
    pthread_mutex_lock(&client->lock);
    if (!reusable || !is_current(client, connection)) {
        unwanted = connection;
        unwanted->next = NULL;
    } else {
        connection->next = client->idle;
        client->idle = connection;
        unwanted = evict(client, connection->released_ms);
    }
    pthread_mutex_unlock(&client->lock);
    while (unwanted) { /* May write to the network: not under the lock. */
        struct http_connection *next = unwanted->next;
        struct http_identity *identity = unwanted->identity;
        connection_free(unwanted);
        pthread_mutex_lock(&client->lock);
        identity_unref(identity);
        pthread_mutex_unlock(&client->lock);
        unwanted = next;
    }
}
