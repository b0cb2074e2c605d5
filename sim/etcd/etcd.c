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
    if (!raft_propose(process, (struct entry){.kind = ENTRY_PUT, .put = put}, &proposal) ||
        process->data->log[proposal.length - 1].refusal) {
        return false;
    }
    ledger_acknowledged(etcd, process, proposal.length - 1);
    return true;
}
