/* The volumes that members have, beside those that the spec asks for.  Pure.
 *
 * A StatefulSet's claim templates cannot be changed, so what new claims are to ask for is judged
 * here, by the claims that there are: never by the spec alone, for a set that is made anew while a
 * change is refused must not carry that change. */
#ifndef CLUSTER_VOLUMES_H
#define CLUSTER_VOLUMES_H 1

#include "cluster/world.h"

#define RESTART_AFTER_MS 60000 /* Where a kubelet can grow a mounted volume, it takes seconds. */

struct storage {
    const char *size, *class; /* `class` NULL: the default one. */
};

/* What the live StatefulSet's claims ask for; all NULL without one. */
struct storage storage_of_set(const json_t *set);
/* What those of the next one should. */
struct storage storage_wanted(const struct world *world);
bool storage_is_same(struct storage a, struct storage b);

/* It has a volume, whose data nobody may take away. */
bool claim_is_bound(const struct world_claim *claim);
/* It is bound and asks for less than this size. */
bool claim_wants_more(const struct world_claim *claim, const char *size);
/* It asks for more than this size and cannot have less than it has. */
bool claim_wants_less(const struct world_claim *claim, const char *size);
/* It asks for this size and has it. */
bool claim_has(const struct world_claim *claim, const char *size);

/* The claim has no volume yet, and asks for another one than the live set's: it may be replaced,
 * also one that an earlier cluster of the name has left so. */
bool claim_is_wrong(const struct world *world, const struct world_claim *claim);

/* The driver grows the volume only when it is mounted anew, and the pod has not been since. */
bool volume_wants_restart(const struct world *world, int ordinal);

#endif
