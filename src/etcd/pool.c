#include "etcd/pool.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "pki/pki.h"

/* One for each of nine members. While a cluster changes all are in use every 2 s; of one at rest
 * only one member is asked (cluster/quiet.h), and the others' go. */
#define MAX_IDLE_CONNECTIONS 9
#define MAX_IDLE_MS          25000

struct etcd_pool_entry {
    struct etcd_pool_entry *next;
    char *key;
    char digest[PKI_SHA256_HEX_SIZE]; /* Of everything else in the credentials. */
    struct http_client *http;
    unsigned holders;
    size_t busy; /* Connections that they may use. */
    bool listed; /* In the pool; if not, the last holder frees it. */
    int64_t used_ms;
};

struct etcd_pool {
    pthread_mutex_t lock;
    struct etcd_pool_entry *entries; /* Most recently used first. */
    size_t length;
    bool (*allow)(void *context); /* Fixed before the first entry. */
    void *allow_context;
};

struct etcd_pool *etcd_pool_new(void)
{
    struct etcd_pool *pool = xcalloc(1, sizeof *pool);

    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void etcd_pool_guard(struct etcd_pool *pool, bool (*allow)(void *context), void *context)
{
    pool->allow = allow;
    pool->allow_context = context;
}

/* Closes sockets, so never called with the lock held. */
static void free_entries(struct etcd_pool_entry *entries)
{
    while (entries) {
        struct etcd_pool_entry *next = entries->next;
        http_client_free(entries->http);
        free(entries->key);
        free(entries);
        entries = next;
    }
}

void etcd_pool_free(struct etcd_pool *pool)
{
    if (!pool) {
        return;
    }
    free_entries(pool->entries);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* A digest of digests, so that no copy of the key is made. */
static void digest_of(const struct etcd_credentials *credentials, char out[PKI_SHA256_HEX_SIZE])
{
    const char *const parts[] = {credentials->tls ? "tls" : "plain", credentials->ca_pem,
                                 credentials->certificate_pem, credentials->key_pem};
    char digests[sizeof parts / sizeof *parts][PKI_SHA256_HEX_SIZE];

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = parts[i] ? parts[i] : "";
        pki_sha256_hex(part, strlen(part), digests[i]);
    }
    pki_sha256_hex(digests, sizeof digests, out);
}

/* Takes the entry at `*link` out of the list; if nobody holds it, it moves to `*garbage`. */
static void unlist(struct etcd_pool *pool, struct etcd_pool_entry **link,
                   struct etcd_pool_entry **garbage)
{
    struct etcd_pool_entry *entry = *link;

    *link = entry->next;
    entry->next = NULL;
    entry->listed = false;
    pool->length--;
    if (entry->holders == 0) {
        entry->next = *garbage;
        *garbage = entry;
    }
}

static struct etcd_pool_entry **find(struct etcd_pool *pool, const char *key)
{
    struct etcd_pool_entry **link = &pool->entries;

    while (*link && strcmp((*link)->key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

/* Drops what has been idle for long, and the least recently used of the idle ones above the bound
 * (the last in the list, so that the loop keeps the last link it saw). */
static void sweep(struct etcd_pool *pool, int64_t now_ms, struct etcd_pool_entry **garbage)
{
    struct etcd_pool_entry **link = &pool->entries;

    while (*link) {
        struct etcd_pool_entry *entry = *link;
        if (entry->holders == 0 && now_ms - entry->used_ms > ETCD_POOL_IDLE_MS) {
            unlist(pool, link, garbage);
        } else {
            link = &entry->next;
        }
    }
    while (pool->length > ETCD_POOL_LENGTH_MAX) {
        struct etcd_pool_entry **oldest = NULL;
        for (link = &pool->entries; *link; link = &(*link)->next) {
            oldest = (*link)->holders == 0 ? link : oldest;
        }
        if (!oldest) {
            return;
        }
        unlist(pool, oldest, garbage);
    }
}

static int make(const struct etcd_pool *pool, const struct etcd_credentials *credentials,
                const char *digest, struct etcd_pool_entry **out, struct error *error)
{
    struct http_options options = {.http2 = true,
                                   .max_idle = MAX_IDLE_CONNECTIONS,
                                   .max_idle_ms = MAX_IDLE_MS,
                                   .allow = pool->allow,
                                   .allow_context = pool->allow_context};
    struct http_client *http = NULL;

    if (credentials->tls) {
        options.ca_pem = credentials->ca_pem;
        options.certificate_pem = credentials->certificate_pem;
        options.key_pem = credentials->key_pem;
    }
    int result = http_client_new(&options, &http, error);
    if (result) {
        return error_wrap(error, "credentials for etcd \"%s\"", credentials->key);
    }
    struct etcd_pool_entry *entry = xcalloc(1, sizeof *entry);
    entry->key = xstrdup(credentials->key);
    memcpy(entry->digest, digest, sizeof entry->digest);
    entry->http = http;
    *out = entry;
    return 0;
}

static void list_first(struct etcd_pool *pool, struct etcd_pool_entry *entry)
{
    entry->next = pool->entries;
    entry->listed = true;
    pool->entries = entry;
    pool->length++;
}

static int get_locked(struct etcd_pool *pool, const struct etcd_credentials *credentials,
                      const char *digest, struct etcd_pool_entry **out,
                      struct etcd_pool_entry **garbage, struct error *error)
{
    struct etcd_pool_entry **link = find(pool, credentials->key), *entry = *link;

    if (entry && !strcmp(entry->digest, digest)) {
        *link = entry->next;
        pool->length--;
    } else {
        if (entry) {
            unlist(pool, link, garbage);
        }
        int result = make(pool, credentials, digest, &entry, error);
        if (result) {
            return result;
        }
    }
    list_first(pool, entry);
    *out = entry;
    return 0;
}

/* Takes the connections for the holder. */
static int hold(struct etcd_pool_entry *entry, size_t connections, int64_t now_ms,
                struct error *error)
{
    if (entry->busy + connections > ETCD_POOL_CONNECTIONS_MAX) {
        return error_set(error, ERROR_RETRYABLE,
                         "%zu connections to etcd \"%s\" are busy, and %d are the limit",
                         entry->busy, entry->key, ETCD_POOL_CONNECTIONS_MAX);
    }
    entry->holders++;
    entry->busy += connections;
    entry->used_ms = now_ms;
    return 0;
}

int etcd_pool_get(struct etcd_pool *pool, const struct etcd_credentials *credentials,
                  size_t connections, int64_t now_ms, struct etcd_pool_entry **out,
                  struct error *error)
{
    char digest[PKI_SHA256_HEX_SIZE];
    struct etcd_pool_entry *garbage = NULL;

    digest_of(credentials, digest);
    pthread_mutex_lock(&pool->lock);
    int result = get_locked(pool, credentials, digest, out, &garbage, error);
    if (!result) {
        result = hold(*out, connections, now_ms, error);
    }
    sweep(pool, now_ms, &garbage);
    pthread_mutex_unlock(&pool->lock);
    free_entries(garbage);
    return result;
}

void etcd_pool_put(struct etcd_pool *pool, struct etcd_pool_entry *entry, size_t connections)
{
    pthread_mutex_lock(&pool->lock);
    entry->busy -= connections;
    bool last = --entry->holders == 0 && !entry->listed;
    pthread_mutex_unlock(&pool->lock);
    if (last) {
        free_entries(entry);
    }
}

struct http_client *etcd_pool_client(const struct etcd_pool_entry *entry)
{
    return entry->http;
}

void etcd_pool_forget(struct etcd_pool *pool, const char *key)
{
    struct etcd_pool_entry *garbage = NULL;

    pthread_mutex_lock(&pool->lock);
    struct etcd_pool_entry **link = find(pool, key);
    if (*link) {
        unlist(pool, link, &garbage);
    }
    pthread_mutex_unlock(&pool->lock);
    free_entries(garbage);
}

size_t etcd_pool_length(struct etcd_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t length = pool->length;
    pthread_mutex_unlock(&pool->lock);
    return length;
}
