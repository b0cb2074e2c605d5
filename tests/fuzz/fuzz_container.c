/* Any bytes as what is stored, with a key that fits what the corpus holds. The first byte is not of
 * it: 0 decodes; else the rest is content, which must come back as it was from all four forms. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "snapshot/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST (1 << 24) /* A few bytes of zstd can become any number. */

static int keep(void *context, const void *data, size_t size, struct error *error)
{
    return buffer_append(context, data, size) ? 0
                                              : error_set(error, ERROR_INVALID, "more than enough");
}

static int decode(const struct snapshot_keys *keys, const void *data, size_t size, size_t piece,
                  struct buffer *out)
{
    struct snapshot_decoder *decoder =
        snapshot_decoder_new(keys, (struct snapshot_sink){keep, out});
    struct snapshot_sink sink = snapshot_decoder_sink(decoder);
    struct snapshot_form form;
    struct error error = {0};
    int result = 0;

    for (size_t at = 0; at < size && !result; at += piece) {
        size_t some = size - at < piece ? size - at : piece;
        result = snapshot_sink_write(&sink, (const char *)data + at, some, &error);
    }
    result = result ? result : snapshot_decoder_finish(decoder, &form, &error);
    if (result && !*error.message) {
        abort();
    }
    snapshot_decoder_free(decoder);
    return result;
}

static void both_ways(const struct snapshot_keys *keys, const uint8_t *data, size_t size, int form)
{
    AUTO_BUFFER struct buffer stored = {0}, out = {.limit = MOST};
    struct snapshot_encoder *encoder = snapshot_encoder_new(form & 1, form & 2 ? keys->items : NULL,
                                                            (struct snapshot_sink){keep, &stored});
    struct snapshot_sink sink = snapshot_encoder_sink(encoder);
    struct error error = {0};

    if (snapshot_sink_write(&sink, data, size, &error) ||
        snapshot_encoder_finish(encoder, &error)) {
        abort();
    }
    snapshot_encoder_free(encoder);
    /* What begins like a container is none, but was not made to be told apart. */
    int result = decode(keys, stored.data, stored.size, 1000, &out);
    if (form && (result || out.size != size || (size && memcmp(out.data, data, size) != 0))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t bytes[SNAPSHOT_KEY_SIZE] = "the key of the fuzzer's corpus!";
    struct snapshot_key key;
    const struct snapshot_keys keys = {&key, 1};

    if (!size) {
        return 0;
    }
    snapshot_key_derive(&key, bytes);
    if (data[0]) {
        both_ways(&keys, data + 1, size - 1, data[0] & 3);
        return 0;
    }
    AUTO_BUFFER struct buffer one = {.limit = MOST}, many = {.limit = MOST};
    int whole = decode(&keys, data + 1, size - 1, size, &one);
    if (whole != decode(&keys, data + 1, size - 1, 7, &many) ||
        (!whole &&
         (one.size != many.size || (one.size && memcmp(one.data, many.data, one.size) != 0)))) {
        abort();
    }
    return 0;
}
