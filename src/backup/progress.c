#include "backup/progress.h"

#include <stdio.h>
#include <string.h>

#include "backup/world.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/memory.h"

#define TIMEOUT_MS   2000
#define MAX_RESPONSE 1024

int backup_progress_get(struct http_client *client, const char *pod_ip, json_t **out,
                        struct error *error)
{
    bool v6 = strchr(pod_ip, ':') != NULL;
    AUTO_FREE char *url = xasprintf("http://%s%s%s:%d/progress", v6 ? "[" : "", pod_ip,
                                    v6 ? "]" : "", BACKUP_PROGRESS_PORT);
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .connect_timeout_ms = TIMEOUT_MS,
                                         .timeout_ms = TIMEOUT_MS,
                                         .max_response = MAX_RESPONSE};

    int result = http_do(client, &request, &response, error);
    if (result) {
        return result;
    }
    if (response.status != 200) {
        return error_set(error, ERROR_RETRYABLE, "%s answers %ld", url, response.status);
    }
    *out = json_parse(response.body.data, response.body.size, "the progress", error);
    return *out ? 0 : -(int)error->kind;
}
