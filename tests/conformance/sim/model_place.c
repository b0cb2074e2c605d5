#include "model_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/etcd/etcd.h"

struct model {
    struct sim *sim;
    struct sim_etcd *etcd;
    const char *version, *old_version;
    char names[PLACES][8];
    struct sim_disk *disks[PLACES];
    struct sim_etcd_process *processes[PLACES];
    bool ended[PLACES];
    int codes[PLACES];
    char words[PLACES][300];
};

static bool reachable(void *context, const char *from, const char *to)
{
    (void)context;
    (void)from;
    (void)to;
    return true;
}

/* Addresses are the names. */
static const char *resolve(void *context, const char *host)
{
    const struct model *model = context;

    for (size_t i = 0; i < PLACES; i++) {
        if (!strcmp(host, model->names[i])) {
            return model->names[i];
        }
    }
    return NULL;
}

static void exited(void *context, void *owner, int code, const char *words)
{
    struct model *model = context;
    size_t index = (size_t)((struct sim_disk **)owner - model->disks);

    model->processes[index] = NULL;
    model->ended[index] = true;
    model->codes[index] = code;
    snprintf(model->words[index], sizeof model->words[index], "%s", words);
}

static struct model *model_of(struct place *place)
{
    return ((struct model_place *)place)->model;
}

static void model_start(struct place *place, size_t index, char *const *flags, bool old)
{
    struct model *model = model_of(place);

    assert_null(model->processes[index]);
    model->ended[index] = false;
    model->processes[index] =
        sim_etcd_start(model->etcd, old ? model->old_version : model->version, flags,
                       model->disks[index], model->names[index], &model->disks[index]);
}

static void model_kill(struct place *place, size_t index)
{
    struct model *model = model_of(place);

    if (model->processes[index]) {
        sim_etcd_kill(model->processes[index]);
        model->processes[index] = NULL;
    }
}

static void model_freeze(struct place *place, size_t index, bool frozen)
{
    sim_etcd_set_frozen(model_of(place)->processes[index], frozen);
}

static void model_wipe(struct place *place, size_t index)
{
    sim_disk_wipe(model_of(place)->disks[index]);
}

static bool model_ended(struct place *place, size_t index, int *code, char *words, size_t size)
{
    const struct model *model = model_of(place);

    *code = model->codes[index];
    snprintf(words, size, "%s", model->words[index]);
    return model->ended[index];
}

static void model_pause(struct place *place)
{
    struct sim *sim = model_of(place)->sim;
    int64_t until_ms = sim_now(sim) + 50;

    while (sim_step(sim, until_ms)) { /* Also after an invariant was violated: etcd allows it. */
    }
}

static int64_t model_now_ms(struct place *place)
{
    return sim_now(model_of(place)->sim);
}

static const struct place_functions functions = {
    .start = model_start,
    .kill = model_kill,
    .freeze = model_freeze,
    .wipe = model_wipe,
    .ended = model_ended,
    .pause = model_pause,
    .now_ms = model_now_ms,
};

static void print_line(void *context, const char *text)
{
    (void)context;
    print_message("%s\n", text);
}

void model_place_init(struct model_place *model_place, uint64_t seed, const char *version,
                      const char *old_version)
{
    struct place *place = &model_place->place;
    struct model *model = calloc(1, sizeof *model);

    assert_non_null(model);
    *model_place = (struct model_place){.model = model};
    model->sim = sim_new(seed);
    model->version = version;
    model->old_version = old_version;
    model->etcd = sim_etcd_new(&(struct sim_etcd_options){.sim = model->sim,
                                                          .reachable = reachable,
                                                          .resolve = resolve,
                                                          .exited = exited,
                                                          .context = model});
    if (getenv("SIM_TRACE")) {
        sim_set_trace(model->sim, print_line, NULL);
    }
    place->functions = &functions;
    place->api = sim_etcd_client(model->etcd, "client");
    place->arena = arena_new();
    place->has_old = old_version != NULL;
    place->spare_url = "http://nowhere:2380";
    for (size_t i = 0; i < PLACES; i++) {
        snprintf(model->names[i], sizeof model->names[i], "c-%zu", i);
        model->disks[i] = sim_disk_new(model->etcd, model->names[i]);
        place->peer_urls[i] = arena_printf(place->arena, "http://%s:2380", model->names[i]);
        place->endpoints[i] = (struct etcd_endpoint){
            .server_name = model->names[i], .address = model->names[i], .port = 2379};
    }
}

void model_place_fini(struct model_place *model_place)
{
    struct model *model = model_place->model;

    for (size_t i = 0; i < PLACES; i++) {
        model_kill(&model_place->place, i);
        sim_disk_free(model->disks[i]);
    }
    sim_etcd_free(model->etcd);
    sim_free(model->sim);
    free(model);
    arena_free(model_place->place.arena);
    buffer_fini(&model_place->place.outcome);
}
