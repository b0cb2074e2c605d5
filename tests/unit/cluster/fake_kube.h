/* An API server in a jansson object, as small as the reconciler's pass allows: one namespace, no
 * defaults but for claim templates, and server-side apply as a merge.  It counts calls, fails them
 * on demand, and watches over the permits that it is given. */
#ifndef TEST_CLUSTER_FAKE_KUBE_H
#define TEST_CLUSTER_FAKE_KUBE_H 1

#include "kube/api.h"

struct fake_kube {
    struct kube_api api;
    int64_t now_ms;
    json_t *objects; /* By "Kind/name". */
    json_t *permits; /* Every permit that a pod ever bore, by "ordinal/generation/pod UID". */
    int64_t version, uids;
    int calls, writes; /* That reached the server; cached reads do not. */
    int events;
    int applied_sets; /* Applies of StatefulSets. */

    int fail_call; /* This call fails (they count from 1), and once only; 0: none. */
    enum error_kind fail_kind;
    bool fail_after;       /* After its effect: only the answer is lost. */
    int cancel_from;       /* From this call on all fail: the operator is dead; 0: never. */
    const char *refuse;    /* Kind whose applies are denied, or NULL. */
    const char *violation; /* What must never have happened, and did. */
};

void fake_kube_init(struct fake_kube *kube, int64_t now_ms);
void fake_kube_fini(struct fake_kube *kube);

/* Behind the API's back; borrowed. `put` takes the reference and sets uid and versions. */
json_t *fake_kube_find(const struct fake_kube *kube, const char *kind, const char *name);
json_t *fake_kube_put(struct fake_kube *kube, const char *kind, json_t *object);
void fake_kube_touch(struct fake_kube *kube, json_t *object); /* It changed. */
void fake_kube_drop(struct fake_kube *kube, const char *kind, const char *name);
/* As kubectl delete. */
void fake_kube_delete(struct fake_kube *kube, const char *kind, const char *name);
int fake_kube_count(const struct fake_kube *kube, const char *kind);

#endif
