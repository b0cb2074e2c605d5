#include <string.h>

#include "sim/etcd/internal.h"

/* ---- look ---- */

static const char **status_errors(struct sim_etcd_process *process, struct arena *arena, size_t *n)
{
    static const char *const names[] = {"NONE", "NOSPACE", "CORRUPT"};
    const struct data *data = process->data;
    const char **errors = arena_alloc(arena, (data->n_alarms + 1) * sizeof *errors);

    *n = 0;
    if (!raft_leader(process)) {
        errors[(*n)++] = "etcdserver: no leader";
    }
    for (size_t i = 0; i < data->n_alarms; i++) {
        errors[(*n)++] = arena_printf(arena, "memberID:%llu alarm:%s ",
                                      (unsigned long long)data->alarms[i].member_id,
                                      names[data->alarms[i].type]);
    }
    return errors;
}

static int step_status(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    const struct data *data = process->data;
    const struct sim_etcd_process *leader = raft_leader(process);
    struct etcd_status *status = call->out;

    (void)error;
    *status = (struct etcd_status){
        .cluster_id = data->cluster_id,
        .member_id = data->member_id,
        .leader_id = leader ? leader->data->member_id : 0,
        .revision = data->revision,
        .raft_term = data->term,
        .raft_index = data->commit,
        .raft_applied_index = data->applied,
        .db_size = data->db_size,
        .db_size_in_use = data->db_in_use,
        .db_size_quota = process->minor >= 6 ? process_quota(process) : 0,
        .version = arena_strdup(call->arena, process->version),
        .storage_version = process->minor >= 6 && data->minor >= 6
                               ? arena_printf(call->arena, "3.%d.0", data->minor)
                               : "",
        .is_learner = process_is_learner(process),
    };
    status->errors = status_errors(process, call->arena, &status->n_errors);
    return 0;
}

static int step_read(struct sim_etcd_process *process, struct call *call, struct error *error)
{
    (void)call;
    (void)error;
    return process_can_read(process) ? 0 : PENDING;
}

static void client_look(void *context, const struct etcd_credentials *credentials,
                        const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                        struct arena *arena, struct etcd_look *looks)
{
    struct arena *scratch AUTO_ARENA = arena_new();
    struct etcd_endpoint *twice = arena_alloc(scratch, (2 * n + 1) * sizeof *twice);
    struct call *calls = arena_alloc(scratch, (2 * n + 1) * sizeof *calls);
    struct error *errors = arena_alloc(scratch, (2 * n + 1) * sizeof *errors);

    (void)credentials;
    for (size_t i = 0; i < n; i++) {
        looks[i] = (struct etcd_look){0};
        twice[i] = twice[n + i] = endpoints[i];
        calls[i] = (struct call){.method = "Maintenance/Status",
                                 .step = step_status,
                                 .out = &looks[i].status,
                                 .arena = arena,
                                 .learners = true};
        calls[n + i] = (struct call){.method = "KV/Range", .step = step_read};
    }
    call_run_all(context, twice, 2 * n, timeout_ms, calls, errors);
    for (size_t i = 0; i < n; i++) {
        looks[i].status_error = errors[i];
        looks[i].read_error = errors[n + i];
    }
}

/* ---- The member list ---- */

static const char **one_text(struct arena *arena, const char *text, size_t *n)
{
    const char **texts = arena_alloc(arena, sizeof *texts);

    *texts = arena_strdup(arena, text);
    *n = *text != '\0';
    return texts;
}

void client_list_members(const struct data *data, struct arena *arena,
                         struct etcd_member_list *list)
{
    const struct conf *conf = &data->conf;

    *list = (struct etcd_member_list){
        .cluster_id = data->cluster_id,
        .members = arena_alloc(arena, (conf->n + 1) * sizeof *list->members),
        .n_members = conf->n,
    };
    for (size_t i = 0; i < conf->n; i++) {
        const struct conf_member *from = conf->members[i];
        struct etcd_member *to = &list->members[i];
        to->id = from->id;
        to->is_learner = from->learner;
        to->name = arena_strdup(arena, from->name);
        to->peer_urls = one_text(arena, from->peer_url, &to->n_peer_urls);
        to->client_urls = one_text(arena, from->client_url, &to->n_client_urls);
    }
}

static int step_member_list(struct sim_etcd_process *process, struct call *call,
                            struct error *error)
{
    (void)error;
    if (!process_can_read(process)) {
        return PENDING;
    }
    client_list_members(process->data, call->arena, call->out);
    return 0;
}

static int client_member_list(void *context, const struct etcd_target *target, struct arena *arena,
                              struct etcd_member_list *out, struct error *error)
{
    struct call call = {
        .method = "Cluster/MemberList", .step = step_member_list, .out = out, .arena = arena};

    return call_run(context, target, &call, error);
}

static void client_forget(void *context, const char *key)
{
    (void)context;
    (void)key;
}

void client_table(struct client *client)
{
    client->api = (struct etcd_api){
        .context = client,
        .look = client_look,
        .member_list = client_member_list,
        .forget = client_forget,
    };
    client_add_kv(&client->api);
    client_add_maintenance(&client->api);
    client_add_membership(&client->api);
}
