/* Feeds a backup's manifest, as a store gives it, through its parser; what is accepted is written
 * and read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "snapshot/manifest.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static char *text_of(const struct snapshot_manifest *manifest)
{
    AUTO_JSON json_t *json = snapshot_manifest_json(manifest);

    return json_dumps(json, JSON_COMPACT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest manifest, again;
    struct error error = {0};

    if (snapshot_manifest_parse((const char *)data, size, arena, &manifest, &error)) {
        must(error.kind == ERROR_INVALID && *error.message);
        return 0;
    }
    must(*manifest.name && manifest.sha256 && manifest.revision >= 0);
    AUTO_FREE char *text = text_of(&manifest);
    must(text != NULL);
    if (manifest.taken_at_ms && strlen(text) <= SNAPSHOT_MANIFEST_LIMIT) {
        must(!snapshot_manifest_parse(text, strlen(text), arena, &again, &error));
        AUTO_FREE char *text_again = text_of(&again);
        must(!strcmp(text, text_again));
    }
    return 0;
}
