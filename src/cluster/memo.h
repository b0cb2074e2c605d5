/* What the reconciler keeps of a cluster between passes: only what would be dear to fetch again
 * (the certificates) or what keeps it from repeating itself.  Losing it is always safe. */
#ifndef CLUSTER_MEMO_H
#define CLUSTER_MEMO_H 1

#include <stdint.h>

#include "cluster/certificates.h"
#include "cluster/quiet.h"
#include "cluster/upkeep.h"
#include "cluster/world.h"
#include "kube/resource.h"

struct memo {
    struct memo *next;
    char *key; /* "namespace/name" */
    char uid[64];
    bool changed; /* Since the last pass began, as far as anybody said. */
    struct quiet quiet;

    struct arena *certificates_arena;
    struct certificates certificates;
    int64_t certificates_read_ms; /* Boot clock. */
    int64_t certificates_generation;

    struct settled settled[MAX_SETTLED];
    const struct kube_resource *taken_resource; /* NULL: no name is taken. */
    char taken_name[128];
    /* When each member's container was first seen running as it is, by this process's own clock:
     * the kubelet's may differ by hours. */
    struct {
        uint64_t pod; /* Of its UID and its restarts; 0: not running. */
        int64_t since_ms;
    } running[ETCDCLUSTER_MAX_SIZE];
    /* And since when its volume was seen to wait for a mount. */
    struct {
        int64_t wanted_ms; /* As the claim dates it; 0: it does not wait. */
        int64_t since_ms;
    } mounts[ETCDCLUSTER_MAX_SIZE];
    struct upkeep upkeep;
    struct member_trace traces[ETCDCLUSTER_MAX_SIZE]; /* By ordinal. */
    int64_t unread_since_ms; /* Boot clock: when the first read of a row failed; 0: none did. */
    int busy_passes;         /* Passes in a row that acted. */
    char refusal[ERROR_MESSAGE_SIZE];   /* Why the last action was refused; "": it was not. */
    char etcd_says[ERROR_MESSAGE_SIZE]; /* Why etcd did not do the last one, for now; "": it did. */
};

struct memos;

struct memos *memos_new(void);
void memos_free(struct memos *memos);

/* The cluster's memo, made empty when there is none or it is of another object of that name. It may
 * be used by the one worker that holds the key. */
struct memo *memos_get(struct memos *memos, const char *key, const char *uid);
/* The same if it exists, whatever it is of, and nothing has changed since the last pass began; else
 * NULL. */
struct memo *memos_unchanged(struct memos *memos, const char *key);
/* Something of the cluster changed, or (`changed` false) a pass begins. Any thread. */
void memos_mark(struct memos *memos, const char *key, bool changed);
size_t memos_length(struct memos *memos);
void memos_drop(struct memos *memos, const char *key);

void memo_forget_certificates(struct memo *memo);

#endif
