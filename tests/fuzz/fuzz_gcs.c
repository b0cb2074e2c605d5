/* Feeds the answers of Google Cloud Storage through all their readers, and the same text through
 * the reader of credentials. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/gcs_credentials.h"
#include "store/gcs_json.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void read_answers(const char *text, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct gcs_object object;
    struct gcs_page page;
    struct gcs_refusal refusal;
    struct error error = {0};

    if (gcs_json_object(text, size, arena, &object, &error)) {
        must(error.kind == ERROR_RETRYABLE && *error.message);
    } else {
        must(object.key && object.metadata);
        must(!object.checksum || strlen(object.checksum) < GCS_CHECKSUM_SIZE);
    }
    if (gcs_json_page(text, size, arena, &page, &error)) {
        must(error.kind == ERROR_RETRYABLE);
    }
    for (size_t i = 0; i < page.n_objects; i++) {
        must(page.objects[i].key != NULL);
    }
    gcs_json_refusal(text, size, arena, &refusal);
    must(!refusal.reason || *refusal.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_GCS_CREDENTIALS struct gcs_credentials credentials = {0};
    AUTO_FREE char *text = strndup((const char *)data, size);
    char *token;
    int64_t lifetime_ms;
    struct error error = {0};

    read_answers((const char *)data, size);
    if (!gcs_json_token((const char *)data, size, &token, &lifetime_ms, &error)) {
        must(*token && !token[strcspn(token, "\r\n ")] && lifetime_ms >= 0);
    }
    memory_wipe_text(&token);
    if (gcs_credentials_parse(text, "fuzz", &credentials, &error)) {
        must(error.kind == ERROR_INVALID && !credentials.key_pem);
    } else {
        must(*credentials.token_url && (!credentials.key_pem != !credentials.token_file));
    }
    return 0;
}
