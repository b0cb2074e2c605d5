/* Access tokens for Google Cloud Storage: asked for when needed, kept until shortly before they
 * expire. They come from the credentials file, which is read again each time, or without one from
 * the metadata server of the machine (or of GKE's workload identity).
 *
 * gcs_token.c         the token that is kept
 * gcs_token_request.c where the next one comes from */
#ifndef STORE_GCS_TOKEN_H
#define STORE_GCS_TOKEN_H 1

#include <stdint.h>

#include "net/http.h"
#include "store/backend.h"

struct gcs_tokens {
    struct http_client *http;
    const struct store *store; /* Whose `cancelled` is polled. */
    char *credentials_file;    /* NULL: the metadata server. */
    char *token;               /* NULL: none is kept. */
    int64_t renew_ms;          /* CLOCK_BOOTTIME. */
};

/* Lives until the next call. */
int gcs_tokens_get(struct gcs_tokens *tokens, bool uncancelled, const char **token,
                   struct error *error);
/* It was refused: the next call gets another one. */
void gcs_tokens_drop(struct gcs_tokens *tokens);
void gcs_tokens_fini(struct gcs_tokens *tokens);

/* A new one, malloc'ed, and for how long it is valid. */
int gcs_token_request(const struct gcs_tokens *tokens, bool uncancelled, char **token,
                      int64_t *lifetime_ms, struct error *error);

#endif
