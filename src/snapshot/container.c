#include "snapshot/container.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/compress.h"
#include "snapshot/seal.h"

struct snapshot_encoder {
    struct snapshot_compressor *compressor; /* NULL: not compressed. */
    struct snapshot_sealer *sealer;         /* NULL: not encrypted. */
    struct snapshot_sink first;
};

struct snapshot_encoder *snapshot_encoder_new(bool compress, const struct snapshot_key *key,
                                              struct snapshot_sink out)
{
    struct snapshot_encoder *encoder = xcalloc(1, sizeof *encoder);

    encoder->first = out;
    if (key) {
        encoder->sealer = snapshot_sealer_new(
            key, compress ? SNAPSHOT_SEAL_ZSTD : SNAPSHOT_SEAL_PLAIN, encoder->first);
        encoder->first = (struct snapshot_sink){snapshot_sealer_write, encoder->sealer};
    }
    if (compress) {
        encoder->compressor = snapshot_compressor_new(encoder->first);
        encoder->first = (struct snapshot_sink){snapshot_compressor_write, encoder->compressor};
    }
    return encoder;
}

struct snapshot_sink snapshot_encoder_sink(const struct snapshot_encoder *encoder)
{
    return encoder->first;
}

int snapshot_encoder_finish(struct snapshot_encoder *encoder, struct error *error)
{
    int result = 0;

    if (encoder->compressor) {
        result = snapshot_compressor_finish(encoder->compressor, error);
    }
    return result || !encoder->sealer ? result : snapshot_sealer_finish(encoder->sealer, error);
}

void snapshot_encoder_free(struct snapshot_encoder *encoder)
{
    if (encoder) {
        snapshot_compressor_free(encoder->compressor);
        snapshot_sealer_free(encoder->sealer);
        free(encoder);
    }
}

struct snapshot_decoder {
    const struct snapshot_keys *keys;
    struct snapshot_sink out;
    char head[SNAPSHOT_SEAL_MAGIC_SIZE]; /* By which the form is known. */
    size_t head_size;
    bool begun;
    struct snapshot_opener *opener;
    struct snapshot_decompressor *decompressor;
    struct snapshot_sink first;
};

struct snapshot_decoder *snapshot_decoder_new(const struct snapshot_keys *keys,
                                              struct snapshot_sink out)
{
    struct snapshot_decoder *decoder = xcalloc(1, sizeof *decoder);

    decoder->keys = keys;
    decoder->out = out;
    return decoder;
}

static struct snapshot_sink decompress(struct snapshot_decoder *decoder)
{
    decoder->decompressor = snapshot_decompressor_new(decoder->out);
    return (struct snapshot_sink){snapshot_decompressor_write, decoder->decompressor};
}

/* What comes out of the opener. */
static int take_opened(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_decoder *decoder = context;

    if (snapshot_opener_content(decoder->opener) == SNAPSHOT_SEAL_PLAIN) {
        return snapshot_sink_write(&decoder->out, data, size, error);
    }
    if (!decoder->decompressor) {
        decompress(decoder);
    }
    return snapshot_decompressor_write(decoder->decompressor, data, size, error);
}

static int begin(struct snapshot_decoder *decoder, struct error *error)
{
    size_t size = decoder->head_size;

    decoder->begun = true;
    decoder->first = decoder->out;
    if (size >= SNAPSHOT_SEAL_MAGIC_SIZE &&
        !memcmp(decoder->head, SNAPSHOT_SEAL_MAGIC, SNAPSHOT_SEAL_MAGIC_SIZE)) {
        decoder->opener =
            snapshot_opener_new(decoder->keys, (struct snapshot_sink){take_opened, decoder});
        decoder->first = (struct snapshot_sink){snapshot_opener_write, decoder->opener};
    } else if (size >= SNAPSHOT_ZSTD_MAGIC_SIZE &&
               !memcmp(decoder->head, SNAPSHOT_ZSTD_MAGIC, SNAPSHOT_ZSTD_MAGIC_SIZE)) {
        decoder->first = decompress(decoder);
    }
    return snapshot_sink_write(&decoder->first, decoder->head, size, error);
}

static int take(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_decoder *decoder = context;
    const char *bytes = data;

    if (!decoder->begun) {
        size_t lacking = sizeof decoder->head - decoder->head_size;
        size_t taken = size < lacking ? size : lacking;
        memcpy(decoder->head + decoder->head_size, bytes, taken);
        decoder->head_size += taken;
        bytes += taken;
        size -= taken;
        if (decoder->head_size < sizeof decoder->head) {
            return 0;
        }
        int result = begin(decoder, error);
        if (result) {
            return result;
        }
    }
    return snapshot_sink_write(&decoder->first, bytes, size, error);
}

struct snapshot_sink snapshot_decoder_sink(struct snapshot_decoder *decoder)
{
    return (struct snapshot_sink){take, decoder};
}

int snapshot_decoder_finish(struct snapshot_decoder *decoder, struct snapshot_form *form,
                            struct error *error)
{
    int result = decoder->begun ? 0 : begin(decoder, error);

    if (!result && decoder->opener) {
        result = snapshot_opener_finish(decoder->opener, error);
    }
    if (!result && decoder->decompressor) {
        result = snapshot_decompressor_finish(decoder->decompressor, error);
    }
    *form =
        (struct snapshot_form){.encrypted = decoder->opener, .compressed = decoder->decompressor};
    if (decoder->opener) {
        memcpy(form->key_id, snapshot_opener_key_id(decoder->opener), sizeof form->key_id);
    }
    return result;
}

void snapshot_decoder_free(struct snapshot_decoder *decoder)
{
    if (decoder) {
        snapshot_opener_free(decoder->opener);
        snapshot_decompressor_free(decoder->decompressor);
        free(decoder);
    }
}
