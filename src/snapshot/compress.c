#include "snapshot/compress.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/memory.h"

#define LEVEL      3
#define WINDOW_LOG 27 /* 128 MiB: what `zstd` itself reads without being told to. */

struct snapshot_compressor {
    ZSTD_CCtx *zstd;
    struct snapshot_sink out;
    size_t size; /* Of what goes out at once. */
    void *bytes;
};

struct snapshot_compressor *snapshot_compressor_new(struct snapshot_sink out)
{
    struct snapshot_compressor *compressor = xcalloc(1, sizeof *compressor);

    compressor->zstd = ZSTD_createCCtx();
    if (!compressor->zstd) {
        memory_exhausted();
    }
    ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_checksumFlag, 1);
    compressor->out = out;
    compressor->size = ZSTD_CStreamOutSize();
    compressor->bytes = xmalloc(compressor->size);
    return compressor;
}

static int compress(struct snapshot_compressor *compressor, const void *data, size_t size,
                    ZSTD_EndDirective end, struct error *error)
{
    ZSTD_inBuffer in = {data, size, 0};

    for (;;) {
        ZSTD_outBuffer out = {compressor->bytes, compressor->size, 0};
        size_t left = ZSTD_compressStream2(compressor->zstd, &out, &in, end);
        if (ZSTD_isError(left)) {
            return error_set(error, ERROR_TERMINAL, "compress: %s", ZSTD_getErrorName(left));
        }
        int result = snapshot_sink_write(&compressor->out, out.dst, out.pos, error);
        if (result || (end == ZSTD_e_end ? !left : in.pos == in.size)) {
            return result;
        }
    }
}

int snapshot_compressor_write(void *compressor, const void *data, size_t size, struct error *error)
{
    return compress(compressor, data, size, ZSTD_e_continue, error);
}

int snapshot_compressor_finish(struct snapshot_compressor *compressor, struct error *error)
{
    return compress(compressor, NULL, 0, ZSTD_e_end, error);
}

void snapshot_compressor_free(struct snapshot_compressor *compressor)
{
    if (compressor) {
        ZSTD_freeCCtx(compressor->zstd);
        free(compressor->bytes);
        free(compressor);
    }
}

struct snapshot_decompressor {
    ZSTD_DCtx *zstd;
    struct snapshot_sink out;
    bool in_frame;
    size_t size;
    void *bytes;
};

struct snapshot_decompressor *snapshot_decompressor_new(struct snapshot_sink out)
{
    struct snapshot_decompressor *decompressor = xcalloc(1, sizeof *decompressor);

    decompressor->zstd = ZSTD_createDCtx();
    if (!decompressor->zstd) {
        memory_exhausted();
    }
    ZSTD_DCtx_setParameter(decompressor->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
    decompressor->out = out;
    decompressor->in_frame = true;
    decompressor->size = ZSTD_DStreamOutSize();
    decompressor->bytes = xmalloc(decompressor->size);
    return decompressor;
}

int snapshot_decompressor_write(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_decompressor *decompressor = context;
    ZSTD_inBuffer in = {data, size, 0};
    bool full = false;

    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {decompressor->bytes, decompressor->size, 0};
        size_t left = ZSTD_decompressStream(decompressor->zstd, &out, &in);
        if (ZSTD_isError(left)) {
            return error_set(error, ERROR_INVALID, "the compressed data is damaged: %s",
                             ZSTD_getErrorName(left));
        }
        decompressor->in_frame = left > 0;
        full = left > 0 && out.pos == out.size; /* There may be more of what it has. */
        int result = snapshot_sink_write(&decompressor->out, out.dst, out.pos, error);
        if (result) {
            return result;
        }
    }
    return 0;
}

int snapshot_decompressor_finish(const struct snapshot_decompressor *decompressor,
                                 struct error *error)
{
    return decompressor->in_frame
               ? error_set(error, ERROR_INVALID, "truncated: the compressed data has no end")
               : 0;
}

void snapshot_decompressor_free(struct snapshot_decompressor *decompressor)
{
    if (decompressor) {
        ZSTD_freeDCtx(decompressor->zstd);
        free(decompressor->bytes);
        free(decompressor);
    }
}
