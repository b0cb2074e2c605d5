/* What must never be, and what has to be remembered to see it. */
#include <string.h>

#include "base/memory.h"
#include "sim/etcd/internal.h"

/* A write that etcd said was committed. It is looked for by its place in the log: a committed entry
 * never moves. */
struct acknowledged {
    const char *service; /* Where its member is found; outlives cluster ids. */
    size_t index;
    uint64_t entry;
};

struct term {
    uint64_t cluster_id, term, leader_id;
};

struct participant {
    uint64_t cluster_id, member_id;
    uint64_t contents; /* Of the disk on which it remembers what it promised. */
};

struct ledger {
    struct acknowledged *writes;
    size_t n_writes, writes_capacity;
    struct term *terms;
    size_t n_terms;
    struct participant *participants;
    size_t n_participants;
    struct participant *destroyed; /* Members whose disks are gone. */
    size_t n_destroyed;
};

struct ledger *ledger_new(void)
{
    return xcalloc(1, sizeof(struct ledger));
}

void ledger_free(struct ledger *ledger)
{
    free(ledger->writes);
    free(ledger->terms);
    free(ledger->participants);
    free(ledger->destroyed);
    free(ledger);
}

/* What follows the first label of its host name: the headless Service under which a cluster's
 * members are found, whatever cluster they are. */
static const char *service_of_member(const struct data *data, uint64_t id)
{
    const struct conf_member *self = conf_find(&data->conf, id);
    const char *dot = self ? strchr(self->host, '.') : NULL;

    return dot ? dot + 1 : "";
}

static const char *service_of(const struct sim_etcd_process *process)
{
    return service_of_member(process->data, process->data->member_id);
}

static bool holds(const struct data *data, const struct acknowledged *write)
{
    return write->index < data->length && data->log[write->index].id == write->entry;
}

static void check_writes(struct sim_etcd *etcd, const struct sim_etcd_process *leader,
                         bool only_last)
{
    const struct ledger *ledger = etcd->ledger;
    const char *service = service_of(leader);

    for (size_t i = ledger->n_writes; i-- > 0;) {
        const struct acknowledged *write = &ledger->writes[i];
        if (strcmp(write->service, service) != 0) {
            continue;
        }
        if (!holds(leader->data, write)) {
            sim_violate(etcd->sim, "AcknowledgedWriteLost",
                        "member %llx of cluster %llx leads in term %llu without an acknowledged "
                        "write at index %zu; its log has %zu entries",
                        (unsigned long long)leader->data->member_id,
                        (unsigned long long)leader->data->cluster_id,
                        (unsigned long long)leader->data->term, write->index + 1,
                        leader->data->length);
            return;
        }
        if (only_last) {
            return;
        }
    }
}

static void check_term(struct sim_etcd *etcd, const struct data *leader)
{
    struct ledger *ledger = etcd->ledger;

    for (size_t i = 0; i < ledger->n_terms; i++) {
        const struct term *term = &ledger->terms[i];
        if (term->cluster_id != leader->cluster_id || term->term != leader->term) {
            continue;
        }
        if (term->leader_id != leader->member_id) {
            sim_violate(etcd->sim, "TwoLeadersInOneTerm",
                        "members %llx and %llx of cluster %llx both lead in term %llu",
                        (unsigned long long)term->leader_id, (unsigned long long)leader->member_id,
                        (unsigned long long)leader->cluster_id, (unsigned long long)leader->term);
        }
        return;
    }
    ledger->terms = xrealloc(ledger->terms, (ledger->n_terms + 1) * sizeof *ledger->terms);
    ledger->terms[ledger->n_terms++] =
        (struct term){leader->cluster_id, leader->term, leader->member_id};
}

static bool share_a_peer_url(const struct conf *a, const struct conf *b)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t j = 0; j < b->n; j++) {
            if (!strcmp(a->members[i]->peer_url, b->members[j]->peer_url)) {
                return true;
            }
        }
    }
    return false;
}

static void check_twins(struct sim_etcd *etcd, const struct sim_etcd_process *leader)
{
    for (struct sim_etcd_process *other = etcd->processes; other; other = other->next) {
        if (other->leads && !other->frozen && other->data->cluster_id != leader->data->cluster_id &&
            share_a_peer_url(&other->data->conf, &leader->data->conf) && raft_has_quorum(other)) {
            sim_violate(etcd->sim, "TwoClusters",
                        "clusters %llx and %llx both serve under the same peer URLs",
                        (unsigned long long)other->data->cluster_id,
                        (unsigned long long)leader->data->cluster_id);
        }
    }
}

void ledger_elected(struct sim_etcd *etcd, struct sim_etcd_process *leader)
{
    check_term(etcd, leader->data);
    check_writes(etcd, leader, false);
    check_twins(etcd, leader);
}

void ledger_took_part(struct sim_etcd *etcd, const struct sim_etcd_process *process)
{
    struct ledger *ledger = etcd->ledger;
    const struct data *data = process->data;

    for (size_t i = 0; i < ledger->n_participants; i++) {
        const struct participant *participant = &ledger->participants[i];
        if (participant->cluster_id != data->cluster_id ||
            participant->member_id != data->member_id) {
            continue;
        }
        if (participant->contents != data->identity) {
            sim_violate(etcd->sim, "VotedWithEmptiedLog",
                        "member %llx of cluster %llx takes part in term %llu, but not with the "
                        "log that it had when it took part before",
                        (unsigned long long)data->member_id, (unsigned long long)data->cluster_id,
                        (unsigned long long)data->term);
        }
        return;
    }
    ledger->participants =
        xrealloc(ledger->participants, (ledger->n_participants + 1) * sizeof *ledger->participants);
    ledger->participants[ledger->n_participants++] =
        (struct participant){data->cluster_id, data->member_id, data->identity};
}

void ledger_acknowledged(struct sim_etcd *etcd, const struct sim_etcd_process *process,
                         size_t index)
{
    struct ledger *ledger = etcd->ledger;

    if (ledger->n_writes == ledger->writes_capacity) {
        ledger->writes_capacity = ledger->writes_capacity ? 2 * ledger->writes_capacity : 64;
        ledger->writes = xrealloc(ledger->writes, ledger->writes_capacity * sizeof *ledger->writes);
    }
    ledger->writes[ledger->n_writes++] =
        (struct acknowledged){service_of(process), index, process->data->log[index].id};
}

void ledger_read(struct sim_etcd *etcd, const struct sim_etcd_process *leader)
{
    check_writes(etcd, leader, true);
}

void ledger_forget(struct ledger *ledger, const char *service)
{
    size_t kept = 0;

    for (size_t i = 0; i < ledger->n_writes; i++) {
        if (strcmp(ledger->writes[i].service, service) != 0) {
            ledger->writes[kept++] = ledger->writes[i];
        }
    }
    ledger->n_writes = kept;
}

void ledger_destroyed(struct sim_etcd *etcd, const struct data *data)
{
    struct ledger *ledger = etcd->ledger;

    ledger->destroyed =
        xrealloc(ledger->destroyed, (ledger->n_destroyed + 1) * sizeof *ledger->destroyed);
    ledger->destroyed[ledger->n_destroyed++] =
        (struct participant){data->cluster_id, data->member_id, data->identity};
    ledger_forget_what_is_lost(etcd);
}

/* A member that was removed since counts no more: its removal is on a quorum of the others, and so
 * is all that was acknowledged before. */
static size_t destroyed_voters(const struct ledger *ledger, const struct data *newest)
{
    size_t destroyed = 0;

    for (size_t i = 0; i < newest->conf.n; i++) {
        const struct conf_member *member = newest->conf.members[i];
        bool gone = false;
        for (size_t d = 0; d < ledger->n_destroyed; d++) {
            gone |= ledger->destroyed[d].cluster_id == newest->cluster_id &&
                    ledger->destroyed[d].member_id == member->id;
        }
        destroyed += gone && !member->learner;
    }
    return destroyed;
}

void ledger_forget_what_is_lost(struct sim_etcd *etcd)
{
    struct ledger *ledger = etcd->ledger;
    uint64_t last = 0;

    for (size_t d = 0; d < ledger->n_destroyed; d++) {
        uint64_t cluster_id = ledger->destroyed[d].cluster_id;
        const struct data *newest = cluster_id == last ? NULL : etcd_newest(etcd, cluster_id);
        last = cluster_id;
        if (newest && destroyed_voters(ledger, newest) > conf_voters(&newest->conf) / 2) {
            ledger_forget(ledger, service_of_member(newest, newest->conf.members[0]->id));
        }
    }
}
