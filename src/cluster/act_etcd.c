/* The actions that ask etcd itself to change. Each is asked for on the membership that was read in
 * this very pass, and each may have been carried out although its answer was lost: what is so
 * already counts as done, and what is refused for now is asked again from a new look. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cluster/act.h"
#include "cluster/kill_point.h"
#include "cluster/membership.h"
#include "etcd/errors.h"

struct etcd_endpoint act_endpoint(const struct world *world, int ordinal, struct arena *arena)
{
    return (struct etcd_endpoint){names_host(arena, world->names, ordinal),
                                  world->members[ordinal].pod.ip, MEMBER_CLIENT_PORT};
}

/* The leader first: with users, a follower that passes a promotion on never gets an answer, because
 * etcd does not say for whom it asks. */
static void put_leader_first(const struct world *world, const int *ordinals,
                             struct etcd_endpoint *endpoints, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (!strcmp(member_role(&world->members[ordinals[i]]), "leader")) {
            struct etcd_endpoint leader = endpoints[i];
            endpoints[i] = endpoints[0];
            endpoints[0] = leader;
        }
    }
}

struct etcd_target act_target(const struct world *world, int last, struct arena *arena)
{
    struct etcd_endpoint *endpoints = arena_alloc(arena, ETCDCLUSTER_MAX_SIZE * sizeof *endpoints);
    int ordinals[ETCDCLUSTER_MAX_SIZE];
    size_t n = 0;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (i != last && member_is_live(&world->members[i])) {
            ordinals[n] = i;
            endpoints[n++] = act_endpoint(world, i, arena);
        }
    }
    put_leader_first(world, ordinals, endpoints, n);
    if (!n && last >= 0 && member_is_live(&world->members[last])) {
        endpoints[n++] = act_endpoint(world, last, arena);
    }
    return (struct etcd_target){world->credentials, endpoints, n,
                                world->spec.health_check.timeout_ms};
}

static int add_member(const struct reconciler_options *options, const struct world *world,
                      int ordinal, struct arena *arena, struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_target target = act_target(world, ordinal, arena);
    const char *url =
        names_peer_url(arena, world->names, ordinal, world->spec.security.tls.peer.enabled);
    struct etcd_member_list list;
    uint64_t id;
    int result = etcd->member_add(etcd->context, &target, url, true, arena, &id, &list, error);

    return result && etcd_error_of(error) == ETCD_ERROR_PEER_URL_EXISTS ? 0 : result;
}

static int promote_member(const struct reconciler_options *options, const struct world *world,
                          int ordinal, struct arena *arena, struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_target target = act_target(world, ordinal, arena);
    int result =
        etcd->member_promote(etcd->context, &target, world->members[ordinal].entry->id, error);

    return result && etcd_error_of(error) == ETCD_ERROR_NOT_A_LEARNER ? 0 : result;
}

static int remove_member(const struct reconciler_options *options, const struct world *world,
                         int ordinal, struct arena *arena, struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_target target = act_target(world, ordinal, arena);
    int result =
        etcd->member_remove(etcd->context, &target, world->members[ordinal].entry->id, error);

    return result && etcd_error_of(error) == ETCD_ERROR_MEMBER_NOT_FOUND ? 0 : result;
}

static int move_leader(const struct reconciler_options *options, const struct world *world,
                       const struct action *action, struct arena *arena, struct error *error)
{
    const struct etcd_api *etcd = options->etcd;
    const struct etcd_endpoint endpoint = act_endpoint(world, action->ordinal, arena);
    const struct etcd_target target = {world->credentials, &endpoint, 1,
                                       world->spec.health_check.timeout_ms};

    return etcd->move_leader(etcd->context, &target, world->members[action->successor].entry->id,
                             error);
}

/* Not now, but it may be later: etcd's own checks of health, a leader that changes, a learner that
 * is behind. */
static bool is_for_now(const struct error *error)
{
    return error->kind == ERROR_RETRYABLE || error->kind == ERROR_CONFLICT ||
           error->kind == ERROR_NOT_FOUND;
}

static int call(const struct reconciler_options *options, struct memo *memo,
                const struct world *world, const struct action *action, struct arena *arena,
                struct error *error)
{
    switch (action->kind) {
    case ACTION_ADD_MEMBER:
        return add_member(options, world, action->ordinal, arena, error);
    case ACTION_PROMOTE_MEMBER:
        return promote_member(options, world, action->ordinal, arena, error);
    case ACTION_REMOVE_MEMBER:
        return remove_member(options, world, action->ordinal, arena, error);
    case ACTION_COMPACT:
        return act_compact(options, memo, world, action, arena, error);
    case ACTION_DEFRAGMENT:
        return act_defragment(options, memo, world, action, arena, error);
    case ACTION_CHECK_HASHES:
        return act_check_hashes(options, memo, world, action, arena);
    case ACTION_DISARM:
        return act_disarm(options, world, action, arena, error);
    default:
        return move_leader(options, world, action, arena, error);
    }
}

int act_on_etcd(const struct reconciler_options *options, struct memo *memo,
                const struct world *world, const struct plan *plan, struct error *error)
{
    static const char *const done[] = {
        [ACTION_ADD_MEMBER] = "member-added",
        [ACTION_PROMOTE_MEMBER] = "member-promoted",
        [ACTION_REMOVE_MEMBER] = "member-removed",
        [ACTION_MOVE_LEADER] = "leader-moved",
        [ACTION_COMPACT] = "compacted",
        [ACTION_DEFRAGMENT] = "defragmented",
        [ACTION_CHECK_HASHES] = "hashes-checked",
        [ACTION_DISARM] = "disarmed",
    };
    AUTO_ARENA struct arena *arena = arena_new();
    int result = call(options, memo, world, &plan->action, arena, error);

    memo->etcd_says[0] = '\0';
    if (result && is_for_now(error)) {
        snprintf(memo->etcd_says, sizeof memo->etcd_says, "%s", error->message);
        log_info("etcd refuses for now", "cluster", memo->key, "rule", plan->rule, "error",
                 error->message, NULL);
        return 0;
    }
    kill_point(world, done[plan->action.kind]);
    return result;
}
