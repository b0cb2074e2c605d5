/* How a call gets to an endpoint, waits there, and comes back. */
#include "sim/etcd/internal.h"

/* How often a call that waits (for a leader, for a commit) is looked after. */
#define LOOK_AFTER_MS 100

/* What a call takes; members look around meanwhile. */
#define CALL_MS 1

/* One call at one endpoint. */
struct exchange {
    struct client *client;
    const struct etcd_endpoint *endpoint;
    struct call *call;
    struct error *error;
    uint64_t serial;  /* Of the process that the call is at; 0: not there yet. */
    int64_t begun_ms; /* When it came there. */
    bool done;
};

static void fail(struct exchange *exchange, enum error_kind kind, const char *words)
{
    error_set(exchange->error, kind, "%s at %s:%u: %s", exchange->call->method,
              exchange->endpoint->server_name, exchange->endpoint->port, words);
    exchange->done = true;
}

static void refuse_learner(struct exchange *exchange, const struct sim_etcd_process *process)
{
    struct error error = {0};

    etcd_error_set(&error, ETCD_ERROR_RPC_NOT_FOR_LEARNER);
    fail(exchange, process->minor < 6 ? ERROR_RETRYABLE : error.kind, error.message);
}

/* As far as it gets now. */
static void advance(struct exchange *exchange)
{
    struct sim_etcd *etcd = exchange->client->etcd;
    const char *from = exchange->client->address, *to = exchange->endpoint->address;
    struct sim_etcd_process *process = process_at(etcd, to);
    struct error error = {0};

    if (!etcd_reachable(etcd, from, to) || !etcd_reachable(etcd, to, from)) {
        return;
    }
    if (!process || process->state == PROCESS_ENDING ||
        (exchange->serial && process->serial != exchange->serial)) {
        fail(exchange, ERROR_RETRYABLE,
             exchange->serial ? "the connection was closed" : "connection refused");
        return;
    }
    bool busy = sim_now(etcd->sim) < process->busy_until_ms;
    if (process->frozen || !process->ready || (busy && !exchange->serial)) {
        return;
    }
    if (!exchange->serial) {
        exchange->serial = process->serial;
        exchange->begun_ms = sim_now(etcd->sim);
    }
    if (sim_now(etcd->sim) < exchange->begun_ms + process->disk->slow_ms) {
        return;
    }
    if (process_is_learner(process) && !exchange->call->learners) {
        refuse_learner(exchange, process);
        return;
    }
    int result = exchange->call->step(process, exchange->call, &error);
    if (!result) {
        *exchange->error = (struct error){0};
        exchange->done = true;
    } else if (result != PENDING) {
        fail(exchange, error.kind, error.message);
    }
}

/* What waited for a leader ends with the deadline's words, what was proposed with etcd's. */
static void time_out(struct exchange *exchange)
{
    const struct call *call = exchange->call;

    fail(exchange, ERROR_RETRYABLE,
         !exchange->serial       ? "no answer in time"
         : call->gives_up        ? call->gives_up
         : call->proposal.length ? etcd_error_text(ETCD_ERROR_TIMEOUT)
                                 : "context deadline exceeded");
}

static bool advance_all(struct exchange *exchanges, size_t n)
{
    bool done = true;

    for (size_t i = 0; i < n; i++) {
        if (!exchanges[i].done) {
            advance(&exchanges[i]);
        }
        done &= exchanges[i].done;
    }
    return done;
}

static void run(struct exchange *exchanges, size_t n, int64_t timeout_ms)
{
    struct sim *sim = exchanges[0].client->etcd->sim;
    int64_t deadline_ms = sim_now(sim) + timeout_ms;

    sim_sleep(sim, CALL_MS);
    while (!advance_all(exchanges, n) && sim_now(sim) < deadline_ms && !sim_violation(sim, NULL)) {
        int64_t left_ms = deadline_ms - sim_now(sim);
        sim_sleep(sim, left_ms < LOOK_AFTER_MS ? left_ms : LOOK_AFTER_MS);
    }
    for (size_t i = 0; i < n; i++) {
        if (!exchanges[i].done) {
            time_out(&exchanges[i]);
        }
    }
}

void call_run_all(struct client *client, const struct etcd_endpoint *endpoints, size_t n,
                  int64_t timeout_ms, struct call *calls, struct error *errors)
{
    struct arena *arena AUTO_ARENA = arena_new();
    struct exchange *exchanges = arena_alloc(arena, (n + 1) * sizeof *exchanges);

    for (size_t i = 0; i < n; i++) {
        exchanges[i] = (struct exchange){
            .client = client, .endpoint = &endpoints[i], .call = &calls[i], .error = &errors[i]};
    }
    if (n) {
        run(exchanges, n, timeout_ms);
    }
}

int call_run(struct client *client, const struct etcd_target *target, struct call *call,
             struct error *error)
{
    struct sim *sim = client->etcd->sim;
    int64_t deadline_ms = sim_now(sim) + target->timeout_ms;
    struct error kept = {0}, now;

    for (size_t i = 0; i < target->n; i++) {
        int64_t share_ms = (deadline_ms - sim_now(sim)) / (int64_t)(target->n - i);
        struct exchange exchange = {
            .client = client, .endpoint = &target->endpoints[i], .call = call, .error = &now};
        run(&exchange, 1, share_ms);
        if (!now.kind) {
            return 0;
        }
        if (!kept.kind || (kept.kind == ERROR_RETRYABLE && now.kind != ERROR_RETRYABLE)) {
            kept = now;
        }
        if (call->proposal.length && now.kind == ERROR_RETRYABLE) {
            break; /* It may have been carried out. */
        }
    }
    if (!target->n) {
        return error_set(error, ERROR_RETRYABLE, "%s: no endpoint is known yet", call->method);
    }
    return error_set(error, kept.kind, "%s", kept.message);
}

int call_propose(struct sim_etcd_process *process, struct call *call, struct entry entry,
                 struct error *error)
{
    bool applied = call->proposal.length ? raft_is_applied(process, &call->proposal)
                                         : raft_propose(process, entry, &call->proposal);
    if (!applied) {
        return PENDING;
    }
    enum etcd_error refusal = process->data->log[call->proposal.length - 1].refusal;
    return refusal ? etcd_error_set(error, refusal) : 0;
}
