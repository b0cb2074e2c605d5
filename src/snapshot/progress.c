#include "snapshot/progress.h"

#include <inttypes.h>
#include <string.h>

#include "net/server.h"

const char *snapshot_step_name(enum snapshot_step step)
{
    static const char *const names[] = {"Connecting", "Streaming", "Confirming", "Pruning"};

    return names[step];
}

static void answer_request(void *context, const struct http_server_request *request,
                           struct http_server_answer *answer)
{
    struct snapshot_progress *progress = context;

    if (strcmp(request->path, "/progress") != 0) {
        answer->status = 404;
        answer->content_type = "text/plain";
        buffer_printf(&answer->body, "only /progress is here\n");
        return;
    }
    answer->status = 200;
    answer->content_type = "application/json";
    buffer_printf(&answer->body, "{\"step\":\"%s\",\"bytes\":%" PRIu64 ",\"total\":%" PRIu64 "}\n",
                  snapshot_step_name(progress->step), (uint64_t)progress->bytes,
                  (uint64_t)progress->total);
}

int snapshot_progress_serve(struct snapshot_progress *progress, const struct net_address *address,
                            struct error *error)
{
    const struct http_server_options options = {.address = address->host,
                                                .port = address->port,
                                                .max_body = 1,
                                                .handle = answer_request,
                                                .context = progress};

    return http_server_start(&options, &progress->server, error);
}

void snapshot_progress_stop(struct snapshot_progress *progress)
{
    http_server_stop(progress->server);
    progress->server = NULL;
}
