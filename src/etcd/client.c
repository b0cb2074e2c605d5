#include "etcd/client.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "etcd/client_internal.h"
#include "pki/pki.h"

static void client_forget(void *context, const char *key)
{
    struct etcd_client *client = context;

    etcd_pool_forget(client->pool, key);
}

struct etcd_client *etcd_client_new(void)
{
    struct etcd_client *client = xcalloc(1, sizeof *client);
    struct error error = {0};

    client->api = (struct etcd_api){.context = client, .forget = client_forget};
    etcd_look_fill(&client->api);
    etcd_membership_fill(&client->api);
    etcd_maintenance_fill(&client->api);
    etcd_kv_fill(&client->api);
    client->auth.context = client;
    etcd_auth_fill(&client->auth);
    client->stream.context = client;
    etcd_watch_fill(&client->stream);
    etcd_snapshot_fill(&client->stream);
    client->pool = etcd_pool_new();
    if (http_client_new(&(struct http_options){0}, &client->plain, &error)) {
        /* It can only refuse certificates, and none are given. */
        log_error("cannot make a plain HTTP client", "error", error.message, NULL);
        abort();
    }
    return client;
}

void etcd_client_guard(struct etcd_client *client, bool (*allow)(void *context), void *context)
{
    etcd_pool_guard(client->pool, allow, context);
}

void etcd_client_free(struct etcd_client *client)
{
    if (client) {
        etcd_pool_free(client->pool);
        http_client_free(client->plain);
        free(client);
    }
}

const struct etcd_api *etcd_client_api(struct etcd_client *client)
{
    return &client->api;
}

const struct etcd_auth_api *etcd_client_auth(struct etcd_client *client)
{
    return &client->auth;
}

const struct etcd_stream_api *etcd_client_stream(struct etcd_client *client)
{
    return &client->stream;
}

uint64_t etcd_static_member_id(const char *peer_url, const char *token)
{
    char *text AUTO_FREE = xasprintf("%s%s", peer_url, token);

    return pki_sha1_prefix64(text, strlen(text));
}
