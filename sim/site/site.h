/* The machines: nodes and the network between them, volumes, and the pods that kubelets run.
 *
 * What a kubelet and the scheduler tell goes into the API server as theirs; what the start helper
 * in a pod decides is the helper's own code (src/member/decide.c) on the simulated volume, and
 * etcd's flags come from its member_arguments().
 *
 * site.c     nodes, addresses, who reaches whom
 * volume.c   claims become disks; pods are put onto nodes
 * resizer.c  volumes grow, as their StorageClass and their driver allow
 * pod.c      a pod's life: start, probes, restart, end
 * helper.c   the start helper in the pod
 * fault.c    what may go wrong with all of it */
#ifndef SIM_SITE_H
#define SIM_SITE_H 1

#include "api/permit.h"
#include "sim/etcd/etcd.h"
#include "sim/kube/api_server.h"

#define SIM_NODES     5
#define SIM_PODS      24
#define SIM_VOLUMES   24
#define SIM_NAMESPACE "ns"

enum sim_pod_state {
    SIM_POD_NONE,     /* The slot is free. */
    SIM_POD_PENDING,  /* On no node yet. */
    SIM_POD_STARTING, /* Volumes, images, init container. */
    SIM_POD_HELPER,   /* The container runs, and the helper in it waits. */
    SIM_POD_ETCD,     /* It became etcd. */
    SIM_POD_BACKOFF,  /* The container ended and is started again later. */
};

struct sim_volume {
    char claim[80], claim_uid[40];
    struct sim_disk *disk; /* NULL: the slot is free. */
    int node;              /* Its data is there and nowhere else. */
    bool lost;             /* There is no such volume any more, though the claim names it. */
    char capacity[16];     /* As its claim says, */
    bool grows;            /* and the resizer is about to look whether that is enough. */
    bool needs_mount;      /* The rest is done when it is mounted the next time, */
    int64_t needs_since_ms;
    bool infeasible; /* or can never be. */
};

/* How the driver grows volumes. */
enum sim_growth { SIM_GROWS_ONLINE, SIM_GROWS_AT_MOUNT, SIM_GROWS_NEVER };

struct sim_pod {
    struct sim_site *site;
    enum sim_pod_state state;
    char name[64], uid[40], ip[24];
    int ordinal, node;
    struct sim_volume *volume; /* NULL until bound. */
    struct sim_etcd_process *process;
    char *permit; /* What the downward API has brought into the pod, or NULL. */
    char *config; /* member.json, as mounted at the start, */
    const struct member_config *decoded; /* and what it says; NULL: not looked at yet. */
    struct arena *decoded_arena;
    char version[16];             /* Of etcd in its image. */
    char nonce[64];               /* The used one, in the emptyDir; "": none. */
    enum report_reason waits_for; /* While the helper waits. */
    char *report;                 /* What the helper tells while it waits. */
    int restarts;
    int exit_code;   /* Of the last end, */
    char words[256]; /* and etcd's last words; "": it has not ended yet. */
    bool ready, ending;
    bool orphan;        /* Gone from the API server, but its node has yet to hear of it. */
    int64_t silent_ms;  /* For how long its kubelet has told nothing. */
    int64_t started_ms; /* When the container did; simulated time. */
};

struct sim_node {
    bool down;       /* No power. */
    bool gone;       /* For good: it is no Node any more, and what was on it is lost. */
    bool frozen;     /* The kubelet hangs; containers run on. */
    bool deaf, mute; /* Nothing comes in; nothing goes out. Both: cut off. */
};

struct sim_site {
    struct sim *sim;
    struct sim_api_server *server;
    const struct kube_api *kube; /* As the kubelets and the scheduler. */
    struct sim_etcd *etcd;
    struct sim_node nodes[SIM_NODES];
    struct sim_pod pods[SIM_PODS];
    struct sim_volume volumes[SIM_VOLUMES];
    int addresses;        /* Given out so far. */
    bool unschedulable;   /* A fault: no room for another pod, */
    int no_room_from;     /* for those of this ordinal and above. */
    bool members_cut_off; /* A fault: the operators reach no member. */
    bool bad_image;       /* A fault: no image can be pulled. */
    double slow;          /* Factor on all that a kubelet does. */
    enum sim_growth growth;
    int operator_nodes[8]; /* Where operator process "operator-N" runs. */
    /* May be NULL: see struct sim_etcd_options. */
    void (*membership)(void *context, const struct sim_membership_change *change);
    /* May be NULL: a member's etcd begins, on a volume without data of its own or with. */
    void (*begins)(void *context, const struct sim_pod *pod, const struct permit *start);
    void *context; /* Of both. */
};

struct sim_site *sim_site_new(struct sim *sim, struct sim_api_server *server);
void sim_site_free(struct sim_site *site);

/* Whether an operator at "operator-N" reaches the API server now. */
bool sim_site_reaches_api(const struct sim_site *site, const char *operator_address);
/* The form of etcd_api.reports, from an operator's address. */
void sim_site_reports(struct sim_site *site, const char *from,
                      const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                      struct arena *arena, const char **out);
/* The pod that runs under this name, or NULL. */
struct sim_pod *sim_site_pod(struct sim_site *site, const char *name);
/* Any member to write to: the address of the n-th running pod; NULL: none runs. */
const char *sim_site_some_address(const struct sim_site *site, uint64_t n);

/* Faults. */
void sim_site_kill_container(struct sim_pod *pod, int code, const char *words);
void sim_site_power_off(struct sim_site *site, int node);
void sim_site_power_on(struct sim_site *site, int node);
/* The machine, its volumes and its Node object are gone for good. */
void sim_site_lose_node(struct sim_site *site, int node);
/* The volume is gone for good; its claim still names it. */
void sim_site_lose_volume(struct sim_site *site, struct sim_volume *volume);
/* A set of faults that stand until they are healed: deaf, mute, frozen. */
void sim_site_heal_node(struct sim_site *site, int node);

/* Between the files of the site. */
void sim_site_place_pod(struct sim_pod *pod); /* volume.c */
void sim_pod_begin(struct sim_pod *pod);      /* pod.c: it is on a node */
void sim_pod_became_etcd(struct sim_pod *pod);
void sim_pod_write_status(struct sim_pod *pod);
void sim_pod_remove(struct sim_pod *pod); /* The slot is free again. */
/* Nobody is left who could end it: it goes from the API server at once. */
void sim_pod_force(struct sim_pod *pod);
void sim_pod_changed(struct sim_site *site, const json_t *object, bool deleted);
void sim_pod_ended(void *site, void *owner, int code, const char *words);
void sim_pod_after(struct sim_pod *pod, int64_t delay_ms, sim_event *function);
bool sim_pod_can_run(const struct sim_pod *pod);
void sim_helper_look(struct sim_pod *pod); /* helper.c */
/* Its claim's status. */
void sim_volume_tell(struct sim_site *site, const struct sim_volume *volume, const char *phase);
void sim_volume_claim_changed(struct sim_site *site, const json_t *claim); /* resizer.c */
void sim_volume_mounted(struct sim_site *site, struct sim_volume *volume);
void sim_register_classes(struct sim_site *site);
struct sim_volume *sim_volume_of_claim(struct sim_site *site, const char *claim_uid);

#endif
