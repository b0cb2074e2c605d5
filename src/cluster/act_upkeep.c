/* The actions that put a cluster in order: compact, defragment, compare, disarm. Each may be
 * repeated. */
#include "base/log.h"
#include "cluster/act.h"
#include "cluster/hashes.h"
#include "etcd/errors.h"

/* Etcd goes on by itself with what it began: a member that still defragments when this has passed
 * does not serve, and nobody touches another one until it does. */
#define UPKEEP_TIMEOUT_MS 20000

static struct etcd_target patient(struct etcd_target target)
{
    target.timeout_ms = UPKEEP_TIMEOUT_MS;
    return target;
}

int act_compact(const struct reconciler_options *options, struct memo *memo,
                const struct world *world, const struct action *action, struct arena *arena,
                struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_target target = patient(act_target(world, -1, arena));
    int result = etcd->compact(etcd->context, &target, action->revision, true, error);

    if (result && etcd_error_of(error) == ETCD_ERROR_COMPACTED) {
        result = 0;
    }
    if (!result) {
        memo->upkeep.compacted = (struct upkeep_sample){action->revision, world->boot_ms};
    }
    return result;
}

int act_defragment(const struct reconciler_options *options, struct memo *memo,
                   const struct world *world, const struct action *action, struct arena *arena,
                   struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_endpoint endpoint = act_endpoint(world, action->ordinal, arena);
    const struct etcd_target target = {world->credentials, &endpoint, 1, UPKEEP_TIMEOUT_MS};

    memo->upkeep.defragmented[action->ordinal].member_id =
        world->members[action->ordinal].entry->id;
    memo->upkeep.defragmented[action->ordinal].at_ms = world->boot_ms;
    return etcd->defragment(etcd->context, &target, error);
}

/* Who does not answer is not compared. A member reads its whole database for that and holds writes
 * up meanwhile, so that they are asked one after the other. */
int act_check_hashes(const struct reconciler_options *options, struct memo *memo,
                     const struct world *world, const struct action *action, struct arena *arena)
{
    const struct etcd_api *etcd = options->etcd;
    struct hash_check check = {.revision = action->revision,
                               .at_ms = world->boot_ms,
                               .alarmed = world_alarmed(world, ETCD_ALARM_CORRUPT)};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        struct etcd_hash hash;
        struct error error;
        if (!hashes_may_ask(world, i)) {
            continue;
        }
        const struct etcd_endpoint endpoint = act_endpoint(world, i, arena);
        const struct etcd_target target = {world->credentials, &endpoint, 1, UPKEEP_TIMEOUT_MS};
        if (etcd->hash_kv(etcd->context, &target, action->revision, &hash, &error)) {
            log_info("not compared", "cluster", memo->key, "member", world->members[i].pod.name,
                     "error", error.message, NULL);
            continue;
        }
        if (!hash.revision || hash.revision == action->revision) {
            check.answers[i] =
                (struct hash_answer){world->members[i].entry->id, hash.compact_revision, hash.hash};
        }
    }
    memo->upkeep.checks[1] = memo->upkeep.checks[0];
    memo->upkeep.checks[0] = check;
    return 0;
}

int act_disarm(const struct reconciler_options *options, const struct world *world,
               const struct action *action, struct arena *arena, struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_target target = act_target(world, -1, arena);
    int result = 0;

    for (size_t i = 0; !result && i < world->n_alarms; i++) {
        if (world->alarms[i].type == action->alarm) {
            result = etcd->alarm_set(etcd->context, &target, world->alarms[i].member_id,
                                     action->alarm, false, error);
        }
    }
    return result;
}
