/* The real etcd client: gRPC over HTTP/2 with libcurl and protobuf-c. */
#ifndef ETCD_CLIENT_H
#define ETCD_CLIENT_H 1

#include "etcd/api.h"
#include "etcd/auth.h"
#include "etcd/stream.h"

struct etcd_client;

struct etcd_client *etcd_client_new(void);
/* See http_options.allow: asked before every call of etcd, those that only read too, for a pass
 * that may change nothing need not go on. Before the first call. */
void etcd_client_guard(struct etcd_client *client, bool (*allow)(void *context), void *context);
void etcd_client_free(struct etcd_client *client);
/* The doors, which live as long as the client. Any thread. */
const struct etcd_api *etcd_client_api(struct etcd_client *client);
const struct etcd_auth_api *etcd_client_auth(struct etcd_client *client);
const struct etcd_stream_api *etcd_client_stream(struct etcd_client *client);

/* The id that etcd gives a member of a static bootstrap: SHA-1 over the sorted peer URLs, joined,
 * and the token (server/etcdserver/api/membership/member.go). */
uint64_t etcd_static_member_id(const char *peer_url, const char *token);

#endif
