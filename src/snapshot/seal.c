#include "snapshot/seal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/seal_internal.h"

struct snapshot_sealer {
    struct snapshot_sink out;
    crypto_secretstream_xchacha20poly1305_state state;
    struct seal_bound bound;
    bool begun;
    uint8_t *chunk; /* What is still to be encrypted. */
    size_t size;
    uint8_t *body;
};

struct snapshot_sealer *snapshot_sealer_new(const struct snapshot_key *key,
                                            enum snapshot_seal_content content,
                                            struct snapshot_sink out)
{
    struct snapshot_sealer *sealer = xcalloc(1, sizeof *sealer);
    uint8_t *head = sealer->bound.head;

    if (sodium_init() < 0) {
        abort(); /* Without randomness of the kernel nothing is safe. */
    }
    sealer->out = out;
    sealer->chunk = xmalloc(SNAPSHOT_SEAL_CHUNK);
    sealer->body = xmalloc(SEAL_BODY_MAX);
    for (size_t i = 0; i < SNAPSHOT_SEAL_MAGIC_SIZE; i++) {
        head[i] = (uint8_t)SNAPSHOT_SEAL_MAGIC[i];
    }
    head[SEAL_VERSION_AT] = SEAL_VERSION;
    head[SEAL_CONTENT_AT] = (uint8_t)content;
    memcpy(head + SEAL_KEY_ID_AT, key->id, sizeof key->id);
    crypto_secretstream_xchacha20poly1305_init_push(&sealer->state, head + SEAL_STREAM_AT,
                                                    key->secret);
    return sealer;
}

static int put_chunk(struct snapshot_sealer *sealer, unsigned char tag, struct error *error)
{
    struct seal_bound *bound = &sealer->bound;
    size_t size = sealer->size + SEAL_OVERHEAD;

    for (int i = 0; i < SEAL_LENGTH_SIZE; i++) {
        bound->length[i] = (uint8_t)(size >> 8 * i);
    }
    crypto_secretstream_xchacha20poly1305_push(&sealer->state, sealer->body, NULL, sealer->chunk,
                                               sealer->size, (const uint8_t *)bound, sizeof *bound,
                                               tag);
    sealer->size = 0;
    int result = 0;
    if (!sealer->begun) {
        sealer->begun = true;
        result = snapshot_sink_write(&sealer->out, bound->head, sizeof bound->head, error);
    }
    if (!result) {
        result = snapshot_sink_write(&sealer->out, bound->length, sizeof bound->length, error);
    }
    return result ? result : snapshot_sink_write(&sealer->out, sealer->body, size, error);
}

int snapshot_sealer_write(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_sealer *sealer = context;
    const uint8_t *bytes = data;

    while (size) {
        if (sealer->size == SNAPSHOT_SEAL_CHUNK) {
            int result =
                put_chunk(sealer, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, error);
            if (result) {
                return result;
            }
        }
        size_t room = SNAPSHOT_SEAL_CHUNK - sealer->size, taken = size < room ? size : room;
        memcpy(sealer->chunk + sealer->size, bytes, taken);
        sealer->size += taken;
        bytes += taken;
        size -= taken;
    }
    return 0;
}

int snapshot_sealer_finish(struct snapshot_sealer *sealer, struct error *error)
{
    return put_chunk(sealer, crypto_secretstream_xchacha20poly1305_TAG_FINAL, error);
}

void snapshot_sealer_free(struct snapshot_sealer *sealer)
{
    if (sealer) {
        memory_wipe(sealer->chunk, SNAPSHOT_SEAL_CHUNK);
        free(sealer->chunk);
        free(sealer->body);
        memory_wipe(sealer, sizeof *sealer);
        free(sealer);
    }
}
