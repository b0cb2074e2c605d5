/* What the files of the simulated etcd share.
 *
 * Strings and members of the configuration live as long as the etcd (one arena); processes and
 * disks come and go.  Only client calls let time pass (sim_sleep), and they keep no pointer to a
 * process over it: anything may have ended meanwhile. */
#ifndef SIM_ETCD_INTERNAL_H
#define SIM_ETCD_INTERNAL_H 1

#include "etcd/errors.h"
#include "sim/etcd/etcd.h"

#define MEMBERS_MAX 32 /* Of one cluster, the removed ones apart. */

/* ---- What is on disk ---- */

/* One member of a configuration; immutable, a change makes another. */
struct conf_member {
    uint64_t id;
    const char *name; /* "" until it has started. */
    const char *peer_url;
    const char *host; /* The peer URL's. */
    const char *client_url;
    bool learner;
};

struct conf {
    const struct conf_member *members[MEMBERS_MAX];
    size_t n;
};

enum entry_kind {
    ENTRY_EMPTY, /* What a new leader begins its term with. */
    ENTRY_PUT,
    /* Membership: `member` as it is to be. */
    ENTRY_ADD,
    ENTRY_PROMOTE,
    ENTRY_UPDATE,
    ENTRY_REMOVE,
    ENTRY_PUBLISH,         /* A member says its name and client URL. */
    ENTRY_ALARM_ON,        /* `number` is the alarm's type, `member` whose it is. */
    ENTRY_ALARM_OFF,       /* Likewise. */
    ENTRY_ALARM_GET,       /* etcd asks through the log, too. */
    ENTRY_COMPACT,         /* `number` is the revision. */
    ENTRY_CLUSTER_VERSION, /* `number` is the minor version. */
    ENTRY_DOWNGRADE        /* Likewise; 0: no more. */
};

struct entry {
    uint64_t term;
    uint64_t id; /* Of all entries ever made. */
    enum entry_kind kind;
    enum etcd_error refusal; /* What became of it when it was applied. */
    uint64_t number;         /* Of a put: bytes that it takes beside its own. */
    union {
        const struct conf_member *member;
        const struct put *put;
    };
};

struct put {
    struct etcd_bytes key, value;
};

/* A data directory's contents. A process that runs keeps them although the disk was wiped. */
struct data {
    int references;
    uint64_t identity; /* Of all contents ever made. */
    uint64_t cluster_id, member_id;
    uint64_t term, vote;
    struct entry *log;
    size_t length, capacity, commit, applied;
    bool begun;

    /* Applied. */
    struct conf conf;
    uint64_t *removed;
    size_t n_removed;
    struct etcd_alarm alarms[2 * MEMBERS_MAX];
    size_t n_alarms;
    int64_t revision, compact_revision;
    int minor;     /* Cluster version 3.<minor>; 0 until it is known. */
    int downgrade; /* To this minor version; 0: none is going on. */
    int64_t db_size, db_in_use;
    bool corrupt; /* A test made its contents differ. */
};

struct sim_disk {
    struct sim_disk *next;
    struct sim_etcd *etcd;
    char *name;
    struct data *data; /* NULL: none. */
    bool garbage, full;
    bool spoilt;     /* The log is good, the database is not. */
    bool doomed;     /* It goes with its claim when its pod has ended. */
    int64_t slow_ms; /* What an answer takes. */
    char *file;
};

/* An empty one. */
struct data *data_new(struct sim_etcd *etcd, uint64_t cluster_id, uint64_t member_id);
struct data *data_ref(struct data *data);
void data_unref(struct data *data); /* NULL is allowed. */
void data_append(struct data *data, const struct entry *entry);
void data_truncate(struct data *data, size_t length);
/* Applies what is committed. `max_learners` is this member's own flag: that is how members can come
 * to disagree. True when the membership changed. */
bool data_apply(struct data *data, size_t max_learners);
/* It adds, promotes, updates or removes a member. */
bool entry_is_membership(const struct entry *entry);
bool data_has_alarm(const struct data *data, enum etcd_alarm_type type);

const struct conf_member *conf_find(const struct conf *conf, uint64_t id);
size_t conf_voters(const struct conf *conf);
bool data_is_removed(const struct data *data, uint64_t id);
/* A configuration's member from what is known of it; the strings are copied. */
const struct conf_member *conf_member_new(struct sim_etcd *etcd, const struct conf_member *from);

/* ---- Flags ---- */

struct flags {
    const char *name, *data_dir, *initial_cluster, *state, *token, *peer_url, *client_url;
    int64_t election_ms, heartbeat_ms, quota;
    size_t max_learners;
    bool strict_reconfig_check;
};

/* 0, or the exit code that etcd ends with, saying these words. The strings live in the etcd's
 * arena.
 */
int flags_parse(struct sim_etcd *etcd, int minor, char *const *arguments, struct flags *flags,
                const char **words);

/* ---- Processes ---- */

enum process_state {
    PROCESS_BOOTING,
    PROCESS_RUNNING, /* Takes part in raft. */
    PROCESS_ENDING   /* Has said its last words; `exited` is to be called. */
};

/* Where a proposed entry stands; length 0: it was not proposed, for nobody leads. */
struct proposal {
    uint64_t id;
    size_t length; /* Of the log that ends with it. */
};

/* To another member, as a process sees it. */
struct connection {
    uint64_t id, serial; /* 0: there is none, */
    int64_t since_ms;    /* in either case since then. */
};

/* What a leader knows of another member. */
struct progress {
    uint64_t id;
    size_t match;
    int64_t from_ms; /* A member without a log is sent it from then on. */
};

struct sim_etcd_process {
    struct sim_etcd_process *next;
    uint64_t serial; /* Of all processes ever started. */
    struct sim_etcd *etcd;
    char *version;
    int minor;
    struct flags flags;
    struct sim_disk *disk;
    struct data *data; /* NULL until it runs. */
    char *address;
    void *owner;
    enum process_state state;
    bool frozen;
    bool ready; /* It has published its name: its client port answers, from then on. */
    struct proposal publication;
    bool followed; /* Has had a leader, or has failed to become one. */
    bool leads;
    int64_t led_ms;        /* When it began to. */
    bool timer;            /* An election, or a step down, is planned. */
    int64_t busy_until_ms; /* It defragments. */
    struct connection connections[MEMBERS_MAX];
    size_t n_connections;
    struct progress progress[MEMBERS_MAX];
    size_t n_progress;
    int exit_code;
    char words[300];
};

/* By its own configuration. */
bool process_is_learner(const struct sim_etcd_process *process);
struct sim_etcd_process *process_at(struct sim_etcd *etcd, const char *address);
struct entry process_alarm_entry(struct sim_etcd_process *process, uint64_t id,
                                 enum etcd_alarm_type type, bool on);
int64_t process_quota(const struct sim_etcd_process *process);
/* A linearizable read is answered here now. */
bool process_can_read(struct sim_etcd_process *process);
/* Makes or opens its data. False: the process ends. */
bool bootstrap(struct sim_etcd_process *process);
/* Ends by itself: `exited` is called soon; until then it does nothing any more. */
void process_exit(struct sim_etcd_process *process, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Raft ---- */

/* The member's process, if it runs and takes messages of this one, and packets pass both ways. */
struct sim_etcd_process *raft_peer(const struct sim_etcd_process *process,
                                   const struct conf_member *member);
/* The process that leads this one (or itself), or NULL. */
struct sim_etcd_process *raft_leader(struct sim_etcd_process *process);
/* How many voters of a leader's configuration follow it, itself included; it steps down, and 0 is
 * given, when one of them knows a later term. */
size_t raft_followers(struct sim_etcd_process *leader);
bool raft_has_quorum(struct sim_etcd_process *leader);
/* Appends at the leader of this process, and sends it to all. True when it is committed and
 * applied at this process. `proposal` may be NULL. */
bool raft_propose(struct sim_etcd_process *process, struct entry entry, struct proposal *proposal);
bool raft_is_applied(const struct sim_etcd_process *process, const struct proposal *proposal);
bool raft_transfer(struct sim_etcd_process *leader, uint64_t to);
/* Something changed (a start, an end, the network, membership): everyone looks around, soon. */
void raft_review_later(struct sim_etcd *etcd);
/* A request failed: perhaps the network changed, and nobody said so. */
void raft_notice_failure(struct sim_etcd *etcd);
/* Members that wait for their first log wait as long as usual from now on. */
void raft_hasten(struct sim_etcd *etcd);
/* True when the member has enough of the leader's log for a promotion. */
bool raft_in_sync(const struct sim_etcd_process *leader, uint64_t id);
/* Tells what a change of membership does to the quorum: one that was asked for, whatever etcd will
 * say to it, or that the leader has taken into its log. */
void raft_tell_membership(struct sim_etcd_process *process, const struct entry *entry,
                          bool accepted);
/* Voters that follow this leader, or did so a moment ago. */
size_t raft_live_voters(struct sim_etcd_process *leader);
bool raft_lives(struct sim_etcd_process *leader, const struct conf_member *member);
/* Since when the process has been connected to that member; -1: it is not. */
int64_t raft_connected_since(const struct sim_etcd_process *process, uint64_t id);

/* ---- Invariants ---- */

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);
void ledger_elected(struct sim_etcd *etcd, struct sim_etcd_process *leader);
/* A vote was granted, or entries were acknowledged. */
void ledger_took_part(struct sim_etcd *etcd, const struct sim_etcd_process *process);
/* A write was acknowledged; it stands at this index of the log. */
void ledger_acknowledged(struct sim_etcd *etcd, const struct sim_etcd_process *process,
                         size_t index);
void ledger_read(struct sim_etcd *etcd, const struct sim_etcd_process *leader);
void ledger_forget(struct ledger *ledger, const char *service);
/* Likewise, if a quorum of the voters' disks was destroyed. */
void ledger_forget_what_is_lost(struct sim_etcd *etcd);
void ledger_destroyed(struct sim_etcd *etcd, const struct data *data);
/* The newest that is known of a cluster, or NULL. */
const struct data *etcd_newest(const struct sim_etcd *etcd, uint64_t cluster_id);

/* ---- Clients ---- */

struct client;

#define PENDING 1 /* A step's answer: not now, perhaps later. */

/* A call as it is carried out at one endpoint. */
struct call {
    const char *method; /* "Cluster/MemberList" */
    /* 0, a negative kind with `error`, or PENDING. Called again while it is that. */
    int (*step)(struct sim_etcd_process *process, struct call *call, struct error *error);
    void *in, *out;
    struct arena *arena;
    bool learners;        /* A learner answers it, too. */
    const char *gives_up; /* What it ends with instead of etcd's usual time-out, or NULL. */
    /* Set when something was proposed: the call is then not made elsewhere. */
    struct proposal proposal;
};

int call_run(struct client *client, const struct etcd_target *target, struct call *call,
             struct error *error);
/* Several at once: results[i] is of endpoints[i]. */
void call_run_all(struct client *client, const struct etcd_endpoint *endpoints, size_t n,
                  int64_t timeout_ms, struct call *calls, struct error *errors);
/* Proposes it once, and waits for it. */
int call_propose(struct sim_etcd_process *process, struct call *call, struct entry entry,
                 struct error *error);

/* etcd looks before it proposes; else there is an alarm. */
bool kv_has_space(struct sim_etcd_process *process, const struct put *put);

/* Parts of the client's table. */
void client_add_kv(struct etcd_api *api);
void client_add_maintenance(struct etcd_api *api);
void client_add_membership(struct etcd_api *api);

/* ---- All of it ---- */

struct client {
    struct client *next;
    struct etcd_api api;
    struct sim_etcd *etcd;
    char *address;
};

struct sim_etcd {
    struct sim_etcd_options options;
    struct sim *sim;
    struct arena *arena;
    struct sim_etcd_process *processes;
    struct sim_disk *disks;
    struct client *clients;
    struct ledger *ledger;
    uint64_t entries, contents, starts; /* Made so far. */
    uint64_t writes;
    int64_t catch_up_ms; /* A fault: how long a new member waits for its log; 0: as usual. */
    bool review;         /* Planned. */
    int64_t reviewed_ms;
};

bool etcd_reachable(const struct sim_etcd *etcd, const char *from, const char *to);
void client_table(struct client *client);
void client_list_members(const struct data *data, struct arena *arena,
                         struct etcd_member_list *list);

#endif
