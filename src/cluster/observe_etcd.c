#include <stdlib.h>
#include <string.h>

#include "cluster/observe.h"

#define REPORT_TIMEOUT_MS 1000

/* Endpoints of the members that `pick` chooses, and whose they are. */
struct targets {
    struct etcd_endpoint endpoints[ETCDCLUSTER_MAX_SIZE];
    int ordinals[ETCDCLUSTER_MAX_SIZE];
    size_t n;
};

static void add_target(struct targets *targets, const struct world *world, int ordinal,
                       uint16_t port, struct arena *arena)
{
    targets->endpoints[targets->n] = (struct etcd_endpoint){
        names_host(arena, world->names, ordinal), world->members[ordinal].pod.ip, port};
    targets->ordinals[targets->n++] = ordinal;
}

static bool can_answer(const struct world_pod *pod)
{
    return pod->exists && pod->started && pod->ip && !pod->terminating;
}

static void look(const struct reconciler_options *options,
                 const struct etcd_credentials *credentials, struct arena *arena,
                 struct world *world)
{
    struct etcd_look looks[ETCDCLUSTER_MAX_SIZE] = {0};
    struct targets targets = {.n = 0};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (can_answer(&world->members[i].pod)) {
            add_target(&targets, world, i, MEMBER_CLIENT_PORT, arena);
        }
    }
    if (!targets.n) {
        return;
    }
    options->etcd->look(options->etcd->context, credentials, targets.endpoints, targets.n,
                        world->spec.health_check.timeout_ms, arena, looks);
    for (size_t i = 0; i < targets.n; i++) {
        world->members[targets.ordinals[i]].looked = true;
        world->members[targets.ordinals[i]].look = looks[i];
    }
}

/* Membership by the peer URL's host and port, never by a stored id or an index. */
static void match_members(struct world *world, struct arena *arena)
{
    bool tls = world->spec.security.tls.peer.enabled;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const char *url = names_peer_url(arena, world->names, i, tls);
        for (size_t m = 0; m < world->member_list->n_members; m++) {
            const struct etcd_member *entry = &world->member_list->members[m];
            if (entry->n_peer_urls &&
                !strcmp(strstr(entry->peer_urls[0], "://") ? strstr(entry->peer_urls[0], "://")
                                                           : "",
                        strstr(url, "://"))) {
                world->members[i].entry = entry;
            }
        }
    }
}

/* A call for the alarms costs a raft entry; a member's Status tells for nothing that there are any.
 */
static bool any_alarm(const struct world *world)
{
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (member_answers(&world->members[i]) && world->members[i].look.status.n_errors) {
            return true;
        }
    }
    return false;
}

/* etcd tells them in any order; a status that names the first must not change with it. */
static int by_member(const void *a, const void *b)
{
    const struct etcd_alarm *left = a, *right = b;

    if (left->member_id != right->member_id) {
        return left->member_id < right->member_id ? -1 : 1;
    }
    return (int)left->type - (int)right->type;
}

static void list_members(const struct reconciler_options *options,
                         const struct etcd_credentials *credentials, struct arena *arena,
                         struct world *world)
{
    const struct etcd_api *etcd = options->etcd;
    struct etcd_member_list *list = arena_alloc(arena, sizeof *list);
    struct etcd_alarm *alarms = NULL;
    struct targets targets = {.n = 0};
    struct error error;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (member_reads(&world->members[i])) {
            add_target(&targets, world, i, MEMBER_CLIENT_PORT, arena);
        }
    }
    if (!targets.n) {
        return;
    }
    const struct etcd_target target = {credentials, targets.endpoints, targets.n,
                                       world->spec.health_check.timeout_ms};
    if (!etcd->member_list(etcd->context, &target, arena, list, &error)) {
        world->member_list = list;
        match_members(world, arena);
    }
    if (any_alarm(world) &&
        !etcd->alarms(etcd->context, &target, arena, &alarms, &world->n_alarms, &error)) {
        qsort(alarms, world->n_alarms, sizeof *alarms, by_member);
        world->alarms = alarms;
    } else {
        world->n_alarms = 0;
    }
}

/* A helper that waits is never ready, so a ready member that does not answer hangs: asking it for a
 * report would only take the time-out once more before the status says so. */
static bool may_report(const struct world_member *member)
{
    return can_answer(&member->pod) && !member->pod.ready && !member_answers(member);
}

/* A report counts only if it comes from this very pod. */
static void read_reports(const struct reconciler_options *options, struct arena *arena,
                         struct world *world)
{
    struct targets targets = {.n = 0};
    const char *texts[ETCDCLUSTER_MAX_SIZE] = {0};

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (may_report(&world->members[i])) {
            add_target(&targets, world, i, MEMBER_METRICS_PORT, arena);
        }
    }
    if (!targets.n) {
        return;
    }
    options->etcd->reports(options->etcd->context, targets.endpoints, targets.n, REPORT_TIMEOUT_MS,
                           arena, texts);
    for (size_t i = 0; i < targets.n; i++) {
        struct world_member *member = &world->members[targets.ordinals[i]];
        struct report *report = arena_alloc(arena, sizeof *report);
        struct error error;
        if (texts[i] && !report_decode(texts[i], strlen(texts[i]), arena, report, &error) &&
            report->pod_uid && !strcmp(report->pod_uid, member->pod.uid)) {
            member->report = report;
        }
    }
}

void observe_etcd(const struct reconciler_options *options, struct arena *arena,
                  struct world *world)
{
    struct etcd_credentials *credentials = arena_alloc(arena, sizeof *credentials);

    *credentials = (struct etcd_credentials){
        .tls = world->spec.security.tls.client.enabled,
        .key = arena_printf(arena, "%s/%s", world->names->namespace, world->names->cluster),
        .ca_pem = world->certificates.ca_pem,
        .certificate_pem = world->certificates.certificate_pem,
        .key_pem = world->certificates.key_pem,
    };

    if (!credentials->tls || (credentials->ca_pem && credentials->certificate_pem)) {
        world->credentials = credentials;
        look(options, credentials, arena, world);
        list_members(options, credentials, arena, world);
    }
    read_reports(options, arena, world);
}
