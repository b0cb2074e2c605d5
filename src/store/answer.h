/* What the answers of all servers have in common that we speak HTTP with. */
#ifndef STORE_ANSWER_H
#define STORE_ANSWER_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "net/http.h"

/* Takes over how long the server wants us to wait. */
void answer_take_retry_after(const struct http_response *response, struct error *error);

#define ANSWER_CLOCKS_SIZE 128

/* "here it is TIME, there TIME"; milliseconds by which ours is ahead of the server's, or 0 when the
 * answer does not tell its time. */
int64_t answer_clocks(const struct http_response *response, char words[ANSWER_CLOCKS_SIZE]);

#endif
