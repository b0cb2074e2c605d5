/* Asks a backup's pod how far it is. */
#ifndef BACKUP_PROGRESS_H
#define BACKUP_PROGRESS_H 1

#include <jansson.h>

#include "base/error.h"
#include "net/http.h"

/* For backup_options.progress: GET /progress. The pod says nothing secret, and nothing is decided
 * by what it says, so this goes without TLS. */
int backup_progress_get(struct http_client *client, const char *pod_ip, json_t **out,
                        struct error *error);

#endif
