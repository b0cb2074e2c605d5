#include "etcd/client_internal.h"
#include "rpc.pb-c.h"

static int client_member_list(void *context, const struct etcd_target *target, struct arena *arena,
                              struct etcd_member_list *out, struct error *error)
{
    Etcdserverpb__MemberListRequest request = ETCDSERVERPB__MEMBER_LIST_REQUEST__INIT;
    const struct etcd_question question = {.method = "Cluster/MemberList",
                                           .request = &request.base,
                                           .decode = etcd_member_list_decode,
                                           .arena = arena,
                                           .out = out};

    request.linearizable = true;
    return etcd_ask(context, target, &question, error);
}

static int client_member_add(void *context, const struct etcd_target *target, const char *peer_url,
                             bool learner, struct arena *arena, uint64_t *id,
                             struct etcd_member_list *list, struct error *error)
{
    Etcdserverpb__MemberAddRequest request = ETCDSERVERPB__MEMBER_ADD_REQUEST__INIT;
    struct etcd_member_added added;
    const struct etcd_question question = {.method = "Cluster/MemberAdd",
                                           .change = true,
                                           .request = &request.base,
                                           .decode = etcd_member_added_decode,
                                           .arena = arena,
                                           .out = &added};

    request.peerurls = (char **)&peer_url;
    request.n_peerurls = 1;
    request.islearner = learner;
    int result = etcd_ask(context, target, &question, error);
    if (!result) {
        *id = added.id;
        *list = added.list;
    }
    return result;
}

static int change_member(struct etcd_client *client, const struct etcd_target *target,
                         const char *method, const ProtobufCMessage *request, struct error *error)
{
    const struct etcd_question question = {
        .method = method, .change = true, .request = request, .decode = etcd_header_decode};

    return etcd_ask(client, target, &question, error);
}

static int client_member_promote(void *context, const struct etcd_target *target, uint64_t id,
                                 struct error *error)
{
    Etcdserverpb__MemberRequest request = ETCDSERVERPB__MEMBER_REQUEST__INIT;

    request.id = id;
    return change_member(context, target, "Cluster/MemberPromote", &request.base, error);
}

static int client_member_remove(void *context, const struct etcd_target *target, uint64_t id,
                                struct error *error)
{
    Etcdserverpb__MemberRequest request = ETCDSERVERPB__MEMBER_REQUEST__INIT;

    request.id = id;
    return change_member(context, target, "Cluster/MemberRemove", &request.base, error);
}

static int client_member_update(void *context, const struct etcd_target *target, uint64_t id,
                                const char *peer_url, struct error *error)
{
    Etcdserverpb__MemberUpdateRequest request = ETCDSERVERPB__MEMBER_UPDATE_REQUEST__INIT;

    request.id = id;
    request.peerurls = (char **)&peer_url;
    request.n_peerurls = 1;
    return change_member(context, target, "Cluster/MemberUpdate", &request.base, error);
}

void etcd_membership_fill(struct etcd_api *api)
{
    api->member_list = client_member_list;
    api->member_add = client_member_add;
    api->member_promote = client_member_promote;
    api->member_remove = client_member_remove;
    api->member_update = client_member_update;
}
