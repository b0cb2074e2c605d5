#include "sim/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

#define WRITE_EVERY_MS 700
#define LOOK_EVERY_MS  2000
#define PATIENCE_MS    (30 * 60 * 1000) /* After the last fault, for all back-offs to pass. */
#define STEADY_MS      40000            /* After convergence nothing may be written for so long, */
#define STEADY_PASSES  2                /* in which there are so many whole passes, */
#define EXPLAINED_MS   90000            /* For so long a person has been called. */
#define SETTLE_MS      15000            /* once what is under way has come to its end. */
#define LEFT_ALONE_MS  60000            /* A dead operator stays away for at most this long. */

const json_t *sim_cluster(const struct sim_run *run)
{
    return sim_api_server_peek(run->server, &kube_etcd_clusters, SIM_NAMESPACE, SIM_CLUSTER);
}

/* --- Operators */

/* A rule has fired when it acts, waits, blocks, or holds something back. */
static void note_rules(struct sim_run *run, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_answers; i++) {
        const struct rule_answer *answer = &plan->answers[i];
        sim_coverage_rule(run->coverage, answer->rule,
                          answer->acts || answer->ends || answer->waits || answer->blocks ||
                              answer->spec_held,
                          run->faults_seen);
    }
}

static void planned(void *context, const struct world *world, const struct plan *plan)
{
    struct sim_run *run = context;

    (void)world;
    run->passes++;
    if (run->coverage) {
        note_rules(run, plan);
    }
}

static void arrived(void *context, struct sim_operator *operator,
                    const struct sim_request * request)
{
    struct sim_run *run = context;

    if (request->resource != &kube_leases) {
        sim_invariants_arrived(run, operator, request);
    }
}

static void calls(void *context, struct sim_operator *operator, const char * what)
{
    sim_invariants_called(context, operator, what);
}

static void start_operator(void *context, uint64_t number);

/* A container that ended is started again by its kubelet, or its pod is replaced; sometimes it
 * takes a while. */
static void operator_ended(void *context, int number)
{
    struct sim_run *run = context;
    bool long_away = sim_chance(run->sim, SIM_STREAM_OPERATOR, 0.2);

    run->operators[number] = NULL;
    if (sim_chance(run->sim, SIM_STREAM_OPERATOR, 0.3)) {
        run->identities[number] = ++run->next_identity;
    }
    sim_after(run->sim,
              sim_between(run->sim, SIM_STREAM_OPERATOR, 100, long_away ? LEFT_ALONE_MS : 3000),
              start_operator, run, (uint64_t)number);
}

static void start_operator(void *context, uint64_t number)
{
    struct sim_run *run = context;
    const struct sim_operator_options options = {.sim = run->sim,
                                                 .server = run->server,
                                                 .site = run->site,
                                                 .wire = &run->wire,
                                                 .number = (int)number,
                                                 .identity = run->identities[number],
                                                 .clock_skew_ms = run->clock_skew_ms,
                                                 .arrived = arrived,
                                                 .calls = calls,
                                                 .planned = planned,
                                                 .ended = operator_ended,
                                                 .context = run};

    if (run->n_processes < SIM_PROCESSES) {
        run->operators[number] = sim_operator_start(&options);
        run->processes[run->n_processes++] = run->operators[number];
    }
}

/* --- The world goes on */

static void begin_fault(void *context, uint64_t index)
{
    struct sim_run *run = context;
    sim_invariants_tick(run); /* Who serves for a moment only is seen as well. */
    sim_fault_begin(run, &run->schedule->faults[index]);
}

static void write_something(void *context, uint64_t n)
{
    struct sim_run *run = context;
    const char *address = sim_site_some_address(run->site, n * 7 + 3);

    if (address) {
        sim_etcd_write(run->site->etcd, address);
    }
    sim_invariants_tick(run);
    sim_invariants_quorum_tick(run);
    sim_after(run->sim, WRITE_EVERY_MS, write_something, run, n + 1);
}

static void recreate(void *context, uint64_t argument)
{
    struct sim_run *run = context;

    (void)argument;
    run->recreate = false;
    sim_create_cluster(run);
}

static void changed(void *context, const struct kube_resource *resource, const json_t *object,
                    bool deleted)
{
    struct sim_run *run = context;

    sim_invariants_changed(run, resource, object, deleted);
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            sim_operator_notice(run->operators[i], resource);
        }
    }
    if (deleted && resource == &kube_etcd_clusters && run->schedule->delete_claims) {
        sim_etcd_forget(run->site->etcd, SIM_SERVICE);
    }
    if (deleted && resource == &kube_etcd_clusters && run->recreate) {
        sim_after(run->sim, 500, recreate, run, 0);
    }
}

/* --- From the beginning to the end */

static void build(struct sim_run *run)
{
    run->sim = sim_new(run->schedule->seed);
    run->server = sim_api_server_new(run->sim);
    run->controllers = sim_controllers_new(run->sim, run->server);
    run->site = sim_site_new(run->sim, run->server);
    run->user = sim_api_server_client(run->server, "kubectl");
    run->wire.slow = 1;
    run->site->membership = sim_invariants_membership;
    run->site->begins = sim_invariants_begins;
    run->site->context = run;
    run->site->growth = (enum sim_growth)run->schedule->growth;
    sim_api_server_subscribe(run->server, changed, run);
}

static void tear_down(struct sim_run *run)
{
    sim_cancel(run->sim, run);
    for (int i = 0; i < run->n_processes; i++) {
        run->processes[i]->dead = true;
        sim_operator_free(run->processes[i]);
    }
    sim_site_free(run->site);
    sim_controllers_free(run->controllers);
    sim_api_server_free(run->server);
    sim_free(run->sim);
}

static bool violated(const struct sim_run *run)
{
    return sim_violation(run->sim, NULL) != NULL;
}

/* Until all is as it should be, a person has been called for a while, or patience is at its end. */
static void wait_until_converged(struct sim_run *run)
{
    int64_t deadline_ms = sim_now(run->sim) + PATIENCE_MS, explained_ms = 0;

    while (!violated(run) && sim_now(run->sim) < deadline_ms && !sim_converged(run) &&
           explained_ms < EXPLAINED_MS) {
        sim_sleep(run->sim, LOOK_EVERY_MS);
        explained_ms = sim_explained(run) ? explained_ms + LOOK_EVERY_MS : 0;
        if (explained_ms >= EXPLAINED_MS && sim_user_raises_retries(run)) {
            explained_ms = 0;
            deadline_ms = sim_now(run->sim) + PATIENCE_MS;
        }
    }
}

static bool had_fault(const struct sim_run *run, enum sim_fault_kind kind)
{
    return run->faults_seen[kind / 64] >> (kind % 64) & 1;
}

/* Something is broken that nobody has noticed, and that is mended when they do. */
static bool has_hidden_damage(const struct sim_run *run)
{
    for (int i = 0; i < SIM_VOLUMES; i++) {
        if (run->site->volumes[i].disk && sim_disk_is_spoilt(run->site->volumes[i].disk)) {
            return true;
        }
    }
    return false;
}

static void check_steady(struct sim_run *run)
{
    if (had_fault(run, SIM_FAULT_SecretDeleted) || has_hidden_damage(run)) {
        return; /* Secrets are not watched: within ten minutes it is put back. */
    }
    sim_sleep(run->sim, SETTLE_MS);
    uint64_t changes = run->changes;
    for (int i = 0; i < STEADY_PASSES; i++) { /* Left alone they would mostly look cheaply. */
        for (int o = 0; o < SIM_OPERATORS; o++) {
            if (run->operators[o]) {
                sim_operator_resync(run->operators[o], SIM_CLUSTER);
            }
        }
        sim_sleep(run->sim, STEADY_MS / STEADY_PASSES);
    }
    if (!violated(run) && sim_converged(run) && run->changes != changes) {
        sim_violate(run->sim, "WritesWhileSteady", "%llu changes while nothing happened",
                    (unsigned long long)(run->changes - changes));
    }
}

static void go(struct sim_run *run)
{
    const struct sim_schedule *schedule = run->schedule;

    for (int i = 0; i < schedule->operators; i++) {
        run->identities[i] = ++run->next_identity;
        start_operator(run, (uint64_t)i);
    }
    sim_create_cluster(run);
    for (int i = 0; i < schedule->n_faults; i++) {
        sim_after(run->sim, schedule->faults[i].at_ms, begin_fault, run, (uint64_t)i);
    }
    sim_after(run->sim, WRITE_EVERY_MS, write_something, run, 0);
    if (schedule->n_faults) {
        sim_sleep(run->sim, schedule->faults_end_ms);
    }
    sim_trace(run->sim, "the faults are over");
    sim_faults_heal(run);
    run->passes_under_faults = run->passes;
    wait_until_converged(run);
    if (!violated(run) && sim_converged(run)) {
        check_steady(run);
    }
    if (!violated(run)) {
        sim_judge(run);
    }
}

void sim_run(const struct sim_schedule *schedule, struct sim_coverage *coverage,
             void (*trace)(void *context, const char *text), void *context,
             struct sim_result *result)
{
    struct sim_run run = {.schedule = schedule, .coverage = coverage, .failing = -1};

    build(&run);
    sim_set_trace(run.sim, trace, context);
    go(&run);
    *result = (struct sim_result){
        .lasted_ms = sim_now(run.sim), .passes = run.passes, .changes = run.changes};
    const char *violation = sim_violation(run.sim, &result->invariant);
    if (violation) {
        snprintf(result->violation, sizeof result->violation, "%s", violation);
    }
    if (coverage) {
        sim_coverage_end(coverage, run.faults_seen);
    }
    tear_down(&run);
}
