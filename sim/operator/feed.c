/* The operator's reflectors, each with a watch of its own that may be late, cut or mute. */
#include "base/json.h"
#include "cluster/reconcile.h"
#include "kube/reflector.h"
#include "sim/operator/operator.h"

#define BOOKMARK_MS 60000

static void step(void *context, uint64_t argument);

static struct sim *sim_of(const struct sim_feed *feed)
{
    return feed->operator->options.sim;
}

static bool cut_off(const struct sim_feed *feed)
{
    return !sim_site_reaches_api(feed->operator->options.site, feed->operator->address);
}

static void ended(struct sim_feed *feed, enum error_kind kind)
{
    sim_watch_close(feed->watch);
    feed->watch = NULL;
    feed->turn++;
    reflector_ended(&feed->reflector, kind, 0, sim_operator_boot_ms(feed->operator),
                    sim_operator_chance(feed->operator));
    sim_after(sim_of(feed), 0, step, feed, 0);
}

/* True: the process does not run now, and the event is planned again for later. */
static bool postponed(struct sim_feed *feed, sim_event *function, uint64_t argument)
{
    struct sim_operator *operator= feed->operator;
    int64_t wait_ms = operator->frozen_until_ms - sim_now(operator->options.sim);

    if (operator->dead) {
        return true;
    }
    if (wait_ms > 0) {
        sim_after(operator->options.sim, wait_ms, function, feed, argument);
        return true;
    }
    return false;
}

/* Delivers what the watch has. */
static void pump(void *context, uint64_t turn)
{
    struct sim_feed *feed = context;
    struct error error = {0};
    json_t *event;

    if (postponed(feed, pump, turn)) {
        return;
    }
    feed->pump_planned = false;
    if (turn != feed->turn || !feed->watch || cut_off(feed)) {
        return; /* What a network that heals brings later, sim_operator_notice() or a beat does. */
    }
    while (feed->watch && (event = sim_watch_next(feed->watch))) {
        int result = reflector_watched(&feed->reflector, event, &error);
        json_decref(event);
        feed->heard_ms = sim_now(sim_of(feed));
        if (result) {
            ended(feed, (enum error_kind) - result);
        }
    }
}

static void plan_pump(struct sim_feed *feed)
{
    int64_t stale_ms = feed->operator->options.wire->stale_ms;
    int64_t most_ms = stale_ms ? stale_ms : 20;

    if (!feed->pump_planned && feed->watch) {
        feed->pump_planned = true;
        sim_after(sim_of(feed), sim_between(sim_of(feed), SIM_STREAM_API, 1, most_ms), pump, feed,
                  feed->turn);
    }
}

/* Once a minute: a bookmark, or the end of a watch that has been silent for too long. */
static void beat(void *context, uint64_t turn)
{
    struct sim_feed *feed = context;
    struct error error = {0};

    if (turn != feed->turn || postponed(feed, beat, turn) || !feed->watch) {
        return;
    }
    if (!cut_off(feed)) {
        pump(feed, turn);
        if (feed->watch && turn == feed->turn) {
            json_t *bookmark = sim_watch_bookmark(feed->watch);
            reflector_watched(&feed->reflector, bookmark, &error);
            json_decref(bookmark);
            feed->heard_ms = sim_now(sim_of(feed));
        }
    } else if (sim_now(sim_of(feed)) - feed->heard_ms >= KUBE_WATCH_IDLE_MS) {
        ended(feed, ERROR_RETRYABLE);
        return;
    }
    sim_after(sim_of(feed), BOOKMARK_MS, beat, feed, turn);
}

static void open_watch(struct sim_feed *feed, const struct reflector_request *request)
{
    struct error error = {0};
    bool away = feed->operator->options.wire->down || cut_off(feed);

    feed->heard_ms = sim_now(sim_of(feed));
    if (away || sim_watch_open(feed->operator->options.server, feed->kind->resource, NULL,
                               feed->kind->label_selector, request->resource_version, &feed->watch,
                               &error)) {
        ended(feed, away ? ERROR_RETRYABLE : error.kind);
        return;
    }
    sim_after(sim_of(feed), BOOKMARK_MS, beat, feed, feed->turn);
    plan_pump(feed);
}

static void list_page(struct sim_feed *feed, const struct reflector_request *request)
{
    const struct sim_wire *wire = feed->operator->options.wire;
    AUTO_JSON json_t *list = NULL;
    struct error error = {0};
    int result = -(int)ERROR_RETRYABLE;

    if (!wire->down && !cut_off(feed) && !sim_chance(sim_of(feed), SIM_STREAM_API, wire->fail)) {
        result = sim_api_server_list_page(feed->operator->options.server, feed->kind->resource,
                                          NULL, feed->kind->label_selector, REFLECTOR_PAGE_LENGTH,
                                          request->continue_token, &list, &error);
    }
    if (!result) {
        result = reflector_listed(&feed->reflector, list, &error);
    }
    if (result) {
        reflector_ended(&feed->reflector, (enum error_kind) - result, 0,
                        sim_operator_boot_ms(feed->operator), sim_operator_chance(feed->operator));
    }
    sim_after(sim_of(feed), sim_between(sim_of(feed), SIM_STREAM_API, 1, 20), step, feed, 0);
    sim_operator_plan_work(feed->operator); /* The last store may have filled. */
}

static void step(void *context, uint64_t argument)
{
    struct sim_feed *feed = context;
    struct reflector_request request;

    if (postponed(feed, step, argument) || feed->watch) {
        return;
    }
    reflector_next(&feed->reflector, sim_operator_boot_ms(feed->operator),
                   sim_operator_chance(feed->operator), &request);
    switch (request.action) {
    case REFLECTOR_DO_WAIT:
        sim_after(sim_of(feed), request.wait_ms, step, feed, 0);
        break;
    case REFLECTOR_DO_LIST:
        list_page(feed, &request);
        break;
    case REFLECTOR_DO_WATCH:
        open_watch(feed, &request);
        break;
    }
}

static void add_key(void *context, const char *namespace, const char *name)
{
    struct sim_operator *operator= context;
    char key[128];

    snprintf(key, sizeof key, "%s/%s", namespace, name);
    reconciler_changed(operator->reconciler, key);
    work_queue_add(operator->queue, key, sim_operator_boot_ms(operator));
    sim_operator_plan_work(operator);
}

void sim_operator_resync(struct sim_operator *operator, const char * cluster)
{
    add_key(operator, SIM_NAMESPACE, cluster);
}

void sim_operator_start_feeds(struct sim_operator *operator)
{
    operator->recent = kube_recent_new(KUBE_RECENT_SIZE);
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        struct sim_feed *feed = &operator->feeds[i];
        const struct kube_store_options store = {.trim = watched_kinds[i].trim,
                                                 .owner = watched_kinds[i].owner,
                                                 .changed = add_key,
                                                 .context = operator,
                                                 .recent = operator->recent };
        *feed = (struct sim_feed){.operator= operator, .kind = & watched_kinds[i] };
        feed->store = kube_store_new(&store);
        reflector_init(&feed->reflector, feed->store, NULL);
        sim_after(operator->options.sim, sim_between(operator->options.sim, SIM_STREAM_API, 1, 30),
                  step, feed, 0);
    }
}

void sim_operator_free_feeds(struct sim_operator *operator)
{
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        struct sim_feed *feed = &operator->feeds[i];
        sim_cancel(operator->options.sim, feed);
        sim_watch_close(feed->watch);
        reflector_fini(&feed->reflector);
        kube_store_free(feed->store);
    }
    kube_recent_free(operator->recent);
}

void sim_operator_notice(struct sim_operator *operator, const struct kube_resource * resource)
{
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        if (watched_kinds[i].resource == resource) {
            plan_pump(&operator->feeds[i]);
        }
    }
}

void sim_operator_catch_up(struct sim_operator *operator)
{
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        if (operator->feeds[i].watch) {
            sim_after(operator->options.sim, 1, pump, &operator->feeds[i], operator->feeds[i].turn);
        }
    }
}

void sim_operator_cut_watches(struct sim_operator *operator)
{
    for (size_t i = 0; i < N_WATCHED_OF_CLUSTERS; i++) {
        if (operator->feeds[i].watch) {
            ended(&operator->feeds[i], ERROR_RETRYABLE);
        }
    }
}
