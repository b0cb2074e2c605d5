/* The HTTP clients of the clusters: one for each credentials key, so that connections are reused
 * between passes; replaced when the credentials change, forgotten when nobody used them for a
 * while. Any thread. */
#ifndef ETCD_POOL_H
#define ETCD_POOL_H 1

#include <stdbool.h>

#include "base/error.h"
#include "etcd/api.h"
#include "net/http.h"

struct etcd_pool;
struct etcd_pool_entry;

struct etcd_pool *etcd_pool_new(void);
/* See http_options.allow, for all clients. Before the first entry is made. */
void etcd_pool_guard(struct etcd_pool *pool, bool (*allow)(void *context), void *context);
void etcd_pool_free(struct etcd_pool *pool); /* No entry may be held. NULL is allowed. */

/* The entry for these credentials, made if need be, for as many connections at once; to be given
 * back with etcd_pool_put(). ERROR_INVALID when a certificate, key or CA does not parse;
 * ERROR_RETRYABLE when the cluster would have more than ETCD_POOL_CONNECTIONS_MAX busy ones, those
 * of streams among them. `now_ms` is CLOCK_BOOTTIME. */
int etcd_pool_get(struct etcd_pool *pool, const struct etcd_credentials *credentials,
                  size_t connections, int64_t now_ms, struct etcd_pool_entry **out,
                  struct error *error);
void etcd_pool_put(struct etcd_pool *pool, struct etcd_pool_entry *entry, size_t connections);
struct http_client *etcd_pool_client(const struct etcd_pool_entry *entry);

/* Takes the key's entry out; its connections close when the last holder has given it back. */
void etcd_pool_forget(struct etcd_pool *pool, const char *key);
/* Entries that are in the pool. */
size_t etcd_pool_length(struct etcd_pool *pool);

/* A connection takes about 110 kB, and a cluster at rest has one, so this bounds what idle clusters
 * cost; a busy entry is never taken away. */
#define ETCD_POOL_LENGTH_MAX 16
#define ETCD_POOL_IDLE_MS    (5 * 60 * 1000)

/* Four looks at seven members, or one and dozens of streams: more is a fault of ours, which must
 * not become a load on etcd. */
#define ETCD_POOL_CONNECTIONS_MAX 64

#endif
