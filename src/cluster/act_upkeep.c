/* The actions that put a cluster in order: compact, defragment, disarm. Each may be repeated. */
#include "cluster/act.h"
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
