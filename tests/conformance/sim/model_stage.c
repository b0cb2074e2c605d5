#include <stdlib.h>

#include "base/memory.h"
#include "kube/store.h"
#include "sim/kube/controllers.h"
#include "stages.h"
#include "tiny_kubelet.h"

struct model {
    struct kube_stage stage;
    struct sim *sim;
    struct sim_api_server *server;
    struct sim_controllers *controllers;
    struct tiny_kubelet kubelet;
};

static int64_t now_ms(void *context)
{
    const struct model *model = context;
    return sim_now(model->sim);
}

static void pass(void *context, int64_t ms)
{
    struct model *model = context;
    sim_sleep(model->sim, ms);
}

static int list_page(void *context, const struct kube_resource *resource, const char *selector,
                     size_t limit, const char *token, json_t **list, struct error *error)
{
    struct model *model = context;
    return sim_api_server_list_page(model->server, resource, model->stage.namespace, selector,
                                    limit, token, list, error);
}

static int watch(void *context, const struct kube_resource *resource, const char *selector,
                 const char *version, json_t **events, struct error *error)
{
    struct model *model = context;
    struct sim_watch *opened;
    json_t *event;
    int result = sim_watch_open(model->server, resource, model->stage.namespace, selector, version,
                                &opened, error);

    if (result) {
        return result;
    }
    *events = json_array();
    while ((event = sim_watch_next(opened))) {
        json_array_append_new(*events, event);
    }
    sim_watch_close(opened);
    return 0;
}

static void refuse_creates(void *context, const struct kube_resource *resource, bool refuse)
{
    struct model *model = context;
    sim_api_server_refuse_creates(model->server, refuse ? resource : NULL);
}

struct kube_stage *model_stage_new(void)
{
    struct model *model = xcalloc(1, sizeof *model);

    model->sim = sim_new(1);
    model->server = sim_api_server_new(model->sim);
    model->controllers = sim_controllers_new(model->sim, model->server);
    tiny_kubelet_init(&model->kubelet, model->sim, model->server);
    model->stage = (struct kube_stage){
        .context = model,
        .api = sim_api_server_client(model->server, "etcd-operator"),
        .other = sim_api_server_client(model->server, "somebody-else"),
        .namespace = "ns",
        .arena = arena_new(),
        .now_ms = now_ms,
        .sleep = pass,
        .list_page = list_page,
        .watch = watch,
        .refuse_creates = refuse_creates,
    };
    return &model->stage;
}

void model_stage_free(struct kube_stage *stage)
{
    struct model *model = stage->context;

    arena_free(stage->arena);
    buffer_fini(&stage->outcome);
    tiny_kubelet_fini(&model->kubelet);
    sim_controllers_free(model->controllers);
    sim_api_server_free(model->server);
    sim_free(model->sim);
    free(model);
}
