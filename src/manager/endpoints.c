#include "manager/endpoints.h"

#include <string.h>

#define TEXT "text/plain; charset=utf-8"

static void answer_metrics(const struct endpoint_sources *sources,
                           struct http_server_answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_render(sources->metrics, sources->queue_depth(sources->context), &answer->body);
}

static void answer_live(const struct endpoint_sources *sources, struct http_server_answer *answer)
{
    answer->status = health_live(sources->health, sources->now_ms(), &answer->body) ? 200 : 503;
}

static void answer_ready(const struct endpoint_sources *sources, struct http_server_answer *answer)
{
    answer->status = sources->ready(sources->context, &answer->body) ? 200 : 503;
}

static const struct route {
    const char *path;
    enum endpoint_group group;
    void (*answer)(const struct endpoint_sources *sources, struct http_server_answer *answer);
} routes[] = {
    {"/metrics", ENDPOINTS_METRICS, answer_metrics},
    {"/healthz", ENDPOINTS_HEALTH, answer_live},
    {"/readyz", ENDPOINTS_HEALTH, answer_ready},
};
#define N_ROUTES (sizeof routes / sizeof *routes)

static void answer_not_found(const struct endpoints *endpoints, struct http_server_answer *answer)
{
    answer->status = 404;
    buffer_printf(&answer->body, "There is:\n");
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (endpoints->groups & routes[i].group) {
            buffer_printf(&answer->body, "%s\n", routes[i].path);
        }
    }
}

void endpoints_handle(void *context, const struct http_server_request *request,
                      struct http_server_answer *answer)
{
    const struct endpoints *endpoints = context;

    answer->content_type = TEXT;
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        answer->status = 405;
        buffer_printf(&answer->body, "Only GET and HEAD are served.\n");
        return;
    }
    for (size_t i = 0; i < N_ROUTES; i++) {
        if ((endpoints->groups & routes[i].group) && !strcmp(routes[i].path, request->path)) {
            routes[i].answer(endpoints->sources, answer);
            return;
        }
    }
    answer_not_found(endpoints, answer);
}
