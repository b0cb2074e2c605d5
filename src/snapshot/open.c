#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "snapshot/seal_internal.h"

enum part { PART_HEAD, PART_LENGTH, PART_BODY, PART_END };

struct snapshot_opener {
    const struct snapshot_keys *keys;
    struct snapshot_sink out;
    crypto_secretstream_xchacha20poly1305_state state;
    struct seal_bound bound;
    enum part part;
    uint8_t *target; /* Where the bytes of this part go. */
    size_t have, need;
    unsigned long long chunk; /* Its number. */
    uint8_t *body, *content;
};

static void expect(struct snapshot_opener *opener, enum part part, uint8_t *target, size_t need)
{
    opener->part = part;
    opener->target = target;
    opener->have = 0;
    opener->need = need;
}

struct snapshot_opener *snapshot_opener_new(const struct snapshot_keys *keys,
                                            struct snapshot_sink out)
{
    struct snapshot_opener *opener = xcalloc(1, sizeof *opener);

    if (sodium_init() < 0) {
        abort();
    }
    opener->keys = keys;
    opener->out = out;
    opener->body = xmalloc(SEAL_BODY_MAX);
    opener->content = xmalloc(SNAPSHOT_SEAL_CHUNK);
    expect(opener, PART_HEAD, opener->bound.head, SEAL_HEAD_SIZE);
    return opener;
}

static int no_key(const struct snapshot_opener *opener, struct error *error)
{
    const struct snapshot_keys *keys = opener->keys;
    AUTO_BUFFER struct buffer given = {0};
    char id[SNAPSHOT_KEY_ID_TEXT];

    for (size_t i = 0; i < keys->n; i++) {
        snapshot_key_id_text(keys->items[i].id, id);
        buffer_printf(&given, "%s%s", i ? ", " : "", id);
    }
    snapshot_key_id_text(snapshot_opener_key_id(opener), id);
    return error_set(error, ERROR_DENIED, "it is encrypted with key %s; given: %s", id,
                     keys->n ? given.data : "no key");
}

static int take_head(struct snapshot_opener *opener, struct error *error)
{
    const uint8_t *head = opener->bound.head;
    const struct snapshot_key *key = snapshot_keys_find(opener->keys, head + SEAL_KEY_ID_AT);

    if (memcmp(head, SNAPSHOT_SEAL_MAGIC, SNAPSHOT_SEAL_MAGIC_SIZE) != 0) {
        return error_set(error, ERROR_INVALID, "it is no encrypted snapshot");
    }
    if (head[SEAL_VERSION_AT] != SEAL_VERSION) {
        return error_set(error, ERROR_INVALID,
                         "the container has version %u, and this program knows %u",
                         head[SEAL_VERSION_AT], SEAL_VERSION);
    }
    if (head[SEAL_CONTENT_AT] > SNAPSHOT_SEAL_ZSTD) {
        return error_set(error, ERROR_INVALID,
                         "the container holds what this program does not know");
    }
    if (!key) {
        return no_key(opener, error);
    }
    if (crypto_secretstream_xchacha20poly1305_init_pull(&opener->state, head + SEAL_STREAM_AT,
                                                        key->secret)) {
        return error_set(error, ERROR_INVALID, "the container's head was changed");
    }
    expect(opener, PART_LENGTH, opener->bound.length, SEAL_LENGTH_SIZE);
    return 0;
}

static int take_length(struct snapshot_opener *opener, struct error *error)
{
    size_t size = 0;

    for (int i = 0; i < SEAL_LENGTH_SIZE; i++) {
        size |= (size_t)opener->bound.length[i] << 8 * i;
    }
    if (size < SEAL_OVERHEAD || size > SEAL_BODY_MAX) {
        return error_set(error, ERROR_INVALID, "chunk %llu was changed: it has no possible length",
                         opener->chunk);
    }
    expect(opener, PART_BODY, opener->body, size);
    return 0;
}

static int take_body(struct snapshot_opener *opener, struct error *error)
{
    unsigned char tag;
    unsigned long long size;

    if (crypto_secretstream_xchacha20poly1305_pull(
            &opener->state, opener->content, &size, &tag, opener->body, opener->need,
            (const uint8_t *)&opener->bound, sizeof opener->bound)) {
        return error_set(error, ERROR_INVALID, "chunk %llu was changed, or is not in its place%s",
                         opener->chunk, opener->chunk ? "" : ", or the head was changed");
    }
    opener->chunk++;
    if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
        opener->part = PART_END;
    } else {
        expect(opener, PART_LENGTH, opener->bound.length, SEAL_LENGTH_SIZE);
    }
    return snapshot_sink_write(&opener->out, opener->content, (size_t)size, error);
}

static int take_part(struct snapshot_opener *opener, struct error *error)
{
    switch (opener->part) {
    case PART_HEAD:
        return take_head(opener, error);
    case PART_LENGTH:
        return take_length(opener, error);
    case PART_BODY:
        return take_body(opener, error);
    case PART_END:
        break;
    }
    return 0;
}

int snapshot_opener_write(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_opener *opener = context;
    const uint8_t *bytes = data;

    while (size) {
        if (opener->part == PART_END) {
            return error_set(error, ERROR_INVALID, "something follows the last chunk");
        }
        size_t lacking = opener->need - opener->have, taken = size < lacking ? size : lacking;
        memcpy(opener->target + opener->have, bytes, taken);
        opener->have += taken;
        bytes += taken;
        size -= taken;
        if (opener->have == opener->need) {
            int result = take_part(opener, error);
            if (result) {
                return result;
            }
        }
    }
    return 0;
}

int snapshot_opener_finish(struct snapshot_opener *opener, struct error *error)
{
    switch (opener->part) {
    case PART_HEAD:
        return error_set(error, ERROR_INVALID, "truncated: the container ends within its head");
    case PART_LENGTH:
    case PART_BODY:
        return error_set(error, ERROR_INVALID, "truncated: the container ends %s chunk %llu",
                         opener->part == PART_LENGTH && !opener->have ? "before" : "within",
                         opener->chunk);
    case PART_END:
        break;
    }
    return 0;
}

enum snapshot_seal_content snapshot_opener_content(const struct snapshot_opener *opener)
{
    return (enum snapshot_seal_content)opener->bound.head[SEAL_CONTENT_AT];
}

const uint8_t *snapshot_opener_key_id(const struct snapshot_opener *opener)
{
    return opener->bound.head + SEAL_KEY_ID_AT;
}

void snapshot_opener_free(struct snapshot_opener *opener)
{
    if (opener) {
        memory_wipe(opener->content, SNAPSHOT_SEAL_CHUNK);
        free(opener->content);
        free(opener->body);
        memory_wipe(opener, sizeof *opener);
        free(opener);
    }
}
