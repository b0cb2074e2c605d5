/* Everything that the planner knows, in one plain struct: what observe() saw of the object, its
 * children and etcd.  All pointers live in the pass's arena. */
#ifndef CLUSTER_WORLD_H
#define CLUSTER_WORLD_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "api/etcdcluster.h"
#include "api/permit.h"
#include "base/mutant.h"
#include "cluster/certificates.h"
#include "cluster/names.h"
#include "cluster/status.h"
#include "cluster/upkeep.h"
#include "etcd/api.h"

struct world_pod {
    bool exists; /* And belongs to the present StatefulSet, or to none and is a member's. */
    bool terminating, ready;
    const char *name, *uid, *resource_version, *ip, *node;
    const char *template_hash, *config; /* From its annotations; NULL: none. */
    bool has_permit;                    /* The annotation is there. */
    struct permit *permit;              /* It, decoded; NULL if it does not parse. */
    int64_t permit_sent_ms;             /* When it was last sent there; 0 or less: unknown. */
    bool started;                       /* The etcd container runs (the helper or etcd itself). */
    int64_t created_ms;                 /* By the API server's wall clock; 0: unknown. */
    int64_t started_ms;                 /* By the kubelet's wall clock; 0: unknown. */
    int64_t runs_ms;                    /* For how long at least, as far as clocks agree. */
    int32_t restarts;
    const char *waiting_reason, *waiting_message; /* Of the first container that waits, or NULL. */
    const char *ended_reason, *ended_message;     /* How etcd last ended, or NULL. */
    int ended_code;
    const char *unschedulable; /* The scheduler's words, or NULL. */
};

struct world_claim {
    bool exists, bound, terminating;
    const char *name, *uid, *resource_version;
    const char *creator_uid; /* Of the EtcdCluster that it was made for, or NULL. */
    const char *storage_class;
    const char *problem;                /* Why it is not bound, in words, or NULL. */
    const char *volume, *selected_node; /* NULL: none yet. */
    const char *gone;                   /* Why its volume is gone for good, or NULL. */
    bool class_missing;                 /* There is no StorageClass of that name. */
    const char *requested, *capacity;   /* Quantities: asked for, and there; NULL: not known. */
    const char *cannot_grow;            /* Why its class forbids what is wanted, or NULL. */
    const char *growth_problem;         /* What its driver says of the growth, or NULL. */
    bool growth_infeasible;             /* And that it can never be. */
    int64_t mount_wanted_ms;            /* Its growth waits for a mount since then; 0: not. */
    int64_t mount_waits_ms;             /* For how long at least, as far as clocks agree. */
};

/* Index 0: nothing is known. Its wall clock. */
struct member_trace {
    int64_t revision, at_ms;
    uint64_t index;
};

struct world_member {
    struct world_pod pod;
    struct world_claim claim;
    bool looked; /* `look` was asked for. */
    struct etcd_look look;
    const struct report *report;     /* The helper's, or NULL. */
    const struct etcd_member *entry; /* In the member list, matched by peer URL; or NULL. */
    const char *nonce;               /* Drawn for this pass, for a permit. */
    struct member_trace last;        /* What it told of itself when it last answered. */
};

/* A member as etcd lists it, or while no list can be had as the status did; id 0: it is not. */
struct known_member {
    uint64_t id;
    bool is_learner;
};

/* What our last apply of a child came to: if the same desired object still differs from that very
 * live one, somebody (an admission webhook) keeps changing it, and applying again would not end. */
struct settled {
    char child[160]; /* "StatefulSet/c" */
    char applied_hash[17];
    char resource_version[32];
};
#define MAX_SETTLED 8

/* What an EtcdRestore says it has brought, by its annotation. */
struct restored {
    const char *restore_uid, *cluster_uid; /* NULL: nothing. */
    uint64_t cluster_id;
};

struct drawing;

struct world {
    int64_t now_ms;  /* Wall clock. */
    int64_t boot_ms; /* This process's own clock: that of `upkeep`. */
    json_t *object;  /* The EtcdCluster. */
    const char *uid, *resource_version;
    int64_t generation;
    bool deleting, has_finalizer;
    struct names *names;
    bool spec_valid;
    const char *spec_problem;
    struct etcdcluster_spec spec;
    struct recorded recorded;
    const char *operator_image;
    bool helper_image_volume;

    json_t *stateful_set; /* Live and ours, or NULL. */
    json_t *children;     /* Array of all live Services, ConfigMaps, PodDisruptionBudgets and the
                           * StatefulSet that carry the cluster's label. */
    struct drawing **drawing;      /* Of the desired ones (cluster/drawing.h), or NULL. */
    const struct settled *settled; /* MAX_SETTLED of them. */
    const struct upkeep *upkeep;
    const char *replace; /* The member that a person gives up, by its annotation; NULL. */
    const char *restore_name, *restore_uid; /* Of the annotation of birth, or NULL. */
    struct restored restored;
    const char *refusal;        /* Why the API server refused our last action, or NULL. */
    const char *create_failure; /* Why the StatefulSet controller cannot make pods, or NULL. */
    const char *name_taken;     /* "StatefulSet c", which exists and is somebody else's, or NULL. */
    bool pods_left;             /* Any pod that carries the cluster's label. */
    /* Of these the members' that no controller looks after (their StatefulSet was deleted without
     * them) and that are not ending. */
    struct world_orphan {
        const char *name, *uid;
    } orphans[ETCDCLUSTER_MAX_SIZE];
    int n_orphans;
    struct certificates certificates;
    const char *certificates_problem; /* Why they could not be read, or NULL. */

    struct world_member members[ETCDCLUSTER_MAX_SIZE]; /* By ordinal. */
    const char **foreign_claims; /* Claims of other ordinals that an earlier cluster left. */
    int n_foreign_claims;
    const struct etcd_credentials *credentials; /* For its members, or NULL: not known yet. */
    const char *etcd_says; /* Why etcd did not do what it was last asked for, for now; or NULL. */
    const struct etcd_member_list *member_list; /* Fresh and linearizable, or NULL. */
    const struct etcd_alarm *alarms;
    size_t n_alarms;
    /* For how long no member has answered a linearizable read: as far as the status tells, too, and
     * as this process has seen it, which may have begun to lead just now, with stores that lag. */
    int64_t unread_ms, unread_here_ms;
};

/* etcd answers at this member. */
static inline bool member_answers(const struct world_member *member)
{
    return member->looked && member->look.status_error.kind == ERROR_NONE;
}

/* A linearizable read succeeded at this member. */
static inline bool member_reads(const struct world_member *member)
{
    return member->looked && member->look.read_error.kind == ERROR_NONE;
}

/* How many members there should be now: what was recorded (rule_scale.c), else the spec's. */
static inline int world_size(const struct world *world)
{
    return world->recorded.size && !MUTANT(SizeOfSpec) ? world->recorded.size : world->spec.size;
}

static inline bool world_formed(const struct world *world)
{
    return world->recorded.cluster_id != 0;
}

/* The pod has its start permit and its member does not serve yet: it is on its way. What is no
 * permit for this very pod starts nothing. */
static inline bool member_starting(const struct world_member *member)
{
    const struct permit *permit = member->pod.permit;
    return member->pod.exists && permit && !strcmp(permit->pod_uid, member->pod.uid) &&
           !(member_reads(member) && member->pod.ready);
}

/* The lowest and the highest etcd version among the members that answer; NULL: none does. */
void world_versions(const struct world *world, const char **lowest, const char **highest);
/* The end of the log, as far as members answer; 0: none does. */
uint64_t world_highest_index(const struct world *world);

/* "leader", "follower" or "learner"; "" when it does not answer. */
const char *member_role(const struct world_member *member);

struct known_member world_known_member(const struct world *world, int ordinal);

/* A linearizable read succeeded somewhere. */
bool world_has_quorum(const struct world *world);

/* The newest revision that any member knows; 0: none answers. */
int64_t world_revision(const struct world *world);

/* Some member has raised this alarm. */
bool world_alarmed(const struct world *world, enum etcd_alarm_type type);

#endif
