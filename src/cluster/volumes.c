#include "cluster/volumes.h"

#include <string.h>

#include "base/json.h"
#include "cluster/membership.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

struct storage storage_of_set(const json_t *set)
{
    const json_t *claim = json_array_get(json_path(set, "spec", "volumeClaimTemplates", NULL), 0);

    return (struct storage){
        json_path_string(claim, "spec", "resources", "requests", "storage", NULL),
        json_path_string(claim, "spec", "storageClassName", NULL)};
}

bool storage_is_same(struct storage a, struct storage b)
{
    return a.size && b.size && !api_quantity_compare(a.size, b.size) && same_text(a.class, b.class);
}

bool claim_is_bound(const struct world_claim *claim)
{
    return claim->exists && (claim->bound || claim->volume);
}

bool claim_wants_more(const struct world_claim *claim, const char *size)
{
    return claim_is_bound(claim) && claim->requested && !claim->gone && !claim->terminating &&
           api_quantity_compare(claim->requested, size) < 0;
}

bool claim_wants_less(const struct world_claim *claim, const char *size)
{
    return claim_is_bound(claim) && claim->requested &&
           api_quantity_compare(claim->requested, size) > 0 &&
           (!claim->capacity || api_quantity_compare(claim->capacity, size) >= 0);
}

bool claim_has(const struct world_claim *claim, const char *size)
{
    return claim->requested && !api_quantity_compare(claim->requested, size) &&
           (!claim->capacity || api_quantity_compare(claim->capacity, size) >= 0);
}

static bool some_volume_is_of(const struct world *world, const char *class)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_claim *claim = &world->members[i].claim;
        if (claim_is_bound(claim) && same_text(claim->storage_class, class)) {
            return true;
        }
    }
    return false;
}

/* What the volumes were made with: the largest of them. */
static struct storage storage_of_claims(const struct world *world)
{
    struct storage most = {NULL, NULL};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_claim *claim = &world->members[i].claim;
        if (claim_is_bound(claim) && claim->requested &&
            (!most.size || api_quantity_compare(claim->requested, most.size) > 0)) {
            most = (struct storage){claim->requested, claim->storage_class};
        }
    }
    return most;
}

/* Until a member may start, volumes of two classes are better than none. Later it is the class that
 * the volumes have, in the words of the spec or of the live set if these mean the same. */
static const char *class_wanted(const struct world *world, const char *made_with)
{
    const char *asked = world->spec.storage.storage_class_name;
    const char *live = storage_of_set(world->stateful_set).class;
    bool unused = !world_formed(world) && !world->recorded.n_permits;

    for (int i = 0; !unused && i < world_replicas(world); i++) {
        const struct world_claim *claim = &world->members[i].claim;
        if (claim_is_bound(claim) && !same_text(claim->storage_class, asked)) {
            asked = world->stateful_set ? live : asked;
            return !asked || some_volume_is_of(world, asked) ? asked : made_with;
        }
    }
    return asked;
}

struct storage storage_wanted(const struct world *world)
{
    const char *size = world->spec.storage.size;
    struct storage made = storage_of_claims(world);

    if (!made.size) {
        return (struct storage){size, world->spec.storage.storage_class_name};
    }
    const char *class = class_wanted(world, made.class);
    for (int i = 0; i < world_replicas(world); i++) {
        const struct world_claim *claim = &world->members[i].claim;
        if (claim_is_bound(claim) && !claim_has(claim, size)) {
            size = world->stateful_set ? storage_of_set(world->stateful_set).size : made.size;
            break;
        }
    }
    return (struct storage){size, class};
}

bool claim_is_wrong(const struct world *world, const struct world_claim *claim)
{
    const struct storage template = storage_of_set(world->stateful_set);

    if (!claim->exists || claim_is_bound(claim) || claim->terminating || claim->gone ||
        !claim->requested || !template.size) {
        return false;
    }
    bool other_class =
        template.class ? !same_text(claim->storage_class, template.class) : claim->class_missing;
    return other_class || api_quantity_compare(claim->requested, template.size) != 0;
}

bool volume_wants_restart(const struct world *world, int ordinal)
{
    const struct world_member *member = &world->members[ordinal];
    int64_t since_ms = member->claim.mount_wanted_ms;

    if (MUTANT(RestartToGrow) && member->pod.exists && !member->pod.terminating &&
        member->claim.requested && !claim_has(&member->claim, member->claim.requested)) {
        return true;
    }
    return member->pod.exists && !member->pod.terminating && since_ms &&
           member->pod.created_ms <= since_ms && member->claim.mount_waits_ms >= RESTART_AFTER_MS;
}
