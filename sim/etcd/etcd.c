#include "sim/etcd/etcd.h"

#include <string.h>

#include "base/memory.h"
#include "sim/etcd/internal.h"

struct sim_etcd *sim_etcd_new(const struct sim_etcd_options *options)
{
    struct sim_etcd *etcd = xcalloc(1, sizeof *etcd);

    etcd->options = *options;
    etcd->sim = options->sim;
    etcd->arena = arena_new();
    etcd->ledger = ledger_new();
    return etcd;
}

void sim_etcd_free(struct sim_etcd *etcd)
{
    if (!etcd) {
        return;
    }
    while (etcd->processes) {
        sim_etcd_kill(etcd->processes);
    }
    while (etcd->clients) {
        struct client *client = etcd->clients;
        etcd->clients = client->next;
        free(client->address);
        free(client);
    }
    sim_cancel(etcd->sim, etcd);
    ledger_free(etcd->ledger);
    arena_free(etcd->arena);
    free(etcd);
}

const struct etcd_api *sim_etcd_client(struct sim_etcd *etcd, const char *address)
{
    for (struct client *client = etcd->clients; client; client = client->next) {
        if (!strcmp(client->address, address)) {
            return &client->api;
        }
    }
    struct client *client = xcalloc(1, sizeof *client);
    client->etcd = etcd;
    client->address = xstrdup(address);
    client->next = etcd->clients;
    etcd->clients = client;
    client_table(client);
    return &client->api;
}

void sim_etcd_network_changed(struct sim_etcd *etcd)
{
    raft_review_later(etcd);
}

void sim_etcd_forget(struct sim_etcd *etcd, const char *service)
{
    ledger_forget(etcd->ledger, service);
}

bool etcd_reachable(const struct sim_etcd *etcd, const char *from, const char *to)
{
    return !strcmp(from, to) || etcd->options.reachable(etcd->options.context, from, to);
}

struct sim_etcd_process *process_at(struct sim_etcd *etcd, const char *address)
{
    for (struct sim_etcd_process *process = etcd->processes; process; process = process->next) {
        if (!strcmp(process->address, address)) {
            return process;
        }
    }
    return NULL;
}

bool sim_etcd_write(struct sim_etcd *etcd, const char *address)
{
    struct sim_etcd_process *process = process_at(etcd, address);
    struct proposal proposal;

    if (!process || !process->ready || process->frozen || process_is_learner(process)) {
        return false;
    }
    char *text = arena_printf(etcd->arena, "%llu", (unsigned long long)++etcd->writes);
    struct put *put = arena_alloc(etcd->arena, sizeof *put);
    put->key = put->value = (struct etcd_bytes){text, strlen(text)};
    if (!kv_has_space(process, put)) {
        return false;
    }
    if (!raft_propose(process, (struct entry){.kind = ENTRY_PUT, .put = put}, &proposal) ||
        process->data->log[proposal.length - 1].refusal) {
        return false;
    }
    ledger_acknowledged(etcd, process, proposal.length - 1);
    ledger_forget_what_is_lost(etcd);
    return true;
}

void sim_etcd_empty(struct sim_etcd_process *process)
{
    process->data->db_size = process->data->db_in_use + (INT64_C(512) << 20);
}

bool sim_etcd_fill(struct sim_etcd_process *process)
{
    static const char text[] = "much";
    struct put *put = arena_alloc(process->etcd->arena, sizeof *put);
    const struct entry entry = {
        .kind = ENTRY_PUT, .number = (uint64_t)process_quota(process), .put = put};

    put->key = put->value = (struct etcd_bytes){text, sizeof text - 1};
    return process->state == PROCESS_RUNNING && raft_propose(process, entry, NULL) &&
           !kv_has_space(process, put);
}

void sim_etcd_set_catch_up(struct sim_etcd *etcd, int64_t catch_up_ms)
{
    etcd->catch_up_ms = catch_up_ms;
    if (!catch_up_ms) {
        raft_hasten(etcd);
    }
}

bool sim_etcd_leads(const struct sim_etcd_process *process, int64_t for_ms)
{
    return process->leads && !process->frozen &&
           sim_now(process->etcd->sim) - process->led_ms >= for_ms;
}

/* ---- What is known of it from outside ---- */

static bool newer(const struct data *data, uint64_t cluster_id, const struct data *than)
{
    return data && data->cluster_id == cluster_id && (!than || data->applied > than->applied);
}

const struct data *etcd_newest(const struct sim_etcd *etcd, uint64_t cluster_id)
{
    const struct data *newest = NULL;

    for (const struct sim_disk *disk = etcd->disks; disk; disk = disk->next) {
        newest = newer(disk->data, cluster_id, newest) ? disk->data : newest;
    }
    for (const struct sim_etcd_process *at = etcd->processes; at; at = at->next) {
        newest = newer(at->data, cluster_id, newest) ? at->data : newest;
    }
    return newest;
}

bool sim_etcd_is_intact(const struct sim_etcd *etcd, uint64_t member_id)
{
    for (const struct sim_disk *disk = etcd->disks; disk; disk = disk->next) {
        if (disk->data && disk->data->member_id == member_id && disk->data->length &&
            !disk->garbage && !disk->spoilt && !disk->data->corrupt) {
            return true;
        }
    }
    return false;
}

size_t sim_etcd_members(const struct sim_etcd *etcd, uint64_t cluster_id, struct sim_member *out,
                        size_t max)
{
    const struct data *newest = etcd_newest(etcd, cluster_id);
    size_t n = 0;

    for (; newest && n < newest->conf.n && n < max; n++) {
        const struct conf_member *member = newest->conf.members[n];
        out[n] = (struct sim_member){member->id, member->host, member->learner};
    }
    return n;
}

int sim_etcd_cluster_minor(const struct sim_etcd *etcd, uint64_t cluster_id)
{
    const struct data *newest = etcd_newest(etcd, cluster_id);

    return newest ? newest->minor : 0;
}
