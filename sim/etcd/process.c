#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sim/etcd/internal.h"

#define BOOT_MIN_MS 50
#define BOOT_MAX_MS 500
/* Bytes (server/storage/quota.go). */
#define DEFAULT_QUOTA (INT64_C(2) * 1024 * 1024 * 1024)

static void boot(void *context, uint64_t unused);

static void process_free(struct sim_etcd_process *process)
{
    struct sim_etcd *etcd = process->etcd;

    for (struct sim_etcd_process **at = &etcd->processes; *at; at = &(*at)->next) {
        if (*at == process) {
            *at = process->next;
            break;
        }
    }
    sim_cancel(etcd->sim, process);
    data_unref(process->data);
    free(process->version);
    free(process->address);
    free(process);
    raft_review_later(etcd);
}

static void exit_now(void *context, uint64_t unused)
{
    struct sim_etcd_process *process = context;
    struct sim_etcd *etcd = process->etcd;
    void *owner = process->owner;
    int code = process->exit_code;
    char words[sizeof process->words];

    (void)unused;
    memcpy(words, process->words, sizeof words);
    process_free(process);
    if (etcd->options.exited) {
        etcd->options.exited(etcd->options.context, owner, code, words);
    }
}

void process_exit(struct sim_etcd_process *process, int code, const char *format, ...)
{
    va_list arguments;

    if (process->state == PROCESS_ENDING) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(process->words, sizeof process->words, format, arguments);
    va_end(arguments);
    process->state = PROCESS_ENDING;
    process->leads = process->ready = false;
    process->exit_code = code;
    sim_trace(process->etcd->sim, "etcd %s at %s: ends with %d: %s", process->flags.name,
              process->address, code, process->words);
    sim_after(process->etcd->sim, 0, exit_now, process, 0);
}

struct sim_etcd_process *sim_etcd_start(struct sim_etcd *etcd, const char *version,
                                        char *const *flags, struct sim_disk *disk,
                                        const char *address, void *owner)
{
    struct sim_etcd_process *process = xcalloc(1, sizeof *process);
    const char *words = NULL;

    process->etcd = etcd;
    process->serial = ++etcd->starts;
    process->version = xstrdup(version);
    process->minor = (int)strtol(version + (!strncmp(version, "3.", 2) ? 2 : 0), NULL, 10);
    process->disk = disk;
    process->address = xstrdup(address);
    process->owner = owner;
    /* At the end, so that the order of starts is the order of everything. */
    struct sim_etcd_process **at = &etcd->processes;
    while (*at) {
        at = &(*at)->next;
    }
    *at = process;
    int code = flags_parse(etcd, process->minor, flags, &process->flags, &words);
    sim_trace(etcd->sim, "etcd %s at %s: %s starts on %s", process->flags.name, address, version,
              disk->name);
    if (code) {
        process_exit(process, code, "%s", words);
    } else {
        sim_after(etcd->sim, sim_between(etcd->sim, SIM_STREAM_ETCD, BOOT_MIN_MS, BOOT_MAX_MS),
                  boot, process, 0);
    }
    return process;
}

static void boot(void *context, uint64_t unused)
{
    struct sim_etcd_process *process = context;
    struct sim_etcd *etcd = process->etcd;

    (void)unused;
    if (process->frozen) { /* Goes on when it is thawed. */
        sim_after(etcd->sim, BOOT_MAX_MS, boot, process, 0);
        return;
    }
    if (!bootstrap(process)) {
        return;
    }
    process->state = PROCESS_RUNNING;
    sim_trace(etcd->sim, "etcd %s at %s: member %llx of cluster %llx runs, term %llu, log %zu",
              process->flags.name, process->address, (unsigned long long)process->data->member_id,
              (unsigned long long)process->data->cluster_id,
              (unsigned long long)process->data->term, process->data->length);
    raft_review_later(etcd);
}

void sim_etcd_kill(struct sim_etcd_process *process)
{
    sim_trace(process->etcd->sim, "etcd %s at %s: killed", process->flags.name, process->address);
    process_free(process);
}

void sim_etcd_set_frozen(struct sim_etcd_process *process, bool frozen)
{
    sim_trace(process->etcd->sim, "etcd %s at %s: %s", process->flags.name, process->address,
              frozen ? "frozen" : "thawed");
    process->frozen = frozen;
    raft_review_later(process->etcd);
}

uint64_t sim_etcd_member_id(const struct sim_etcd_process *process)
{
    return process->data ? process->data->member_id : 0;
}

/* readyz: a linearizable and a serializable read, no CORRUPT alarm, and no learner
 * (server/etcdserver/api/etcdhttp/health.go). */
bool sim_etcd_ready(struct sim_etcd_process *process)
{
    if (process->state != PROCESS_RUNNING || process->frozen ||
        sim_now(process->etcd->sim) < process->busy_until_ms) {
        return false;
    }
    return !data_has_alarm(process->data, ETCD_ALARM_CORRUPT) && !process_is_learner(process) &&
           process_can_read(process);
}

/* The leader confirms its term with a quorum, and that it committed something in this term. */
bool process_can_read(struct sim_etcd_process *process)
{
    struct sim_etcd_process *leader = raft_leader(process);

    if (!leader || !raft_has_quorum(leader) || !leader->data->commit ||
        leader->data->log[leader->data->commit - 1].term != leader->data->term) {
        raft_notice_failure(process->etcd);
        return false;
    }
    ledger_read(process->etcd, leader);
    return true;
}

bool process_is_learner(const struct sim_etcd_process *process)
{
    const struct conf_member *self = conf_find(&process->data->conf, process->data->member_id);

    return self && self->learner;
}

int64_t process_quota(const struct sim_etcd_process *process)
{
    return process->flags.quota ? process->flags.quota : DEFAULT_QUOTA;
}

void sim_etcd_raise_alarm(struct sim_etcd_process *process, enum etcd_alarm_type type)
{
    raft_propose(process, process_alarm_entry(process, process->data->member_id, type, true), NULL);
}

void sim_etcd_corrupt(struct sim_etcd_process *process)
{
    process->data->corrupt = true;
}

struct entry process_alarm_entry(struct sim_etcd_process *process, uint64_t id,
                                 enum etcd_alarm_type type, bool on)
{
    const struct conf_member whose = {.id = id, .name = "", .peer_url = "", .client_url = ""};

    return (struct entry){.kind = on ? ENTRY_ALARM_ON : ENTRY_ALARM_OFF,
                          .number = type,
                          .member = conf_member_new(process->etcd, &whose)};
}
