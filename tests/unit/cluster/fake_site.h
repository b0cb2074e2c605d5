/* What stands around the operator: the StatefulSet controller, kubelets whose start helper decides
 * with the real member_decide(), and etcd, as far as who runs with whose data. One step at a time.
 */
#ifndef TEST_CLUSTER_FAKE_SITE_H
#define TEST_CLUSTER_FAKE_SITE_H 1

#include "etcd/api.h"
#include "etcd/errors.h"
#include "fake_kube.h"

struct fake_site {
    struct etcd_api etcd;
    struct fake_kube *kube;
    json_t *volumes;  /* By claim UID: {"marker", "token", "id"}; with a token there is a WAL. */
    json_t *nonces;   /* By pod UID: the used one. */
    json_t *running;  /* By pod UID: etcd runs there. */
    json_t *lists;    /* etcd's own: by token, an array of {"id", "ordinal", "learner", "name"}. */
    json_t *born;     /* By member id: it has begun with an empty log. */
    uint64_t leader;  /* A member id. */
    uint64_t last_id; /* That an addition got. */
    int changes;      /* Of the membership and the leader, as far as etcd did them. */
    int asked;        /* For a change. */
    int fail_first, fail_last; /* Calls for a change that fail, by number; 0: none. */
    enum etcd_error failure;   /* What they are answered. */
    bool fail_after;           /* The change is done, and the answer is lost. */
    bool impostor;             /* The reports come from another pod that got the address. */
    bool etcd_fails;           /* etcd ends before it has a WAL: a wrong flag. */
    char served[256];          /* The token of the one cluster that ever had a quorum. */
};

void fake_site_init(struct fake_site *site, struct fake_kube *kube);
void fake_site_fini(struct fake_site *site);
void fake_site_step(struct fake_site *site);

/* The volume of "data-c-N" is lost, with all that runs on it. */
void fake_site_lose_volume(struct fake_site *site, int ordinal);
/* The container starts again: etcd ends, or the helper looks again. */
void fake_site_restart(struct fake_site *site, int ordinal);

#endif
