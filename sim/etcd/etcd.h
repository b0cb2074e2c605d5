/* Simulated etcd: disks that survive processes, processes that take etcd's own flags, and enough of
 * raft to lose data when somebody breaks its rules: terms, votes and logs that live on disk,
 * elections that need a quorum of the member's own configuration, learners, and membership that is
 * part of the log. */
#ifndef SIM_ETCD_H
#define SIM_ETCD_H 1

#include "etcd/api.h"
#include "member/wal.h"
#include "sim/sim.h"

struct sim_etcd;         /* All of it. */
struct sim_disk;         /* A data directory (one volume). */
struct sim_etcd_process; /* One running etcd. */

/* A change of membership, as things stand just before: one that was asked for, whatever etcd will
 * say to it, and, when it was accepted, once more. */
struct sim_membership_change {
    enum { SIM_MEMBER_ADD, SIM_MEMBER_PROMOTE, SIM_MEMBER_REMOVE, SIM_MEMBER_UPDATE } kind;
    bool accepted; /* A leader has taken it into its log. */
    uint64_t cluster_id, member_id;
    const char *host; /* The peer URL's. */
    bool learner;     /* What is added, or removed, is one. */
    /* Voters before and after, and how many of them follow the leader; one that has been away for
     * only a moment counts as one that does, for nobody can know better. */
    size_t voters, live, voters_after, live_after;
    bool member_lives; /* The one that is promoted or removed does so. */
};

/* One member of a cluster, as its newest log has it. */
struct sim_member {
    uint64_t id;
    const char *host;
    bool learner;
};

struct sim_etcd_options {
    struct sim *sim;
    /* Whether packets pass from one address (an IP as text) to another; asked at each exchange. */
    bool (*reachable)(void *context, const char *from, const char *to);
    /* The IP at which a peer's host name (c-0.c-peer.ns.svc) answers now, or NULL. */
    const char *(*resolve)(void *context, const char *host);
    /* The process ended by itself, as its container would: exit code and last words. The process
     * is gone when this returns. */
    void (*exited)(void *context, void *owner, int code, const char *words);
    /* May be NULL. */
    void (*membership)(void *context, const struct sim_membership_change *change);
    void *context;
};

struct sim_etcd *sim_etcd_new(const struct sim_etcd_options *options);
void sim_etcd_free(struct sim_etcd *etcd);

/* Disks. `name` is for the trace; copied. */
struct sim_disk *sim_disk_new(struct sim_etcd *etcd, const char *name);
void sim_disk_free(struct sim_disk *disk); /* No process may be on it. */
void sim_disk_wipe(
    struct sim_disk *disk); /* Everything on it; a process on it goes on until it ends. */
void sim_disk_corrupt(struct sim_disk *disk); /* The log's head is garbage. */
/* Moves the data aside, as the start helper does: what is there is forgotten. */
void sim_disk_move_aside(struct sim_disk *disk);
/* The database is garbage: etcd that runs on it answers with another hash from now on, and does not
 * start on it again. */
void sim_disk_spoil(struct sim_disk *disk);
/* Or what is in it differs from what the other members have. */
bool sim_disk_is_spoilt(const struct sim_disk *disk);
/* Whatever etcd answers from this disk takes so long. */
void sim_disk_set_slow(struct sim_disk *disk, int64_t slow_ms);
/* Nobody can be blamed for what was on it: it was destroyed (call this before it is). When a quorum
 * of a cluster's voters is lost so, what they had acknowledged is forgotten. */
void sim_disk_destroyed(struct sim_disk *disk);
/* The same, and of what comes to be on it: its claim is deleted, and its pod has not ended yet. */
void sim_disk_doomed(struct sim_disk *disk);
/* Whether the data of this member is somewhere, and good. */
bool sim_etcd_is_intact(const struct sim_etcd *etcd, uint64_t member_id);
/* The newest membership of a cluster that anything holds; how many there are, at most `max`. */
size_t sim_etcd_members(const struct sim_etcd *etcd, uint64_t cluster_id, struct sim_member *out,
                        size_t max);
/* 3.<minor>, likewise; 0: unknown. */
int sim_etcd_cluster_minor(const struct sim_etcd *etcd, uint64_t cluster_id);
/* The member whose data is on the disk; 0: there is none. */
uint64_t sim_disk_member_id(const struct sim_disk *disk);
/* What wal_inspect() would say of it. */
struct wal_facts sim_disk_wal(const struct sim_disk *disk);
/* A small file beside the data (the marker), NULL: none. It goes with a wipe. Copied. */
void sim_disk_set_file(struct sim_disk *disk, const char *text);
const char *sim_disk_file(const struct sim_disk *disk);
/* While full, nothing can be written: etcd on it ends at its next write. */
void sim_disk_set_full(struct sim_disk *disk, bool full);

/* Starts etcd of a version ("3.6.16") with its flags (ended by NULL, without argv[0]) on a disk, at
 * an address. It ends later, by `exited` with `owner`, when etcd would: unknown flag, `existing`
 * with a member count that is unequal, a removed member, a data directory of a newer version, a
 * full disk. */
struct sim_etcd_process *sim_etcd_start(struct sim_etcd *etcd, const char *version,
                                        char *const *flags, struct sim_disk *disk,
                                        const char *address, void *owner);
/* kill -9; `exited` is not called. What was not synced does not exist here: all writes are. */
void sim_etcd_kill(struct sim_etcd_process *process);
/* SIGSTOP and SIGCONT. */
void sim_etcd_set_frozen(struct sim_etcd_process *process, bool frozen);
/* Raises an alarm of this member, as etcd itself does; without a leader nothing happens. */
void sim_etcd_raise_alarm(struct sim_etcd_process *process, enum etcd_alarm_type type);
/* Its database differs from the others' from now on. */
void sim_etcd_corrupt(struct sim_etcd_process *process);
/* A client writes until the quota is reached; false: it cannot. */
bool sim_etcd_fill(struct sim_etcd_process *process);
/* Its database file was much larger once: most of it is free. */
void sim_etcd_empty(struct sim_etcd_process *process);
/* A member that joins has its first log only after so long; 0: as usual. */
void sim_etcd_set_catch_up(struct sim_etcd *etcd, int64_t catch_up_ms);
/* It leads, and has done so for at least this long. */
bool sim_etcd_leads(const struct sim_etcd_process *process, int64_t for_ms);
/* What the kubelet's probe of /readyz would get now. */
bool sim_etcd_ready(struct sim_etcd_process *process);
uint64_t sim_etcd_member_id(const struct sim_etcd_process *process);

/* The door, as seen from an address ("operator-0"); frees with the etcd. `reports` is left NULL: no
 * helper runs where etcd does; so are `delete_range` and `txn`, which no pass calls. Calls that
 * cannot reach their endpoint let the time-out pass (sim_sleep) and fail with RETRYABLE. */
const struct etcd_api *sim_etcd_client(struct sim_etcd *etcd, const char *address);

/* `reachable` or `resolve` answers otherwise than before; members look around at once instead of at
 * the next request. */
void sim_etcd_network_changed(struct sim_etcd *etcd);
/* The cluster whose peers are found under this domain ("c-peer.ns.svc") was deleted or restored on
 * purpose: what was acknowledged there may be gone. */
void sim_etcd_forget(struct sim_etcd *etcd, const char *domain);

/* A client that writes all the time: puts one numbered key at this address; true when etcd said
 * that it is committed. Acknowledged writes are remembered, and sim_violate() is called
 * ("AcknowledgedWriteLost") as soon as a leader is elected, or a linearizable read is answered,
 * without one of them. Likewise "TwoLeadersInOneTerm", "VotedWithEmptiedLog" (a member id that has
 * voted or acknowledged entries comes back without its log, and takes part in an election or a
 * commit), and "TwoClusters" (two cluster ids whose members have a quorum serve under the same peer
 * URLs). */
bool sim_etcd_write(struct sim_etcd *etcd, const char *address);

#endif
