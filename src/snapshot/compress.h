/* Compression with zstd, streaming both ways: level 3, with zstd's own checksum, as the program
 * `zstd` makes and reads it. A few MB of memory. One thread. */
#ifndef SNAPSHOT_COMPRESS_H
#define SNAPSHOT_COMPRESS_H 1

#include "snapshot/sink.h"

/* What every frame begins with. */
#define SNAPSHOT_ZSTD_MAGIC      "\x28\xb5\x2f\xfd"
#define SNAPSHOT_ZSTD_MAGIC_SIZE 4

struct snapshot_compressor;

struct snapshot_compressor *snapshot_compressor_new(struct snapshot_sink out);
int snapshot_compressor_write(void *compressor, const void *data, size_t size, struct error *error);
int snapshot_compressor_finish(struct snapshot_compressor *compressor, struct error *error);
void snapshot_compressor_free(struct snapshot_compressor *compressor); /* NULL is allowed. */

struct snapshot_decompressor;

struct snapshot_decompressor *snapshot_decompressor_new(struct snapshot_sink out);
/* ERROR_INVALID when it is damaged. */
int snapshot_decompressor_write(void *decompressor, const void *data, size_t size,
                                struct error *error);
/* ERROR_INVALID when it was cut short. */
int snapshot_decompressor_finish(const struct snapshot_decompressor *decompressor,
                                 struct error *error);
void snapshot_decompressor_free(struct snapshot_decompressor *decompressor); /* NULL is allowed. */

#endif
