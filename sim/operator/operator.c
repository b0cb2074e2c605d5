#include "sim/operator/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "cluster/reconcile.h"

#define BOOT_MS         1000000 /* The boot clock's zero is elsewhere than the simulation's. */
#define LEASE_NAMESPACE "etcd-operator-system"
#define LEASE_NAME      "etcd-operator"
#define OPERATOR_IMAGE  "operator:v1"

int64_t sim_operator_boot_ms(const struct sim_operator *operator)
{
    return BOOT_MS + sim_now(operator->options.sim);
}

double sim_operator_chance(struct sim_operator *operator)
{
    return (double)sim_below(operator->options.sim, SIM_STREAM_OPERATOR, 1 << 20) / (1 << 20);
}

bool sim_operator_pause(struct sim_operator *operator)
{
    struct sim *sim = operator->options.sim;

    while (!operator->dead && operator->frozen_until_ms> sim_now(sim) &&
           !sim_violation(sim, NULL)) {
        sim_sleep(sim, operator->frozen_until_ms - sim_now(sim));
    }
    return operator->dead;
}

static bool postponed(struct sim_operator *operator, sim_event * function)
{
    int64_t wait_ms = operator->frozen_until_ms - sim_now(operator->options.sim);

    if (!operator->dead && wait_ms> 0) {
        sim_after(operator->options.sim, wait_ms, function, operator, 0);
        return true;
    }
    return operator->dead;
}

/* The worker. */

static bool all_synced(const struct sim_operator *operator)
{
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        if (!kube_store_synced(operator->feeds[i].store)) {
            return false;
        }
    }
    return true;
}

/* A cheap look where that will do, or a pass: as src/manager/manager.c has it. */
static void pass(struct sim_operator *operator, const char * key)
{
    struct work_result wanted = {.requeue_after_ms = -1};
    struct error error = {0};

    operator->busy = true;
    operator->nested++;
    int result = 0;
    if (!reconciler_look(operator->reconciler, key, &wanted)) {
        result = reconciler_pass(operator->reconciler, key, &wanted, &error);
    }
    operator->nested--;
    operator->busy = false;
    if (result) {
        sim_trace(operator->options.sim, "%s: pass failed: %s", operator->address, error.message);
    }
    work_queue_ended(operator->queue, key, result, error.retry_after_ms, wanted.requeue_after_ms,
                     sim_operator_boot_ms(operator));
}

static void work(void *context, uint64_t argument)
{
    struct sim_operator *operator= context;
    int64_t wait_ms = -1;

    (void)argument;
    operator->work_planned = false;
    if (operator->busy || !operator->leading || !all_synced(operator) ||
        postponed(operator, work)) {
        return;
    }
    const char *key = work_queue_take(operator->queue, sim_operator_boot_ms(operator), &wait_ms);
    if (key) {
        pass(operator, key);
        sim_operator_plan_work(operator);
    } else if (wait_ms >= 0) {
        operator->work_planned = true;
        operator->work_at_ms = sim_now(operator->options.sim) + wait_ms;
        sim_after(operator->options.sim, wait_ms, work, operator, 0);
    }
}

void sim_operator_plan_work(struct sim_operator *operator)
{
    struct sim *sim = operator->options.sim;

    if (operator->dead ||(operator->work_planned && operator->work_at_ms <= sim_now(sim) + 1)) {
        return;
    }
    operator->work_planned = true;
    operator->work_at_ms = sim_now(sim) + 1;
    sim_after(sim, 1, work, operator, 0);
}

/* The lease. */

static int ask(struct sim_operator *operator, const struct elector_request * request,
               json_t **answer, struct error *error)
{
    const struct sim_request sent = {
        .verb = request->action == ELECTOR_DO_READ     ? SIM_GET
                : request->action == ELECTOR_DO_CREATE ? SIM_CREATE
                                                       : SIM_REPLACE,
        .resource = &kube_leases,
        .namespace = LEASE_NAMESPACE,
        .name = LEASE_NAME,
        .object = request->lease,
    };
    return sim_operator_exchange(operator, & sent, answer, error);
}

static void elect(void *context, uint64_t argument)
{
    struct sim_operator *operator= context;
    struct sim *sim = operator->options.sim;
    struct elector_request request = {0};
    AUTO_JSON json_t *answer = NULL;
    struct error error = {0};

    (void)argument;
    if (postponed(operator, elect)) {
        return;
    }
    elector_next(&operator->elector, sim_operator_boot_ms(operator),
                 sim_wall_ms(sim) + operator->options.clock_skew_ms, &request);
    if (request.action == ELECTOR_DO_END) {
        sim_trace(sim, "%s: lost its lease: %s", operator->address, operator->elector.why_lost);
        sim_operator_kill(operator);
        return;
    }
    if (request.action == ELECTOR_DO_WAIT) {
        sim_after(sim, request.wait_ms, elect, operator, 0);
        return;
    }
    int result = ask(operator, & request, &answer, &error);
    json_decref(request.lease);
    if (operator->dead) {
        return;
    }
    elector_answered(&operator->elector, (enum error_kind) - result, answer,
                     sim_operator_boot_ms(operator), sim_operator_chance(operator));
    if (!operator->leading && elector_leads(&operator->elector)) {
        sim_trace(sim, "%s: leads", operator->address);
        operator->leading = true;
        sim_operator_plan_work(operator);
    }
    sim_after(sim, 0, elect, operator, 0);
}

/* The process. */

static int64_t now_boot_ms(void *context)
{
    return sim_operator_boot_ms(context);
}

static int64_t now_wall_ms(void *context)
{
    struct sim_operator *operator= context;
    return sim_wall_ms(operator->options.sim) + operator->options.clock_skew_ms;
}

static void get_random(void *context, void *out, size_t size)
{
    struct sim_operator *operator= context;
    sim_random_bytes(operator->options.sim, SIM_STREAM_OPERATOR, out, size);
}

static void planned(void *context, const struct world *world, const struct plan *plan)
{
    struct sim_operator *operator= context;
    if (!operator->last_rule || strcmp(operator->last_rule, plan->rule) != 0 || plan->reason) {
        sim_trace(operator->options.sim, "%s: %s%s%s", operator->address, plan->rule,
                  plan->reason ? ": " : "", plan->reason ? plan->reason : "");
    }
    operator->last_rule = plan->rule;
    operator->options.planned(operator->options.context, world, plan);
}

struct sim_operator *sim_operator_start(const struct sim_operator_options *options)
{
    struct sim_operator *operator= xcalloc(1, sizeof *operator);

    operator->options = * options;
    snprintf(operator->address, sizeof operator->address, "operator-%d", options->number);
    snprintf(operator->identity, sizeof operator->identity, "pod-%llu",
             (unsigned long long)options->identity);
    sim_operator_fill_client(operator);
    const struct reconciler_options reconciler = {.kube = &operator->kube,
                                                  .etcd = &operator->etcd,
                                                  .operator_image = OPERATOR_IMAGE,
                                                  .now_boot_ms = now_boot_ms,
                                                  .now_wall_ms = now_wall_ms,
                                                  .random = get_random,
                                                  .context = operator,
                                                  .planned = planned,
                                                  .planned_context = operator};
    operator->reconciler = reconciler_new(&reconciler);
    operator->queue = work_queue_new();
    elector_init(&operator->elector, LEASE_NAMESPACE, LEASE_NAME, operator->identity);
    sim_operator_start_feeds(operator);
    sim_after(options->sim, 1, elect, operator, 0);
    sim_trace(options->sim, "%s: starts", operator->address);
    return operator;
}

void sim_operator_kill(struct sim_operator *operator)
{
    if (operator->dead) {
        return;
    }
    operator->dead = true;
    sim_trace(operator->options.sim, "%s: ends", operator->address);
    operator->options.ended(operator->options.context, operator->options.number);
}

void sim_operator_freeze(struct sim_operator *operator, int64_t duration_ms)
{
    sim_trace(operator->options.sim, "%s: stopped for %lld ms", operator->address,
              (long long)duration_ms);
    operator->frozen_until_ms = sim_now(operator->options.sim) + duration_ms;
}

void sim_operator_free(struct sim_operator *operator)
{
    if (operator) {
        sim_cancel(operator->options.sim, operator);
        sim_operator_free_feeds(operator);
        elector_fini(&operator->elector);
        work_queue_free(operator->queue);
        reconciler_free(operator->reconciler);
        free(operator);
    }
}
