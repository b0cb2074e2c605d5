#include "etcd/client_internal.h"
#include "rpc.pb-c.h"

static int client_alarms(void *context, const struct etcd_target *target, struct arena *arena,
                         struct etcd_alarm **out, size_t *n_out, struct error *error)
{
    Etcdserverpb__AlarmRequest request = ETCDSERVERPB__ALARM_REQUEST__INIT; /* GET */
    struct etcd_alarms alarms;
    const struct etcd_question question = {.method = "Maintenance/Alarm",
                                           .request = &request.base,
                                           .decode = etcd_alarms_decode,
                                           .arena = arena,
                                           .out = &alarms};

    int result = etcd_ask(context, target, &question, error);
    if (!result) {
        *out = alarms.items;
        *n_out = alarms.n;
    }
    return result;
}

/* Some of these answers are empty, so nothing is asked of them. */
static int change(struct etcd_client *client, const struct etcd_target *target, const char *method,
                  const ProtobufCMessage *request, struct error *error)
{
    const struct etcd_question question = {
        .method = method, .change = true, .request = request, .decode = etcd_done_decode};

    return etcd_ask(client, target, &question, error);
}

static int client_alarm_set(void *context, const struct etcd_target *target, uint64_t member_id,
                            enum etcd_alarm_type type, bool active, struct error *error)
{
    Etcdserverpb__AlarmRequest request = ETCDSERVERPB__ALARM_REQUEST__INIT;

    request.action = active ? ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__ACTIVATE
                            : ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__DEACTIVATE;
    request.memberid = member_id;
    request.alarm = (Etcdserverpb__AlarmType)type;
    return change(context, target, "Maintenance/Alarm", &request.base, error);
}

static int client_move_leader(void *context, const struct etcd_target *target,
                              uint64_t transferee_id, struct error *error)
{
    Etcdserverpb__MoveLeaderRequest request = ETCDSERVERPB__MOVE_LEADER_REQUEST__INIT;

    request.targetid = transferee_id;
    return change(context, target, "Maintenance/MoveLeader", &request.base, error);
}

static int client_hash_kv(void *context, const struct etcd_target *target, int64_t revision,
                          struct etcd_hash *out, struct error *error)
{
    Etcdserverpb__HashKVRequest request = ETCDSERVERPB__HASH_KVREQUEST__INIT;
    const struct etcd_question question = {.method = "Maintenance/HashKV",
                                           .request = &request.base,
                                           .decode = etcd_hash_decode,
                                           .out = out};

    request.revision = revision;
    return etcd_ask(context, target, &question, error);
}

static int client_defragment(void *context, const struct etcd_target *target, struct error *error)
{
    Etcdserverpb__Empty request = ETCDSERVERPB__EMPTY__INIT;

    return change(context, target, "Maintenance/Defragment", &request.base, error);
}

static int client_downgrade(void *context, const struct etcd_target *target,
                            enum etcd_downgrade_action action, const char *version,
                            struct error *error)
{
    Etcdserverpb__DowngradeRequest request = ETCDSERVERPB__DOWNGRADE_REQUEST__INIT;
    const struct etcd_question question = {.method = "Maintenance/Downgrade",
                                           .change = action != ETCD_DOWNGRADE_VALIDATE,
                                           .request = &request.base,
                                           .decode = etcd_done_decode};

    request.action = (Etcdserverpb__DowngradeRequest__DowngradeAction)action;
    if (version) {
        request.version = (char *)version;
    }
    return etcd_ask(context, target, &question, error);
}

void etcd_maintenance_fill(struct etcd_api *api)
{
    api->alarms = client_alarms;
    api->alarm_set = client_alarm_set;
    api->move_leader = client_move_leader;
    api->hash_kv = client_hash_kv;
    api->defragment = client_defragment;
    api->downgrade = client_downgrade;
}
