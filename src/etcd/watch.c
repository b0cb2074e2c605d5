#include "etcd/client_internal.h"
#include "etcd/errors.h"
#include "rpc.pb-c.h"

struct watching {
    const struct etcd_watch *watch;
    int64_t resume_revision;
    bool created;
};

/* A cancelled watch in words. A compacted start is not wrong in itself, as for a read: what it asks
 * for was there once. */
static int cancelled(const struct etcd_watch_answer *answer, struct error *error)
{
    if (answer->compact_revision) {
        etcd_error_set(error, ETCD_ERROR_COMPACTED);
        error_wrap(error, "Watch/Watch: the oldest revision is %lld",
                   (long long)answer->compact_revision);
        error->kind = ERROR_GONE;
        return -(int)ERROR_GONE;
    }
    error_set(error, ERROR_RETRYABLE, "%s",
              *answer->cancel_reason ? answer->cancel_reason : "no reason given");
    enum etcd_error code = etcd_error_of(error);
    if (code) {
        etcd_error_set(error, code);
    }
    return error_wrap(error, "Watch/Watch: etcd ended it");
}

/* From where a new watch misses nothing. All events of a revision may not be in one message, and a
 * message without events says that all up to its revision were sent. */
static int64_t resume_after(const struct watching *watching, const struct etcd_watch_answer *answer)
{
    if (answer->n_events) {
        int64_t last = answer->events[answer->n_events - 1].now.mod_revision;
        return answer->fragment ? last : last + 1;
    }
    if (!watching->created && watching->watch->start_revision) {
        return watching->watch->start_revision;
    }
    return answer->revision + 1;
}

static int take_answer(struct watching *watching, const struct etcd_watch_answer *answer,
                       struct error *error)
{
    if (answer->cancelled) {
        return cancelled(answer, error);
    }
    int64_t resume = resume_after(watching, answer);
    if (resume > watching->resume_revision) {
        watching->resume_revision = resume;
    }
    watching->created = true;
    const struct etcd_delivery delivery = {answer->events, answer->n_events,
                                           watching->resume_revision};
    return watching->watch->on_delivery(watching->watch->context, &delivery, error);
}

static int take_frame(void *context, const struct grpc_frame *frame, struct error *error)
{
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_watch_answer answer;
    int result = etcd_watch_decode(frame, arena, &answer, error);

    return result ? error_wrap(error, "Watch/Watch") : take_answer(context, &answer, error);
}

static int client_watch(void *context, const struct etcd_target *target,
                        const struct etcd_watch *watch, struct error *error)
{
    Etcdserverpb__WatchRequest request = ETCDSERVERPB__WATCH_REQUEST__INIT;
    Etcdserverpb__WatchCreateRequest create = ETCDSERVERPB__WATCH_CREATE_REQUEST__INIT;
    struct watching watching = {.watch = watch};
    /* The request is the whole of what we send: cancelling is hanging up. */
    const struct etcd_stream stream = {.method = "Watch/Watch",
                                       .request = &request.base,
                                       .on_frame = take_frame,
                                       .context = &watching,
                                       .cancelled = watch->cancelled,
                                       .cancelled_context = watch->cancelled_context};

    create.key = etcd_binary(watch->key);
    create.range_end = etcd_binary(watch->range_end);
    create.start_revision = watch->start_revision;
    create.progress_notify = watch->progress;
    create.prev_kv = watch->previous;
    create.fragment = true; /* A message then has about one request's size, whatever happens. */
    request.request_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_CREATE;
    request.create = &create;
    int result = etcd_stream_run(context, target, &stream, error);
    return result ? result
                  : error_set(error, ERROR_RETRYABLE, "Watch/Watch: etcd ended it without a word");
}

void etcd_watch_fill(struct etcd_stream_api *api)
{
    api->watch = client_watch;
}
