#include "cluster/quiet.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* It has a leader, no alarm, and reads linearizably. */
static bool answers_well(const struct etcd_look *look, uint64_t leader_id)
{
    return !look->status_error.kind && !look->read_error.kind && !look->status.n_errors &&
           leader_id && look->status.leader_id == leader_id;
}

static bool member_rests(const struct world_member *member, uint64_t leader_id)
{
    return member->pod.exists && member->pod.ready && !member->pod.terminating && member->pod.ip &&
           member->looked && answers_well(&member->look, leader_id);
}

static bool at_rest(const struct world *world, const struct plan *plan)
{
    uint64_t leader_id = world->members[0].look.status.leader_id;

    if (plan->action.kind != ACTION_NONE || strcmp(plan->status.phase, "Running") != 0 ||
        plan->status.conditions[CONDITION_DEGRADED].status || world->certificates_problem ||
        world->name_taken || world->spec.health_check.interval_ms < QUIET_PROBE_MS ||
        plan->requeue_ms != world->spec.health_check.interval_ms) {
        return false;
    }
    for (int i = 0; i < world_size(world); i++) {
        if (!member_rests(&world->members[i], leader_id)) {
            return false;
        }
    }
    return true;
}

void quiet_forget(struct quiet *quiet)
{
    free(quiet->addresses);
    quiet->addresses = NULL;
}

void quiet_note(struct quiet *quiet, const struct world *world, const struct plan *plan)
{
    quiet_forget(quiet);
    if (!at_rest(world, plan)) {
        return;
    }
    quiet->n = world_size(world);
    quiet->asked = (quiet->asked + 1) % quiet->n;
    quiet->looks_left = QUIET_LOOKS;
    quiet->leader_id = world->members[0].look.status.leader_id;
    quiet->tls = world->spec.security.tls.client.enabled;
    quiet->interval_ms = world->spec.health_check.interval_ms;
    quiet->timeout_ms = world->spec.health_check.timeout_ms;
    quiet->addresses = xcalloc((size_t)quiet->n, sizeof *quiet->addresses);
    for (int i = 0; i < quiet->n; i++) {
        snprintf(quiet->addresses[i], sizeof quiet->addresses[i], "%s", world->members[i].pod.ip);
    }
}

bool quiet_look(struct quiet *quiet, const struct etcd_api *etcd, const char *key,
                const struct certificates *certificates)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *slash = strchr(key, '/');
    struct etcd_look look = {0};

    if (!quiet->addresses || !quiet->looks_left) {
        return false;
    }
    quiet->looks_left--;
    const struct names *names =
        names_new(arena, arena_strndup(arena, key, (size_t)(slash - key)), slash + 1);
    const struct etcd_endpoint endpoint = {names_host(arena, names, quiet->asked),
                                           quiet->addresses[quiet->asked], MEMBER_CLIENT_PORT};
    const struct etcd_credentials credentials = {
        .tls = quiet->tls,
        .key = key,
        .ca_pem = certificates->ca_pem,
        .certificate_pem = certificates->certificate_pem,
        .key_pem = certificates->key_pem,
    };
    etcd->look(etcd->context, &credentials, &endpoint, 1, quiet->timeout_ms, arena, &look);
    return answers_well(&look, quiet->leader_id);
}

int64_t quiet_interval_ms(int64_t interval_ms, size_t clusters)
{
    if (clusters <= QUIET_FLEET) {
        return interval_ms;
    }
    return clusters < (size_t)QUIET_FLEET * QUIET_STRETCH
               ? interval_ms * (int64_t)clusters / QUIET_FLEET
               : interval_ms * QUIET_STRETCH;
}
