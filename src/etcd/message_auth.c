#include <string.h>

#include "base/memory.h"
#include "etcd/message.h"
#include "rpc.pb-c.h"

int etcd_auth_status_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                            struct error *error)
{
    const Etcdserverpb__AuthStatusResponse *in =
        etcd_message_decode(&etcdserverpb__auth_status_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    *(struct etcd_auth_status *)out = (struct etcd_auth_status){in->enabled, in->authrevision};
    return 0;
}

static void wipe_text(void *text)
{
    memory_wipe(text, strlen(text));
}

int etcd_token_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                      struct error *error)
{
    const Etcdserverpb__AuthenticateResponse *in =
        etcd_message_decode(&etcdserverpb__authenticate_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    arena_defer(arena, wipe_text, in->token);
    if (!*in->token) {
        return error_set(error, ERROR_RETRYABLE, "the answer holds no token");
    }
    *(const char **)out = in->token;
    return 0;
}

int etcd_names_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                      struct error *error)
{
    const Etcdserverpb__NamesResponse *in =
        etcd_message_decode(&etcdserverpb__names_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    *(struct etcd_names *)out = (struct etcd_names){(const char **)in->names, in->n_names};
    return 0;
}

int etcd_permissions_decode(const struct grpc_frame *frame, struct arena *arena, void *out,
                            struct error *error)
{
    const Etcdserverpb__RoleGetResponse *in =
        etcd_message_decode(&etcdserverpb__role_get_response__descriptor, frame, arena, error);

    if (!in) {
        return -(int)ERROR_RETRYABLE;
    }
    struct etcd_permission *items = arena_alloc(arena, in->n_perm * sizeof *items);
    for (size_t i = 0; i < in->n_perm; i++) {
        items[i] = (struct etcd_permission){
            .type = (enum etcd_permission_type)in->perm[i]->permtype,
            .key = {in->perm[i]->key.data, in->perm[i]->key.len},
            .range_end = {in->perm[i]->range_end.data, in->perm[i]->range_end.len},
        };
    }
    *(struct etcd_permissions *)out = (struct etcd_permissions){items, in->n_perm};
    return 0;
}
