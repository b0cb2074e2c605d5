/* How a process comes by its data: what is on the disk, or a new cluster, or an existing one
 * (server/etcdserver/bootstrap.go in etcd). */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "etcd/client.h"
#include "pki/pki.h"
#include "sim/etcd/internal.h"

static int by_id(const void *a, const void *b)
{
    const struct conf_member *x = *(const struct conf_member *const *)a;
    const struct conf_member *y = *(const struct conf_member *const *)b;

    return x->id < y->id ? -1 : x->id > y->id;
}

/* "c-0=http://c-0:2380,c-1=...", with the ids of a static bootstrap. */
static void parse_initial_cluster(struct sim_etcd *etcd, const struct flags *flags,
                                  struct conf *conf)
{
    char *text AUTO_FREE = xstrdup(flags->initial_cluster ? flags->initial_cluster : "");
    char *rest = NULL;

    conf->n = 0;
    for (char *item = strtok_r(text, ",", &rest); item && conf->n < MEMBERS_MAX;
         item = strtok_r(NULL, ",", &rest)) {
        char *url = strchr(item, '=');
        if (!url) {
            continue;
        }
        *url++ = '\0';
        struct conf_member member = {.id = etcd_static_member_id(url, flags->token),
                                     .name = item,
                                     .peer_url = url,
                                     .client_url = ""};
        conf->members[conf->n++] = conf_member_new(etcd, &member);
    }
    qsort(conf->members, conf->n, sizeof *conf->members, by_id);
}

static uint64_t cluster_id(const struct conf *conf)
{
    uint8_t bytes[8 * MEMBERS_MAX];

    for (size_t i = 0; i < conf->n; i++) {
        for (int j = 0; j < 8; j++) {
            bytes[8 * i + (size_t)j] = (uint8_t)(conf->members[i]->id >> (56 - 8 * j));
        }
    }
    return pki_sha1_prefix64(bytes, 8 * conf->n);
}

static const struct conf_member *find_self(struct sim_etcd_process *process,
                                           const struct conf *conf)
{
    for (size_t i = 0; i < conf->n; i++) {
        if (!strcmp(conf->members[i]->name, process->flags.name)) {
            if (!strcmp(conf->members[i]->peer_url, process->flags.peer_url)) {
                return conf->members[i];
            }
            process_exit(process, 1,
                         "--initial-cluster has %s=%s but missing from "
                         "--initial-advertise-peer-urls=%s",
                         process->flags.name, conf->members[i]->peer_url, process->flags.peer_url);
            return NULL;
        }
    }
    process_exit(process, 1, "couldn't find local name \"%s\" in the initial cluster configuration",
                 process->flags.name);
    return NULL;
}

/* Any member of the configuration that answers on its peer port, but this one. */
static struct sim_etcd_process *any_remote(struct sim_etcd_process *process,
                                           const struct conf *conf)
{
    const struct sim_etcd *etcd = process->etcd;

    for (size_t i = 0; i < conf->n; i++) {
        const char *address = etcd->options.resolve(etcd->options.context, conf->members[i]->host);
        struct sim_etcd_process *remote = address ? process_at(process->etcd, address) : NULL;
        if (remote && remote != process && remote->state == PROCESS_RUNNING && !remote->frozen &&
            etcd_reachable(etcd, process->address, address) &&
            etcd_reachable(etcd, address, process->address)) {
            return remote;
        }
    }
    return NULL;
}

static void write_data(struct sim_etcd_process *process, struct data *data)
{
    process->data = data;
    process->disk->data = data_ref(data);
    if (process->disk->doomed) {
        ledger_destroyed(process->etcd, data);
    }
}

static bool bootstrap_new(struct sim_etcd_process *process, const struct conf *conf,
                          const struct conf_member *self)
{
    struct sim_etcd *etcd = process->etcd;
    const struct sim_etcd_process *remote = any_remote(process, conf);
    const struct conf_member *known = remote ? conf_find(&remote->data->conf, self->id) : NULL;

    if (known && *known->client_url) {
        process_exit(process, 1, "member %llx has already been bootstrapped",
                     (unsigned long long)self->id);
        return false;
    }
    struct data *data = data_new(etcd, cluster_id(conf), self->id);
    data->term = 1;
    for (size_t i = 0; i < conf->n; i++) {
        data_append(data, &(struct entry){.term = 1,
                                          .id = ++etcd->entries,
                                          .kind = ENTRY_ADD,
                                          .member = conf->members[i]});
    }
    data->commit = data->length;
    data_apply(data, process->flags.max_learners);
    write_data(process, data);
    return true;
}

static const struct conf_member *by_peer_url(const struct conf *conf, const char *url)
{
    for (size_t i = 0; i < conf->n; i++) {
        if (!strcmp(conf->members[i]->peer_url, url)) {
            return conf->members[i];
        }
    }
    return NULL;
}

static bool bootstrap_existing(struct sim_etcd_process *process, const struct conf *conf,
                               const struct conf_member *self)
{
    const struct sim_etcd_process *remote = any_remote(process, conf);

    if (!remote) {
        process_exit(process, 1,
                     "cannot fetch cluster info from peer urls: could not retrieve cluster "
                     "information from the given URLs");
        return false;
    }
    const struct conf *theirs = &remote->data->conf;
    if (theirs->n != conf->n) {
        process_exit(process, 1, "error validating peerURLs: member count is unequal");
        return false;
    }
    for (size_t i = 0; i < theirs->n; i++) {
        const struct conf_member *member = theirs->members[i];
        if (!by_peer_url(conf, member->peer_url)) {
            process_exit(process, 1,
                         "error validating peerURLs: PeerURLs: no match found for existing member "
                         "(%llx, [%s]), last resolver error (unequal)",
                         (unsigned long long)member->id, member->peer_url);
            return false;
        }
    }
    if (remote->data->minor > process->minor) {
        process_exit(process, 1, "incompatible with current running cluster");
        return false;
    }
    if (theirs->n - conf_voters(theirs) > process->flags.max_learners) {
        process_exit(process, 1, "membership: too many learner members in cluster");
        return false;
    }
    self = by_peer_url(theirs, self->peer_url);
    struct data *data = data_new(process->etcd, remote->data->cluster_id, self->id);
    /* Whom it asked; its own log will say it again. */
    data->conf = *theirs;
    write_data(process, data);
    return true;
}

static bool open_data(struct sim_etcd_process *process)
{
    struct sim_disk *disk = process->disk;

    if (disk->garbage) {
        process_exit(process, 2, "failed to read WAL, cannot be repaired: unexpected EOF");
        return false;
    }
    if (disk->data->minor > process->minor) {
        process_exit(process, process->minor < 6 ? 1 : 2,
                     "invalid downgrade; server version is lower than determined cluster version");
        return false;
    }
    if (disk->spoilt) { /* server/storage/backend: bolt checks its meta pages. */
        process_exit(process, 2, "panic: failed to open database: invalid database");
        return false;
    }
    process->data = data_ref(disk->data);
    return true;
}

bool bootstrap(struct sim_etcd_process *process)
{
    struct conf conf;

    if (process->disk->data) {
        return open_data(process);
    }
    if (process->disk->full) {
        process_exit(process, 1, "cannot access data directory: no space left on device");
        return false;
    }
    parse_initial_cluster(process->etcd, &process->flags, &conf);
    const struct conf_member *self = find_self(process, &conf);
    if (!self) {
        return false;
    }
    return !strcmp(process->flags.state, "new") ? bootstrap_new(process, &conf, self)
                                                : bootstrap_existing(process, &conf, self);
}
