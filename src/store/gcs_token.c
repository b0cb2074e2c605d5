#include "store/gcs_token.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

/* A token is renewed this long before its end, so that none expires on its way; a short-lived one
 * when a tenth of its life is left. The metadata server gives the old one until then, too. */
#define MARGIN_MS 60000

int gcs_tokens_get(struct gcs_tokens *tokens, bool uncancelled, const char **token,
                   struct error *error)
{
    int64_t now_ms = clock_boot_ms(), lifetime_ms = 0;

    if (!tokens->token || now_ms >= tokens->renew_ms) {
        memory_wipe_text(&tokens->token);
        int result = gcs_token_request(tokens, uncancelled, &tokens->token, &lifetime_ms, error);
        if (result) {
            return result;
        }
        int64_t margin_ms = lifetime_ms / 10;
        tokens->renew_ms = now_ms + lifetime_ms - (margin_ms < MARGIN_MS ? margin_ms : MARGIN_MS);
    }
    *token = tokens->token;
    return 0;
}

void gcs_tokens_drop(struct gcs_tokens *tokens)
{
    memory_wipe_text(&tokens->token);
}

void gcs_tokens_fini(struct gcs_tokens *tokens)
{
    memory_wipe_text(&tokens->token);
    free(tokens->credentials_file);
}
