#include "etcd_site.h"

#include <stdio.h>
#include <stdlib.h>

#include "etcd/client.h"

static bool reachable(void *context, const char *from, const char *to)
{
    const struct site *site = context;

    for (size_t i = 0; i < SITE_MEMBERS; i++) {
        if (site->cut[i] && (!strcmp(from, site->names[i]) || !strcmp(to, site->names[i]))) {
            return false;
        }
    }
    return true;
}

static const char *resolve(void *context, const char *host)
{
    const struct site *site = context;

    for (size_t i = 0; i < SITE_MEMBERS; i++) {
        if (!strcmp(host, site->hosts[i])) {
            return site->names[i];
        }
    }
    return NULL;
}

static void exited(void *context, void *owner, int code, const char *words)
{
    struct site *site = context;
    size_t index = (size_t)((struct sim_disk **)owner - site->disks);

    site->processes[index] = NULL;
    site->exit_code[index] = code;
    snprintf(site->words[index], sizeof site->words[index], "%s", words);
}

static void print_line(void *context, const char *text)
{
    (void)context;
    print_message("%s\n", text);
}

void site_init(struct site *site, uint64_t seed)
{
    *site = (struct site){.sim = sim_new(seed), .arena = arena_new()};
    if (getenv("SIM_TRACE")) {
        sim_set_trace(site->sim, print_line, NULL);
    }
    site->etcd = sim_etcd_new(&(struct sim_etcd_options){.sim = site->sim,
                                                         .reachable = reachable,
                                                         .resolve = resolve,
                                                         .exited = exited,
                                                         .context = site});
    for (size_t i = 0; i < SITE_MEMBERS; i++) {
        snprintf(site->names[i], sizeof site->names[i], "c-%zu", i);
        snprintf(site->hosts[i], sizeof site->hosts[i], "c-%zu.c-peer.ns.svc", i);
        snprintf(site->urls[i], sizeof site->urls[i], "http://%s:2380", site->hosts[i]);
        site->disks[i] = sim_disk_new(site->etcd, site->names[i]);
        site->endpoints[i] = (struct etcd_endpoint){
            .server_name = site->hosts[i], .address = site->names[i], .port = 2379};
    }
    site->api = sim_etcd_client(site->etcd, "client");
}

void site_fini(struct site *site)
{
    for (size_t i = 0; i < SITE_MEMBERS; i++) {
        if (site->processes[i]) {
            sim_etcd_kill(site->processes[i]);
        }
        sim_disk_free(site->disks[i]);
    }
    sim_etcd_free(site->etcd);
    sim_free(site->sim);
    arena_free(site->arena);
}

void site_start_flags(struct site *site, size_t index, const char *version, char *const *flags)
{
    assert_null(site->processes[index]);
    site->words[index][0] = '\0';
    site->processes[index] = sim_etcd_start(site->etcd, version, flags, site->disks[index],
                                            site->names[index], &site->disks[index]);
}

void site_start_as(struct site *site, size_t index, size_t as, size_t n, const char *state,
                   const char *token)
{
    struct arena *arena = site->arena;
    const char *cluster = "";

    for (size_t i = 0; i < n; i++) {
        cluster =
            arena_printf(arena, "%s%s%s=%s", cluster, i ? "," : "", site->names[i], site->urls[i]);
    }
    char *flags[] = {
        arena_printf(arena, "--name=%s", site->names[as]),
        arena_printf(arena, "--data-dir=/data"),
        arena_printf(arena, "--initial-advertise-peer-urls=%s", site->urls[as]),
        arena_printf(arena, "--advertise-client-urls=http://%s:2379", site->hosts[as]),
        arena_printf(arena, "--initial-cluster=%s", cluster),
        arena_printf(arena, "--initial-cluster-state=%s", state),
        arena_printf(arena, "--initial-cluster-token=%s", token),
        NULL,
    };
    site_start_flags(site, index, "3.6.16", flags);
}

void site_start(struct site *site, size_t index, size_t n, const char *state)
{
    site_start_as(site, index, index, n, state, SITE_TOKEN);
}

void site_start_all(struct site *site, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        site_start(site, i, n, "new");
    }
    site_wait_ready(site, n);
}

void site_kill(struct site *site, size_t index)
{
    sim_etcd_kill(site->processes[index]);
    site->processes[index] = NULL;
}

void site_cut(struct site *site, size_t index, bool cut)
{
    site->cut[index] = cut;
    sim_etcd_network_changed(site->etcd);
}

bool site_ready(const struct site *site, size_t index)
{
    return site->processes[index] && sim_etcd_ready(site->processes[index]);
}

void site_wait_ready(struct site *site, size_t n)
{
    int64_t until_ms = sim_now(site->sim) + 60000;
    size_t ready = 0;

    while (ready < n) {
        if (!sim_step(site->sim, until_ms)) {
            fail_msg("%zu of %zu members are ready after a minute", ready, n);
        }
        for (ready = 0; ready < n && site_ready(site, ready); ready++) {
        }
    }
    sim_sleep(site->sim, 1); /* The last one publishes its name. */
}

void site_wait_end(struct site *site, size_t index)
{
    int64_t until_ms = sim_now(site->sim) + 60000;

    while (site->processes[index]) {
        if (!sim_step(site->sim, until_ms)) {
            fail_msg("c-%zu still runs after a minute", index);
        }
    }
}

uint64_t site_id(const struct site *site, size_t index)
{
    return etcd_static_member_id(site->urls[index], SITE_TOKEN);
}

int site_leader(struct site *site, size_t n)
{
    struct etcd_look looks[SITE_MEMBERS];

    site->api->look(site->api->context, &site->credentials, site->endpoints, n, 1000, site->arena,
                    looks);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; !looks[i].status_error.kind && !looks[i].read_error.kind && j < n; j++) {
            if (looks[i].status.leader_id == looks[j].status.member_id &&
                !looks[j].status_error.kind) {
                return (int)j;
            }
        }
    }
    return -1;
}

struct etcd_target site_target(struct site *site, size_t index)
{
    return (struct etcd_target){&site->credentials, &site->endpoints[index], 1, 2000};
}

void site_expect_violation(const struct site *site, const char *invariant)
{
    const char *seen = "nothing";
    const char *words = sim_violation(site->sim, &seen);

    if (!words || strcmp(seen, invariant) != 0) {
        fail_msg("%s was seen, not %s: %s", seen, invariant, words ? words : "");
    }
}
