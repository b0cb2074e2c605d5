/* One process of the operator: its own reconciler, stores, reflectors and work queue, driven by one
 * thread, behind a client that suffers what a client suffers.
 *
 * operator.c      the process: start, end, stop, its worker
 * feed.c          its reflectors: lists, watches, what goes wrong with them
 * client.c        its requests to the API server: latency, faults, the guard before each change
 * etcd_client.c   its calls of etcd, likewise */
#ifndef SIM_OPERATOR_H
#define SIM_OPERATOR_H 1

#include "cluster/plan.h"
#include "kube/elector.h"
#include "kube/queue.h"
#include "kube/reflector.h"
#include "manager/watched.h"
#include "sim/site/site.h"

/* What lies between all operators and the API server, and between them and etcd. */
struct sim_wire {
    bool down;          /* Nobody is there. */
    double fail;        /* Requests that are answered with an error, or not at all, before they */
    double lose_answer; /* are carried out; whose answer is lost after they were; */
    double resend;      /* that libcurl sends again on its own, on a connection that died. */
    double slow;        /* Factor on latency; 1. */
    int64_t stale_ms;   /* Watches deliver up to this much later. */
    double lose_member_answer; /* Changes of etcd whose answer is lost after they were made. */
};

struct sim_request {
    enum {
        SIM_GET,
        SIM_LIST,
        SIM_CREATE,
        SIM_APPLY,
        SIM_PATCH,
        SIM_STATUS,
        SIM_REPLACE,
        SIM_REMOVE
    } verb;
    const struct kube_resource *resource;
    const char *namespace, *name;
    json_t *object; /* Or the patch. */
    bool force;
    const struct kube_delete_options *options;
    const char *label_selector, *field_selector;
};

struct sim_operator;

struct sim_operator_options {
    struct sim *sim;
    struct sim_api_server *server;
    struct sim_site *site;
    struct sim_wire *wire;
    int number;            /* Its address is "operator-NUMBER". */
    uint64_t identity;     /* Its pod's UID. */
    int64_t clock_skew_ms; /* Of its wall clock. */
    /* A request that changes something has reached the API server; before it is carried out. */
    void (*arrived)(void *context, struct sim_operator *operator,
                    const struct sim_request * request);
    /* A call that changes something in etcd ("MemberAdd c-1") leaves. */
    void (*calls)(void *context, struct sim_operator *operator, const char * what);
    /* A pass has planned. */
    void (*planned)(void *context, const struct world *world, const struct plan *plan);
    /* The process is gone: it was killed, or ended itself for want of its lease. */
    void (*ended)(void *context, int number);
    void *context;
};

struct sim_feed {
    struct sim_operator *operator;
    const struct watched_kind *kind;
    struct kube_store *store;
    struct reflector reflector;
    struct sim_watch *watch;
    bool pump_planned;
    int64_t heard_ms; /* When the watch last delivered anything. */
    uint64_t turn;    /* Of the watch: timers of an earlier one are void. */
};

struct sim_operator {
    struct sim_operator_options options;
    char address[16], identity[24];
    struct kube_api kube;
    struct etcd_api etcd;
    const struct kube_api *server;
    const struct etcd_api *members;
    struct reconciler *reconciler;
    struct work_queue *queue;
    struct sim_feed feeds[N_WATCHED_OF_CLUSTERS];
    struct kube_recent *recent; /* Of their stores. */
    struct elector elector;
    bool dead, leading, busy, elector_busy, work_planned;
    int nested;         /* Calls of its own that are under way: it may not be freed. */
    int64_t work_at_ms; /* When the planned look at the queue is. */
    int64_t frozen_until_ms;
    int calls_until_crash; /* A fault: it dies at its n-th call from now; 0: not. */
    int calls_until_stop;  /* A fault: likewise SIGSTOP, */
    int64_t stop_ms;       /* for so long. */
    const char *last_rule; /* So that the trace repeats nothing. */
};

struct sim_operator *sim_operator_start(const struct sim_operator_options *options);
/* kill -9. */
void sim_operator_kill(struct sim_operator *operator);
void sim_operator_freeze(struct sim_operator *operator, int64_t duration_ms);
/* At the end of a run, dead or not; no event of it may be left. */
void sim_operator_free(struct sim_operator *operator);

/* The run hands on what changed in the API server. */
void sim_operator_notice(struct sim_operator *operator, const struct kube_resource * resource);
/* The resync, after which a pass is a whole one. */
void sim_operator_resync(struct sim_operator *operator, const char * cluster);
/* What a slow network held back arrives. */
void sim_operator_catch_up(struct sim_operator *operator);
/* A fault: the watches break. */
void sim_operator_cut_watches(struct sim_operator *operator);

/* Between the files. */
void sim_operator_fill_client(struct sim_operator *operator);
void sim_operator_fill_etcd_client(struct sim_operator *operator);
/* The faults that end or stop a process in the middle of a pass. */
void sim_operator_count_down(struct sim_operator *operator);
void sim_operator_start_feeds(struct sim_operator *operator);
void sim_operator_free_feeds(struct sim_operator *operator);
void sim_operator_plan_work(struct sim_operator *operator);
/* Lets a frozen process wait until it thaws; true when it is dead by then. */
bool sim_operator_pause(struct sim_operator *operator);
int64_t sim_operator_boot_ms(const struct sim_operator *operator);
double sim_operator_chance(struct sim_operator *operator);
/* One request, as kube_api's functions say; `out` may be NULL. */
int sim_operator_exchange(struct sim_operator *operator, const struct sim_request * request,
                          json_t **out, struct error *error);

#endif
