#include "base/clock.h"
#include "base/memory.h"
#include "etcd/call.h"
#include "etcd/client_internal.h"

void etcd_keep_error(struct error *kept, const struct error *error)
{
    if (!kept->kind || (kept->kind == ERROR_RETRYABLE && error->kind != ERROR_RETRYABLE)) {
        *kept = *error;
    }
}

/* Asks one endpoint. A member that is silent must leave time for the others, but once a change is
 * on its way the others will not be asked, and it may have all the time that is left. */
static enum etcd_verdict ask_one(struct http_client *http, const struct etcd_target *target,
                                 size_t index, int64_t left_ms,
                                 const struct etcd_question *question, struct etcd_call *call)
{
    struct arena *scratch AUTO_ARENA = arena_new();
    int64_t share_ms = left_ms / (int64_t)(target->n - index);

    call->endpoint = &target->endpoints[index];
    etcd_calls_run(http, target->credentials, share_ms, question->change ? left_ms : share_ms, call,
                   1);
    enum etcd_verdict verdict = call->error.kind ? etcd_call_verdict(call) : ETCD_VERDICT_UNKNOWN;
    if (!call->error.kind) {
        question->decode(&call->frame, question->arena ? question->arena : scratch, question->out,
                         &call->error);
    }
    etcd_calls_fini(call, 1);
    return verdict;
}

static int unknown_outcome(struct error *error, const struct error *cause)
{
    *error = *cause;
    error_wrap(error, "it may have been carried out, look before repeating it");
    error->kind = ERROR_RETRYABLE;
    return -(int)ERROR_RETRYABLE;
}

static int ask_each(struct http_client *http, const struct etcd_target *target,
                    const struct etcd_question *question, struct etcd_call *call,
                    struct error *error)
{
    int64_t deadline_ms = clock_boot_ms() + target->timeout_ms;
    struct error kept = {0};

    for (size_t i = 0; i < target->n; i++) {
        int64_t left_ms = deadline_ms - clock_boot_ms();
        enum etcd_verdict verdict = ask_one(http, target, i, left_ms, question, call);
        if (!call->error.kind) {
            return 0;
        }
        if (verdict == ETCD_VERDICT_REFUSED) {
            kept = call->error;
            break;
        }
        if (verdict == ETCD_VERDICT_UNKNOWN && question->change) {
            return unknown_outcome(error, &call->error);
        }
        etcd_keep_error(&kept, &call->error);
    }
    if (!target->n) {
        return error_set(error, ERROR_RETRYABLE, "%s: no endpoint is known yet", call->method);
    }
    return error_set(error, kept.kind, "%s", kept.message);
}

int etcd_ask(struct etcd_client *client, const struct etcd_target *target,
             const struct etcd_question *question, struct error *error)
{
    struct buffer body AUTO_BUFFER = {0};
    struct etcd_call call = {.method = question->method, .body = &body, .limit = question->limit};
    struct etcd_pool_entry *entry;
    struct error unwanted;

    error = error ? error : &unwanted;
    int result =
        etcd_pool_get(client->pool, target->credentials, 1, clock_boot_ms(), &entry, error);
    if (result) {
        return result;
    }
    etcd_message_encode(question->request, &body);
    result = ask_each(etcd_pool_client(entry), target, question, &call, error);
    etcd_pool_put(client->pool, entry, 1);
    memory_wipe(body.data, body.size); /* It may hold a password. */
    return result;
}
