/* Any text as each of the documents between operator and helper: it decodes or is refused, and what
 * decodes survives being encoded again. The first byte chooses the document. */
#include <stdlib.h>
#include <string.h>

#include "api/permit.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void try_permit(const char *text, size_t size, struct arena *arena)
{
    struct permit first, second;

    if (permit_decode(text, size, arena, &first, NULL)) {
        return;
    }
    AUTO_FREE char *again = permit_encode(&first);
    require(!permit_decode(again, strlen(again), arena, &second, NULL));
    require(first.mode == second.mode && first.member_id == second.member_id &&
            first.generation == second.generation && first.ordinal == second.ordinal &&
            !strcmp(first.nonce, second.nonce) && !strcmp(first.pod_uid, second.pod_uid));
}

static void try_marker(const char *text, size_t size, struct arena *arena)
{
    struct marker first, second;

    if (marker_decode(text, size, arena, &first, NULL)) {
        return;
    }
    AUTO_FREE char *again = marker_encode(&first);
    require(!marker_decode(again, strlen(again), arena, &second, NULL));
    require(first.member_id == second.member_id && !strcmp(first.cluster_uid, second.cluster_uid));
}

static void try_config(const char *text, size_t size, struct arena *arena)
{
    struct member_config first, second;

    if (member_config_decode(text, size, arena, &first, NULL)) {
        return;
    }
    AUTO_FREE char *again = member_config_encode(&first);
    require(!member_config_decode(again, strlen(again), arena, &second, NULL));
    require(first.n_args == second.n_args);
}

static void try_report(const char *text, size_t size, struct arena *arena)
{
    struct report first, second;

    if (report_decode(text, size, arena, &first, NULL)) {
        return;
    }
    AUTO_FREE char *again = report_encode(&first);
    require(!report_decode(again, strlen(again), arena, &second, NULL));
    require(first.reason == second.reason && first.has_marker == second.has_marker &&
            first.wal_member_id == second.wal_member_id && first.ordinal == second.ordinal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const documents[])(const char *, size_t, struct arena *) = {
        try_permit, try_marker, try_config, try_report};
    AUTO_ARENA struct arena *arena = arena_new();

    if (size) {
        documents[*data % 4]((const char *)data + 1, size - 1, arena);
    }
    return 0;
}
